"""Checks of chapter 9, A production client."""

import uuid
from collections.abc import Callable
from itertools import islice
from typing import Any

import httpx
from openai import OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import exercise, given, require

_QUESTION = "Name the capital of France."


@exercise
def browser_status(status_for: Callable[[Any], int], ask: Callable[..., Any], client: OpenAI, model: str) -> str:
    """Check the statuses that `status_for` gives to outcomes of `ask`, each of them from a request of its own."""
    nowhere = client.with_options(base_url="http://127.0.0.1:9/v1")
    hasty = client.with_options(timeout=0.001)
    request = {"model": model, "input": _QUESTION, "max_output_tokens": 32}
    cases = [
        ("an answer", ask(client, **request), {200}),
        ("an unknown model", ask(client, **request | {"model": "no-such/model"}), {404}),
        ("a limit of 1 token", ask(client, **request | {"max_output_tokens": 1}), {400}),
        ("a status in the 500s", ask(client, **request, truncation="auto"), {502}),
        ("a failed event", ask(client, lambda event: None, **request, truncation="auto"), {502}),
        ("an error line", ask(client, lambda event: None, **request | {"model": "no-such/model"}), {502, 404}),
        ("a timeout", ask(hasty, **request), {504}),
        ("a server that is not there", ask(nowhere, **request), {502}),
    ]
    for what, outcome, wanted in cases:
        status = given(status_for(outcome))
        require(isinstance(status, int), f"for {what} you return {status!r}; a status is a whole number.")
        require(status in wanted, f"for {what} ({outcome.kind!r}) you return {status}, not {max(wanted)}.")
    return f"{len(cases)} outcomes have the right status"


@exercise
def continued_or_begun(function: Callable[[str, str], Response], client: OpenAI, model: str) -> str:
    """Check that `function(question, earlier)` continues `earlier` where it can, and else asks without it."""
    known = client.responses.create(model=model, input="The UltraBook was designed in Lisbon.", max_output_tokens=16)
    question = "Where was the UltraBook designed?"
    continued = given(function(question, known.id))
    require(isinstance(continued, Response), f"return the whole response, not {type(continued).__name__}.")
    require(_roles(client, continued)[-1:] == ["user"], "the question is not in the input; hand it over as `input`.")
    require(len(_roles(client, continued)) == 3, "a known response is not continued; hand over its id.")
    with client.responses.create(model=model, input=_QUESTION, max_output_tokens=32, stream=True) as stream:
        created, *_ = islice(stream, 3)
    unfinished = created.response.id
    for what, earlier in {"an unknown id": "resp_unknown", "an unfinished response": unfinished}.items():
        begun = function(question, earlier)
        require(isinstance(begun, Response), f"for {what} you return {type(begun).__name__}; ask without the id.")
        require(_roles(client, begun) == ["user"], f"for {what} the input is more than the question.")
    client.responses.delete(unfinished)
    return "it continues what it can, and begins anew after a 404 and a 400"


@exercise
def nothing_left_behind(function: Callable[[str, int], str], client: OpenAI) -> str:
    """Check that `function(question, enough)` returns about `enough` characters, and leaves nothing behind."""
    tag = uuid.uuid4().hex[:8]
    text = given(function(f"Write a long story about a ship. Its number is {tag}.", 60))
    require(isinstance(text, str), f"return the text; this is a {type(text).__name__}.")
    listed = client.get("/responses?limit=100", cast_to=httpx.Response).json()["data"]
    statuses = [one["status"] for one in listed if tag in str(one["input"])]
    enough = len(text) >= 60 or "completed" in statuses
    require(enough, f"the text has {len(text)} characters, fewer than the 60 that were enough.")
    require(len(text) < 300, f"the text has {len(text)} characters where 60 were enough; stop in the loop.")
    require("in_progress" not in statuses, "the response is still stored as in_progress; delete it by its id.")
    require("incomplete" not in statuses, "the stream ran on to the token limit; leave the loop earlier.")
    return f"{len(text)} characters came, and no unfinished response is left"


def _roles(client: OpenAI, response: Response) -> list[str]:
    return [item.role for item in client.responses.input_items.list(response.id, order="asc")]
