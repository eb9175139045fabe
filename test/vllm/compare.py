"""Compares items scored through a server with the same items scored by the workbook's engine, log-likelihood by log-likelihood.

    python3 compare.py FOLDER ITEMS

FOLDER is what prove.sh leaves: served/TASK/items.jsonl and here/TASK/items.jsonl. A log-likelihood may differ by 1e-3, and an
answer where the best two choices lie nearer than that (a tie). Fails otherwise, or when items are missing.
"""

import json
import sys
from pathlib import Path

LARGEST = 1e-3


def read(file):
    lines = (json.loads(line) for line in file.read_text().splitlines()[1:])
    return {line["id"]: line for line in lines}


def tied(one):
    first, second = sorted(one["logLikelihoods"], reverse=True)[:2]
    return first - second < 2 * LARGEST


def compare(task, served, here, items):
    if served.keys() != here.keys() or len(here) < items:
        sys.exit(f"{task}: {len(served)} items through the server, {len(here)} here, {items} wanted; or other ones")
    pairs = [(served[id], here[id]) for id in here]
    pieces = [abs(a - b) for s, h in pairs for a, b in zip(s["logLikelihoods"], h["logLikelihoods"], strict=True)]
    others = [(s, h) for s, h in pairs if s["prediction"] != h["prediction"]]
    right = [sum(one["prediction"] == one["answer"] for one in side) for side in zip(*pairs)]
    cut = sum(h["truncatedTokens"] + s["truncatedTokens"] for s, h in pairs)
    print(
        f"{task:14} {len(pairs):4} items {len(pieces):5} log-likelihoods, largest difference {max(pieces):.1e}; "
        f"{len(others)} other answers; right {right[0]} through the server, {right[1]} here"
    )
    untied = [h["id"] for _, h in others if not tied(h)]
    if cut or untied or not max(pieces) < LARGEST:
        sys.exit(f"{task}: cut tokens {cut}, other answers without a tie {untied}, largest difference {max(pieces)} (at most {LARGEST})")


def main():
    folder, items = Path(sys.argv[1]), int(sys.argv[2])
    tasks = sorted(path.name for path in (folder / "here").iterdir())
    if sorted(path.name for path in (folder / "served").iterdir()) != tasks:
        sys.exit(f"{folder}: other tasks in served/ than in here/")
    for task in tasks:
        compare(task, *(read(folder / side / task / "items.jsonl") for side in ("served", "here")), items)
    for name in ("server-killed", "client-killed"):
        print((folder / name).read_text().strip())


if __name__ == "__main__":
    main()
