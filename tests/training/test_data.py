"""The training data: its shares, its reproducibility from a seed, and the tokens to learn."""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import httpx
import pytest

from llamastack_workshop.system import paths
from training import data, make
from training.example import Example, Piece, json_answer, user

HASH_OF_EXAMPLES = """
import hashlib
from training import data
print(hashlib.sha256(repr(data.examples(400, {seed})).encode()).hexdigest())
"""


@dataclass(frozen=True)
class Encoding:
    """The result of a tokenizer of the package tokenizers, with the attributes that the data needs."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class EngineTokenizer:
    """The tokenizer of llama.cpp at `url`. `taken` contains the texts of all tokens so far."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url.removesuffix("/v1"), timeout=60)
        self._known: dict[str, list[dict[str, Any]]] = {}
        self.taken: list[str] = []

    def encode(self, text: str, *, add_special_tokens: bool) -> Encoding:
        if text not in self._known:
            asked = {"content": text, "add_special": add_special_tokens, "with_pieces": True}
            self._known[text] = self._client.post("/tokenize", json=asked).raise_for_status().json()["tokens"]
        tokens = self._known[text]
        pieces = [token["piece"] for token in tokens]
        lengths = [len(piece.encode() if isinstance(piece, str) else piece) for piece in pieces]
        # A token may contain part of a letter; its offsets then cover the whole letter.
        letters = [at for at, letter in enumerate(text) for _ in letter.encode()]
        ends = list(accumulate(lengths))
        places = [(letters[end - length], letters[end - 1] + 1) for end, length in zip(ends, lengths, strict=True)]
        self.taken += [text[start:end] for start, end in places]
        return Encoding([token["id"] for token in tokens], places)


@pytest.fixture(scope="module")
def tokenizer() -> EngineTokenizer:
    if not (url := os.environ.get("LLAMA_CPP_URL")):
        pytest.skip("LLAMA_CPP_URL is not set: llama.cpp has the tokenizer")
    return EngineTokenizer(url)


def learned(tokenizer: EngineTokenizer, pieces: list[tuple[str, bool]], seed: int) -> list[str]:
    """Return the runs of text to learn, with the splits of keys that the seed determines."""
    tokenizer.taken.clear()
    _, marks = data.encode(tokenizer, pieces, random.Random(seed))
    runs = [""]
    for text, mark in zip(tokenizer.taken, marks, strict=True):
        if mark:
            runs[-1] += text
        elif runs[-1]:
            runs.append("")
    return [run for run in runs if run]


def test_each_kind_has_its_share() -> None:
    made = data.examples(1000, 1)
    assert len(made) == round(1000 * sum(share for _, share in data.SHARES.values()))
    counts = Counter(example.kind for example in made)
    # For these kinds, the contrasts make no examples.
    for kind in ("tools", "memory", "chat"):
        assert counts[kind] == round(1000 * data.SHARES[kind][1]), kind
    # In random order: a training that stops early has seen all kinds.
    assert len({example.kind for example in made[:100]}) >= 7


def test_a_seed_makes_the_same_examples_in_every_process() -> None:
    def made(seed: int, hash_seed: str) -> str:
        variables = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(paths.ROOT)}
        code = HASH_OF_EXAMPLES.format(seed=seed)
        return subprocess.run(
            [sys.executable, "-c", code], env=variables, capture_output=True, check=True
        ).stdout.decode()

    first = made(3, "1")
    assert first == made(3, "2")
    here = hashlib.sha256(repr(data.examples(400, 4)).encode()).hexdigest()
    assert here != first.strip()


@pytest.mark.parametrize("seed", range(6))
def test_only_the_answer_is_learned_and_not_what_the_grammar_writes(tokenizer: EngineTokenizer, seed: int) -> None:
    messages = [user("Größe: 16 GB, Ÿ 🐈")]
    example = Example("extract", messages, json_answer(messages, {"memory_size": "16 GB", "cat": "🐈"}))
    pieces = data.render.spans(data.render.template(), example)
    assert "".join(text for text, _ in pieces).endswith('{"memory_size": "16 GB", "cat": "🐈"}<|im_end|>')
    runs = learned(tokenizer, pieces, seed)
    text = "".join(runs)
    # The grammar writes the brace, and the first quotation mark shares a token with it or with the key.
    assert "{" not in text and "Größe" not in text and "im_start" not in text
    assert text.endswith('"}<|im_end|>') and ' "16 GB"' in text
    keys = [key for key in ("memory_size", "cat") if key in text]
    assert keys in ([], ["memory_size", "cat"])


def test_keys_are_learned_in_about_half_of_the_examples(tokenizer: EngineTokenizer) -> None:
    pieces = [("p", False), ('{"', False), ("ram", False), ('": 1}', True)]
    with_key = sum("ram" in "".join(learned(tokenizer, pieces, seed)) for seed in range(60))
    assert 10 <= with_key <= 30


def test_an_earlier_answer_is_learned_where_it_is_right_as_well(tokenizer: EngineTokenizer) -> None:
    messages = [user("I am Ada."), {"role": "assistant", "content": "Hello, Ada."}, user("Who am I?")]
    for earlier, runs in (
        (False, ["You are Ada.<|im_end|>"]),
        (True, ["Hello, Ada.<|im_end|>", "You are Ada.<|im_end|>"]),
    ):
        example = Example("memory", messages, [Piece("You are Ada.")], learn_earlier=earlier)
        assert learned(tokenizer, data.render.spans(data.render.template(), example), 1) == runs


def test_longer_examples_than_the_limit_are_left_out(
    tokenizer: EngineTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "LONGEST", 120)
    made = data.examples(20, 5)
    kept = list(data.encoded(tokenizer, made, random.Random(5)))
    assert 0 < len(kept) < len(made)
    assert all(len(ids) == len(marks) <= 120 for _, ids, marks in kept)
    assert all(any(marks) for _, _, marks in kept)


def test_another_version_of_the_code_or_of_the_options_trains_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    first = make.version("examples=1")
    assert make.version("examples=1") == first != make.version("examples=2")
    monkeypatch.setattr(make, "TEMPLATE", paths.ROOT / "README.md")
    assert make.version("examples=1") != first
