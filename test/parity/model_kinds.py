"""Small Llamas and adapters in the forms that transformers and peft give them, with the logits that these compute.

    model_kinds.py models   --out FOLDER      a folder a kind of config.json and of weight files
    model_kinds.py adapters --out FOLDER      base and base-tied, and an adapter a kind of adapter_config.json

Each folder gets `logits.safetensors`: `tokens` [B, T] int32 and `logits` [B, T, V] float32, as the folder gives them when
transformers or peft loads it. Random weights from a fixed seed, float32 on the CPU; prints the versions it ran on.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"  # every model is a folder; a name that is none must fail, not be looked up

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

B, T = 2, 96
SMALL = dict(
    vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=4, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.2,
)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=48
)


def write_logits(model, folder):
    """The model's logits for fixed tokens."""
    rows = torch.randint(model.config.vocab_size, (B, T), generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        logits = model.eval()(input_ids=rows).logits
    save_file({"tokens": rows.to(torch.int32), "logits": logits.float().contiguous()}, folder / "logits.safetensors")


def make_model(folder, dtype=torch.float32, shard="5GB", **fields):
    """A Llama of random numbers; its folder as save_pretrained writes it, its logits as from_pretrained gives them."""
    torch.manual_seed(1)
    LlamaForCausalLM(LlamaConfig(**{**SMALL, **fields})).to(dtype).save_pretrained(folder, max_shard_size=shard)
    write_logits(LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32), folder)


def older_config(folder, **fields):
    """config.json as transformers 4 wrote it: rope_theta and rope_scaling in place of rope_parameters."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    rope = config.pop("rope_parameters")
    config |= {"rope_theta": rope.pop("rope_theta"), "rope_scaling": rope, **fields}
    file.write_text(json.dumps(config))


def models(out):
    make_model(out / "plain", rope_parameters={"rope_type": "default", "rope_theta": 500.0})
    make_model(out / "tied", tie_word_embeddings=True)
    make_model(out / "linear", rope_parameters={"rope_type": "linear", "factor": 4.0, "rope_theta": 1e4})
    make_model(out / "dynamic", rope_parameters={"rope_type": "dynamic", "factor": 4.0, "rope_theta": 1e4})
    make_model(out / "llama3", rope_parameters={**LLAMA3, "rope_theta": 500.0})
    shutil.copytree(out / "llama3", out / "llama3-older")
    older_config(out / "llama3-older")
    yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=32)
    make_model(out / "yarn", rope_parameters={**yarn, "rope_theta": 500.0})
    shutil.copytree(out / "yarn", out / "yarn-older")
    older_config(out / "yarn-older")
    make_model(
        out / "yarn-settings", head_dim=64, rope_parameters={
            **yarn, "rope_theta": 5e5, "beta_fast": 8.0, "beta_slow": 2.0, "mscale": 0.7, "mscale_all_dim": 1.0,
            "truncate": False,
        },
    )
    # Pairs of every kind: kept, between, divided.
    make_model(out / "wide-head", head_dim=64, rope_parameters={**LLAMA3, "rope_theta": 5e5})
    make_model(out / "bfloat16", dtype=torch.bfloat16)
    make_model(out / "float16", dtype=torch.float16)
    make_model(out / "shards", shard="20KB")
    make_model(
        out / "llama-3-shape", vocab_size=128_256, tie_word_embeddings=True, initializer_range=0.05, num_attention_heads=8,
        max_position_embeddings=131_072, rope_parameters={
            **LLAMA3, "factor": 32.0, "original_max_position_embeddings": 8192, "rope_theta": 5e5,
        },
    )


KINDS = {
    "list": dict(target_modules=["q_proj", "down_proj"]),
    "suffixes": dict(target_modules=["self_attn.v_proj", "mlp.up_proj"]),
    "full-names": dict(target_modules=["model.layers.0.self_attn.q_proj", "model.layers.3.mlp.gate_proj"]),
    "regex": dict(target_modules=r".*\.layers\.[13]\.self_attn\.(q|k)_proj"),
    "regex-named-group": dict(target_modules=r"model\.layers\.(?P<at>\d+)\.mlp\.(?!up)\w+\_proj"),
    "all-linear": dict(target_modules="all-linear"),
    "exclude-list": dict(target_modules=["q_proj", "o_proj"], exclude_modules=["model.layers.1.self_attn.q_proj"]),
    "exclude-regex": dict(target_modules="all-linear", exclude_modules=r".*\.(0|2)\..*"),
    "layers-one": dict(target_modules=["q_proj", "up_proj"], layers_to_transform=2),
    "layers-list": dict(target_modules=["q_proj"], layers_to_transform=[0, 3], layers_pattern="layers"),
    "layers-none": dict(target_modules=["k_proj"], layers_to_transform=[]),
    "alpha-pattern": dict(
        target_modules=["q_proj", "v_proj"], alpha_pattern={"layers.0.self_attn.q_proj": 40, r".*\.1\..*": 1}
    ),
    "rank-pattern": dict(target_modules=["q_proj", "v_proj"], rank_pattern={"v_proj": 2, "q_proj": 6}),
    "patterns-rslora": dict(
        target_modules=["q_proj", "v_proj", "down_proj"], use_rslora=True, rank_pattern={"v_proj": 9},
        alpha_pattern={"down_proj": 3, r"layers\.[02]\.self_attn\.v_proj": 12},
    ),
    "bias-all": dict(target_modules=["q_proj"], bias="all"),
    "fan-in-fan-out": dict(target_modules=["q_proj"], fan_in_fan_out=True),
    "save-head": dict(target_modules=["q_proj"], modules_to_save=["lm_head"]),
    "save-embedding": dict(target_modules=["q_proj"], modules_to_save=["embed_tokens"]),
    "save-both": dict(target_modules=["q_proj"], modules_to_save=["embed_tokens", "lm_head"]),
    "save-tied": dict(target_modules=["q_proj"], modules_to_save=["embed_tokens"], ensure_weight_tying=True),
    "save-norms": dict(target_modules=["v_proj"], modules_to_save=["norm", "post_attention_layernorm"]),
    "save-mlp": dict(target_modules="all-linear", modules_to_save=["mlp"]),
    "orthogonal": dict(target_modules=["q_proj"], init_lora_weights="orthogonal"),
}


def make_adapter(base, folder, fields):
    """An adapter of random numbers, all it trains: peft's own starts as the identity, which any misreading would survive."""
    torch.manual_seed(2)
    config = LoraConfig(**{"r": 4, "lora_alpha": 10, "task_type": "CAUSAL_LM", **fields})
    model = get_peft_model(LlamaForCausalLM.from_pretrained(base), config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.2)
    model.save_pretrained(folder)
    write_adapted(base, folder)


def write_adapted(base, folder):
    write_logits(PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(base), folder), folder)


def adapters(out):
    for base, fields in {"base": {}, "base-tied": {"tie_word_embeddings": True}}.items():
        make_model(out / base, **fields)
        for kind, settings in KINDS.items():
            make_adapter(out / base, out / f"{base}.{kind}", settings)
        # An embedding that is saved along, as peft does after one was resized; here changed, of the same size.
        model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(out / base), out / f"{base}.list")
        torch.nn.init.normal_(model.get_input_embeddings().weight, std=0.3)
        model.save_pretrained(out / f"{base}.embedding-along", save_embedding_layers=True)
        write_adapted(out / base, out / f"{base}.embedding-along")
        # One that is trained whole and saved along: peft writes it under both of its names.
        model = PeftModel.from_pretrained(LlamaForCausalLM.from_pretrained(out / base), out / f"{base}.save-both")
        model.save_pretrained(out / f"{base}.save-both-along", save_embedding_layers=True)
        write_adapted(out / base, out / f"{base}.save-both-along")


def loaded(out):
    """Logits of the adapters that another program saved: folders ours.BASE.KIND beside their bases."""
    for folder in sorted(out.glob("ours.*")):
        write_adapted(out / folder.name.split(".")[1], folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["models", "adapters", "loaded"])
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args()
    torch.set_num_threads(2)
    {"models": models, "adapters": adapters, "loaded": loaded}[options.command](options.out)
    print({"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__})


if __name__ == "__main__":
    main()
