"""What lm-evaluation-harness itself asks, answers and reads, for harness-scores.test.ts to compare with lib/eval.

    python harness_scores.py JOB.json

Its task files, prompts, tokenisation, truncation, forward passes, metrics and files are all its own; only the download
of its data sets is replaced by local items, and the tokenizer is read from tokenizer.json alone. JOB holds

    data      a folder with eval/*.jsonl.gz
    out       where answers go
    requests  true: OUT/requests.json, {task: sha256 of the request strings of ALL items, their number}
    scores    [{model, bos, batch, ids: {task: [id, ...]}, folder}]: its result and sample files for those items in FOLDER/TASK;
              a task whose FOLDER/TASK/done.json names the same items is not scored again
    read      [folder]: OUT/read.json, what its tools make of our result and sample files
"""

import glob
import gzip
import hashlib
import json
import os
import pathlib
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import lm_eval
from lm_eval.api.metrics import mean, mean_stderr
from lm_eval.api.task import ConfigurableTask
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager, get_task_dict
from lm_eval.utils import (
    get_file_datetime,
    get_file_task_name,
    get_latest_filename,
    get_results_filenames,
    get_sample_results_filenames,
    hash_string,
    make_table,
)
from transformers import PreTrainedTokenizerFast

datasets.disable_progress_bars()
LETTERS = "abcd"
NAMES = {"medqa": "medqa_4options", "headqa": "headqa_en"}
MANAGER = TaskManager()


def harness_name(item):
    return f"mmlu_{item['subject']}" if item["task"] == "mmlu" else NAMES.get(item["task"], item["task"])


def harness_doc(item):
    """The item with the column names of the data set that the harness would have downloaded."""
    question, choices, answer = item["question"], item["choices"], item["answer"]
    return {
        "medqa": lambda: {"sent1": question, **{f"ending{i}": c for i, c in enumerate(choices)}, "label": answer},
        "medmcqa": lambda: {
            "question": question,
            **{f"op{LETTERS[i]}": c for i, c in enumerate(choices)},
            "cop": answer,
            "subject_name": item["subject"],
        },
        "pubmedqa": lambda: {
            "CONTEXTS": item["context"].split("\n"),
            "QUESTION": question,
            "final_decision": choices[answer],
        },
        "headqa": lambda: {
            "qtext": question,
            "answers": [{"aid": i + 1, "atext": c} for i, c in enumerate(choices)],
            "ra": answer + 1,
        },
        "mmlu": lambda: {"question": question, "subject": item["subject"], "choices": choices, "answer": answer},
    }[item["task"]]()


def read_items(folder):
    by_task = {}
    for path in sorted(glob.glob(f"{folder}/eval/*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                item = json.loads(line)
                by_task.setdefault(harness_name(item), []).append(item)
    return by_task


def tasks_over(items_of):
    """The harness's own task objects, over our items; a task and its `_continuation` have the same ones."""

    def download(self, dataset_kwargs=None, **kwargs):
        items = items_of[self.config.task.removesuffix("_continuation")]
        split = datasets.Dataset.from_list([harness_doc(item) for item in items])
        self.dataset = datasets.DatasetDict({name: split for name in ("train", "validation", "test", "dev")})

    ConfigurableTask.download = download
    names = [*items_of, *(f"{name}_continuation" for name in items_of if name.startswith("mmlu_"))]
    return names, lambda wanted: get_task_dict(list(wanted), MANAGER)


def asked(items_of):
    hashes = {}
    names, load = tasks_over(items_of)
    for name, task in load(names).items():
        digest = hashlib.sha256()
        task.build_all_requests(limit=None)
        for request in task.instances:
            line = json.dumps(list(request.args), ensure_ascii=False, separators=(",", ":"))
            digest.update((line + "\n").encode())
        hashes[name] = {"hash": digest.hexdigest(), "count": len(task.instances)}
    return hashes


def score(items_of, model, bos, batch, ids, folder):
    """As `lm_eval --model hf --tasks TASK --log_samples --output_path FOLDER/TASK` for each task."""
    folder = pathlib.Path(folder)
    # transformers 5's own class for GPT-2's tokenizers splits as GPT-2's did, whatever tokenizer.json says (its issue 45920).
    tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
    for name, wanted in ids.items():
        asked_for = {"model": model, "bos": bos, "ids": wanted}
        done = folder / name / "done.json"
        if done.exists() and json.loads(done.read_text(encoding="utf-8"))["of"] == asked_for:
            continue
        by_id = {item["id"]: item for item in items_of[name]}
        tasks_over({name: [by_id[one] for one in wanted]})
        began = time.monotonic()
        tracker = EvaluationTracker(output_path=str(folder / name))
        outcome = lm_eval.simple_evaluate(
            model="hf",
            model_args={"pretrained": model, "tokenizer": tokenizer, "dtype": "float32", "add_bos_token": bos},
            device="cpu",
            batch_size=batch,
            tasks=[name],
            task_manager=MANAGER,
            evaluation_tracker=tracker,
            log_samples=True,
            bootstrap_iters=1,  # none and it gives no standard error, though that of a mean is not bootstrapped
        )
        samples = outcome.pop("samples")
        tracker.save_results_aggregated(results=outcome, samples=samples)
        tracker.save_results_samples(task_name=name, samples=samples[name])
        seconds = time.monotonic() - began
        done.write_text(json.dumps({"of": asked_for, "seconds": seconds}), encoding="utf-8")
        print(f"{os.path.basename(model)} {name}: {len(wanted)} items, {seconds:.0f} s", file=sys.stderr, flush=True)


def read(folder):
    """Our files, found, opened and recomputed by the harness's own code."""
    files = [str(path) for path in pathlib.Path(folder).iterdir()]
    newest = get_latest_filename(get_results_filenames(files))
    results = json.loads(pathlib.Path(newest).read_text(encoding="utf-8"))
    recomputed = {}
    for file in get_sample_results_filenames(files):
        name = get_file_task_name(os.path.basename(file))
        # The harness says it writes samples so that this opens them.
        rows = sorted(datasets.load_dataset("json", data_files=file, split="train"), key=lambda row: row["doc_id"])
        task = get_task_dict([name], MANAGER)[name] if "usmle" not in name else None
        metrics = {}
        for line in sorted(map(json.loads, open(file, encoding="utf-8")), key=lambda line: line["doc_id"]):
            answers = [(float(value), greedy == "True") for value, greedy in line["filtered_resps"]]
            for metric, value in task.process_results(line["doc"], answers).items():
                assert line[metric] == value, (name, line["doc_id"], metric)
                metrics.setdefault(metric, []).append(value)
            context = task.doc_to_text(line["doc"])
            assert line["arguments"]["gen_args_0"]["arg_0"].endswith(context), (name, line["doc_id"])
            assert line["doc_hash"] == hash_string(json.dumps(line["doc"], indent=2, ensure_ascii=False))
        recomputed[name] = {
            "rows": len(rows),
            "datetime": get_file_datetime(file) == get_file_datetime(newest).removesuffix(".json"),
            "taskHash": hash_string("".join(r["doc_hash"] + r["prompt_hash"] + r["target_hash"] for r in rows)),
            **{metric: [mean(values), mean_stderr(values)] for metric, values in metrics.items()},
        }
    return {"table": make_table(results), "recomputed": recomputed}


def main():
    job = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    out = pathlib.Path(job["out"])
    items_of = read_items(job["data"])
    if job.get("requests"):
        (out / "requests.json").write_text(json.dumps({"version": lm_eval.__version__, "tasks": asked(items_of)}))
    for one in job.get("scores", []):
        score(items_of, one["model"], one["bos"], one["batch"], one["ids"], one["folder"])
    if "read" in job:
        tasks_over(items_of)
        (out / "read.json").write_text(json.dumps([read(folder) for folder in job["read"]]))


if __name__ == "__main__":
    main()
