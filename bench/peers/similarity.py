"""The matrix product of the search alone, in BLAS: similarity.py numpy|torch ITEMS.bin ROWS.bin WIDTH

Blocks of 512 rows, read from the file, times all items, into one buffer; two threads. Prints seconds and peak memory.
"""

import json
import os
import resource
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "2"
import numpy as np

library, items_file, rows_file, width = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
if library == "torch":
    import torch

    torch.set_num_threads(2)
began = time.perf_counter()
items = np.fromfile(items_file, dtype=np.float32).reshape(-1, width)
out = np.empty((512, len(items)), dtype=np.float32)
with open(rows_file, "rb") as file:
    while True:
        block = np.fromfile(file, dtype=np.float32, count=512 * width).reshape(-1, width)
        if len(block) == 0:
            break
        if library == "numpy":
            np.matmul(block, items.T, out=out[: len(block)])
        else:
            torch.matmul(torch.from_numpy(block), torch.from_numpy(items).T, out=torch.from_numpy(out[: len(block)]))
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "peakMemoryBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
