#!/usr/bin/env bash
# Makes .venv-jupyter in the repository root: the JupyterLab that the browser test opens notebooks in.
# Does nothing when it is there already. PYTHON names the interpreter (default python3).
set -euo pipefail

version=4.6.6
venv="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.venv-jupyter"
if [ "$("$venv/bin/jupyter-lab" --version 2> /dev/null)" = "$version" ]; then exit 0; fi
rm -rf "$venv"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --no-compile "jupyterlab==$version"
