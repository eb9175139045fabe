"""What transformers makes of the same prompts, scores and conversations; a command of reference.py.

Request (all fields optional but those said): {
    limit, prompts    greedy generation: [[token id]], `limit` new tokens each; no end-of-sequence token stops it
    warps             [{logits: [V], temperature, topK?, topP?}]: logits processors in `generate`'s own order
    conversations     [[{role, content}]]: the tokenizer's chat template, up to where the answer begins
}
Answer: {generated: [[token id]], probabilities: [[V]], conversations: [[token id]]}
"""

import json
from pathlib import Path

import torch
from transformers import (
    LogitsProcessorList,
    PreTrainedTokenizerFast,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


def greedy(model, prompt, limit):
    ids = torch.tensor([prompt])
    model.generation_config.eos_token_id = None
    whole = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=limit, do_sample=False)
    return whole[0, len(prompt):].tolist()


def warp(logits, temperature, topK=None, topP=None):
    """The probabilities that a token is drawn with."""
    chain = [TemperatureLogitsWarper(float(temperature))]  # a 1 without its point is refused
    if topK is not None:
        chain.append(TopKLogitsWarper(topK))
    if topP is not None:
        chain.append(TopPLogitsWarper(topP))
    scores = torch.tensor([logits], dtype=torch.float32)
    return LogitsProcessorList(chain)(None, scores).softmax(-1)[0].tolist()


def answer(folder, model, request):
    """`model`: called for the loaded model, where the request needs one."""
    found = {}
    if "prompts" in request:
        loaded = model().eval()
        found["generated"] = [greedy(loaded, prompt, request["limit"]) for prompt in request["prompts"]]
    if "warps" in request:
        found["probabilities"] = [warp(**one) for one in request["warps"]]
    if "conversations" in request:
        # tokenizer.json as it is written: for the class LlamaTokenizer, AutoTokenizer puts another normalizer in its place.
        tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
        found["conversations"] = [
            tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
            for messages in request["conversations"]
        ]
    return found


def write_answer(options, model):
    request = json.loads(Path(options.request).read_text())
    Path(options.out).write_text(json.dumps(answer(options.model, model, request)))
