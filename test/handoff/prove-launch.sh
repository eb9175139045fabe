#!/usr/bin/env bash
# Proves the launch files of a hand-off on CPUs: the same small LoRA is trained by one torchrun, by two torchrun nodes on
# loopback, by Ray and by a one-node Slurm, and their losses are compared; trainjob.yaml is checked by Kubeflow's own types.
#
#     test/handoff/prove-launch.sh [MODEL]
#
# Needs `test/handoff/make-env.sh --launchers`. Slurm is left out, saying so, where none answers; test/handoff/with-slurm.sh
# starts one on this machine for as long as a command runs (Debian: slurm-wlm).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
export MODEL
MODEL="$(realpath "${1:-$root/data/miniature/base}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
export PATH="$root/.venv-handoff/bin:$PATH" OMP_NUM_THREADS=1

# The same training for one node with two processes, and for two nodes with one each.
for nodes in 1 2; do
  node "$root/lib/cli/bin.js" handoff --model "$MODEL" --method lora --max-seq-len 64 --samples 60 --epochs 1 --batch-size 4 \
    --accumulation 1 --warmup 3 --template none --nodes "$nodes" --processes $((2 / nodes)) --out "$work/of-$nodes" \
    > "$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
done
cd "$work/of-1"

run() { # NAME COMMAND...
  local name="$1" began="$SECONDS"
  shift
  "$@" > "$work/$name.log" 2>&1 || { tail -n 30 "$work/$name.log" >&2; echo "prove: $name failed" >&2; exit 1; }
  echo "$name: $(wc -l < "$work/$name/train.jsonl") updates in $((SECONDS - began)) s"
}
two_nodes() {
  export HEAD=127.0.0.1:29541
  bash ../of-2/launch/nodes.sh --cpu --out "$work/nodes" &
  local first=$!
  bash ../of-2/launch/nodes.sh --cpu --out "$work/nodes"
  wait "$first"
}
slurm() {
  # This machine's Slurm has no GPUs to give.
  sed '/--gpus-per-node/d' launch/slurm.sbatch > launch/without-gpus.sbatch
  sbatch --wait --output="$work/slurm-job.log" launch/without-gpus.sbatch --cpu --out "$work/slurm"
}

run one-node bash launch/one-node.sh --cpu --out "$work/one-node"
run nodes two_nodes
run ray python ray_train.py --cpu --out "$work/ray"
if sinfo > /dev/null 2>&1; then
  run slurm slurm
else
  echo 'slurm: left out, no Slurm answers here'
fi
python "$here/check-trainjob.py" launch/trainjob.yaml
python - "$work" << 'END'
import json, pathlib, sys
read = lambda file: [json.loads(line)["loss"] for line in file.read_text().splitlines()]
runs = {file.parent.name: read(file) for file in pathlib.Path(sys.argv[1]).glob("*/train.jsonl")}
reference = runs.pop("one-node")
for name, losses in sorted(runs.items()):
    largest = max(abs(a - b) for a, b in zip(losses, reference, strict=True))
    print(f"{name}: {len(losses)} losses, largest difference from one torchrun {largest:.1e}")
    if not largest <= 1e-6:
        sys.exit(f"{name}: losses differ")
END
