"""One process of transformers' greedy generation, for bench/generate.ts (its protocol: bench/README.md).

    python generate.py MODEL float32|bfloat16 TOKENS THREADS PROMPT
"""

import json
import os
import sys
import time

began = time.perf_counter()
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
import transformers  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

folder, dtype, count, threads, prompt = sys.argv[1:6]
torch.set_num_threads(int(threads))
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
inputs = tokenizer(prompt, return_tensors="pt")
ready = time.perf_counter()
length = {"max_new_tokens": int(count), "min_new_tokens": int(count)}
with torch.inference_mode():
    whole = model.generate(
        input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], do_sample=False, **length
    )
end = time.perf_counter()
print(json.dumps({
    "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
    "ready": ready - began,
    "speaking": end - ready,
    "cpu": time.process_time(),
    "ids": whole[0, inputs["input_ids"].shape[1]:].tolist(),
}))
