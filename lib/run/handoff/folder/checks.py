"""What would train another experiment without a word, and is refused: files, versions, processes, model, batches."""

import hashlib
import importlib.metadata
import math

import torch
from safetensors import safe_open
from torch.distributed.fsdp import FSDPModule
from transformers.models.llama.modeling_llama import LlamaDecoderLayer

COLUMNS = ("input_ids", "labels", "position_ids")


class Refused(RuntimeError):
    """The training would not be the one of handoff.json."""


def require(what, wanted, got, remedy):
    if wanted != got:
        raise Refused(f"handoff: {what} must be {wanted}, got {got}; {remedy}")


def sha256(file):
    with open(file, "rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def check_files(settings, folder):
    for name, wanted in settings["files"].items():
        require(f"sha256 of {name}", wanted, sha256(folder / name), "copy the folder again, or write it again with med42 handoff")


def check_versions(settings):
    for name, wanted in settings["packages"].items():
        got = importlib.metadata.version(name).split("+")[0]
        require(f"the version of {name}", wanted, got, "install requirements.txt into an environment of its own")


def check_base(settings, base):
    remedy = f"give the folder of {settings['model']['name']} that the hand-off was made with"
    require(f"sha256 of {base}/config.json", settings["model"]["configSha256"], sha256(base / "config.json"), remedy)
    for name, size in settings["model"]["weightBytes"].items():
        got = (base / name).stat().st_size if (base / name).exists() else "no such file"
        require(f"the bytes of {base}/{name}", size, got, remedy)


def check_world(settings, args):
    remedy = "start it with a file of launch/; `accelerate launch --cpu` starts one process, whatever it is told"
    require("the number of processes", settings["world"]["processes"], args.world_size, remedy)
    require("GPUs of a process", 1, max(args.n_gpu, 1), "start it with torchrun, one process a GPU")
    rows = args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
    require("rows of an update", settings["data"]["rowsOfAnUpdate"], rows, "undo the change of handoff.json")


def check_model(settings, trainer, model):
    """Once all is wrapped, before the first update."""
    remedy = "FSDP2 must be on: on CPUs, accelerate falls back to DDP; torchrun and --cpu turn it on there"
    sharded = isinstance(model, FSDPModule) and all(hasattr(p, "placements") for p in model.parameters())
    require("the model", "sharded by FSDP2", "sharded by FSDP2" if sharded else type(model).__name__, remedy)
    units = sum(isinstance(m, FSDPModule) for m in model.modules() if m is not model)
    layers = sum(isinstance(m, LlamaDecoderLayer) for m in model.modules())
    require("layers", settings["model"]["layers"], layers, "give the base model of the hand-off")
    require("units of FSDP2", True, units >= layers, f"there are {units} for {layers} layers: wrap LlamaDecoderLayer")
    require("updates of the training", settings["data"]["updates"], trainer.state.max_steps, "undo the change of handoff.json: all epochs are written out")
    dtypes = sorted({str(p.dtype) for p in model.parameters()})
    require("the dtype of weights", ["torch.float32"], dtypes, "load the model with dtype=torch.float32; the default is config.json’s")
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    require("the number of trained parameters", settings["trainable"], trained, "use the model and adapter of the hand-off")
    check_decay(settings, trainer.optimizer)
    attention, batch = model.config._attn_implementation, trainer.args.per_device_train_batch_size
    apart = settings["data"]["packing"] != "concatenated"
    keeps = attention in ("sdpa", "eager") or not apart or batch == 1
    require("attention", "sdpa or eager", "sdpa or eager" if keeps else attention, "others keep samples apart in batches of one row alone")


def check_decay(settings, optimizer):
    rate = settings["trainer"]["weight_decay"]
    seen = {}
    for group in optimizer.param_groups:
        for weight in group["params"]:
            seen.setdefault(weight.ndim, set()).add(group["weight_decay"])
    got = {rank: sorted(rates) for rank, rates in sorted(seen.items())}
    wanted = {rank: [rate if settings["decay"] == "all" or rank >= 2 else 0.0] for rank in got}
    require("weight decay by a tensor’s rank", wanted, got, "keep get_decay_parameter_names: Trainer’s own leaves norms out")


def check_batch(settings, trainer, rows, micro, inputs, items):
    """The batch must be the one of this place of the training. Returns the update's response tokens."""
    require("columns", sorted(COLUMNS), sorted(inputs), "hand no attention_mask: a mask of ones joins samples that are apart")
    for name in COLUMNS:
        require(f"the dtype of {name}", "torch.int64", str(inputs[name].dtype), "widen it: the loss takes no int32 labels")
    args, each = trainer.args, trainer.args.per_device_train_batch_size
    update = trainer.state.global_step * settings["data"]["rowsOfAnUpdate"]
    first = update + (micro * args.world_size + args.process_index) * each
    require("rows of a batch", each, len(inputs["labels"]), "fill the last update with rows without labels, as chunks.safetensors does")
    for i in range(each):
        wanted = rows[first + i]
        same = all(torch.equal(wanted[name], inputs[name][i].cpu()) for name in COLUMNS)
        require(f"row {first + i} of the training", "that of chunks.safetensors", "that of chunks.safetensors" if same else "another",
                "train in its order: sequential sampling, no row repeated")
    if micro > 0:
        return trainer.tokens
    tokens = sum(int((rows[update + i]["labels"] != -100).sum()) for i in range(settings["data"]["rowsOfAnUpdate"]))
    got = None if items is None else int(items)
    require("response tokens of the update", tokens, got, "set average_tokens_across_devices: the loss is a mean over those of all processes")
    return tokens


def check_saved(settings, folder):
    """A file that holds fewer numbers than were trained would be a model that nobody trained."""
    numbers = 0
    for file in folder.glob("*.safetensors"):
        with safe_open(file, "pt") as opened:
            numbers += sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())
    least = settings["trainable"]
    require(f"numbers saved in {folder}", f"{least} or more", f"{least} or more" if numbers >= least else numbers, "save again from the last checkpoint: --resume")
