"""One peer of the training-step benchmark: a 15.2M-parameter Llama in plain PyTorch, timed step by step.

The model is the one the workbook's own benchmark trains (C 288, 6 layers, 6 heads, F 768, V 32000, tied
embeddings; 4 rows of 256 tokens, every token in the loss; AdamW 0.9/0.95, decay 0.1, clip 1.0). Its modules are
written out here, so that the same file runs on any PyTorch from 1.13 up, and each takes the fastest public
operation its release has on a CPU: scaled_dot_product_attention, rms_norm and fused AdamW where they exist.

Protocol, line by line, so that a driver may keep several peers alive and alternate between them:

    (start)          -> ready {"versions", "blas", "params", "trainable", "losses": the five warm-up steps'}
    step N           -> {"seconds": [one per step], "cpuSeconds": [the process's own], "loss": the last step's}
    quit             -> (ends)

Which PyTorch is measured is the caller's choice of interpreter:

    .venv-parity/bin/python bench/peers/step.py      PyPI's build (MKL), made by test/parity/make-env.sh
    /usr/bin/python3 bench/peers/step.py             Debian 12: apt-get install python3-torch libopenblas0-pthread
                                                     (without the second package torch falls back to the reference
                                                     BLAS, many times slower: `blas` in the ready line shows which)
    --compile also needs a C++ compiler:             apt-get install g++

`--weights` takes a safetensors file with Hugging Face's Llama names and `--tokens` a JSON file
{"tokens": [B][T], "targets": [B][T]}: with both given, the warm-up losses may be compared with another engine's.
"""

import argparse
import contextlib
import ctypes
import json
import math
import os
import platform
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

HIDDEN, LAYERS, HEADS, HEAD_DIM, MLP, VOCAB = 288, 6, 6, 48, 768, 32000
ROPE_THETA, NORM_EPS = 10000.0, 1e-5
BATCH, LENGTH = 4, 256
LORA_RANK, LORA_ALPHA = 8, 16
LEARNING_RATE, BETAS, EPSILON, WEIGHT_DECAY, CLIP_NORM = 3e-4, (0.9, 0.95), 1e-8, 0.1, 1.0
WARMUP_STEPS = 5
SAFETENSORS_DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class RMSNorm(nn.Module):
    """x / sqrt(mean(x^2) + eps) * weight, by PyTorch's own operation where the release has one."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(HIDDEN))

    def forward(self, x):
        if hasattr(F, "rms_norm"):
            return F.rms_norm(x, (HIDDEN,), self.weight, NORM_EPS)
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + NORM_EPS) * self.weight


class LoraLinear(nn.Module):
    """A frozen projection with a trained low-rank branch: W x + (alpha / rank) B A x; A as PEFT draws it, B zero."""

    def __init__(self, base):
        super().__init__()
        self.base = base
        bound = 1.0 / math.sqrt(base.in_features)
        self.lora_A = nn.Parameter(torch.empty(LORA_RANK, base.in_features).uniform_(-bound, bound))
        self.lora_B = nn.Parameter(torch.zeros(base.out_features, LORA_RANK))

    def forward(self, x):
        return self.base(x) + F.linear(F.linear(x, self.lora_A), self.lora_B) * (LORA_ALPHA / LORA_RANK)


def rotary_tables():
    """Cosine and sine of every position's angles, [T, D], in the half-split layout of Hugging Face's Llama."""
    frequency = 1.0 / ROPE_THETA ** (torch.arange(0, HEAD_DIM, 2).float() / HEAD_DIM)
    angle = torch.outer(torch.arange(LENGTH).float(), frequency)
    angle = torch.cat((angle, angle), dim=-1)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """Turn each pair (x[i], x[i + D/2]) by its position's angle; x [B, H, T, D]."""
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-right, left), dim=-1) * sin


def causal_attention(q, k, v):
    """softmax(q k' / sqrt(D)) v, the future masked out.

    The fused kernel is used in float32 where the release has it; in bfloat16 its backward pass on a CPU (2.13) takes
    four times as long as float32's, and the written-out products win.
    """
    if q.dtype == torch.float32 and hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    future = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool).triu(1)
    scores = (q @ k.transpose(-2, -1) / math.sqrt(HEAD_DIM)).masked_fill(future, float("-inf"))
    return torch.softmax(scores, dim=-1).to(v.dtype) @ v


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            self.add_module(name, nn.Linear(HIDDEN, HIDDEN, bias=False))

    def forward(self, x, cos, sin):
        B, T, C = x.shape
        q, k, v = (proj(x).view(B, T, HEADS, HEAD_DIM).transpose(1, 2) for proj in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        return self.o_proj(causal_attention(q, k, v).transpose(1, 2).reshape(B, T, C))


class GatedMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(HIDDEN, MLP, bias=False)
        self.up_proj = nn.Linear(HIDDEN, MLP, bias=False)
        self.down_proj = nn.Linear(MLP, HIDDEN, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = RMSNorm(), RMSNorm()
        self.self_attn, self.mlp = Attention(), GatedMLP()

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Llama(nn.Module):
    """The parameters carry Hugging Face's names once the prefix `model.` is put before them."""

    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(VOCAB, HIDDEN)
        self.layers = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = RMSNorm()
        for parameter in self.parameters():
            if parameter.dim() == 2:
                nn.init.normal_(parameter, std=0.02)
        cos, sin = rotary_tables()
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)

    def forward(self, tokens, targets):
        """Mean cross-entropy over every token; the residual stream stays float32, also under autocast."""
        x = self.embed_tokens(tokens).float()
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        logits = F.linear(self.norm(x), self.embed_tokens.weight)
        return F.cross_entropy(logits.view(-1, VOCAB), targets.view(-1))


def read_safetensors(path):
    """A safetensors file as {name: tensor}: eight bytes of length, a JSON header, the raw numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = bytearray(file.read())
    return {
        name: torch.frombuffer(body, dtype=SAFETENSORS_DTYPES[entry["dtype"]], offset=entry["data_offsets"][0],
                               count=math.prod(entry["shape"])).view(entry["shape"]).float()
        for name, entry in header.items() if name != "__metadata__"
    }


def load_weights(model, path):
    """Take every parameter from a Hugging Face Llama file; a missing or foreign name is an error."""
    weights = {name.replace("model.", "", 1): tensor for name, tensor in read_safetensors(path).items()
               if name != "lm_head.weight"}
    model.load_state_dict(weights, strict=True)


def load_batch(path):
    """Tokens and targets, [B, T] each: from the file, or drawn at random."""
    if path is None:
        rows = torch.randint(0, VOCAB, (BATCH, LENGTH + 1))
        return rows[:, :-1].contiguous(), rows[:, 1:].contiguous()
    with open(path) as file:
        batch = json.load(file)
    return torch.tensor(batch["tokens"]), torch.tensor(batch["targets"])


def add_adapters(model, dtype):
    """Freeze the model, in the compute type (only trained weights need float32 masters), and adapt all seven projections."""
    model.requires_grad_(False)
    for module in [model.embed_tokens, *(m for m in model.modules() if isinstance(m, nn.Linear))]:
        module.to(dtype)
    for layer in model.layers:
        for part in (layer.self_attn, layer.mlp):
            for name, projection in list(part.named_children()):
                setattr(part, name, LoraLinear(projection))


def make_optimizer(parameters):
    """AdamW in the fastest form this release has on a CPU."""
    settings = dict(lr=LEARNING_RATE, betas=BETAS, eps=EPSILON, weight_decay=WEIGHT_DECAY)
    try:
        return torch.optim.AdamW(parameters, fused=True, **settings)
    except (TypeError, RuntimeError):
        return torch.optim.AdamW(parameters, foreach=True, **settings)


def make_step(options):
    """Build model and optimizer; returns the model and a function that does one whole step and gives its loss."""
    dtype = getattr(torch, options.dtype)
    model = Llama()
    if options.weights:
        load_weights(model, options.weights)
    if options.method == "lora":
        add_adapters(model, dtype)
    tokens, targets = load_batch(options.tokens)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = make_optimizer(trained)
    loss_of = torch.compile(model) if options.compile else model
    mixed = dtype == torch.bfloat16

    def step():
        with torch.autocast("cpu", dtype=dtype) if mixed else contextlib.nullcontext():
            loss = loss_of(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return model, step


def keep_freed_memory():
    """Have glibc reuse freed memory instead of returning it to the kernel.

    By default each large tensor of each step is mapped, zeroed page by page and unmapped again, which can cost a
    third of the step. Must run before the first thread allocates; elsewhere than on glibc nothing happens.
    """
    trim_threshold, mmap_max, arena_max = -1, -4, -8
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(mmap_max, 0)
    mallopt(trim_threshold, -1)
    mallopt(arena_max, 1)


def blas_libraries():
    """The linear-algebra libraries this process has mapped, and what PyTorch says it was built with."""
    built = [line.strip() for line in torch.__config__.show().replace(",", "\n").splitlines()
             if "BLAS_INFO" in line or "Math Kernel" in line or "MKL-DNN" in line or "capability" in line]
    mapped = set()
    if os.path.exists("/proc/self/maps"):
        with open("/proc/self/maps") as maps:
            paths = {line.split()[-1] for line in maps if "/" in line}
        mapped = {os.path.basename(path) for path in paths if "blas" in path or "mkl" in path}
    return {"built": built, "mapped": sorted(mapped)}


def describe(model, losses):
    """What the driver writes beside the timings."""
    count = lambda keep: sum(p.numel() for p in model.parameters() if keep(p))
    return {
        "versions": {"torch": torch.__version__, "python": platform.python_version(), "threads": torch.get_num_threads()},
        "blas": blas_libraries(),
        "params": count(lambda p: True),
        "trainable": count(lambda p: p.requires_grad),
        "losses": losses,
    }


def timed(step):
    """(seconds, the process's CPU seconds, loss) of one step."""
    start, busy = time.perf_counter(), time.process_time()
    loss = step()
    return time.perf_counter() - start, time.process_time() - busy, loss


def answer(step, count):
    """Run `count` steps and print their times."""
    seconds, busy, losses = zip(*(timed(step) for _ in range(count)))
    print(json.dumps({"seconds": seconds, "cpuSeconds": busy, "loss": losses[-1]}), flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--dtype", choices=("float32", "bfloat16"), default="float32",
                        help="bfloat16: autocast, with float32 masters of the trained weights")
    parser.add_argument("--compile", action="store_true", help="torch.compile the forward and backward pass")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--malloc", choices=("keep", "default"), default="keep",
                        help="keep: glibc holds on to freed memory, which is faster; default: as the process starts")
    parser.add_argument("--weights", help="initial weights, safetensors with Hugging Face's Llama names")
    parser.add_argument("--tokens", help='one fixed batch, JSON {"tokens": [B][T], "targets": [B][T]}')
    return parser.parse_args()


def main():
    options = parse_options()
    if options.malloc == "keep":
        keep_freed_memory()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model, step = make_step(options)
    losses = [step() for _ in range(WARMUP_STEPS)]
    print("ready " + json.dumps(describe(model, losses)), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split() or [""]
        if command == "quit":
            return
        if command != "step" or len(arguments) != 1 or not arguments[0].isdigit() or int(arguments[0]) < 1:
            sys.exit(f"step.py: wanted 'step N' with N at least 1, or 'quit'; got {line.strip()!r}")
        answer(step, int(arguments[0]))


if __name__ == "__main__":
    main()
