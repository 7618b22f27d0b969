"""Checks of chapter 11, Chains that branch and resume."""

import json
import re
from collections.abc import Callable
from typing import Any

from openai import NotFoundError, OpenAI
from pydantic import BaseModel

from llamastack_workshop.exercises.check import NotYet, call, exercise, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import Exchange, watch

questions = QuickCheck(__name__)

_TEXT = "The Orca laptop has a 4.1 GHz processor, 64 GB of RAM and a 256 GB SSD."


@exercise
def kept_step(function: Callable[[list[str], str, dict[str, Any]], str | None]) -> str:
    """Check that `function(lines, name, request)` finds the last step of a journal that matches both, or None."""
    pebble, ultrabook = _request("Pebble"), _request("UltraBook")
    cafe = _request('Extract "Café":\nextract Pebble')
    lines = [
        _line("extract", ultrabook, "resp_1"),
        _line("extract", pebble, "resp_2"),
        _line("transform", ultrabook, "resp_3"),
        # Each of the following contains the text that is looked for, but not as the whole of the right value.
        _line("extract", _request("UltraBook Pro"), "resp_4"),
        _line("transform", cafe, "resp_5"),
        _line("extract again", pebble, "resp_6"),
        _line("extract", _request("pebble"), "resp_7"),
        _line('a "extract"', pebble | {"input": '"Pebble"'}, "resp_8"),
    ]
    others = [
        _line("extract", pebble | {"model": "larger"}, "resp_9"),
        _line("extract", pebble | {"temperature": 1}, "resp_10"),
        _line("extract", pebble | {"max_output_tokens": 16}, "resp_11"),
        _line("extract", {"model": "small", "input": "Pebble"}, "resp_12"),
    ]
    again = [*lines, _line("extract", ultrabook, "resp_13")]
    turned = dict(reversed(pebble.items()))
    prompts, alike = "compare name and request", "compare name and request, each as a whole value"
    cases: list[tuple[list[str], str, dict[str, Any], str | None, str]] = [
        (lines[:3], "extract", pebble, "resp_2", prompts),
        (lines[:3], "extract", ultrabook, "resp_1", prompts),
        (lines[:3], "inquire", ultrabook, None, "no line has that name"),
        (lines[:3], "transform", pebble, None, "no line has both"),
        ([], "extract", ultrabook, None, "an empty journal has no step"),
        (lines, "extract", pebble, "resp_2", alike),
        (lines, "extract", ultrabook, "resp_1", alike),
        (lines, "transform", cafe, "resp_5", "compare the objects that `json.loads` returns"),
        ([*lines, *others], "extract", pebble, "resp_2", "with another model or option, it is another request"),
        (others, "extract", pebble, None, "with another model or option, it is another request"),
        (lines, "extract", turned, "resp_2", "the order of the keys does not matter: compare dictionaries, not texts"),
        (again, "extract", ultrabook, "resp_13", "two lines match, and the last one counts"),
        (lines, "transform", pebble, None, alike),
    ]
    for journal, name, request, wanted, why in cases:
        found = call(function, list(journal), name, dict(request), kind=str, wanted="an id", or_none=True)
        require(
            found == wanted, f"for {name!r} with the request {request!r} you return {found!r}, not {wanted!r}; {why}."
        )
    whole = _line("extract", pebble, "resp_14")
    for cut in (1, 30, len(whole) - 1):
        try:
            found = call(
                function, [*lines, whole[:cut]], "extract", dict(pebble), kind=str, wanted="an id", or_none=True
            )
        except NotYet as error:
            cut_off = isinstance(error.__cause__, json.JSONDecodeError)
            require(
                not cut_off,
                "the last line is truncated, so it is not JSON; catch `json.JSONDecodeError`, and skip the line.",
            )
            raise
        require(
            found == "resp_2",
            f"if the last line is truncated to {whole[:cut]!r}, you return {found!r}; a complete line has 'resp_2'.",
        )
    return "name and request decide, and a truncated line is ignored"


@exercise
def goes_on_or_begins(function: Callable[[str, str], tuple[str, BaseModel]], client: OpenAI, model: str) -> str:
    """Check that `function(response_id, text)` uses the response if the server has it, or else repeats step 1."""
    prompt = f"Extract the technical specifications from the following text:\n\n{_TEXT}"
    finished = client.responses.create(model=model, input=prompt, temperature=0)
    used, found, asked = _id_and_specifications(function, finished.id)
    require(used == finished.id, "the server has the response, but you use another one; retrieve it by its id.")
    step_2 = _with_facts(asked, used, finished.output_text)
    again = [one for one in asked if one not in step_2 and _TEXT in one.prompt]
    require(not again, "the server has the response, but you repeat step 1 anyway; do that only after a 404.")
    _made_of(step_2, found)
    client.responses.delete(finished.id)
    begun, found, asked = _id_and_specifications(function, finished.id)
    require(begun != finished.id, "the response was deleted, but you still return its id; return the new one's.")
    step_1 = next((one for one in asked if one.answer.get("id") == begun), None)
    try:
        facts = client.responses.retrieve(begun).output_text
    except NotFoundError:
        raise NotYet(f"after a 404, you return {begun!r}, but the server has no such response.") from None
    require(step_1, f"after a 404, you return {begun!r}, which is not a new response; repeat step 1.")
    require(_TEXT in step_1.prompt, "after a 404, the prompt of the response whose id you return lacks the text.")
    _made_of(_with_facts(asked, begun, facts), found)
    return "it continues from an existing response, and starts over after a 404"


def _request(prompt: str) -> dict[str, Any]:
    return {"model": "small", "input": prompt, "temperature": 0}


def _line(name: str, request: dict[str, Any], response_id: str) -> str:
    return json.dumps({"name": name, "request": request, "id": response_id})


def _id_and_specifications(
    function: Callable[..., Any], response_id: str
) -> tuple[str, dict[str, Any], list[Exchange]]:
    """Return the two values of `function`, and its requests to the model."""
    both = "two values: the id, and the specifications"
    answer, asked = watch(function, response_id, _TEXT, kind=(tuple, list), wanted=both)
    require(len(answer) == 2, f"return {both}; these are {len(answer)}.")
    used = of_type(answer[0], str, "the first value is the response's id")
    found = of_type(answer[1], BaseModel, "the second value is a Specifications object").model_dump()
    require(set(found) == {"cpu", "memory", "storage"}, f"the specifications have the keys {sorted(found)}.")
    return used, found, asked


def _with_facts(asked: list[Exchange], response_id: str, facts: str) -> list[Exchange]:
    """Return those of `asked` whose prompt contains `facts`, or which continue their response; require at least one."""
    found = [
        one
        for one in asked
        if _words(facts) in _words(one.prompt) or one.sent.get("previous_response_id") == response_id
    ]
    require(found, "the facts (the `output_text` of the response whose id you return) are not in the prompt of step 2.")
    return found


def _made_of(step_2: list[Exchange], found: dict[str, Any]) -> None:
    """Require that the values of `found` are those in an answer of `step_2`, each under its key."""
    answers = [answer for one in step_2 for answer in (one.text, *one.arguments)]
    require(
        any(_answers(answer, found) for answer in answers),
        f"your specifications are {found}, but step 2 answered something else.",
    )


def _words(text: str) -> str:
    """Return `text` with uniform spaces between its words."""
    return " ".join(text.split())


def _answers(answer: str, found: dict[str, Any]) -> bool:
    """Return whether `answer` has the values of `found`: as an object with its keys, or anywhere in a text."""
    values = {key: re.sub(r"\s", "", str(value)) for key, value in found.items()}
    try:
        return {key: re.sub(r"\s", "", str(value)) for key, value in json.loads(answer).items()} == values
    except (ValueError, AttributeError):
        return all(value in re.sub(r"\s", "", answer) for value in values.values())
