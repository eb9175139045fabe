"""The same updates in PyTorch: a Llama of any shape, full-parameter or LoRA, on a GPU or the CPU.

    python torch_steps.py '[{"shape": {...}, "method": "lora", "batch": 1, "length": 4096, "precision": "bf16", ...}]'

A line of JSON comes back, a list of the same length: seconds of each update after the first, losses, peak memory, versions. Weights are random
unless "weights", "tokens" and "adapter" name files (safetensors with Hugging Face's names; JSON): so the
losses of reference.json were recorded. bf16 is autocast, with float32 copies of what is trained and a frozen base in
bf16; attention is scaled_dot_product_attention, AdamW is fused. Layers are recomputed on the way back only where memory
is too small without.
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint


class Norm(nn.Module):
    def __init__(self, width, eps):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return F.rms_norm(x.float(), (x.shape[-1],), self.weight.float(), self.eps)


class Linear(nn.Module):
    """W x, and (alpha / rank) B A x beside where adapted; A as PEFT draws it, B zero."""

    def __init__(self, wide, narrow, lora):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(wide, narrow).normal_(std=0.02))
        self.scale = lora["alpha"] / lora["rank"] if lora else None
        if lora:
            bound = 1 / math.sqrt(narrow)
            self.lora_A = nn.Parameter(torch.empty(lora["rank"], narrow).uniform_(-bound, bound))
            self.lora_B = nn.Parameter(torch.zeros(wide, lora["rank"]))

    def forward(self, x):
        y = F.linear(x, self.weight)
        return y if self.scale is None else y + F.linear(F.linear(x, self.lora_A), self.lora_B) * self.scale


class Block(nn.Module):
    def __init__(self, c, lora):
        super().__init__()
        self.c = c
        q, kv = c["numAttentionHeads"] * c["headDim"], c["numKeyValueHeads"] * c["headDim"]
        width, mlp = c["hiddenSize"], c["intermediateSize"]
        self.input_layernorm = Norm(width, c["rmsNormEps"])
        self.post_attention_layernorm = Norm(width, c["rmsNormEps"])
        shapes = {"q_proj": (q, width), "k_proj": (kv, width), "v_proj": (kv, width), "o_proj": (width, q)}
        self.self_attn = nn.ModuleDict({name: Linear(*shape, lora) for name, shape in shapes.items()})
        shapes = {"gate_proj": (mlp, width), "up_proj": (mlp, width), "down_proj": (width, mlp)}
        self.mlp = nn.ModuleDict({name: Linear(*shape, lora) for name, shape in shapes.items()})

    def forward(self, x, cos, sin):
        c, project = self.c, self.self_attn
        B, T, _ = x.shape
        h = self.input_layernorm(x)
        q = project["q_proj"](h).view(B, T, c["numAttentionHeads"], c["headDim"]).transpose(1, 2)
        k = project["k_proj"](h).view(B, T, c["numKeyValueHeads"], c["headDim"]).transpose(1, 2)
        v = project["v_proj"](h).view(B, T, c["numKeyValueHeads"], c["headDim"]).transpose(1, 2)
        q, k = rotate(q, cos, sin).to(v.dtype), rotate(k, cos, sin).to(v.dtype)
        grouped = c["numAttentionHeads"] != c["numKeyValueHeads"]
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
        x = x + project["o_proj"](attended.transpose(1, 2).reshape(B, T, -1))
        h = self.post_attention_layernorm(x)
        return x + self.mlp["down_proj"](F.silu(self.mlp["gate_proj"](h)) * self.mlp["up_proj"](h))


def rotate(x, cos, sin):
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat((-right, left), dim=-1) * sin


class Llama(nn.Module):
    def __init__(self, c, length, lora):
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocabSize"], c["hiddenSize"])
        nn.init.normal_(self.embed_tokens.weight, std=0.02)
        self.layers = nn.ModuleList(Block(c, lora) for _ in range(c["numHiddenLayers"]))
        self.norm = Norm(c["hiddenSize"], c["rmsNormEps"])
        if not c["tieWordEmbeddings"]:
            self.lm_head = nn.Parameter(torch.empty(c["vocabSize"], c["hiddenSize"]).normal_(std=0.02))
        frequency = 1.0 / c["ropeTheta"] ** (torch.arange(0, c["headDim"], 2).float() / c["headDim"])
        angle = torch.outer(torch.arange(length).float(), frequency).repeat(1, 2)
        self.tables = angle.cos(), angle.sin()
        self.recomputes = False

    def forward(self, tokens, targets):
        x = self.embed_tokens(tokens).float()
        for layer in self.layers:
            x = checkpoint(layer, x, *self.tables, use_reentrant=False) if self.recomputes else layer(x, *self.tables)
        head = self.lm_head if hasattr(self, "lm_head") else self.embed_tokens.weight
        logits = F.linear(self.norm(x), head)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten())


def read_safetensors(path):
    types = {"F32": torch.float32, "BF16": torch.bfloat16}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = bytearray(file.read())
    return {
        name: torch.frombuffer(body, dtype=types[e["dtype"]], offset=e["data_offsets"][0], count=math.prod(e["shape"])).view(e["shape"])
        for name, e in header.items() if name != "__metadata__"
    }


def build(given, device):
    torch.manual_seed(0)
    lora = given["lora"] if given["method"] == "lora" else None
    with torch.device(device):
        if lora and given["precision"] == "bf16":
            torch.set_default_dtype(torch.bfloat16)
        model = Llama(given["shape"], given["length"], lora)
        torch.set_default_dtype(torch.float32)
    model.tables = tuple(table.to(device).float() for table in model.tables)
    if "weights" in given:
        weights = {name.replace("model.", "", 1): tensor for name, tensor in read_safetensors(given["weights"]).items()}
        if "lm_head.weight" in weights:
            weights["lm_head"] = weights.pop("lm_head.weight")
        adapters = read_safetensors(given["adapter"]) if lora else {}
        for name, tensor in adapters.items():
            weights[name.replace("model.", "", 1).replace(".weight", "")] = tensor
        model.load_state_dict(weights, strict=True)
    if lora:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_("lora_" in name)
            if "lora_" in name:
                parameter.data = parameter.data.float()
    return model


def batch_of(given, device):
    if "tokens" in given:
        with open(given["tokens"]) as file:
            rows = json.load(file)
        return torch.tensor(rows["tokens"], device=device), torch.tensor(rows["targets"], device=device)
    shape = (given["batch"], given["length"])
    return tuple(torch.randint(0, given["shape"]["vocabSize"], shape, device=device) for _ in range(2))


def run(given, device, recomputes):
    model = build(given, device)
    model.recomputes = recomputes
    tokens, targets = batch_of(given, device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    a = given["adamw"]
    optimizer = torch.optim.AdamW(trained, lr=a["learningRate"], betas=(a["beta1"], a["beta2"]), eps=a["epsilon"],
                                  weight_decay=a["weightDecay"], fused=True)
    losses, seconds = [], []
    for step in range(given["steps"] + 1):
        start = time.perf_counter()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=given["precision"] == "bf16"):
            loss = model(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, a["clipNorm"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        losses.append(loss.item())
        seconds.append(time.perf_counter() - start)
        if step >= 3 and sum(seconds[1:]) > given.get("seconds", 6) and "weights" not in given:
            break
    peak = torch.cuda.max_memory_allocated() if device == "cuda" else None
    return {"seconds": seconds[1:], "losses": losses, "peakBytes": peak, "recomputes": recomputes}


def answer(given):
    device = given["device"]
    try:
        result = run(given, device, False)
    except torch.cuda.OutOfMemoryError:
        torch.cuda.empty_cache()
        result = run(given, device, True)
    name = torch.cuda.get_device_name() if device == "cuda" else device
    return {**result, "device": name, "versions": {"torch": torch.__version__, "python": sys.version.split()[0]}}


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    print(json.dumps([answer(given) for given in json.loads(sys.argv[1])]))


if __name__ == "__main__":
    main()
