#!/usr/bin/env bash
# Installs for the tests, into .cache of the repository and with the product's own command: XLA's CPU plug-in, and of
# NVIDIA's what compiles for a card that is not there (257 MB). Fetched by pip, hashes checked, unpacked. Does nothing when
# the pinned versions are there. WHEELS names a folder of wheels to take them from.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export XDG_CACHE_HOME="$root/.cache"
med42=(node "$root/lib/cli/bin.js" xla)
there="$("${med42[@]}" list)"
# ensure NAME STATE OPTION...: STATE is what the list says of it once it is installed
ensure() {
  if grep -q "^$1 .*\\[$2\\]\$" <<< "$there"; then return; fi
  "${med42[@]}" install "$1" --yes ${WHEELS:+--from "$WHEELS"} "${@:3}"
}
ensure cpu 'installed'
ensure cuda13 'installed, compiles only' --compile-only
