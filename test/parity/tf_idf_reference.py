"""What scikit-learn's TfidfVectorizer makes of the texts here: the values that lib/decontaminate/tf-idf.ts is held against.

    tf_idf_reference.py > fixtures/tf-idf.json

Texts and cosines are written together, with this script's name, the versions and the seed, so that the test needs no
Python; where Python is there, it is run again and the values must come out as written. No row is a near copy of an item:
copies are where the document frequency differs from scikit-learn's.
"""

import json
import platform
import random
import sys

import numpy
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer

SEED = 20240424
# Letters and digits, no underscore: what the workbook takes for a word.
WORDS = r"[^\W_]+"


def texts(draw, count, vocabulary, joint):
    weights = [1 / (4 + place) for place in range(len(vocabulary))]
    return [joint.join(draw.choices(vocabulary, weights, k=draw.randint(8, 14))) for _ in range(count)]


def case(name, items, rows, options, **settings):
    # The workbook's rule: left out above a share of all texts, never at ten texts or fewer.
    most = max(10, int(options["maxShare"] * (len(items) + len(rows))))
    vectorizer = TfidfVectorizer(max_df=most, **settings)
    vectors = vectorizer.fit_transform(items + rows)
    # A text of common words alone keeps them here, and loses all to scikit-learn.
    assert vectors.getnnz(axis=1).min() > 0, name
    cosines = (vectors[: len(items)] @ vectors[len(items) :].T).toarray()
    return {"name": name, "items": items, "rows": rows, "options": options, "nearest": cosines.max(axis=1).tolist()}


def main():
    draw = random.Random(SEED)
    english = [f"word{place}" for place in range(150)] + ["Fever", "FEVER", "b12", "Straßenlärm", "órgano", "été", "кровь"]
    items, rows = texts(draw, 25, english, " "), texts(draw, 120, english, ", ")
    chinese = list("一名成年男性患者出现多饮尿体重下降最可能缺乏哪种激素胰腺分泌的岛甲状肾上皮质醇垂生长骨折后处理固定热敷按摩运动")
    zh_items, zh_rows = texts(draw, 20, chinese, ""), texts(draw, 100, chinese, "")
    record = {
        "script": "test/parity/tf_idf_reference.py",
        "seed": SEED,
        "versions": {
            "python": platform.python_version(),
            "numpy": numpy.__version__,
            "scikit-learn": sklearn.__version__,
        },
        "cases": [
            case(f"{name}, above {share} left out", items, rows, {"pairs": pairs, "maxShare": share},
                 token_pattern=WORDS, ngram_range=(1, 2 if pairs else 1))
            for name, pairs in [("words", False), ("words and pairs", True)]
            for share in [0.25, 1]
        ]
        + [
            case("pairs of Chinese characters", zh_items, zh_rows, {"pairs": False, "maxShare": 1},
                 analyzer="char", ngram_range=(2, 2))
        ],
    }
    json.dump(record, sys.stdout, ensure_ascii=False)
    sys.stdout.write("\n")


main()
