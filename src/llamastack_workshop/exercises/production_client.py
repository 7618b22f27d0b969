"""Checks of chapter 9, A production client."""

import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import is_dataclass, replace
from itertools import islice
from typing import Any

import httpx
from openai import APIStatusError, NotFoundError, OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import NotYet, call, exercise, require, your_code

_QUESTION = "Name the capital of France."


@exercise
def browser_status(status_for: Callable[[Any], int], ask: Callable[..., Any], client: OpenAI, model: str) -> str:
    """Check the statuses that `status_for` gives to outcomes of `ask`: of real requests, and of all other kinds."""
    nowhere = client.with_options(base_url="http://127.0.0.1:9/v1")
    hasty = client.with_options(timeout=0.001)
    request = {"model": model, "input": _QUESTION, "max_output_tokens": 32}
    story = request | {"input": "Write a long story about a ship.", "max_output_tokens": 16}
    with your_code():
        cases = [
            ("an answer", ask(client, **request), {200}),
            ("an answer that the token limit ended", ask(client, **story), {200}),
            ("an unknown model", ask(client, **request | {"model": "no-such/model"}), {404}),
            ("a limit of 1 token", ask(client, **request | {"max_output_tokens": 1}), {400}),
            ("a status in the 500s", ask(client, **request, truncation="auto"), {502}),
            ("a failed event", ask(client, lambda event: None, **request, truncation="auto"), {502}),
            ("an error line", ask(client, lambda event: None, **request | {"model": "no-such/model"}), {502, 404}),
            ("a timeout", ask(hasty, **request), {504}),
            ("a server that is not there", ask(nowhere, **request), {502}),
        ]
    require(
        all(is_dataclass(outcome) and hasattr(outcome, "kind") for _, outcome, _ in cases),
        "`ask` returns no `Outcome` any more; run the cells that define both again.",
    )
    answer = cases[0][1]
    # What no request provokes here. Each holds the text that had come, as after a stream.
    cases += [
        ("an outcome made by hand", replace(answer, kind=kind), {status})
        for kind, status in {
            **{"HTTP 409": 409, "HTTP 422": 422, "HTTP 499": 499, "HTTP 500": 502, "HTTP 503": 502},
            **dict.fromkeys(("failed", "error event", "cut off", "connection", "a new kind"), 502),
        }.items()
    ]
    for what, outcome, wanted in cases:
        status = call(status_for, outcome, kind=int, wanted="a status, which is a whole number")
        require(status in wanted, f"for {what} ({outcome.kind!r}) you return {status}, not {max(wanted)}.")
    return f"{len(cases)} outcomes have the right status"


@exercise
def continued_or_begun(function: Callable[[str, str], Response], client: OpenAI, model: str) -> str:
    """Check that `function(question, earlier)` continues `earlier` where it can, and else asks without it.

    Where the question itself fails, it should ask no second time.
    """
    known = client.responses.create(model=model, input=_QUESTION, max_output_tokens=64).id
    tag = uuid.uuid4().hex[:8]
    question = f"What else is it known for? ({tag})"
    sent = _sent(client, call(function, question, known, kind=Response, wanted="the whole response"))
    require(question in (sent[-1:] or [""])[0], "your `question` is not what the request ends with; hand it over.")
    require(len(sent) > 2 and _QUESTION in " ".join(sent[:-1]), "a known response is not continued; hand over its id.")
    with client.responses.create(model=model, input=_QUESTION, max_output_tokens=64, stream=True) as stream:
        created, *_ = islice(stream, 3)
    unfinished = created.response.id
    try:
        for what, earlier in {"an unknown id": "resp_unknown", "an unfinished response": unfinished}.items():
            sent = _sent(client, call(function, question, earlier, kind=Response, wanted=f"a response for {what}"))
            require(question in " ".join(sent), f"for {what} the request does not hold `question`.")
            require(_QUESTION not in " ".join(sent), f"for {what} the input is more than the question.")
    finally:
        client.responses.delete(unfinished)
    require(
        not _asked_anew(function, client, model, known),
        "a question that fails with status 500 was asked again without `earlier`, which cannot help. "
        "Begin anew after a 404 or a 400 alone, and let other errors through.",
    )
    return "it continues what it can, and begins anew after a 404 and a 400 alone"


@exercise
def nothing_left_behind(function: Callable[[str, int], str], client: OpenAI) -> str:
    """Check that `function(question, enough)` returns about `enough` characters, and leaves nothing behind.

    An answer that ended by itself should stay.
    """
    lengths = []
    for enough in (60, 20):
        tag = uuid.uuid4().hex[:8]
        question = f"Write a long story about a ship. Its number is {tag}."
        text = call(function, question, enough, kind=str, wanted="the text")
        stored = _stored(client, tag)
        ended = [client.responses.retrieve(one["id"]).output_text for one in stored if one["status"] != "in_progress"]
        # `strip` may have taken some characters from the ends.
        require(
            len(text) >= enough - 5 or text.strip() in (one.strip() for one in ended),
            f"the text has {len(text)} characters, fewer than the {enough} that were enough.",
        )
        require(
            len(text) < enough + 100,
            f"the text has {len(text)} characters where {enough} were enough; count characters, and stop in the loop.",
        )
        require(len(stored) == len(ended), "the response is still stored as in_progress; delete it by its id.")
        longest = max(map(len, ended), default=0)
        require(
            longest < enough + 100,
            f"the answer ran on to {longest} characters where {enough} were enough; leave the loop earlier.",
        )
        lengths.append(len(text))
    tag = uuid.uuid4().hex[:8]
    text = call(function, f"{_QUESTION} ({tag})", 10_000, kind=str, wanted="the text")
    stored = _stored(client, tag)
    require(
        stored,
        "of an answer that ended by itself the server has no response to your `question`; "
        "delete only what is unfinished.",
    )
    require(all(one["status"] != "in_progress" for one in stored), "you stopped before an answer had ended.")
    whole = client.responses.retrieve(stored[0]["id"]).output_text
    require(text.strip() == whole.strip(), f"the answer is {whole!r}, and you return {text!r}.")
    return f"{lengths[0]} and {lengths[1]} characters came, what was unfinished is gone, and what had ended stays"


def _sent(client: OpenAI, response: Response) -> list[str]:
    """Return the items of the input of `response` as JSON, those of earlier turns included."""
    try:
        return [item.to_json(warnings=False) for item in client.responses.input_items.list(response.id, order="asc")]
    except NotFoundError:
        raise NotYet("the server does not keep your response (`store=False`?), so nothing can continue it.") from None


def _asked_anew(function: Callable[[str, str], Response], client: OpenAI, model: str, known: str) -> bool:
    """Tell whether `function` asks a question without `known` that is too long for the model in any case.

    False where the model reads it, or its server calls it a 400.
    """
    once = client.with_options(max_retries=0)
    mine, theirs = uuid.uuid4().hex[:8], uuid.uuid4().hex[:8]
    words = "word " * 5000
    try:
        once.responses.create(model=model, input=f"{mine} {words}", previous_response_id=known, max_output_tokens=16)
        return False
    except APIStatusError as error:
        if error.status_code < 500:
            return False
        with suppress(NotYet):
            call(function, f"{theirs} {words}", known, or_none=True)
        return any(_QUESTION not in str(one["input"]) for one in _stored(client, theirs))
    finally:
        for one in _stored(client, mine) + _stored(client, theirs):
            client.responses.delete(one["id"])


def _stored(client: OpenAI, tag: str) -> list[dict[str, Any]]:
    """Return the stored responses, newest first, whose input has `tag`."""
    listed = client.get("/responses?limit=100", cast_to=httpx.Response).json()["data"]
    return [one for one in listed if tag in str(one["input"])]
