"""The reference the workbook's numbers are proved against: transformers, peft and torch, run for real.

    reference.py logits --model FOLDER --tokens ROWS.json --out LOGITS.safetensors
    reference.py load   --model FOLDER [--adapter FOLDER] --tokens ROWS.json --out LOGITS.safetensors
    reference.py train  --model FOLDER --request REQUEST.json --out FOLDER
    reference.py generate --model FOLDER [--adapter FOLDER] --request REQUEST.json --out ANSWER.json
    reference.py make-adapter --model FOLDER --rank N --alpha X --seed N [--rslora] --out FOLDER

    reference.py serve

`serve` reads commands from its standard input, a JSON list of arguments a line, so that many cost one start of Python;
it answers each with its number, from 0.
Everything but a training that asks for bf16 is float32, on the CPU, on two threads, from a fixed seed. ROWS.json is a list of token rows, [B][T];
LOGITS.safetensors holds `logits` [B, T, V]. Each command prints one JSON line with the versions it ran on; the
fields of a training request and of its answer are described at `train`, those of `generate` in generation.py.
"""

import argparse
import json
import os
import platform
import sys
import warnings
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # every model is a folder; a name that is none must fail, not be looked up

import peft
import safetensors
import torch
import torch.nn.functional as F
import transformers
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM, get_scheduler

from generation import write_answer

VERSIONS = {
    "python": platform.python_version(),
    "torch": torch.__version__,
    "transformers": transformers.__version__,
    "peft": peft.__version__,
    "safetensors": safetensors.__version__,
}


def load_model(folder):
    """A Llama folder as transformers loads it, refusing one whose weights do not fill the model exactly."""
    model, report = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    faults = {kind: sorted(map(str, names)) for kind, names in report.items() if names}
    if faults:
        raise SystemExit(f"reference: {folder} does not fill a LlamaForCausalLM: {faults}")
    return model


def load_adapter(base, folder):
    """An adapter folder on its base as peft loads it, refusing names that peft would miss or pass over in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        model = PeftModel.from_pretrained(base, folder)
    require_same_names(load_file(Path(folder) / "adapter_model.safetensors"), get_peft_model_state_dict(model), folder)
    return model


def require_same_names(given, wanted, source):
    """Both dictionaries must name the same tensors: peft alone ignores the difference."""
    missing, unexpected = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    if missing or unexpected:
        raise SystemExit(f"reference: {source}: adapter tensors missing {missing}, unexpected {unexpected}")


def write_tensors(tensors, path):
    """Tensors to a safetensors file, the versions in its metadata."""
    plain = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(plain, path, metadata={"versions": json.dumps(VERSIONS)})


def write_logits(model, options):
    """The model's logits for the given rows."""
    rows = torch.tensor(json.loads(Path(options.tokens).read_text()))
    with torch.no_grad():
        logits = model.eval()(input_ids=rows).logits
    write_tensors({"logits": logits}, options.out)


def logits(options):
    write_logits(load_model(options.model), options)


def load(options):
    model = load_model(options.model)
    write_logits(load_adapter(model, options.adapter) if options.adapter else model, options)


def generate(options):
    def model():
        base = load_model(options.model)
        return load_adapter(base, options.adapter) if options.adapter else base

    write_answer(options, model)


def add_lora(base, rank, alpha, rslora):
    """Adapters on every linear projection but the output head, as peft's `all-linear` picks them."""
    return get_peft_model(base, LoraConfig(
        r=rank, lora_alpha=alpha, lora_dropout=0.0, bias="none", use_rslora=rslora,
        target_modules="all-linear", task_type="CAUSAL_LM",
    ))


def make_adapter(options):
    """An adapter of random numbers: peft's own starts as the identity, which any misreading would survive."""
    model = add_lora(load_model(options.model), options.rank, options.alpha, options.rslora)
    torch.manual_seed(options.seed)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.05)
    model.save_pretrained(options.out)


def prepare(base, request):
    """The model to train: the base itself, or the base frozen under adapters (given ones, or peft's own start)."""
    if request["method"] == "full":
        return base
    lora = request["lora"]
    model = add_lora(base, lora["rank"], lora["alpha"], lora.get("rslora", False))
    if lora["init"] is not None:
        start = load_file(lora["init"])
        require_same_names(start, get_peft_model_state_dict(model), lora["init"])
        set_peft_model_state_dict(model, start)
    return model


def trained_weights(model, method):
    """What is trained, by the names a saved file has: Hugging Face's (a tied head once) or peft's."""
    return get_peft_model_state_dict(model) if method == "lora" else dict(model.named_parameters())


def make_optimizer(parameters, settings):
    """torch's AdamW; `decayGroups` 'matrices' spares every tensor of fewer than two dimensions from decay."""
    decayed = [p for p in parameters if settings["decayGroups"] == "all" or p.dim() >= 2]
    spared = [p for p in parameters if settings["decayGroups"] == "matrices" and p.dim() < 2]
    return torch.optim.AdamW(
        [{"params": decayed, "weight_decay": settings["weightDecay"]}, {"params": spared, "weight_decay": 0.0}],
        lr=settings["learningRate"], betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"],
    )


def make_schedule(optimizer, request):
    """transformers' `cosine_with_min_lr`: update s of the warm-up has rate s / warmupSteps, so the first has none."""
    return get_scheduler(
        "cosine_with_min_lr", optimizer, request["warmupSteps"], request["totalSteps"],
        scheduler_specific_kwargs={"min_lr_rate": request["finalRatio"]},
    )


def accumulate(model, microBatches, mixed=False):
    """Leave in the gradients those of sum(weight * cross-entropy) / sum(weight), both over ALL micro-batches; the loss.

    `mixed`: under torch's own autocast to bfloat16.
    """
    total = sum(sum(map(sum, batch["weights"])) for batch in microBatches)
    loss = 0.0
    for batch in microBatches:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            scores = model(input_ids=torch.tensor(batch["tokens"])).logits.float()
        each = F.cross_entropy(scores.flatten(0, 1), torch.tensor(batch["targets"]).flatten(), reduction="none")
        part = (each * torch.tensor(batch["weights"], dtype=torch.float32).flatten()).sum() / total
        part.backward()
        loss += part.item()
    return loss


def update(model, parameters, optimizer, schedule, microBatches, clipNorm, mixed):
    """One optimizer step; returns its record."""
    loss = accumulate(model, microBatches, mixed)
    norm = torch.nn.utils.clip_grad_norm_(parameters, clipNorm)
    rate = schedule.get_last_lr()[0]
    optimizer.step()
    schedule.step()
    optimizer.zero_grad()
    return {"loss": loss, "gradientNorm": norm.item(), "learningRate": rate}


def train(options):
    """Train on given batches, full or LoRA.

    Request (no field but `lora.rslora` and `precision` may be left out; `lora` only where method is 'lora'):
        method        'full' | 'lora'
        steps         one entry a step: a list of micro-batches {tokens, targets, weights}, [B][T] each; targets are
                      already shifted: targets[b][t] is the token that follows tokens[b][t]
        optimizer     {learningRate (the peak), beta1, beta2, epsilon, weightDecay, decayGroups: 'all' | 'matrices'}
        precision     'float32' (default) | 'bf16': torch's autocast
        clipNorm      global norm over the trained parameters
        warmupSteps, totalSteps, finalRatio    the schedule; see `make_schedule`
        lora          {rank, alpha, rslora (default false), init: adapter file with peft's names | null}
    The folder `out` gets:
        train.json    {versions, parameters, trainable, steps: [{loss, gradientNorm (before clipping), learningRate}]}
        initial.safetensors, final.safetensors    the trained weights before and after
        and what save_pretrained writes: a model folder, or a peft adapter folder
    """
    request = json.loads(Path(options.request).read_text())
    out = Path(options.out)
    out.mkdir(parents=True, exist_ok=True)
    model = prepare(load_model(options.model), request).train()
    write_tensors(trained_weights(model, request["method"]), out / "initial.safetensors")
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = make_optimizer(parameters, request["optimizer"])
    schedule = make_schedule(optimizer, request)
    mixed = request.get("precision") == "bf16"
    clip = request["clipNorm"]
    steps = [update(model, parameters, optimizer, schedule, step, clip, mixed) for step in request["steps"]]
    write_tensors(trained_weights(model, request["method"]), out / "final.safetensors")
    model.save_pretrained(out)
    counts = {"parameters": sum(p.numel() for p in model.parameters()), "trainable": sum(p.numel() for p in parameters)}
    (out / "train.json").write_text(json.dumps({"versions": VERSIONS, **counts, "steps": steps}, indent=1) + "\n")


def parse_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    wanted = {"logits": (logits, ["tokens"]), "load": (load, ["tokens"]), "train": (train, ["request"]),
              "make-adapter": (make_adapter, []), "generate": (generate, ["request"])}
    for name, (run, files) in wanted.items():
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        for option in ["model", *files, "out"]:
            command.add_argument(f"--{option}", required=True)
    for name in ["load", "generate"]:
        commands.choices[name].add_argument("--adapter")
    adapter = commands.choices["make-adapter"]
    adapter.add_argument("--rank", type=int, required=True)
    adapter.add_argument("--alpha", type=float, required=True)
    adapter.add_argument("--seed", type=int, required=True)
    adapter.add_argument("--rslora", action="store_true")
    return parser.parse_args(arguments)


def run(arguments):
    options = parse_options(arguments)
    torch.manual_seed(0)
    options.run(options)
    print(json.dumps({"versions": VERSIONS}), flush=True)


def serve():
    # Answers have standard output to themselves: what a library prints there goes with the complaints.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for number, line in enumerate(sys.stdin):
        run(json.loads(line))
        print(number, file=answers, flush=True)


def main():
    torch.set_num_threads(2)
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        run(sys.argv[1:])


if __name__ == "__main__":
    main()
