"""Checks of chapter 11, Chains that branch and resume."""

import json
import re
from collections.abc import Callable
from typing import Any

from openai import NotFoundError, OpenAI
from pydantic import BaseModel

from llamastack_workshop.exercises.check import exercise, given, require

_TEXT = "The Nova laptop has a 2.8 GHz processor, 32 GB of RAM and a 512 GB SSD."


@exercise
def kept_step(function: Callable[[list[str], str, str], str | None]) -> str:
    """Check that `function(lines, name, prompt)` finds the step of a journal that fits both, or None."""
    lines = [
        _line("extract", "UltraBook", "resp_1"),
        _line("extract", "Pebble", "resp_2"),
        _line("transform", "UltraBook", "resp_3"),
        _line("extract", "UltraBook", "resp_4"),
        _line("extract", "Pebble", "resp_5")[:-9],
    ]
    for prompt, wanted in {"UltraBook": "resp_1", "Pebble": "resp_2"}.items():
        found = given(function(lines[:3], "extract", prompt))
        require(
            found == wanted,
            f"for 'extract' with the prompt {prompt!r} you return {found!r}, not {wanted!r}; compare name and prompt.",
        )
    require(function(lines[:4], "extract", "UltraBook") == "resp_4", "two lines fit, and the last one counts.")
    other = function(lines[:4], "inquire", "UltraBook")
    require(other is None, f"no line has the name 'inquire', and you return {other!r}.")
    require(function([], "extract", "UltraBook") is None, "an empty journal has no step; return None.")
    try:
        found = function(lines, "extract", "Pebble")
    except json.JSONDecodeError:
        require(False, "the last line is cut off and is no JSON; catch `json.JSONDecodeError` and go on without it.")
    require(found == "resp_2", f"with the last line cut off, you return {found!r}; a whole line has 'resp_2'.")
    return "name and prompt decide, and a line that is cut off counts for nothing"


@exercise
def goes_on_or_begins(function: Callable[[str, str], tuple[str, BaseModel]], client: OpenAI, model: str) -> str:
    """Check that `function(response_id, text)` uses the response if the server has it, and else does step 1 again."""
    prompt = f"Extract the technical specifications from the following text:\n\n{_TEXT}"
    finished = client.responses.create(model=model, input=prompt, temperature=0)
    used = _id_with_specifications(function(finished.id, _TEXT))
    require(used == finished.id, "the server has the response, and you use another one; retrieve it by its id.")
    client.responses.delete(finished.id)
    begun = _id_with_specifications(function(finished.id, _TEXT))
    require(begun != finished.id, "the response was deleted, and you still return its id; return the new one's.")
    try:
        client.responses.retrieve(begun)
    except NotFoundError:
        require(False, f"after a 404 you return {begun!r}, and the server has no such response.")
    return "it goes on from a response that is there, and begins anew after a 404"


def _line(name: str, prompt: str, response_id: str) -> str:
    return json.dumps({"name": name, "prompt": prompt, "id": response_id})


def _id_with_specifications(answer: Any) -> str:
    answer = given(answer)
    require(isinstance(answer, tuple) and len(answer) == 2, "return two values: the id, and the specifications.")
    response_id, found = answer
    require(isinstance(response_id, str), f"the first value is the response's id, not a {type(response_id).__name__}.")
    require(isinstance(found, BaseModel), f"the second value is a Specifications object, not {type(found).__name__}.")
    values = found.model_dump()
    require(set(values) == {"cpu", "memory", "storage"}, f"the specifications have the keys {sorted(values)}.")
    invented = set(re.findall(r"[0-9.]+", " ".join(values.values()))) - set(re.findall(r"[0-9.]+\b", _TEXT))
    require(not invented, f"the text has no {', '.join(invented)}: does the prompt of step 2 hold the facts of step 1?")
    return response_id
