"""Checks of chapter 4, LangChain hybrid."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from langchain_core.runnables import Runnable
from pydantic import BaseModel

from llamastack_workshop.exercises.check import exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import Exchange, watch

questions = QuickCheck(__name__)

_TEXTS = (
    "The Pebble mini PC packs a 2.4 GHz chip, 8 GB of RAM and a 256GB drive.",
    "Travellers get a 2.8 GHz processor, 32GB of RAM, and a 512GB SSD.",
)
_FIELDS = {"cpu", "memory", "storage"}


@exercise
def summary_chain(chain: Runnable[dict[str, str], str]) -> str:
    """Check a chain of prompt, model and parser that turns {"text": …} into a sentence about the text."""
    given(chain, Runnable, "a chain, made with the | operator")
    (text, *_) = _TEXTS
    answer, asked = watch(chain.invoke, {"text": text}, kind=object, wanted="a text")
    of_type(answer, str, "end it with a StrOutputParser (`parser`): the chain should return a string")
    seen = [one for one in asked if text in one.prompt]
    require(seen, "the model did not see the text; put `{text}` into your prompt.")
    instruction = re.findall(r"[^\W\d_]{2,}", seen[0].prompt.replace(text, ""))
    require(instruction, "your prompt is only the text; ask for one sentence about it.")
    require(
        answer.strip() in asked[-1].text and (answer.strip() or not asked[-1].text.strip()),
        f"the chain returns {answer[:60]!r}, but the model answered {asked[-1].text[:60]!r}; return that.",
    )
    return f"{answer!r}"


@exercise
def batch_results(function: Callable[[list[str]], list[BaseModel]]) -> str:
    """Check that `function(texts)` returns an object for each text, in order, from a single `batch` call."""
    texts = list(_TEXTS)
    results, asked = watch(function, texts, kind=(list, tuple), wanted="a list of results", together=len(texts))
    require(
        len(results) == len(_TEXTS), f"the check passed {len(_TEXTS)} texts, but you return {len(results)} results."
    )
    for result in results:
        of_type(result, BaseModel, "each result should be a Specifications object")
        lacking = _FIELDS - set(type(result).model_fields)
        require(not lacking, f"a result is a {type(result).__name__}; use the chain with structured output.")
    first = [next((one for one in asked if text in one.prompt), None) for text in _TEXTS]
    unseen = [text for text, one in zip(_TEXTS, first, strict=True) if one is None]
    require(not unseen, f"the model did not see {unseen[:1]}; use the `texts` that your function is given.")
    for result, text in zip(results, _TEXTS, strict=True):
        found = {name: getattr(result, name) for name in _FIELDS}.items()
        made = [answer for one in _following(text, asked) for answer in _objects(one) if found <= answer.items()]
        require(made, f"{result!r} is not the model's result for {text!r}; keep the order of the texts.")
    one, other = (exchange for exchange in first if exchange)
    require(
        max(one.started, other.started) < min(one.ended, other.ended),
        "the texts were processed one after the other; pass all of them in one call: `batch`.",
    )
    return f"{len(results)} objects, the first of them {results[0]!r}"


def _following(text: str, asked: list[Exchange]) -> list[Exchange]:
    """Return the exchanges whose prompt contains `text`, or an answer of such an exchange."""
    known, found = [text], []
    for one in asked:
        if any(piece in one.prompt for piece in known):
            found.append(one)
            known += [one.text] if one.text.strip() else []
    return found


def _objects(exchange: Exchange) -> list[dict[str, Any]]:
    """Return the JSON objects in the answer: its text, or the arguments of its calls."""
    found = []
    for text in (exchange.text, *exchange.arguments):
        with suppress(json.JSONDecodeError):
            found.append(json.loads(text))
    return [one for one in found if isinstance(one, dict)]
