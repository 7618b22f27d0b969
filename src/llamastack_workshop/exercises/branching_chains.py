"""Checks of chapter 11, Chains that branch and resume."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
from openai import APIStatusError, NotFoundError, OpenAI
from pydantic import BaseModel

from llamastack_workshop.exercises.check import NotYet, call, exercise, of_type, require

_TEXT = "The Orca laptop has a 4.1 GHz processor, 64 GB of RAM and a 256 GB SSD."


@exercise
def kept_step(function: Callable[[list[str], str, str], str | None]) -> str:
    """Check that `function(lines, name, prompt)` finds the last step of a journal that fits both, or None."""
    lines = [
        _line("extract", "UltraBook", "resp_1"),
        _line("extract", "Pebble", "resp_2"),
        _line("transform", "UltraBook", "resp_3"),
        # Each of the following has what is looked for somewhere, and not as the whole of the right value.
        _line("extract", "UltraBook Pro", "resp_4"),
        _line("transform", 'Extract "Café":\nextract Pebble', "resp_5"),
        _line("extract again", "Pebble", "resp_6"),
    ]
    again = [*lines, _line("extract", "UltraBook", "resp_7")]
    cases: list[tuple[list[str], str, str, str | None, str]] = [
        (lines[:3], "extract", "Pebble", "resp_2", "compare name and prompt"),
        (lines[:3], "extract", "UltraBook", "resp_1", "compare name and prompt"),
        (lines, "extract", "Pebble", "resp_2", "compare name and prompt, each as a whole"),
        (lines, "extract", "UltraBook", "resp_1", "compare name and prompt, each as a whole"),
        (lines, "transform", 'Extract "Café":\nextract Pebble', "resp_5", "compare what `json.loads` makes of a line"),
        (again, "extract", "UltraBook", "resp_7", "two lines fit, and the last one counts"),
        (lines, "inquire", "UltraBook", None, "no line has that name"),
        (lines, "transform", "Pebble", None, "no line has both"),
        ([], "extract", "UltraBook", None, "an empty journal has no step"),
    ]
    for journal, name, prompt, wanted, why in cases:
        found = call(function, list(journal), name, prompt, or_none=True)
        require(
            found == wanted, f"for {name!r} with the prompt {prompt!r} you return {found!r}, not {wanted!r}; {why}."
        )
    whole = _line("extract", "Pebble", "resp_8")
    for cut in (1, 30, len(whole) - 1):
        try:
            found = call(function, [*lines, whole[:cut]], "extract", "Pebble", or_none=True)
        except NotYet as error:
            cut_off = isinstance(error.__cause__, json.JSONDecodeError)
            require(
                not cut_off,
                "the last line is cut off and is no JSON; catch `json.JSONDecodeError` and go on without it.",
            )
            raise
        require(
            found == "resp_2",
            f"with the last line cut off, {whole[:cut]!r}, you return {found!r}; a whole line has 'resp_2'.",
        )
    return "name and prompt decide, and a line that is cut off counts for nothing"


@exercise
def goes_on_or_begins(function: Callable[[str, str], tuple[str, BaseModel]], client: OpenAI, model: str) -> str:
    """Check that `function(response_id, text)` uses the response if the server has it, and else does step 1 again."""
    prompt = f"Extract the technical specifications from the following text:\n\n{_TEXT}"
    finished = client.responses.create(model=model, input=prompt, temperature=0)
    before = set(_calls(client))
    used, found = _id_and_specifications(function, finished.id)
    require(used == finished.id, "the server has the response, and you use another one; retrieve it by its id.")
    _made_of(finished.output_text, found, client, before)
    client.responses.delete(finished.id)
    before = set(_calls(client))
    begun, found = _id_and_specifications(function, finished.id)
    require(begun != finished.id, "the response was deleted, and you still return its id; return the new one's.")
    try:
        again = client.responses.retrieve(begun)
        asked = [item.to_dict(warnings=False) for item in client.responses.input_items.list(begun)]
    except NotFoundError:
        raise NotYet(f"after a 404 you return {begun!r}, and the server has no such response.") from None
    require(_holds(asked, _TEXT), "the response whose id you return after a 404 was not asked about the text.")
    _made_of(again.output_text, found, client, before)
    return "it goes on from a response that is there, and begins anew after a 404"


def _line(name: str, prompt: str, response_id: str) -> str:
    return json.dumps({"name": name, "prompt": prompt, "id": response_id})


def _id_and_specifications(function: Callable[..., Any], response_id: str) -> tuple[str, dict[str, Any]]:
    both = "two values: the id, and the specifications"
    answer = call(function, response_id, _TEXT, kind=(tuple, list), wanted=both)
    require(len(answer) == 2, f"return {both}; these are {len(answer)}.")
    used = of_type(answer[0], str, "the first value is the response's id")
    found = of_type(answer[1], BaseModel, "the second value is a Specifications object").model_dump()
    require(set(found) == {"cpu", "memory", "storage"}, f"the specifications have the keys {sorted(found)}.")
    return used, found


def _made_of(facts: str, found: dict[str, Any], client: OpenAI, before: set[str]) -> None:
    """Require a request, not one of `before`, with `facts` in its prompt and the values of `found` in its answer."""
    asked = [one for key, one in _calls(client).items() if key not in before and _holds(one["asked"], facts)]
    require(
        asked,
        "the facts are not in the prompt of step 2: no request that the server keeps has the `output_text` of the "
        "response whose id you return.",
    )
    require(
        any(_values(found) <= _values(one["answered"]) for one in asked),
        f"your specifications are {found}, and step 2 answered something else.",
    )


def _calls(client: OpenAI) -> dict[str, dict[str, Any]]:
    """Return the last calls of either API that the server keeps: what was asked, and what was answered."""
    calls = {}
    for api, asked, answered in (("responses", "input", "output"), ("chat/completions", "input_messages", "choices")):
        # Not every server keeps chat completions.
        with suppress(APIStatusError):
            page = client.get(f"/{api}?limit=50", cast_to=httpx.Response).json()
            calls |= {one["id"]: {"asked": one[asked], "answered": one[answered]} for one in page["data"]}
    return calls


def _holds(value: Any, text: str) -> bool:
    """Tell whether one of the texts in `value` has `text` in it, however its words are spaced."""
    return any(" ".join(text.split()) in " ".join(one.split()) for one in _texts(value))


def _values(value: Any) -> set[str]:
    """Return the quantities that the texts in `value` name, without blanks in them."""
    return {re.sub(r"\s", "", found) for text in _texts(value) for found in re.findall(r"[0-9.]+\s?[A-Z]\w+", text)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
