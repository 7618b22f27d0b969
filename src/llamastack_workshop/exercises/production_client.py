"""Checks of chapter 9, A production client."""

import re
import uuid
from collections.abc import Callable
from dataclasses import is_dataclass, replace
from itertools import islice
from math import inf
from typing import Any

import httpx
from openai import APIStatusError, NotFoundError, OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import NotYet, call, exercise, require, your_code
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import recorded, silent_server

questions = QuickCheck(__name__)

_QUESTION = "Name the capital of France."
_STORY = "Write a long story about a ship."
_STORIES = 4
_BY_HAND = (
    *("HTTP 409", "HTTP 422", "HTTP 499", "HTTP 304", "HTTP 401", "HTTP 403", "HTTP 429", "HTTP 500", "HTTP 503"),
    *("failed", "error event", "cut off", "connection", "a new kind"),
)


@exercise
def browser_status(status_for: Callable[[Any], int], ask: Callable[..., Any], client: OpenAI, model: str) -> str:
    """Check the statuses that `status_for` returns for outcomes of `ask`: of real requests, and of all other kinds."""
    nowhere = client.with_options(base_url="http://127.0.0.1:9/v1")
    request = {"model": model, "input": _QUESTION, "max_output_tokens": 32}
    story = request | {"input": _STORY, "max_output_tokens": 16}
    embedder = next(one.id for one in client.models.list() if one.custom_metadata["model_type"] == "embedding")
    with silent_server() as silent_url, your_code():
        hasty = client.with_options(base_url=silent_url, timeout=0.1, max_retries=0)
        cases = [
            ("an answer", ask(client, **request)),
            ("an answer truncated at the token limit", ask(client, **story)),
            ("an unknown model", ask(client, **request | {"model": "no-such/model"})),
            ("a limit of 1 token", ask(client, **request | {"max_output_tokens": 1})),
            ("a model that cannot chat", ask(client, **request | {"model": embedder})),
            ("a model that cannot chat, in a stream", ask(client, lambda event: None, **request | {"model": embedder})),
            ("an unknown model, in a stream", ask(client, lambda event: None, **request | {"model": "no-such/model"})),
            ("a timeout", ask(hasty, **request)),
            ("a server that is not there", ask(nowhere, **request)),
        ]
    require(
        all(is_dataclass(outcome) and hasattr(outcome, "kind") for _, outcome in cases),
        "`ask` no longer returns an `Outcome`; run the cells that define both again.",
    )
    # Outcomes that no request provokes here. Each contains the text so far, as after a stream.
    answer = replace(cases[0][1], text="Paris")
    cases += [("an outcome made by hand", replace(answer, kind=kind)) for kind in _BY_HAND]
    for what, outcome in cases:
        status = call(status_for, outcome, kind=int, wanted="a status, which is an integer")
        wanted = _statuses(outcome.kind)
        require(status in wanted, f"for {what} ({outcome.kind!r}), you return {status}, not {max(wanted)}.")
    return f"{len(cases)} outcomes have the right status"


@exercise
def continued_or_begun(function: Callable[[str, str], Response], client: OpenAI, model: str) -> str:
    """Check that `function(question, earlier)` continues `earlier` if possible, and otherwise asks without it.

    If the question itself fails, it should raise instead of asking again.
    """
    tag = uuid.uuid4().hex[:8]
    begun = f"{_QUESTION} ({tag})"
    known = client.responses.create(model=model, input=begun, max_output_tokens=64).id
    question = f"What else is it known for? ({tag})"
    sent = _sent(client, call(function, question, known, kind=Response, wanted="the whole response"))
    require(question in (sent[-1:] or [""])[0], "the request does not end with `question`; pass it on.")
    require(len(sent) > 2 and begun in " ".join(sent[:-1]), "a known response is not continued; pass its id.")
    unfinished = _unfinished(client, model, f"{_STORY} ({tag})")
    try:
        for what, earlier in {"an unknown id": "resp_unknown", "an unfinished response": unfinished}.items():
            sent = _sent(client, call(function, question, earlier, kind=Response, wanted=f"a response for {what}"))
            require(question in " ".join(sent), f"for {what}, the request does not contain `question`.")
            others = [one for one in sent if tag in one and question not in one]
            require(not others, f"for {what}, the input is more than the question.")
    finally:
        client.responses.delete(unfinished)
    _lets_errors_through(function, client, model, known)
    return "it continues a response if possible, and starts over only after a 404 or a 400"


@exercise
def nothing_left_behind(function: Callable[[str, int], str], client: OpenAI) -> str:
    """Check that `function(question, enough)` returns about `enough` characters, and leaves no unfinished response.

    An answer that ended by itself should stay.
    """
    lengths, limits = [], []
    # Further apart than the tolerance.
    for enough in (160, 20):
        for _ in range(_STORIES):
            length, limits, ended = _leaves(function, client, enough)
            # A story that ended by itself may have been too short to show when `function` leaves the loop.
            if not ended:
                break
        lengths.append(length)
    _keeps_what_has_ended(function, client, _QUESTION)
    # An answer without a limit might take minutes.
    if limits and all(limit and limit <= 200 for limit in limits):
        # Some stories end before the limit.
        for _ in range(_STORIES):
            if _keeps_what_has_ended(function, client, _STORY) == "incomplete":
                break
    return f"{lengths[0]} and {lengths[1]} characters arrived, unfinished responses are gone, and finished ones stay"


def _statuses(kind: str) -> set[int]:
    """Return the right statuses for an outcome of this kind: one, or two for "error line"."""
    if kind in ("completed", "incomplete"):
        return {200}
    of_server = int(kind[5:]) if re.fullmatch(r"HTTP \d{3}", kind) else 0
    if 400 <= of_server < 500 and of_server not in (401, 403, 429):
        return {of_server}
    # An error line has its own status, in its message.
    return {504} if kind == "timeout" else {502, 404} if kind == "error line" else {502}


def _sent(client: OpenAI, response: Response) -> list[str]:
    """Return the input items of `response` as JSON, including those of earlier turns."""
    try:
        return [item.to_json(warnings=False) for item in client.responses.input_items.list(response.id, order="asc")]
    except NotFoundError:
        raise NotYet("the server does not store your response (`store=False`?), so it cannot be continued.") from None


def _unfinished(client: OpenAI, model: str, prompt: str) -> str:
    """Return the id of a response whose stream was closed before its end."""
    with client.responses.create(model=model, input=prompt, max_output_tokens=64, stream=True) as stream:
        created, *_ = islice(stream, 3)
    return created.response.id


def _lets_errors_through(function: Callable[[str, str], Response], client: OpenAI, model: str, known: str) -> None:
    """Require that `function` raises if a question is too long for the model, and does not ask a second time.

    Nothing is required if the model accepts it, or its server returns 400.
    """
    once = client.with_options(max_retries=0)
    mine, theirs = uuid.uuid4().hex[:8], uuid.uuid4().hex[:8]
    words = "word " * 5000
    try:
        once.responses.create(model=model, input=f"{mine} {words}", previous_response_id=known, max_output_tokens=16)
    except APIStatusError as error:
        if error.status_code >= 500:
            value, raised = None, False
            try:
                value = call(function, f"{theirs} {words}", known, or_none=True)
            except NotYet as problem:
                raised = problem.__cause__ is not None
            require(
                all(_QUESTION in str(one["input"]) for one in _stored(client, theirs)),
                "a question that fails with status 500 was asked again without `earlier`, which cannot help. "
                "Start over only after a 404 or a 400, and let other errors through.",
            )
            # In a stream, there is no such error: the response has the status failed.
            require(
                raised or (isinstance(value, Response) and value.status == "failed"),
                f"for a question that fails with status 500, you return {value!r}; let the error through.",
            )
    finally:
        for one in _stored(client, mine) + _stored(client, theirs):
            client.responses.delete(one["id"])


def _leaves(
    function: Callable[[str, int], str], client: OpenAI, enough: int
) -> tuple[int, list[int | None], list[str]]:
    """Require that `function` leaves its loop after about `enough` characters.

    Returns the length of its text, the token limits of its requests, and the answers that are stored.
    """
    tag = uuid.uuid4().hex[:8]
    with recorded() as exchanges:
        text = call(function, f"{_STORY} Its number is {tag}.", enough, kind=str, wanted="the text")
    asked = [one.sent for one in exchanges if one.path.endswith("/responses")]
    require(not asked or any(one.get("stream") for one in asked), "you did not request a stream: `stream=True`.")
    require(all(one.ended < inf for one in exchanges), "the stream is still open; use `with`, or close it.")
    limits = [one.get("max_output_tokens") for one in asked]
    stored = _stored(client, tag)
    ended = [client.responses.retrieve(one["id"]).output_text for one in stored if one["status"] != "in_progress"]
    # `strip` may have taken some characters from the ends.
    require(
        len(text) >= enough - 5 or text.strip() in (one.strip() for one in ended),
        f"the text has {len(text)} characters, fewer than the {enough} requested."
        + ("" if stored else " If the answer had ended: delete only unfinished responses."),
    )
    require(
        len(text) < enough + 100,
        f"the text has {len(text)} characters, but {enough} were enough; count characters, and leave the loop.",
    )
    require(len(stored) == len(ended), "the response is still stored as in_progress; delete it by its id.")
    longest = max(map(len, ended), default=0)
    require(
        longest < enough + 100,
        f"the stored answer has {longest} characters, but {enough} were enough; leave the loop earlier.",
    )
    return len(text), limits, ended


def _keeps_what_has_ended(function: Callable[[str, int], str], client: OpenAI, prompt: str) -> str:
    """Require that `function` returns an answer completely if it ends by itself or at its limit, and keeps it.

    Returns the answer's status.
    """
    tag = uuid.uuid4().hex[:8]
    text = call(function, f"{prompt} ({tag})", 10_000, kind=str, wanted="the text")
    stored = _stored(client, tag)
    require(
        stored,
        "an answer ended by itself, but the server has no response to your `question`; "
        "delete only unfinished responses, and leave `store` as it is.",
    )
    require(all(one["status"] != "in_progress" for one in stored), "you stopped before an answer had ended.")
    whole = client.responses.retrieve(stored[0]["id"]).output_text
    require(text.strip() == whole.strip(), f"the answer is {whole!r}, but you return {text!r}.")
    return stored[0]["status"]


def _stored(client: OpenAI, tag: str) -> list[dict[str, Any]]:
    """Return the stored responses whose input contains `tag`, newest first."""
    listed = client.get("/responses?limit=100", cast_to=httpx.Response).json()["data"]
    return [one for one in listed if tag in str(one["input"])]
