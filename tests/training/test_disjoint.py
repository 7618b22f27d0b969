"""No request of the evaluation shares names, numbers or sentences with the embedded model's training data.

Common words, the names of days, months, languages and units, and the JSON keys of the book may occur in both.
"""

import ast
import random
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from llamastack_workshop.evaluating.cases import Case, load
from llamastack_workshop.system import paths
from training import data, words
from training.kinds import retain
from training.written.texts import FOLDER
from training.written.texts import load as load_texts

CASES = load()
# Four words in a row can be a common phrase ("what is the price"); five are a large part of a request.
RUN = 5
# With a placeholder for each name and number, even five words can be a common phrase ("from N to N in").
MASKED_RUN = 6
# "80 on the 23rd of May" is only a date.
OWN_RUN = 4
# "My dog is called {v}" has four words of its own: even with three, another name makes it the same sentence.
OWN_WORDS = 3
# A slot of a frame holds up to this number of words.
SLOT = 5
# They read the data and write none.
PROGRAMS = {"make.py", "train.py"}
# Examples of each kind, for runs that only arise when sentences are combined.
EXAMPLES = 60

_WORD = re.compile(r"[^\W_](?:[\w'’@/-]*[^\W_])?(?:[.:,]\d+)*")
_SENTENCE = re.compile(r"(?<=[.?!:])\s+|[\n\"“”]+")
# Capitalised words that are no proper names: at the start of a sentence, in abbreviations, or in the calendar.
SHARED = {
    *words.MONTHS,
    *words.DAYS,
    *words.LANGUAGES,
    *[
        "Mr",
        "Mrs",
        "Ltd",
        "Firefox",
        "According",
        "Collect",
        "Dr",
        "Greet",
        "Hi",
        "Mount",
        "Split",
        "Summarise",
        "Yesterday",
        "CHF",
        "EUR",
        "GBP",
        "GB",
        "TB",
        "GHz",
    ],
}


def texts(case: Case) -> list[str]:
    """Return all texts of a case that the model reads."""
    said = [case.input] if isinstance(case.input, str) else case.input
    about = [tool["description"] for tool in case.tools]
    return [*said, case.objection, case.instructions, *case.documents.values(), *about]


def written(value: Any) -> Iterator[str]:
    """Yield every string in `value`, which may be nested lists and dictionaries."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list):
        for item in value:
            yield from written(item)
    elif isinstance(value, str):
        yield value


def strings() -> Iterator[str]:
    """Yield every string in the code and the texts of the training data, without docstrings."""
    for path in sorted(FOLDER.glob("*.yaml")):
        yield from written(load_texts(path.stem))
    for path in sorted((paths.ROOT / "training").rglob("*.py")):
        if path.name in PROGRAMS:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.Constant) and isinstance(child.value, str) and not isinstance(node, ast.Expr):
                    yield child.value


def sentences(frame: str) -> list[str]:
    """Return the sentences of a frame; a sentence that ends within brackets continues after them."""
    found, depth = [""], 0
    for letter, after in zip(frame, f"{frame} "[1:], strict=True):
        depth += {"[": 1, "]": -1}.get(letter, 0)
        found[-1] += letter
        if depth == 0 and (letter == "\n" or (letter in ".?!:" and after.isspace())):
            found.append("")
    return [sentence.strip() for sentence in found if sentence.strip()]


def pattern(sentence: str) -> re.Pattern[str] | None:
    """Return a pattern for the sentences of a frame, with a group per slot; None if its brackets aren't balanced."""
    signs = {"[": "(?:", "]": ")", "|": "|"}
    parts = re.split(r"([\[\]|]|\{\w+\})", sentence.rstrip(".?!:"))
    slot = rf"((?:\S+ ){{0,{SLOT - 1}}}?\S+?)"
    try:
        whole = "".join(signs.get(part, slot if part[:1] == "{" else re.escape(part)) for part in parts)
        return re.compile(whole, re.IGNORECASE)
    except re.error:
        return None


def words_of(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def masked(text: str) -> list[str]:
    """Return the words of `text` with a placeholder for each number, and for each name within a sentence."""
    found: list[str] = []
    for sentence in _SENTENCE.split(text):
        for at, word in enumerate(_WORD.findall(sentence)):
            sign = "0" if re.search(r"\d", word) else "N" if at and word[0].isupper() else word.lower()
            if sign != "N" or found[-1:] != ["N"]:
                found.append(sign)
    return found


def runs(text: str) -> set[str]:
    """Return the runs of words in `text`, unchanged and masked."""
    found = set()
    for said, length in ((words_of(text), RUN), (masked(text), MASKED_RUN)):
        for at in range(len(said) - length + 1):
            run = said[at : at + length]
            if sum(word not in ("0", "N") for word in run) >= OWN_RUN:
                found.add(" ".join(run))
    return found


@pytest.fixture(scope="module")
def frames() -> dict[str, re.Pattern[str]]:
    """Return the pattern of each sentence in the training's code."""
    found = {sentence: pattern(sentence) for text in strings() for sentence in sentences(text) if " " in sentence}
    return {sentence: one for sentence, one in found.items() if one}


@pytest.fixture(scope="module")
def taught() -> set[str]:
    """Return the runs in a sample of the training examples, unchanged and masked, and those in all its texts."""
    found: set[str] = set()
    for module, _ in (data.SHARES | data.WRITTEN).values():
        for example in islice(module.examples(random.Random(1)), EXAMPLES):
            for message in example.messages:
                content = message["content"]
                text = content if isinstance(content, str) else " ".join(part["text"] for part in content)
                found |= runs(text)
    parts = [part for frame in strings() for part in re.split(r"[\[\]|{}]", frame)]
    return found.union(*map(runs, [*retain.requests(3600, 3), *parts]))


def same_frame(sentence: str, frames: dict[str, re.Pattern[str]]) -> list[str]:
    """Return the frames that produce `sentence` with other values in their slots."""
    found = []
    for frame, one in frames.items():
        if match := one.fullmatch(sentence):
            own = len(sentence.split()) - sum(len(group.split()) for group in match.groups() if group)
            found += [frame] if own >= OWN_WORDS else []
    return found


def test_no_request_is_a_frame_of_the_training_with_other_values(frames: dict[str, re.Pattern[str]]) -> None:
    assert len(frames) > 2000
    found = [
        f"{case.id}: {sentence!r} is {same[0]!r}"
        for case in CASES
        for text in texts(case)
        for sentence in (part.strip().rstrip(".?!:") for part in _SENTENCE.split(text))
        if " " in sentence and (same := same_frame(sentence, frames))
    ]
    assert not found, "\n".join(found)


def test_no_request_has_a_run_of_words_from_the_training(taught: set[str]) -> None:
    assert len(taught) > 10_000
    found = {case.id: shared for case in CASES if (shared := set().union(*map(runs, texts(case))) & taught)}
    assert not found


def test_no_request_names_what_the_training_names() -> None:
    said = " ".join(strings())
    common = {word for word in re.findall(r"[\w'’]+", said) if word[0].islower()}
    names = {word for word in re.findall(r"[^\W\d_][\w-]*", said) if word[0].isupper() and word.lower() not in common}
    numbers = {number for number in re.findall(r"\d[\d.,:]*\d", said) if len(number) > 2}
    products = [re.compile(rf"\b{product}s?\b", re.IGNORECASE) for product in [*words.PRODUCTS, *words.DRUGS]]
    functions = {name for text in strings() for name in text.split() if "_" in name}
    found = {}
    for case in CASES:
        text = " ".join(texts(case))
        used = {word for word in re.findall(r"[^\W\d_][\w-]*", text) if word in names - SHARED}
        used |= numbers & set(re.findall(r"\d[\d.,:]*\d", text))
        used |= {match[0] for product in products if (match := product.search(text))}
        used |= functions & {tool["name"] for tool in case.tools}
        if used:
            found[case.id] = used
    assert not found


@pytest.mark.parametrize(
    "text",
    [
        "How many people live in Paramaribo?",
        "My dog is called Pepperpot.",
        "which city do I live in?",
        "Hello! What is the opposite of 'early'?",
        "Lights off in the scullery, please.",
        "Reference: 640 metres. The student wrote: 95 metres. Is that right?",
    ],
)
def test_a_sentence_of_the_training_is_found_behind_other_values(text: str, frames: dict[str, re.Pattern[str]]) -> None:
    assert any(same_frame(part.strip().rstrip(".?!:"), frames) for part in _SENTENCE.split(text))
