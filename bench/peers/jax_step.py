"""The training step of step.py in JAX, behind the same protocol: jax_step.py --method full|lora --weights FILE --tokens FILE

Run with the environment that bench/peers/make-jax-env.sh makes. JAX hands the program to the PJRT plug-in that the workbook
uses where PJRT_NAMES_AND_LIBRARY_PATHS=med42:FILE and JAX_PLATFORMS=med42 are set: the same compiler, another front end.
State is donated, layers are written out, products are float32. A step's answer carries the process's CPU seconds too:
other work on the machine weighs on them less.
"""

import argparse
import json
import math
import platform
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import load_file

LAYERS, HEADS, HEAD_DIM, LENGTH = 6, 6, 48, 256
ROPE_THETA, NORM_EPS = 10000.0, 1e-5
LORA_RANK, LORA_ALPHA = 8, 16
RATE, BETA1, BETA2, EPSILON, DECAY, CLIP = 3e-4, 0.9, 0.95, 1e-8, 0.1, 1.0
WARMUP_STEPS = 5
PROJECTIONS = [f"self_attn.{name}_proj" for name in "qkvo"] + [f"mlp.{name}_proj" for name in ("gate", "up", "down")]


def rotary_tables():
    frequency = 1.0 / ROPE_THETA ** (np.arange(0, HEAD_DIM, 2, dtype=np.float32) / HEAD_DIM)
    angle = np.outer(np.arange(LENGTH, dtype=np.float32), frequency)
    angle = np.concatenate([angle, angle], axis=-1)
    return np.cos(angle), np.sin(angle)


COS, SIN = rotary_tables()


def rms_norm(x, weight):
    return x * jax.lax.rsqrt(jnp.mean(x * x, -1, keepdims=True) + NORM_EPS) * weight


def rotate(x):
    left, right = jnp.split(x, 2, axis=-1)
    return x * COS + jnp.concatenate([-right, left], axis=-1) * SIN


def loss_of(trained, frozen, tokens, targets):
    """Mean cross-entropy over every token; weights under Hugging Face's names."""
    weights = {**frozen, **trained}

    def linear(name, x):
        y = x @ weights[f"{name}.weight"].T
        if f"{name}.lora_A" not in weights:
            return y
        return y + (x @ weights[f"{name}.lora_A"].T) @ weights[f"{name}.lora_B"].T * (LORA_ALPHA / LORA_RANK)

    batch, length = tokens.shape
    heads = lambda x: x.reshape(batch, length, HEADS, HEAD_DIM).transpose(0, 2, 1, 3)
    seen = jnp.tril(jnp.ones((length, length), bool))
    x = weights["model.embed_tokens.weight"][tokens]
    for i in range(LAYERS):
        layer = f"model.layers.{i}"
        h = rms_norm(x, weights[f"{layer}.input_layernorm.weight"])
        q, k, v = (heads(linear(f"{layer}.self_attn.{name}_proj", h)) for name in "qkv")
        scores = jnp.where(seen, rotate(q) @ rotate(k).swapaxes(-1, -2) / math.sqrt(HEAD_DIM), -jnp.inf)
        mixed = (jax.nn.softmax(scores) @ v).transpose(0, 2, 1, 3).reshape(batch, length, HEADS * HEAD_DIM)
        x = x + linear(f"{layer}.self_attn.o_proj", mixed)
        h = rms_norm(x, weights[f"{layer}.post_attention_layernorm.weight"])
        gated = jax.nn.silu(linear(f"{layer}.mlp.gate_proj", h)) * linear(f"{layer}.mlp.up_proj", h)
        x = x + linear(f"{layer}.mlp.down_proj", gated)
    logits = rms_norm(x, weights["model.norm.weight"]) @ weights["model.embed_tokens.weight"].T
    picked = jnp.take_along_axis(logits, targets[..., None], -1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, -1) - picked)


def update(trained, first, second, number, frozen, tokens, targets):
    loss, gradients = jax.value_and_grad(loss_of)(trained, frozen, tokens, targets)
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in gradients.values()))
    clip = jnp.minimum(1.0, CLIP / (norm + 1e-6))
    number = number + 1
    for name, gradient in gradients.items():
        gradient = gradient * clip
        first[name] = BETA1 * first[name] + (1 - BETA1) * gradient
        second[name] = BETA2 * second[name] + (1 - BETA2) * gradient * gradient
        step = first[name] / (1 - BETA1**number) / (jnp.sqrt(second[name] / (1 - BETA2**number)) + EPSILON)
        trained[name] = trained[name] * (1 - RATE * DECAY) - RATE * step
    return loss, trained, first, second, number


def start(method, path):
    weights = {name: jnp.asarray(value) for name, value in load_file(path).items()}
    if method == "full":
        return weights, {}
    random = np.random.default_rng(0)
    trained = {}
    for i in range(LAYERS):
        for name in (f"model.layers.{i}.{projection}" for projection in PROJECTIONS):
            out, inner = weights[f"{name}.weight"].shape
            bound = 1 / math.sqrt(inner)
            trained[f"{name}.lora_A"] = jnp.asarray(random.uniform(-bound, bound, (LORA_RANK, inner)), jnp.float32)
            trained[f"{name}.lora_B"] = jnp.zeros((out, LORA_RANK), jnp.float32)
    return trained, weights


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", choices=("full", "lora"), default="full")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--tokens", required=True)
    options = parser.parse_args()
    with open(options.tokens) as file:
        batch = json.load(file)
    tokens, targets = jnp.asarray(batch["tokens"], jnp.int32), jnp.asarray(batch["targets"], jnp.int32)
    trained, frozen = start(options.method, options.weights)
    zeros = lambda: {name: jnp.zeros_like(value) for name, value in trained.items()}
    state = [trained, zeros(), zeros(), jnp.asarray(0.0, jnp.float32)]
    step = jax.jit(update, donate_argnums=(0, 1, 2, 3))

    def timed():
        began, busy = time.perf_counter(), time.process_time()
        loss, *state[:] = step(*state, frozen, tokens, targets)
        value = float(loss)
        jax.block_until_ready(state)
        return time.perf_counter() - began, time.process_time() - busy, value

    losses = [timed()[2] for _ in range(WARMUP_STEPS)]
    versions = {"jax": jax.__version__, "python": platform.python_version(), "device": str(jax.devices()[0])}
    print("ready " + json.dumps({"versions": versions, "losses": losses}), flush=True)
    for line in sys.stdin:
        command, *arguments = line.split() or [""]
        if command == "quit":
            return
        seconds, busy, losses = zip(*(timed() for _ in range(int(arguments[0]))))
        print(json.dumps({"seconds": seconds, "cpuSeconds": busy, "loss": losses[-1]}), flush=True)


if __name__ == "__main__":
    main()
