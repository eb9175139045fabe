#!/usr/bin/env bash
# Makes .venv-parity in the repository root: the Python peers as pinned in requirements.txt.
# Does nothing when the environment already holds exactly these pins and this Python; starts afresh otherwise.
# PYTHON names the interpreter (default python3, 3.11 or newer). Any torch build of the pinned version will do: on a
# machine without a GPU the CPU build saves gigabytes; point pip at it (PIP_FIND_LINKS or PIP_INDEX_URL).
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
venv="$(cd "$here/../.." && pwd)/.venv-parity"
requirements="$here/requirements.txt"
python="${PYTHON:-python3}"
stamp="$venv/requirements.stamp"

wanted="$("$python" --version) $(cksum < "$requirements")"
if [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
  exit 0
fi

"$python" -c 'import sys; sys.version_info >= (3, 11) or sys.exit("make-env: needs Python 3.11 or newer; name one in PYTHON")'
rm -rf "$venv"
"$python" -m venv "$venv"
# Python compiles what is imported; compiling everything took as long as the rest.
"$venv/bin/python" -m pip install --quiet --no-compile "$(grep '^torch==' "$requirements")"
"$venv/bin/python" -m pip install --quiet --no-compile -r "$requirements"
echo "$wanted" > "$stamp"
