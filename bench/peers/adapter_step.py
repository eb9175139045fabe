"""Updates with transformers, and peft for LoRA, behind the peers' protocol:

    adapter_step.py MODEL_FOLDER TOKENS THREADS LEARNT lora|full

Prints {"ready": versions}; for each line "step N" on stdin, {"seconds": [...], "processorSeconds": [...], "loss": x,
"peakMemoryBytes": n}. Token ids
are those of `adapter.ts`; the last LEARNT of them carry loss. torch.optim.AdamW with clipping, float32.
"""

import json
import resource
import sys
import time

import peft
import torch
import transformers
from transformers import AutoModelForCausalLM

folder, tokens, threads, learnt = sys.argv[1], *map(int, sys.argv[2:5])
method = sys.argv[5]
torch.set_num_threads(threads)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
if method == "lora":
    config = peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(model, config)
model.train()
trained = [p for p in model.parameters() if p.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.95), weight_decay=0.1)
ids = torch.tensor([[i % 400 + 3 for i in range(tokens)]])
labels = ids.clone()
labels[:, : tokens - learnt] = -100


def step():
    began, busy = time.perf_counter(), time.process_time()
    loss = model(input_ids=ids, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return time.perf_counter() - began, time.process_time() - busy, loss.item()


versions = {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__}
print(json.dumps({"ready": versions}), flush=True)
for line in sys.stdin:
    command, _, count = line.strip().partition(" ")
    if command == "quit":
        break
    steps = [step() for _ in range(int(count))]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds, processor, losses = zip(*steps)
    answer = {"seconds": seconds, "processorSeconds": processor, "loss": losses[-1], "peakMemoryBytes": peak}
    print(json.dumps(answer), flush=True)
