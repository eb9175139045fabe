"""Zero-shot scoring by lm-evaluation-harness, for bench/scoring.ts (its protocol: bench/README.md).

    python lm_eval_scoring.py DATA MODEL IDS.json BATCH     IDS: {task: [id, ...]}

`hf` model, float32, on the CPU's cores; no bootstrap. A round is one evaluate(): requests, tokens, forward passes,
metrics; `score given` in batches of BATCH, `score auto` in automatic ones of BATCH at most. Without that limit `auto`
tries 64 rows of the longest request first: 15 GB of logits with a vocabulary of 32,000, and on a CPU it is no error
that halves it but the system that ends the process.
"""

import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "test" / "parity"))

import harness_scores  # noqa: E402  (sets the harness offline before it is loaded)
import lm_eval  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402

say = sys.stdout
sys.stdout = sys.stderr  # the harness prints of batches


def main():
    data, model, ids, batch = sys.argv[1:5]
    items_of = harness_scores.read_items(data)
    few = {}
    for name, wanted in json.loads(pathlib.Path(ids).read_text()).items():
        by_id = {item["id"]: item for item in items_of[name]}
        few[name] = [by_id[one] for one in wanted]
    _, load = harness_scores.tasks_over(few)
    options = {"device": "cpu", "dtype": "float32", "add_bos_token": False}
    lms = {
        "given": HFLM(model, batch_size=int(batch), **options),
        "auto": HFLM(model, batch_size="auto", max_batch_size=int(batch), **options),
    }
    versions = {"lm_eval": lm_eval.__version__, "torch": torch.__version__, "transformers": transformers.__version__}
    print("ready " + json.dumps({"versions": versions, "threads": torch.get_num_threads()}), file=say, flush=True)
    for line in sys.stdin:
        if line.strip() == "quit":
            break
        tasks = load(few)
        began = time.perf_counter()
        outcome = lm_eval.evaluate(lm=lms[line.split()[1]], task_dict=tasks, log_samples=True, bootstrap_iters=0)
        seconds = time.perf_counter() - began
        right = sum(sample["acc"] for of in outcome["samples"].values() for sample in of)
        print(json.dumps({"seconds": seconds, "right": right}), file=say, flush=True)


if __name__ == "__main__":
    main()
