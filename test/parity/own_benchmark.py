"""A benchmark of one's own in lm-evaluation-harness 0.4.13, from a task file as its users write one. No randomness.

    python own_benchmark.py JOB    # {"model", "items", "folder"} -> {task: {"acc", "acc_norm", "samples"}} on stdout
"""

import json
import os
import sys
from contextlib import redirect_stdout

os.environ["HF_HUB_OFFLINE"] = "1"

import lm_eval  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

COMMON = """
dataset_path: json
dataset_kwargs:
  data_files:
    test: {items}
test_split: test
output_type: multiple_choice
doc_to_target: answer
metric_list:
  - metric: acc
  - metric: acc_norm
"""

LETTERS = """
task: our_exam
doc_to_text: "Question: {{question}}\\n{% for c in choices %}{{'ABCDEFGH'[loop.index0]}}. {{c}}\\n{% endfor %}Answer:"
doc_to_choice: "{{['A', 'B', 'C', 'D', 'E'][:choices|length]}}"
"""

TEXTS = """
task: our_exam_continuation
doc_to_text: "Question: {{question}}\\nAnswer:"
doc_to_choice: "{{choices}}"
"""

job = json.load(open(sys.argv[1]))
for name, text in (("our_exam", LETTERS), ("our_exam_continuation", TEXTS)):
    with open(os.path.join(job["folder"], f"{name}.yaml"), "w") as file:
        file.write(text + COMMON.format(items=job["items"]))
with redirect_stdout(sys.stderr):
    model = HFLM(pretrained=job["model"], dtype="float32", device="cpu", batch_size=1)
    manager = TaskManager(include_path=job["folder"], include_defaults=False)
    results = lm_eval.simple_evaluate(
        model, tasks=["our_exam", "our_exam_continuation"], task_manager=manager, bootstrap_iters=0
    )
out = {}
for task, samples in results["samples"].items():
    scores = results["results"][task]
    out[task] = {
        "acc": scores["acc,none"],
        "acc_norm": scores["acc_norm,none"],
        "samples": [[float(answer[0]) for answer in sample["filtered_resps"]] for sample in samples],
    }
json.dump(out, sys.stdout)
