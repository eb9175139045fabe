#!/usr/bin/env bash
# Makes .venv-jax in the repository root: JAX, for the bench of the training step. PYTHON names the interpreter (default
# python3, 3.11 or newer).
set -euo pipefail

venv="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/.venv-jax"
if "$venv/bin/python" -c 'import jax; assert jax.__version__ == "0.10.2"; import safetensors' 2> /dev/null; then exit 0; fi
rm -rf "$venv"
"${PYTHON:-python3}" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --no-compile jax==0.10.2 jaxlib==0.10.2 safetensors==0.8.0
