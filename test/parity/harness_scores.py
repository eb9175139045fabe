"""Scores evaluation items with lm-evaluation-harness itself, for harness-scores.test.ts to compare with lib/eval.

    pip install lm-eval torch transformers
    python harness_scores.py DATA MODEL OUT.json [--per-task 12] [--bos]
    MED42_HARNESS_SCORES=OUT.json npx vitest run test/parity/harness-scores.test.ts

DATA has eval/*.jsonl.gz; MODEL is a Hugging Face folder. The harness's task files, prompts, tokenisation, truncation,
forward passes and metrics are all its own; only the download of its data sets is replaced by the given items.
OUT holds, for each task, a hash of the request strings of ALL items, and scores with token ids for the first few.
"""

import argparse
import glob
import gzip
import hashlib
import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import datasets
import lm_eval
import torch
from lm_eval.api.task import ConfigurableTask
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager, get_task_dict

LETTERS = "abcd"
NAMES = {"medqa": "medqa_4options", "headqa": "headqa_en"}


def harness_name(item):
    return f"mmlu_{item['subject']}" if item["task"] == "mmlu" else NAMES.get(item["task"], item["task"])


def harness_doc(item):
    """The item with the column names of the data set that the harness would have downloaded."""
    question, choices, answer = item["question"], item["choices"], item["answer"]
    return {
        "medqa": lambda: {"sent1": question, **{f"ending{i}": c for i, c in enumerate(choices)}, "label": answer},
        "medmcqa": lambda: {"question": question, **{f"op{LETTERS[i]}": c for i, c in enumerate(choices)}, "cop": answer},
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
    """The harness's own task objects, over our items."""

    def download(self, dataset_kwargs=None, **kwargs):
        split = datasets.Dataset.from_list([harness_doc(item) for item in items_of[self.config.task]])
        self.dataset = datasets.DatasetDict({name: split for name in ("train", "validation", "test", "dev")})

    ConfigurableTask.download = download
    return get_task_dict(list(items_of), TaskManager())


class RecordingLM(HFLM):
    """Keeps each request's token ids, and the log-probability of each continuation token."""

    def _loglikelihood_tokens(self, requests, *args, **kwargs):
        results = super()._loglikelihood_tokens(requests, *args, **kwargs)
        self.recorded = {}
        for (strings, context, continuation), (total, greedy) in zip(requests, results):
            tokens = (context + continuation)[-(self.max_length + 1) :][:-1]
            with torch.no_grad():
                log_probs = self.model(torch.tensor([tokens])).logits[0].log_softmax(-1)
            first = len(tokens) - len(continuation)
            picks = [
                (first + i, target, log_probs[first + i, target].item(), log_probs[first + i].argmax().item() == target)
                for i, target in enumerate(continuation)
            ]
            self.recorded[strings] = {
                "contextIds": context,
                "continuationIds": continuation,
                "input": tokens,
                "picks": picks,
                "logLikelihood": total,
                "isGreedy": greedy,
            }
        return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("model")
    parser.add_argument("out")
    parser.add_argument("--per-task", type=int, default=12)
    parser.add_argument("--bos", action="store_true")
    options = parser.parse_args()

    items_of = read_items(options.data)
    hashes = {}
    for name, task in tasks_over(items_of).items():
        digest = hashlib.sha256()
        task.build_all_requests(limit=None)
        for request in task.instances:
            digest.update((json.dumps(list(request.args), ensure_ascii=False, separators=(",", ":")) + "\n").encode())
        hashes[name] = digest.hexdigest()

    few = {name: items[: options.per_task] for name, items in items_of.items()}
    model = RecordingLM(options.model, device="cpu", dtype="float32", batch_size=1, add_bos_token=options.bos)
    outcome = lm_eval.evaluate(lm=model, task_dict=tasks_over(few), log_samples=True, bootstrap_iters=1000)
    tasks = {}
    for name, items in few.items():
        samples = sorted(outcome["samples"][name], key=lambda sample: sample["doc_id"])
        tasks[name] = {
            "requestHash": hashes[name],
            "results": {k: v for k, v in outcome["results"][name].items() if k.startswith("acc")},
            "items": [
                {"item": item, "acc": sample["acc"], "accNorm": sample.get("acc_norm"),
                 "requests": [model.recorded[tuple(argument)] for argument in sample["arguments"]]}
                for item, sample in zip(items, samples, strict=True)
            ],
        }
    record = {
        "harness": lm_eval.__version__,
        "bos": "tokenizer" if options.bos else "never",
        "maxLength": model.max_length,
        "vocabSize": model.model.config.vocab_size,
        "data": os.path.abspath(options.data),
        "model": os.path.abspath(options.model),
        "tasks": tasks,
    }
    with open(options.out, "w", encoding="utf-8") as out:
        json.dump(record, out)


if __name__ == "__main__":
    main()
