#!/usr/bin/env bash
# Proves that a hand-off of a real model is the same training: two gloo processes of transformers' Trainer on CPUs, beside
# `med42 train`. Losses of ten updates or more are compared, and what was saved is scored by the workbook.
#
#     test/handoff/prove-losses.sh MODEL lora|full [CHUNK]
#
# MODEL is a Llama's folder, CHUNK the tokens of a chunk (default 256). Needs .venv-handoff (test/handoff/make-env.sh). Results lie
# in results/handoff-proof/METHOD; a step that was finished is not done again.
set -euo pipefail

model="$(realpath "$1")" method="$2" chunk="${3:-256}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
out="$root/results/handoff-proof/$method"
python="$root/.venv-handoff/bin"
export OMP_NUM_THREADS=1
mkdir -p "$out"

# Two chunks an update, one a process. The miniature's rows, drawn with a seed.
options=(--model "$model" --method "$method" --max-seq-len "$chunk" --samples 200 --epochs 1 --batch-size 2 --accumulation 1
  --warmup 3 --template none --packing block-diagonal)
med42() { node "$root/lib/cli/bin.js" "$@"; }
if [ ! -e "$out/folder/handoff.json" ]; then med42 handoff "${options[@]}" --processes 2 --out "$out/folder"; fi
if [ ! -e "$out/folder/out/done" ]; then
  MODEL="$model" PATH="$python:$PATH" bash "$out/folder/launch/one-node.sh" --cpu
  touch "$out/folder/out/done"
fi
if [ ! -e "$out/here/done" ]; then
  med42 train "${options[@]}" --out "$out/here"
  touch "$out/here/done"
fi
if [ "$method" = lora ]; then saved=(--model "$model" --adapter "$out/folder/out/adapter"); else saved=(--model "$out/folder/out/model"); fi
med42 score "${saved[@]}" --tasks medqa_4options --limit 2 --out "$out/scored" 2>&1 | grep -E 'trained by|^medqa'
"$python/python" - "$out/folder/out/train.jsonl" "$out/here/train/$method/train.jsonl" << 'END'
import json, pathlib, sys
read = lambda file: [line for line in map(json.loads, pathlib.Path(file).read_text().splitlines()) if "loss" in line]
theirs, ours = map(read, sys.argv[1:])
if [(line["step"], line["responseTokens"]) for line in theirs] != [(line["step"], line["responseTokens"]) for line in ours] or len(ours) < 10:
    sys.exit(f"other updates: {len(theirs)} and {len(ours)}")
for name in ("loss", "gradientNorm", "learningRate"):
    print(f"{name}: largest difference {max(abs(a[name] - b[name]) for a, b in zip(theirs, ours)):.1e} in {len(ours)} updates")
ten = max(abs(a["loss"] - b["loss"]) for a, b in zip(theirs[:10], ours))
print(f"loss: largest difference {ten:.1e} in the first ten updates")
if ten > 1e-4:
    sys.exit("losses differ by more than 1e-4")
END
