#!/usr/bin/env bash
# Makes .venv-handoff in the repository root: what a hand-off's own requirements.txt locks, hashes checked, as its README.md
# says for a cluster; without the CUDA libraries, which a test on CPUs loads none of. torch itself is that of .venv-parity
# where it is of the locked version (test/parity/make-env.sh), else pip's. --launchers adds what starts a hand-off elsewhere
# and checks its files: Ray, and the schemas of Kubernetes and Kubeflow (launchers.txt).
# Does nothing when the environment already holds exactly this; starts afresh otherwise.
# PYTHON names the interpreter (default python3, 3.11 or newer).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
venv="$root/.venv-handoff"
lock="$root/lib/run/handoff/folder/requirements.txt"
python="${PYTHON:-python3}"
stamp="$venv/requirements.stamp"
torch="$(grep -o '^torch==[0-9.]*' "$lock")"

wanted="$("$python" --version) $(cksum < "$lock") $(cksum < "$here/launchers.txt")"
if [ ! -x "$venv/bin/python" ] || [ "$(head -n 1 "$stamp" 2>/dev/null)" != "$wanted" ]; then
  "$python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("make-env: needs Python 3.11 or newer; name one in PYTHON")'
  rm -rf "$venv"
  "$python" -m venv "$venv"
  site="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  # A package and its hashes are a line that begins at the margin and those indented below it.
  awk '/^[^ #]/ { keep = $0 !~ /^(torch|triton|cuda-[a-z]+|nvidia-[a-z0-9-]+)==/ } keep' "$lock" > "$venv/locked.txt"
  "$venv/bin/python" -m pip install --quiet --no-compile --no-deps --require-hashes -r "$venv/locked.txt"
  parity="$root/.venv-parity/bin/python"
  if [ -x "$parity" ] && [ "$("$parity" -c 'from importlib.metadata import version; print("torch==" + version("torch").split("+")[0])')" = "$torch" ]; then
    # After this environment's own folder in the search: of packages that both have, the locked ones are taken.
    "$parity" -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > "$site/torch.pth"
    printf '#!%s\nfrom torch.distributed.run import main\nmain()\n' "$venv/bin/python" > "$venv/bin/torchrun"
    chmod +x "$venv/bin/torchrun"
  else
    "$venv/bin/python" -m pip install --quiet --no-compile --no-deps "$torch"
  fi
  "$venv/bin/python" -c 'import torch, transformers, accelerate, peft'
  echo "$wanted" > "$stamp"
fi
if [ "${1:-}" = --launchers ] && ! grep -qx launchers "$stamp"; then
  "$venv/bin/python" -m pip install --quiet --no-compile -r "$here/launchers.txt"
  echo launchers >> "$stamp"
fi
