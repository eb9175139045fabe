#!/usr/bin/env bash
# Proves `med42 score --server` on a real server: vLLM serves MODEL in float32 on loopback, the same items are scored through it
# and by our own engine, and every log-likelihood is compared. The server is killed after a third of the items and started
# again while the client waits; the client is killed after two thirds, and the same command carries on.
#
#     test/vllm/prove.sh MODEL DATA ITEMS [MINUTES]
#
# MODEL is a Llama's folder, DATA a folder with eval/, ITEMS the number of items of each benchmark (of MMLU in all its subjects).
# After MINUTES it stops with status 75, and the same command carries on. Results lie in results/vllm/ITEMS.
# Needs .venv-vllm (test/vllm/make-env.sh). PORT (default 8011) must be free.
set -euo pipefail

model="$(realpath "$1")" data="$(realpath "$2")" items="$3" minutes="${4:-600}"
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
out="$root/results/vllm/$items"
base="http://127.0.0.1:${PORT:-8011}"
end=$((SECONDS + 60 * minutes))
# Longer than any item, so that neither side drops the beginning of one.
context=2048
tasks=(medqa_4options pubmedqa medmcqa headqa_en mmlu)
mkdir -p "$out"

server='' client=''
stop() {
  for pid in $client $server; do kill -KILL -- "-$pid" 2> /dev/null || true; done
}
trap stop EXIT
# Each in a process group of its own, so that a kill reaches the workers that vLLM starts.
set -m

serve() {
  if [ -n "$server" ]; then return; fi
  VLLM_CPU_KVCACHE_SPACE=1 HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 "$root/.venv-vllm/bin/vllm" serve "$model" \
    --served-model-name "$model" --dtype float32 --max-model-len "$context" --enforce-eager \
    --host 127.0.0.1 --port "${PORT:-8011}" >> "$out/vllm.log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    if curl -sf "$base/health" > /dev/null; then
      echo "$(date +%T) the server is up"
      return
    fi
    kill -0 "$server" 2> /dev/null || break
    sleep 2
  done
  tail -n 20 "$out/vllm.log" >&2
  echo 'prove: vLLM did not start; its log ends as above' >&2
  exit 1
}

# Items of a benchmark, or of each of MMLU's six subjects.
limit() { if [ "$1" = mmlu ]; then echo $(((items + 5) / 6)); else echo "$items"; fi; }
score() { # TASK WHERE OPTION...
  node "$root/lib/cli/bin.js" score --model "$model" --data "$data" --tasks "$1" --limit "$(limit "$1")" --out "$out/$2/$1" "${@:3}"
}
scored() { cat "$out/$1"/*/items.jsonl 2> /dev/null | grep -c '"check"' || true; }
all() { echo $((4 * items + 6 * $(limit mmlu))); }

# Waits for the client, and kills what is to be killed in the meantime.
attend() {
  while kill -0 "$client" 2> /dev/null; do
    local done
    done="$(scored served)"
    if [ ! -e "$out/server-killed" ] && [ "$done" -gt $(($(all) / 3)) ] && [ -n "$server" ]; then
      kill -KILL -- "-$server"
      wait "$server" 2> /dev/null || true
      server=''
      echo "$(date +%T) killed the server after $done items" | tee "$out/server-killed"
      serve
    elif [ ! -e "$out/client-killed" ] && [ "$done" -gt $((2 * $(all) / 3)) ]; then
      kill -KILL -- "-$client"
      echo "$(date +%T) killed the client after $done items" | tee "$out/client-killed"
    elif [ "$SECONDS" -gt "$end" ]; then
      kill -INT -- "-$client"
      wait "$client" || true
      echo "$(date +%T) $done of $(all) items through the server, $(scored here) here; the same command carries on"
      exit 75
    fi
    sleep 1
  done
  local status=0
  wait "$client" || status=$?
  client=''
  return "$status"
}

for task in "${tasks[@]}"; do
  if [ -e "$out/served/$task/tasks.csv" ]; then continue; fi
  # The client waits for a server that comes back, so its own kill alone costs it; a slow machine may make it give up once.
  for try in 1 2 3; do
    serve
    score "$task" served --server "$base" &
    client=$!
    if attend; then break; fi
    if [ "$try" = 3 ] || [ "$(scored served)" = 0 ]; then exit 1; fi
    echo "$(date +%T) $task: the client ended; once more, with $(scored served) items"
  done
done
if [ -n "$server" ]; then
  kill -TERM -- "-$server"
  wait "$server" || true
  server=''
fi
for task in "${tasks[@]}"; do
  if [ -e "$out/here/$task/tasks.csv" ]; then continue; fi
  score "$task" here &
  client=$!
  attend
done
"${PYTHON:-python3}" "$root/test/vllm/compare.py" "$out" "$items"
