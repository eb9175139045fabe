#!/usr/bin/env bash
# Proves a bundle: makes one with XLA's CPU plug-in, unpacks it in an empty folder, and runs the smoke preset on `cpu` and on
# `xla:cpu` in a network namespace without a network, with no Node on the PATH. Then every notebook that needs no other run.
#
#     test/bundle/prove.sh [ARCHIVE]
#
# Needs the plug-in (test/xla/make-env.sh) and unshare (util-linux). With ARCHIVE, a bundle that is there is taken.
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

archive="${1:-}"
if [ -z "$archive" ]; then
  archive="$work/bundle.tar.xz"
  XDG_CACHE_HOME="${XDG_CACHE_HOME:-$root/.cache}" node "$root/lib/cli/bin.js" bundle --device xla:cpu --out "$archive"
  (cd "$work" && sha256sum -c bundle.tar.xz.sha256)
fi
mkdir "$work/empty"
tar -xJf "$archive" -C "$work/empty"
cd "$work/empty"/*

# What a launcher may use, and nothing else: neither Node nor Python.
mkdir "$work/tools"
for tool in sh dirname readlink; do ln -s "$(command -v "$tool")" "$work/tools/$tool"; done
# Nothing of this environment goes in; HOME is empty, so that no cache of this machine is read.
alone() { unshare --map-root-user --net env -i PATH="$work/tools" HOME="$work/home" "$@"; }
mkdir "$work/home"

if alone sh -c 'command -v node'; then
  echo 'prove: there is a Node on the PATH' >&2
  exit 1
fi
if alone "$PWD/node/bin/node" -e 'require("net").connect(53, "9.9.9.9").on("error", () => process.exit(1)).on("connect", () => process.exit(0))'; then
  echo 'prove: there is a network' >&2
  exit 1
fi
for device in cpu xla:cpu; do
  began=$SECONDS
  alone ./med42 reproduce --preset smoke --fresh --device "$device" > "$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; exit 1; }
  grep -q "\"device\": \"$device\"" workbook/results/smoke/manifest.json
  echo "$device: the smoke run took $((SECONDS - began)) s"
done
alone ./med42 notebooks 01
