"""Hugging Face tokenizers called directly: hf_tokenizers.py TOKENIZER_JSON TEXTS BATCH

TEXTS holds one JSON string a line. Prints {"ready": versions}; for each line on stdin all texts are encoded, BATCH at once
on the library's own threads, and {"seconds": s, "cpu": s, "tokens": n} is printed.
"""

import json
import sys
import time

import tokenizers

tokenizer = tokenizers.Tokenizer.from_file(sys.argv[1])
with open(sys.argv[2], encoding="utf-8") as file:
    texts = [json.loads(line) for line in file]
batch = int(sys.argv[3])
print(json.dumps({"ready": {"tokenizers": tokenizers.__version__}}), flush=True)
for _ in sys.stdin:
    began, cpu = time.perf_counter(), time.process_time()
    tokens = 0
    for start in range(0, len(texts), batch):
        for encoding in tokenizer.encode_batch(texts[start : start + batch], add_special_tokens=False):
            tokens += len(encoding.ids)
    result = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu, "tokens": tokens}
    print(json.dumps(result), flush=True)
