#!/usr/bin/env bash
# Installs XLA's CPU plug-in for the tests into .cache of the repository, with the product's own command: fetched by pip,
# hash checked, unpacked. Does nothing when the pinned version is there. WHEELS names a folder of wheels to take it from.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
export XDG_CACHE_HOME="$root/.cache"
med42=(node "$root/lib/cli/bin.js" xla)
if "${med42[@]}" list | grep -q '^cpu .*\[installed\]$'; then exit 0; fi
"${med42[@]}" install cpu --yes ${WHEELS:+--from "$WHEELS"}
