"""Trains with Ray Train: `MODEL=FOLDER python ray_train.py` on the head of a Ray cluster that sees this folder everywhere.

Ray (2.60.0 was used) is installed beside requirements.txt: `pip install "ray[train]==2.60.0"`. Options of train.py may follow.
"""

import json
import os
import sys
from pathlib import Path

from ray.train import ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer

HERE = Path(__file__).resolve().parent


def train(config):
    sys.path.insert(0, config["folder"])
    import train as script

    script.main(config["words"])


def main():
    words, cpu = sys.argv[1:], "--cpu" in sys.argv
    if not any(word.startswith("--model") for word in words):
        words += ["--model", os.environ["MODEL"]]
    processes = json.loads((HERE / "handoff.json").read_text())["world"]["processes"]
    TorchTrainer(
        train,
        train_loop_config={"folder": str(HERE), "words": words},
        torch_config=TorchConfig(backend="gloo" if cpu else "nccl"),
        scaling_config=ScalingConfig(num_workers=processes, use_gpu=not cpu),
    ).fit()


if __name__ == "__main__":
    main()
