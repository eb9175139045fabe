"""Trains two hand-offs for real, and provokes what would train another experiment without a word.

    torchrun --nproc-per-node 2 traps.py LORA FULL MODEL REPORT.json

LORA and FULL are folders that `med42 handoff` wrote for two processes; LORA's own train.py is what runs. Each trap is a change
of settings or of code, undone after it. REPORT.json gets what each was answered, and the first batch of each training.
"""

import contextlib
import json
import sys
from pathlib import Path
from unittest.mock import patch

import torch
from accelerate.state import AcceleratorState
from transformers import AutoModelForCausalLM, Trainer

LORA, FULL, MODEL, REPORT = map(Path, sys.argv[1:])
sys.path.insert(0, str(LORA))

import checks  # noqa: E402
import train as script  # noqa: E402

ENTER = AcceleratorState.__init__


def settings(**changes):
    """handoff.json as it is read, with `section__field=value` changed in it."""
    read = script.read_settings

    def changed(folder):
        value = read(folder)
        for place, new in changes.items():
            *sections, field = place.split("__")
            at = value
            for section in sections:
                at = at[section]
            at[field] = new
        return value

    return patch.object(script, "read_settings", changed)


def rows(change):
    """Each row as `change` makes it, after it was read."""
    get = script.Rows.__getitem__
    return patch.object(script.Rows, "__getitem__", lambda self, place: change(get(self, place)))


def short_last_update():
    enter = script.CheckedTrainer.__init__

    def without_filler(self, *args, train_dataset, **kwargs):
        train_dataset.order = train_dataset.order[:-1]
        enter(self, *args, train_dataset=train_dataset, **kwargs)

    return patch.object(script.CheckedTrainer, "__init__", without_filler)


def as_config_says():
    """The weights in a type of config.json's, which is what from_pretrained takes where nothing is said."""
    load = AutoModelForCausalLM.from_pretrained
    return patch.object(AutoModelForCausalLM, "from_pretrained", lambda *args, dtype, **more: load(*args, dtype=torch.bfloat16, **more))


def flash_attention():
    """As with a GPU and the package flash-attn; it need not run, for the model is looked at before the first batch."""
    load = script.load_model

    def flash(*args):
        model = load(*args)
        model.config._attn_implementation = "flash_attention_2"
        return model

    changed = contextlib.ExitStack()
    changed.enter_context(patch.object(script, "load_model", flash))
    changed.enter_context(settings(trainer__per_device_train_batch_size=2, trainer__gradient_accumulation_steps=1))
    return changed


def without_positions(row):
    return {name: tensor for name, tensor in row.items() if name != "position_ids"}


TRAPS = {
    "wrong version": lambda: settings(packages__torch="2.12.0"),
    "other rows": lambda: settings(**{"files__chunks.safetensors": "0" * 64}),
    "other model": lambda: settings(model__configSha256="0" * 64),
    "other weights": lambda: settings(**{"model__weightBytes": {"model.safetensors": 1}}),
    "world": lambda: settings(world__processes=4),
    "rows of an update": lambda: settings(trainer__gradient_accumulation_steps=1),
    "DDP": lambda: patch.object(script, "shard_on_cpu", lambda: None),
    "dtype of config": as_config_says,
    "no layer sharded": lambda: settings(trainer__fsdp_config__auto_wrap_policy="NO_WRAP"),
    "two epochs": lambda: settings(trainer__num_train_epochs=2),
    "flash-attention": flash_attention,
    "positions dropped": lambda: rows(without_positions),
    "attention mask": lambda: rows(lambda row: {**row, "attention_mask": torch.ones_like(row["input_ids"])}),
    "int32 labels": lambda: rows(lambda row: {**row, "labels": row["labels"].int()}),
    "shuffled": lambda: settings(trainer__train_sampling_strategy="random"),
    "mean of means": lambda: settings(trainer__average_tokens_across_devices=False),
    "decay": lambda: patch.object(script.CheckedTrainer, "get_decay_parameter_names", Trainer.get_decay_parameter_names),
    "frozen adapter": lambda: settings(trainable=1),
    "short last update": short_last_update,
    "empty adapter": lambda: settings(trainer__fsdp_config__activation_checkpointing=True, trainer__activation_checkpointing=False),
}


def run(folder, out, context):
    AcceleratorState._reset_state(True)
    AcceleratorState.__init__ = ENTER
    with context:
        try:
            script.train(MODEL, out, cpu=True, folder=folder)
        except checks.Refused as refused:
            return str(refused)
    return "not refused"


@contextlib.contextmanager
def first_batch(seen):
    step = script.CheckedTrainer.training_step

    def noted(self, model, inputs, *more):
        if self.state.global_step == 0:
            seen.append({name: tensor.tolist() for name, tensor in inputs.items()})
        return step(self, model, inputs, *more)

    with patch.object(script.CheckedTrainer, "training_step", noted):
        yield


def main():
    # An adapter has matrices alone, which Trainer lets decay too: of that trap, the norms of a whole model tell. Samples that
    # must be kept apart are in FULL alone.
    of_full = ("decay", "flash-attention")
    answers = {name: run(FULL if name in of_full else LORA, LORA / "trapped", trap()) for name, trap in TRAPS.items()}
    batches = {}
    for folder in (LORA, FULL):
        seen = []
        answers[folder.name] = run(folder, folder / "out", first_batch(seen))
        everyone = [None] * 2
        torch.distributed.all_gather_object(everyone, seen)
        batches[folder.name] = everyone
    if torch.distributed.get_rank() == 0:
        REPORT.write_text(json.dumps({"answers": answers, "batches": batches}))


if __name__ == "__main__":
    main()
