"""Token ids and assistant masks of conversations, by transformers' apply_chat_template (5.23.0). No randomness.

    python chat_masks.py JOB    # {"folder", "template", "conversations"} -> {"ids", "masks"} on stdout

The template marks what an assistant says with {% generation %}, as transformers and TRL read it.
"""

import json
import sys

from transformers import PreTrainedTokenizerFast

job = json.load(open(sys.argv[1]))
tokenizer = PreTrainedTokenizerFast.from_pretrained(job["folder"])
out = {"ids": [], "masks": []}
for messages in job["conversations"]:
    encoded = tokenizer.apply_chat_template(
        messages,
        chat_template=job["template"],
        tokenize=True,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    out["ids"].append(list(encoded["input_ids"]))
    out["masks"].append(list(encoded["assistant_masks"]))
json.dump(out, sys.stdout)
