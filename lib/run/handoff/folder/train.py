"""Trains the experiment of handoff.json with transformers' Trainer: FSDP2, one process a GPU.

    torchrun --nproc-per-node N train.py --model MODEL [--out OUT] [--resume] [--cpu]

--cpu is for tests without a GPU: gloo, float32, and FSDP2 all the same. What would train another experiment without a
word is refused: checks.py. Research only, not for clinical decisions.
"""

import argparse
import json
import os
import shutil
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # the base is a folder; peft would look its name up when it saves

import torch
from accelerate.state import AcceleratorState, PartialState
from accelerate.utils import DistributedType
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments, default_data_collator

import checks

HERE = Path(__file__).resolve().parent
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "special_tokens_map.json", "generation_config.json")


class Rows(torch.utils.data.Dataset):
    """The rows of all epochs in training order: int32 in the file, where they stay, and int64 for the loss."""

    def __init__(self, file):
        self.file = safe_open(file, "pt")
        self.order = self.file.get_tensor("order").tolist()

    def __len__(self):
        return len(self.order)

    def __getitem__(self, place):
        return {name: self.file.get_slice(name)[self.order[place]].long() for name in checks.COLUMNS}


class CheckedTrainer(Trainer):
    """Trainer with the decay of handoff.json, that looks at model and batches before it learns from them."""

    settings, rows, micro, tokens, seen = None, None, 0, 0, 0

    def get_decay_parameter_names(self, model):
        return [name for name, p in model.named_parameters() if self.settings["decay"] == "all" or p.ndim >= 2]

    def training_step(self, model, inputs, num_items_in_batch=None):
        if self.seen == 0:
            checks.check_model(self.settings, self, model)
        self.tokens = checks.check_batch(self.settings, self, self.rows, self.micro, inputs, num_items_in_batch)
        self.seen += self.tokens if self.micro == 0 else 0
        self.micro = (self.micro + 1) % self.args.gradient_accumulation_steps
        return super().training_step(model, inputs, num_items_in_batch)


class Log(TrainerCallback):
    """Each update as a line of train.jsonl, in the form of the workbook's own."""

    def __init__(self, file, data):
        self.file, self.data, self.trainer, self.began = file, data, None, time.time()

    def on_log(self, args, state, control, logs=None, **_):
        if not state.is_world_process_zero or "loss" not in logs:
            return
        step, data, now = state.global_step, self.data, time.time()
        line = {"step": step, "epoch": (step - 1) * data["epochs"] // data["updates"], "loss": logs["loss"],
                "gradientNorm": logs["grad_norm"], "responseTokens": self.trainer.tokens, "learningRate": logs["learning_rate"],
                "tokens": data["rowsOfAnUpdate"] * data["chunkTokens"], "seconds": now - self.began}
        self.began = now
        with open(self.file, "a") as file:
            file.write(json.dumps(line) + "\n")


def shard_on_cpu():
    """For tests without a GPU: accelerate enters FSDP on accelerators alone, and trains on with DDP elsewhere."""
    enter = AcceleratorState.__init__

    def entered(self, *args, fsdp_plugin=None, **kwargs):
        enter(self, *args, fsdp_plugin=fsdp_plugin, **kwargs)
        if fsdp_plugin is not None and self.distributed_type == DistributedType.MULTI_CPU:
            self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin
            PartialState._shared_state["distributed_type"] = self.distributed_type

    AcceleratorState.__init__ = entered


def load_model(settings, base, folder):
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa")
    if settings["method"] == "lora":
        model = PeftModel.from_pretrained(model, folder / "adapter", is_trainable=True)
    return model


def read_settings(folder):
    return json.loads((folder / "handoff.json").read_text())


def train(base, out, cpu=False, resume=False, folder=HERE):
    settings = read_settings(folder)
    checks.check_versions(settings)
    checks.check_files(settings, folder)
    checks.check_base(settings, base)
    if cpu:
        shard_on_cpu()
    args = TrainingArguments(output_dir=str(out / "checkpoints"), use_cpu=cpu, **settings["trainer"])
    checks.check_world(settings, args)
    rows, log, data = Rows(folder / "chunks.safetensors"), Log(out / "train.jsonl", settings["data"]), settings["data"]
    trainer = CheckedTrainer(
        model=load_model(settings, base, folder), args=args, train_dataset=rows, data_collator=default_data_collator, callbacks=[log]
    )
    trainer.settings, trainer.rows, log.trainer = settings, Rows(folder / "chunks.safetensors"), trainer
    if args.process_index == 0 and not resume:
        out.mkdir(parents=True, exist_ok=True)
        log.file.unlink(missing_ok=True)
    began = time.time()
    trainer.train(resume_from_checkpoint=resume or None)
    checks.require("updates", data["updates"], trainer.state.global_step, "start it again")
    if not resume:
        checks.require("response tokens in all", data["responseTokens"] * data["epochs"], trainer.seen, "start it again")
    saved = out / ("adapter" if settings["method"] == "lora" else "model")
    trainer.save_model(str(saved))
    if args.process_index == 0:
        checks.check_saved(settings, saved)
        finish(settings, base, saved, args, time.time() - began)


def finish(settings, base, saved, args, seconds):
    """What a model needs beside its weights, who trained it, and a card in place of peft's form."""
    for name in TOKENIZER if settings["method"] == "full" else ():
        if (base / name).exists():
            shutil.copyfile(base / name, saved / name)
    record = {
        "trainer": "transformers.Trainer",
        "packages": settings["packages"],
        "sharding": "FSDP2",
        "processes": args.world_size,
        "device": "cpu" if args.use_cpu else torch.cuda.get_device_name(),
        "precision": "bf16" if args.bf16 else "float32",
        "method": settings["method"],
        "base": settings["model"]["name"],
        "updates": settings["data"]["updates"],
        "chunksSha256": settings["data"]["chunksSha256"],
        "seconds": round(seconds, 1),
        "note": "Research only, not for clinical decisions.",
    }
    (saved / "trainer.json").write_text(json.dumps(record, indent=2) + "\n")
    (saved / "README.md").write_text(settings["card"])


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=os.environ.get("MODEL"), help="the base model's folder (default: $MODEL)")
    parser.add_argument("--out", type=Path, default=HERE / "out", help="where results go (default: out, beside this file)")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in OUT")
    parser.add_argument("--cpu", action="store_true", help="gloo and float32 on CPUs, for tests")
    options = parser.parse_args(words)
    if options.model is None:
        parser.error("--model must name the base model's folder, or MODEL in the environment")
    train(Path(options.model), options.out, options.cpu, options.resume)


if __name__ == "__main__":
    main()
