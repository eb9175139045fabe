"""What sentence-transformers and lm-evaluation-harness make of given texts, for embeddings.test.ts to compare with.

    embeddings.py vectors FOLDER TEXTS.json OUT.bin   [N, E] float32, as SentenceTransformer.encode gives them
    embeddings.py static FOLDER TEXTS.json OUT.bin    the same of a StaticEmbedding whose table lies in onnx/model.onnx
    embeddings.py ngrams TEXTS.json OUT.json          each text's 13-grams, by the harness's Janitor

The vectors of `vectors` are made from safetensors by PyTorch where FOLDER has them, or by the package of that name.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def encode(model, texts, out):
    model.encode(texts, batch_size=32, show_progress_bar=False, normalize_embeddings=True).astype("float32").tofile(out)


def vectors(folder, texts, out):
    from importlib.resources import files

    from sentence_transformers import SentenceTransformer

    packaged = str(files(folder[8:]) / "model") if folder.startswith("package:") else folder
    encode(SentenceTransformer(packaged, device="cpu"), read(texts), out)


def static(folder, texts, out):
    import onnx
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import StaticEmbedding
    from tokenizers import Tokenizer

    tables = onnx.load(f"{folder}/onnx/model.onnx").graph.initializer
    table = next(onnx.numpy_helper.to_array(t) for t in tables if len(t.dims) == 2)
    tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json")
    encode(SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_weights=table)], device="cpu"), read(texts), out)


def ngrams(texts, out):
    from lm_eval.decontamination.janitor import Janitor, word_ngrams

    janitor = Janitor()
    with open(out, "w", encoding="utf-8") as file:
        json.dump([list(word_ngrams(janitor.normalize_string(text), 13)) for text in read(texts)], file)


if __name__ == "__main__":
    {"vectors": vectors, "static": static, "ngrams": ngrams}[sys.argv[1]](*sys.argv[2:])
