"""Checks of chapter 3, Manual prompt chaining."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from llamastack_workshop.exercises.check import NotYet, call, exercise, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import Exchange, watch

questions = QuickCheck(__name__)

_LAPTOP = "A laptop with a 3.5 GHz octa-core processor, 16GB of RAM, and a 1TB NVMe SSD."
_PEBBLE = "The Pebble mini PC packs a 2.4 GHz chip with 12 cores, 8 GB of RAM and a 256GB drive."
# In another order than the object, and with numbers that are not in it.
_OFFER = "For 999 euros: 512 GB of storage and 32GB of memory, driven by a 4.7 GHz processor."
_TRUE = (
    ({"cpu": "4.7 GHz", "memory": "32 GB", "storage": "512GB"}, _OFFER),
    ({"cpu": "3.5 GHz", "memory": "16 GB", "storage": "1TB"}, _LAPTOP),
    ({"cpu": "2.4 GHz 12-core", "memory": "8GB", "storage": "256 GB"}, _PEBBLE),
)
# The specifications, the text, the numbers that are not in it, and a hint why they may have passed.
_FALSE = (
    ({"cpu": "3.5 GHz", "memory": "32 GB", "storage": "1TB"}, _LAPTOP, ["32"], ""),
    (
        {"cpu": "3.5 GHz", "memory": "6 GB", "storage": "1TB"},
        _LAPTOP,
        ["6"],
        ", which contains 16GB; compare whole numbers, not characters",
    ),
    (
        {"cpu": "5 GHz", "memory": "16 GB", "storage": "1TB"},
        _LAPTOP,
        ["5"],
        ", which contains 3.5 GHz; compare whole numbers, not digits",
    ),
    ({"cpu": "4.2 GHz", "memory": "16 GB", "storage": "1TB"}, _LAPTOP, ["4.2"], ""),
    ({"cpu": "3.9 GHz", "memory": "16 GB", "storage": "1TB"}, _LAPTOP, ["3.9"], "; do not round"),
    ({"cpu": "3.5 GHz", "memory": "16 GB", "storage": "2TB"}, _LAPTOP, ["2"], ""),
    (
        {"cpu": "2.4 GHz 16-core", "memory": "8 GB", "storage": "256 GB"},
        _PEBBLE,
        ["16"],
        "; check every number in a value",
    ),
    ({"cpu": "3.5 GHz", "memory": "16 GB", "storage": "1TB"}, _PEBBLE, ["3.5", "16", "1"], ""),
)
# A small model may fail a gate for one of them, however right the chain is.
_CHAIN_TEXTS = (
    "The Pebble mini PC packs a 2.4 GHz chip, 8 GB of RAM and a 256GB drive.",
    "The Comet laptop has a 4.2 GHz processor, 16 GB of RAM and a 2 TB SSD.",
    "The Robin comes with a 3.1 GHz processor, 32 GB of memory and a 512 GB drive.",
)
_KEYS = {"cpu", "memory", "storage"}
_TWO = "two values, the specifications and the sentence"
_LIMIT = 48
_NUMBER = r"\d+(?:\.\d+)?"


@exercise
def grounded_gate(function: Callable[[dict[str, str], str], str | None]) -> str:
    """Check a gate that accepts specifications only if every number in them is in the text."""
    for specifications, text in _TRUE:
        said = _ask(function, specifications, text)
        require(said is None, f"each number in {specifications} is in {text!r}, but your gate returns {said!r}.")
    for specifications, text, wrong, why in _FALSE:
        said = _ask(function, specifications, text)
        require(said is not None, f"{specifications} passes your gate, but {wrong[0]} is not in {text!r}{why}.")
        require(said, "your gate returns an empty string; name the problem in a sentence.")
        named = set(map(float, re.findall(_NUMBER, said)))
        require(named & set(map(float, wrong)), f"name the wrong number, {wrong[0]}; your gate returned {said!r}.")
        words = [word for word in re.findall(r"[^\W\d_]{3,}", said) if word.lower() not in {"ghz", *_KEYS}]
        require(words, f"name the problem in a sentence; your gate returned {said!r}.")
    return f"for the last specifications, your gate says: {said}"


@exercise
def three_steps(function: Callable[[str], tuple[dict[str, str], str]]) -> str:
    """Check a chain that returns the specifications and one sentence made from them."""
    for text in _CHAIN_TEXTS:
        try:
            answer, asked = watch(function, text, kind=(tuple, list), wanted=_TWO)
            break
        except NotYet as problem:
            if "failed its gate twice" not in str(problem):
                raise
            if text == _CHAIN_TEXTS[-1]:
                raise NotYet(f"the model failed a gate of the chain for {text!r}: {problem}") from problem
    require(len(answer) == 2, f"return {_TWO}, not {len(answer)}.")
    specifications, sentence = answer
    if isinstance(specifications, BaseModel):
        specifications = specifications.model_dump()
    require(not isinstance(specifications, str), "the first value is a string; return the specifications first.")
    of_type(specifications, Mapping, "the first value should be a dictionary of specifications")
    require(set(specifications) == _KEYS, f"the specifications have the keys {sorted(map(str, specifications))}.")
    of_type(sentence, str, "the second value should be the text of the third response, a str")
    require(any(text in one.prompt for one in asked), "no step saw the text that the check passed.")
    before = [one for one in asked if _json(one.text) == dict(specifications)]
    require(before, "these specifications are not the answer of the chain's step `transform`; return them unchanged.")
    later = asked[asked.index(before[0]) + 1 :]
    require(later, "there was no request after the specifications; create the sentence in a third step.")
    # There may be several attempts, or a further step that checks the sentence.
    step = next((one for one in reversed(later) if _kept(sentence) and _kept(sentence) in one.text), later[-1])
    _third_step(step, specifications, sentence, before)
    return f"{dict(specifications)} became {sentence!r} (nobody has checked whether that is true)"


def _ask(
    function: Callable[[dict[str, str], str], str | None], specifications: dict[str, str], text: str
) -> str | None:
    return call(function, dict(specifications), text, kind=str, wanted="None or a sentence", or_none=True)


def _third_step(step: Exchange, specifications: Mapping[str, Any], sentence: str, before: list[Exchange]) -> None:
    continued = step.sent.get("previous_response_id") in [one.answer.get("id") for one in before]
    conversation = step.sent.get("conversation")
    continued = continued or (conversation and conversation in [one.sent.get("conversation") for one in before])
    missing = [value for value in specifications.values() if str(value) not in step.prompt]
    require(continued or not missing, f"the third step did not see {missing}; put the specifications into its prompt.")
    limits = [step.sent.get(name) for name in ("max_output_tokens", "max_completion_tokens", "max_tokens")]
    limit = next((one for one in limits if one), None)
    require(limit, f"the third step has no limit; set `max_output_tokens={_LIMIT}`.")
    require(limit == _LIMIT, f"the limit of the third step is {limit} tokens, not {_LIMIT}.")
    kept = _kept(sentence)
    require(kept or not step.text.strip(), "the sentence is empty, but the third step's answer is not.")
    require(kept in step.text, f"the sentence is {sentence!r}, but the third step answered {step.text!r}.")


def _kept(sentence: str) -> str:
    """Return the part of `sentence` that has to be in the model's text, which may be cut at its first full stop."""
    return sentence.strip().rstrip(".…")


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
