"""Writes jax-attention.json beside this file: JAX's own calls of cuDNN's attention, and the same attention in plain operations.

    .venv-jax/bin/python test/engine/xla/jax_attention.py        (bench/peers/make-jax-env.sh makes the environment)

No card is needed: the calls are lowered, not compiled, and JAX's question for cuDNN's version is answered for it.
"""
import json
import pathlib
import re

import jax
import jax.numpy as jnp
from jax._src.cudnn import fused_attention_stablehlo as cudnn

HEADS, KEY_HEADS, LENGTH, WIDTH = 4, 2, 48, 16
BATCHES = (1, 2)

cudnn.check_cudnn_version = lambda: 91000
cudnn.check_compute_capability = lambda _: True


def spec(heads, batch, dtype=jnp.bfloat16):
    return jax.ShapeDtypeStruct((batch, heads, LENGTH, WIDTH), dtype)


def calls(batch):
    """The attributes of both calls, as JAX writes them."""

    def attention(q, k, v):
        return cudnn.dot_product_attention(
            q, k, v, scale=1.0, mask_type=cudnn.MaskType.CAUSAL, qkv_layout="BNTH"
        )

    def step(q, k, v, dy):
        out, back = jax.vjp(attention, q, k, v)
        return out, *back(dy)

    q, k = spec(HEADS, batch), spec(KEY_HEADS, batch)
    text = jax.jit(step).trace(q, k, k, q).lower(lowering_platforms=("cuda",)).as_text()
    found = re.findall(r"custom_call @(\S+?)\((.*?)\) \{(.*)\} : (\(.*\) -> \(.*\))", text)
    names = {"%arg0": "q", "%arg1": "k", "%arg2": "v", "%arg3": "dy", "%1#1": "sums", "%2": "out"}
    return [
        {
            "target": target,
            "operands": [names[name] for name in operands.split(", ")],
            "config": json.loads(re.search(r'backend_config = "(.*?)",', attributes)[1].replace(r"\22", '"')),
            "layouts": re.sub(r'.*?", (operand_layouts.*)', r"\1", attributes),
            "types": types,
        }
        for target, operands, attributes, types in found
    ]


def forward(q, k, v):
    scores = scores_of(q, k)
    sums = jax.nn.logsumexp(scores, axis=-1)
    p = jnp.exp(scores - sums[..., None])
    return jnp.einsum("bnts,bnsd->bntd", p, wide(v)).astype(jnp.bfloat16), sums


def backward(q, k, v, sums, dy, out):
    """From what the call is given, so that an operand in another's place is seen."""
    p = jnp.exp(scores_of(q, k) - sums[..., None])
    change = dy.astype(jnp.float32)
    delta = (change * out.astype(jnp.float32)).sum(-1, keepdims=True)
    ds = p * (jnp.einsum("bntd,bnsd->bnts", change, wide(v)) - delta)
    dq = jnp.einsum("bnts,bnsd->bntd", ds, wide(k))
    dk = jnp.einsum("bnts,bntd->bnsd", ds, q.astype(jnp.float32))
    dv = jnp.einsum("bnts,bntd->bnsd", p, change)
    return tuple(x.astype(jnp.bfloat16) for x in (dq, narrow(dk), narrow(dv)))


def scores_of(q, k):
    scores = jnp.einsum("bntd,bnsd->bnts", q.astype(jnp.float32), wide(k))
    places = jnp.arange(LENGTH)
    return scores + jnp.where(places[:, None] >= places[None, :], 0.0, -1e9)


def wide(x):
    return jnp.repeat(x.astype(jnp.float32), HEADS // KEY_HEADS, axis=1)


def narrow(x):
    batch, heads, length, width = x.shape
    return x.reshape(batch, KEY_HEADS, heads // KEY_HEADS, length, width).sum(2)


def function(fn, name, arguments):
    """A function of a module, with those that it calls, under names of its own."""
    text = jax.jit(fn).trace(*arguments).lower(lowering_platforms=("cpu",)).as_text()
    body = "\n".join(text.split("\n")[1:]).rstrip().removesuffix("}").rstrip()
    body = re.sub(r' \{jax\.result_info = "[^"]*"\}', "", body)
    inner = [one for one in re.findall(r"func\.func \w+ @(\w+)\(", body) if one != "main"]
    for one in inner:
        body = re.sub(rf"@{one}\b", f"@{name}_{one}", body)
    return body.replace("func.func public @main(", f"func.func private @{name}(")


def functions(batch):
    q, k = spec(HEADS, batch), spec(KEY_HEADS, batch)
    sums = jax.ShapeDtypeStruct((batch, HEADS, LENGTH), jnp.float32)
    return {
        "forward": function(forward, "attention", (q, k, k)),
        "backward": function(backward, "attention_back", (q, k, k, sums, q, q)),
    }


def check(batch):
    """The way back is the one that JAX derives."""
    keys = jax.random.split(jax.random.key(7), 4)
    shapes = [HEADS, KEY_HEADS, KEY_HEADS, HEADS]
    q, k, v, dy = (
        jax.random.normal(key, (batch, heads, LENGTH, WIDTH)).astype(jnp.bfloat16) for key, heads in zip(keys, shapes)
    )
    (out, sums), back = jax.vjp(forward, q, k, v)
    derived = back((dy, jnp.zeros_like(sums)))
    for ours, theirs in zip(backward(q, k, v, sums, dy, out), derived):
        error = jnp.abs(ours.astype(jnp.float32) - theirs.astype(jnp.float32)).max()
        assert error < 0.02 * jnp.abs(theirs.astype(jnp.float32)).max(), error


for size in BATCHES:
    check(size)
pathlib.Path(__file__).with_name("jax-attention.json").write_text(
    json.dumps(
        {
            "script": "test/engine/xla/jax_attention.py",
            "versions": {"jax": jax.__version__},
            "seed": 7,
            "shape": {"heads": HEADS, "keyHeads": KEY_HEADS, "length": LENGTH, "width": WIDTH},
            "calls": calls(BATCHES[-1]),
            "functions": {str(size): functions(size) for size in BATCHES},
        },
        indent=1,
    )
    + "\n"
)
