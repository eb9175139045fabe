"""What the workbook saved, opened by transformers and peft: open_saved.py BASE ADAPTER MERGED

Prints as JSON how many tensors of the merged model were missing or unexpected, and the largest differences of logits:
of the base with its adapter from the merged model (float32 each), and from the base alone.
"""

import gc
import json
import sys

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, adapter, merged = sys.argv[1:4]
ids = torch.arange(3, 35).reshape(1, -1)


def logits(model):
    with torch.inference_mode():
        return model(ids).logits.float()


model, loading = AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32, output_loading_info=True)
of_merged = logits(model)
del model
gc.collect()
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
of_base = logits(model)
of_adapter = logits(PeftModel.from_pretrained(model, adapter))
result = {
    "missing": len(loading["missing_keys"]),
    "unexpected": len(loading["unexpected_keys"]),
    "adapter from merged": (of_adapter - of_merged).abs().max().item(),
    "adapter from base": (of_adapter - of_base).abs().max().item(),
    "largest logit": of_base.abs().max().item(),
}
print(json.dumps(result))
