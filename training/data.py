"""Make the data of a round of training: examples of all kinds, tokenised and packed into one file.

The first round learns the tasks from sentence templates; the second learns variety from texts that we wrote one by one,
and repeats some of the first, so that nothing is forgotten.

`python -m training.data --weights FOLDER --round 1 --examples 200000 --seed 3 --own 3600 --out tokens.npz` writes `tokens` (uint16), `learn` (the loss
mask: a bit per token, set if the model learns it), `starts` (int32, the offset of each example) and `own` (requests for
the untrained model to answer itself).
"""

import argparse
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import render, words
from training.example import Example, user
from training.kinds import chat, classify, context, contrast, extract, grading, memory, patterns, retain, tools
from training.written import chat as short_questions
from training.written import checks, copying, lists
from training.written import classify as label_sets
from training.written import context as passages
from training.written import extract as written_texts
from training.written import memory as turns
from training.written import search as searches
from training.written import tools as functions

if TYPE_CHECKING:
    # Only installed in the training environment; the examples can be made without it.
    from tokenizers import Tokenizer

GGUF = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHARES = {
    "extract": (extract, 0.22),
    "contrast": (contrast, 0.12),
    "classify": (classify, 0.18),
    "tools": (tools, 0.13),
    "context": (context, 0.09),
    "memory": (memory, 0.07),
    "chat": (chat, 0.05),
    "patterns": (patterns, 0.12),
    "grading": (grading, 0.05),
}
_REPEATED = 0.2
WRITTEN = {
    "written_texts": (written_texts, 0.2),
    "lists": (lists, 0.03),
    "label_sets": (label_sets, 0.12),
    "functions": (functions, 0.12),
    "searches": (searches, 0.03),
    "passages": (passages, 0.11),
    "short_questions": (short_questions, 0.13),
    "copying": (copying, 0.05),
    "turns": (turns, 0.06),
    "checks": (checks, 0.08),
}
ROUNDS = {1: SHARES, 2: {name: (module, share * _REPEATED) for name, (module, share) in SHARES.items()} | WRITTEN}
LONGEST = 1024


def examples(count: int, seed: int, number_of_round: int = 1) -> list[Example]:
    """Return about `count` examples of a round in random order, each kind with its share."""
    made: list[Example] = []
    for number, (module, share) in enumerate(ROUNDS[number_of_round].values()):
        source = module.examples(random.Random(f"{seed}-{number}"))
        made += [next(source) for _ in range(round(count * share))]
    random.Random(seed).shuffle(made)
    return made


def encode(tokenizer: "Tokenizer", pieces: list[tuple[str, bool]], rng: random.Random) -> tuple[list[int], list[bool]]:
    """Return the tokens of the whole text, and its loss mask: True for the tokens to learn.

    The server's grammar lets the model choose how to split an unexpected key into tokens. So keys are either learned in
    the usual tokens, or given in other splits.
    """
    if (cut := rng.random() < 0.45) or rng.random() < 0.5:
        pieces = [(part, learn) for text, learn in pieces for part in (_cut(text, rng) if cut and not learn and text.isidentifier() else [text])]
    else:
        pieces = [(text, learn or text.isidentifier()) for text, learn in pieces]
    ids: list[int] = []
    marks: list[bool] = []
    for group in _groups(pieces):
        learned = np.concatenate([np.full(len(text), learn) for text, learn in group])
        encoded = tokenizer.encode("".join(text for text, _ in group), add_special_tokens=False)
        ids += encoded.ids
        # A partly forced token counts as forced: the model must not learn to begin with `{"`, where the grammar writes `{`.
        marks += [bool(learned[start:end].all()) for start, end in encoded.offsets]
    return ids, marks


def _cut(key: str, rng: random.Random) -> list[str]:
    """Return a key in two or three parts, each of which is tokenised separately."""
    places = sorted(rng.sample(range(1, len(key)), min(len(key) - 1, rng.choice([1, 1, 2])))) if len(key) > 1 else []
    return [f"\0{key[a:b]}" for a, b in zip([0, *places], [*places, len(key)], strict=True)]


def _groups(pieces: list[tuple[str, bool]]) -> list[list[tuple[str, bool]]]:
    """Return the pieces in groups that are tokenised together; each part of a split key is a group of its own."""
    groups: list[list[tuple[str, bool]]] = [[]]
    for text, learn in pieces:
        if text.startswith("\0"):
            groups += [[(text[1:], learn)], []]
        else:
            groups[-1].append((text, learn))
    return [group for group in groups if group]


def encoded(tokenizer: "Tokenizer", made: list[Example], rng: random.Random) -> Iterator[tuple[Example, list[int], list[bool]]]:
    """Yield each example with its tokens and loss mask; examples of more than `LONGEST` tokens are left out."""
    chat_template = render.template()
    for example in made:
        ids, marks = encode(tokenizer, render.spans(chat_template, example), rng)
        if len(ids) <= LONGEST:
            yield example, ids, marks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--round", type=int, choices=ROUNDS, default=1)
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--own", type=int, default=3600, help="number of requests that the untrained model answers itself")
    parser.add_argument("--weights", type=Path, required=True, help=f"folder with {GGUF}, which contains the tokenizer")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(arguments.weights, gguf_file=GGUF).backend_tokenizer
    whole = (word[1:] for word in tokenizer.get_vocab() if word.startswith("Ġ"))
    words.VOCABULARY[:] = sorted(word for word in whole if 4 <= len(word) <= 10 and word.isascii() and word.isalpha() and word.islower())
    tokens, learn, starts, kinds = [], [], [], Counter()
    at = 0
    print(f"Making {arguments.examples} examples …", flush=True)
    made = examples(arguments.examples, arguments.seed, arguments.round)
    for example, ids, marks in encoded(tokenizer, made, random.Random(arguments.seed)):
        starts.append(at)
        tokens.append(np.array(ids, dtype=np.uint16))
        learn.append(np.array(marks, dtype=bool))
        kinds[example.kind] += len(ids)
        at += len(ids)
        if len(starts) % 20_000 == 0:
            print(f"Tokenised {len(starts)} of {len(made)} examples", flush=True)
    chat_template, own = render.template(), np.empty(arguments.own, dtype=object)
    for number, request in enumerate(retain.requests(arguments.own, arguments.seed)):
        asked = render.prompt(chat_template, [user(request)], [])
        own[number] = np.array(tokenizer.encode(asked, add_special_tokens=False).ids, dtype=np.uint16)
    np.savez_compressed(arguments.out, own=own, tokens=np.concatenate(tokens), learn=np.packbits(np.concatenate(learn)), starts=np.array(starts, dtype=np.int32))
    print(f"{len(starts)} examples, {at} tokens, {sum(int(m.sum()) for m in learn)} of them learned; by kind: {dict(kinds)}")


if __name__ == "__main__":
    main()
