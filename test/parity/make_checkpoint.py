"""A checkpoint of random weights, as transformers saves it: make_checkpoint.py OUT TOKENIZER [SHARD [LAYERS]]

TinyLlama's shape (22 layers, 1.1 billion parameters; others where LAYERS is given) in bfloat16, in shards of SHARD (500MB
where it is not given), with the files of the folder TOKENIZER. Seed 7.
"""

import shutil
import sys
from pathlib import Path

import torch
from transformers import LlamaConfig, LlamaForCausalLM

out, tokenizer = Path(sys.argv[1]), Path(sys.argv[2])
shard = sys.argv[3] if len(sys.argv) > 3 else "500MB"
layers = int(sys.argv[4]) if len(sys.argv) > 4 else 22
# Source: config.json of TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T
config = LlamaConfig(
    vocab_size=32_000,
    hidden_size=2048,
    intermediate_size=5632,
    num_hidden_layers=layers,
    num_attention_heads=32,
    num_key_value_heads=4,
    max_position_embeddings=2048,
    rms_norm_eps=1e-5,
    rope_theta=10_000.0,
    tie_word_embeddings=False,
    bos_token_id=1,
    eos_token_id=2,
)
torch.manual_seed(7)
torch.set_default_dtype(torch.bfloat16)
model = LlamaForCausalLM(config)
model.save_pretrained(out, max_shard_size=shard)
for file in tokenizer.iterdir():
    if file.name.startswith(("tokenizer", "special_tokens")):
        shutil.copy(file, out / file.name)
print(sum(p.numel() for p in model.parameters()), "parameters in", len(list(out.glob("*.safetensors"))), "files")
