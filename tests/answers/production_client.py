"""Answers to chapter 9, A production client."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from openai import (
    APIConnectionError,
    APIError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    OpenAI,
)
from openai.types.responses import Response

from answers import Answer, Server
from llamastack_workshop.exercises.production_client import browser_status, continued_or_begun, nothing_left_behind


@dataclass
class Outcome:
    kind: str
    text: str = ""


def ask(using: OpenAI, forward: Callable[[Any], Any] | None = None, **request: Any) -> Outcome:
    """The chapter's handler, as short as the exercise permits."""
    try:
        if forward is None:
            response = using.responses.create(**request)
        else:
            response = list(using.responses.create(**request, stream=True))[-1].response
        return Outcome(response.status, response.output_text)
    except APITimeoutError:
        return Outcome("timeout")
    except APIConnectionError:
        return Outcome("connection")
    except APIStatusError as error:
        return Outcome(f"HTTP {error.status_code}")
    except APIError:
        return Outcome("error line")


def status(style: str, function: Any, said: str = "") -> Answer:
    return Answer(browser_status, style, lambda s: [function, ask, s.client, s.model], said)


# The statuses for an error in the browser's request.
OWN = re.compile(r"HTTP (4(?!01|03|29)\d\d)")


def matched(outcome: Outcome) -> int:
    match outcome.kind.split():
        case ["completed" | "incomplete"]:
            return HTTPStatus.OK
        case ["HTTP", "401" | "403" | "429"]:
            return HTTPStatus.BAD_GATEWAY
        case ["HTTP", code] if 400 <= int(code) <= 499:
            return int(code)
        case ["timeout"]:
            return HTTPStatus.GATEWAY_TIMEOUT
    return HTTPStatus.BAD_GATEWAY


class Statuses:
    def __init__(self) -> None:
        self.known = {"completed": 200, "incomplete": 200, "timeout": 504}

    def __call__(self, outcome: Outcome) -> int:
        own = OWN.fullmatch(outcome.kind)
        return int(own[1]) if own else self.known.get(outcome.kind, 502)


def status_of(outcome: Outcome, changed: dict[str, int] | None = None, other: int = 502) -> int:
    """A right answer, unless the changes make it wrong."""
    statuses = {"completed": 200, "incomplete": 200, "timeout": 504} | (changed or {})
    own = OWN.fullmatch(outcome.kind)
    return statuses.get(outcome.kind, int(own[1]) if own else other)


def continued(style: str, make: Callable[[Server, dict], Any], said: str = "") -> Answer:
    def arguments(server: Server) -> list[Any]:
        request = {"model": server.model, "max_output_tokens": 16}
        return [make(server, request), server.client, server.model]

    return Answer(continued_or_begun, style, arguments, said)


def looks_first(
    server: Server, request: dict, continues: tuple[str, ...] = ("completed",)
) -> Callable[[str, str], Response]:
    """Return an answer that retrieves the earlier response, and only continues it if its status is one of these."""

    def answer(question: str, earlier: str) -> Response:
        try:
            if server.client.responses.retrieve(earlier).status in continues:
                request["previous_response_id"] = earlier
        except NotFoundError:
            pass
        response = server.client.responses.create(**request, input=question)
        request.pop("previous_response_id", None)
        return response

    return answer


def tries(*caught: type[Exception], keep: bool = True) -> Callable[[Server, dict], Callable[[str, str], Response]]:
    """Return a function that makes an answer, which starts over after the exceptions `caught`."""

    def make(server: Server, request: dict) -> Callable[[str, str], Response]:
        def answer(question: str, earlier: str) -> Response:
            create = server.client.responses.create
            asked = [{"role": "system", "content": "Be short."}, {"role": "user", "content": question}]
            try:
                return create(**request, input=asked, previous_response_id=earlier)
            except caught:
                return create(**request, input=asked, store=keep)

        return answer

    return make


def errors_swallowed(value: object) -> Callable[[Server, dict], Callable[[str, str], Any]]:
    """Return a function that makes an answer, which returns `value` instead of passing on an exception."""

    def make(server: Server, request: dict) -> Callable[[str, str], Any]:
        def answer(question: str, earlier: str) -> Any:
            try:
                return tries(BadRequestError, NotFoundError)(server, request)(question, earlier)
            except APIError:
                return value

        return answer

    return make


def streamed(server: Server, request: dict) -> Callable[[str, str], Response]:
    """Return an answer that streams, in which an error is a line and a failure an event."""

    def last(**more: Any) -> Response:
        with server.client.responses.create(**request, **more, stream=True) as stream:
            return list(stream)[-1].response

    def answer(question: str, earlier: str) -> Response:
        try:
            return last(input=question, previous_response_id=earlier)
        except APIError as error:
            if error.code not in ("404", "400"):
                raise
        return last(input=question)

    return answer


def of_another(server: Server, request: dict) -> Callable[[str, str], Response]:
    """Return an answer that continues its own response instead of `earlier`."""
    own = server.client.responses.create(model=server.model, input="Name the capital of France.").id

    def answer(question: str, earlier: str) -> Response:
        if "unknown" in earlier or server.client.responses.retrieve(earlier).status != "completed":
            return server.client.responses.create(**request, input=question)
        return server.client.responses.create(**request, input=question, previous_response_id=own)

    return answer


def began(style: str, make: Callable[[Server], Any], said: str = "") -> Answer:
    return Answer(nothing_left_behind, style, lambda s: [make(s), s.client], said)


def streams(
    server: Server,
    delete: Callable[[Any], bool] = lambda response: response.status == "in_progress",
    ends: Callable[[str, int, int], bool] = lambda text, deltas, enough: len(text) >= enough,
    limit: int = 120,
) -> Callable[[str, int], str]:
    """Return an answer that streams until `ends`, and deletes the response if `delete` is true."""

    def answer(question: str, enough: int) -> str:
        request = {"model": server.model, "input": question, "max_output_tokens": limit}
        text, deltas = "", 0
        with server.client.responses.create(**request, stream=True) as stream:
            for event in stream:
                if event.type == "response.created":
                    created = event.response.id
                if event.type == "response.output_text.delta":
                    text, deltas = text + event.delta, deltas + 1
                if ends(text, deltas, enough):
                    break
        if delete(server.client.responses.retrieve(created)):
            server.client.responses.delete(created)
        return text

    return answer


def by_flag(server: Server) -> Callable[[str, int], str]:
    """Return an answer that records whether the last event arrived, and truncates the text."""

    def answer(question: str, enough: int) -> str:
        pieces, begun, ended = [], None, False
        stream = server.client.responses.create(
            model=server.model, input=[{"role": "user", "content": question}], stream=True
        )
        for event in stream:
            begun = begun or event.response.id
            ended = event.type in ("response.completed", "response.incomplete", "response.failed")
            pieces.append(getattr(event, "delta", ""))
            if sum(map(len, pieces)) >= enough:
                stream.close()
                break
        if not ended:
            server.client.responses.delete(begun)
        return "".join(pieces)[:enough]

    return answer


def left_open(server: Server) -> Callable[[str, int], str]:
    """Return an answer that deletes its response, but keeps its stream open."""
    kept = []

    def answer(question: str, enough: int) -> str:
        stream = server.client.responses.create(model=server.model, input=question, stream=True)
        kept.append(events := iter(stream))
        text, created = "", next(events).response.id
        while len(text) < enough and (event := next(events)).type != "response.completed":
            text += getattr(event, "delta", "")
        server.client.responses.delete(created)
        return text

    return answer


def asked_for_little(server: Server) -> Callable[[str, int], str]:
    """Return an answer without a stream, whose token limit corresponds to about `enough` characters."""

    def answer(question: str, enough: int) -> str:
        request = {"model": server.model, "input": question, "max_output_tokens": max(16, enough // 4)}
        return server.client.responses.create(**request).output_text[:enough]

    return answer


RIGHT = [
    status("match, and members of HTTPStatus", matched),
    status("a class with __call__ and a table", Statuses()),
    status("an error line as the status that its code says", lambda o: status_of(o, {"error line": 404})),
    continued("looks first, and continues only what is completed", looks_first),
    continued("catches two classes, and has a system message", tries(BadRequestError, NotFoundError)),
    continued("streams, and reads the code of the error line", streamed),
    continued("an incomplete response too", partial(looks_first, continues=("completed", "incomplete"))),
    began("deletes what is in progress", streams),
    began("notes the last event, closes by hand, cuts the text", by_flag),
]

WRONG = [
    status("200 for everything", lambda o: 200, "for an unknown model ('HTTP 404'), you return 200, not 404"),
    status("a text", lambda o: "200", "should return a status, which is an integer, not a str"),
    status("incomplete as 502", lambda o: status_of(o, {"incomplete": 502}), "('incomplete'), you return 502, not 200"),
    status("unknown kinds as 200", lambda o: status_of(o, {"a new kind": 200}), "('a new kind'), you return 200"),
    status("everything else as 200", lambda o: status_of(o, {"failed": 502}, other=200), "you return 200, not 502"),
    status(
        "the server's 500",
        lambda o: int(o.kind[5:]) if o.kind.startswith("HTTP") else status_of(o),
        "for a model that cannot chat ('HTTP 500'), you return 500, not 502",
    ),
    status(
        "only the two statuses of the chapter",
        lambda o: status_of(o, {"HTTP 409": 502, "HTTP 422": 502}),
        "('HTTP 409'), you return 502, not 409",
    ),
    status("the upstream's quota", lambda o: status_of(o, {"HTTP 429": 429}), "('HTTP 429'), you return 429, not 502"),
    status("the backend's token", lambda o: status_of(o, {"HTTP 401": 401}), "('HTTP 401'), you return 401, not 502"),
    status("a redirection", lambda o: status_of(o, {"HTTP 304": 304}), "('HTTP 304'), you return 304, not 502"),
    status("every 4xx as 400", lambda o: status_of(o, {"HTTP 404": 400}), "you return 400, not 404"),
    status("the timeout as 502", lambda o: status_of(o, {"timeout": 502}), "for a timeout ('timeout'), you return 502"),
    status("by the text", lambda o: 200 if o.text else status_of(o), "you return 200, not"),
    status(
        "a branch without return",
        lambda o: None if o.kind == "timeout" else status_of(o),
        "returns None here, not a status",
    ),
    continued(
        "never continues",
        lambda s, r: lambda q, earlier: s.client.responses.create(**r, input=q),
        "a known response is not continued",
    ),
    continued("returns the text", lambda s, r: lambda q, earlier: "Lisbon", "should return the whole response"),
    continued(
        "catches nothing",
        lambda s, r: lambda q, earlier: s.client.responses.create(**r, input=q, previous_response_id=earlier),
        "running your code raised NotFoundError",
    ),
    continued("catches the 404 alone", tries(NotFoundError), "running your code raised BadRequestError"),
    continued("a bare except", tries(Exception), "was asked again without `earlier`, which cannot help"),
    continued("None for other errors", errors_swallowed(None), "with status 500, you return None; let the error"),
    continued("a text for other errors", errors_swallowed("error"), "with status 500, you return 'error'; let the"),
    continued("continues another response", of_another, "a known response is not continued; pass its id"),
    continued(
        "a question of its own",
        lambda s, r: lambda q, earlier: tries(NotFoundError, BadRequestError)(s, r)("Where is Lisbon?", earlier),
        "the request does not end with `question`",
    ),
    continued("keeps nothing", tries(NotFoundError, BadRequestError, keep=False), "does not store your response"),
    began("returns the response", lambda s: lambda q, enough: s.client, "should return the text, not an OpenAI"),
    began(
        "no stream",
        lambda s: (
            lambda q, enough: s.client.responses.create(model=s.model, input=q, max_output_tokens=64).output_text[
                :enough
            ]
        ),
        "you did not request a stream",
    ),
    began("no stream, and a limit of tokens", asked_for_little, "you did not request a stream"),
    began("reads to the end", lambda s: streams(s, ends=lambda *_: False), "count characters, and leave the loop"),
    began("the stream stays open", left_open, "the stream is still open"),
    began(
        "deletes what its limit has ended",
        # Few tokens, because many stories of a small model are short.
        lambda s: streams(s, delete=lambda response: response.status != "completed", limit=48),
        "delete only unfinished responses",
    ),
    began("deletes nothing", lambda s: streams(s, delete=lambda response: False), "delete it by its id"),
    began("deletes everything", lambda s: streams(s, delete=lambda response: True), "delete only unfinished responses"),
    began(
        # Twice as many, because some of these stories end early by themselves.
        "counts deltas",
        lambda s: streams(s, ends=lambda text, deltas, enough: deltas >= 2 * enough),
        "count characters, and leave the loop",
    ),
    began(
        "enough is always 200",
        lambda s: streams(s, ends=lambda text, deltas, enough: len(text) >= 200),
        "characters, but 20 were enough",
    ),
    began(
        "enough is always 60",
        lambda s: streams(s, ends=lambda text, deltas, enough: len(text) >= 60),
        "fewer than the 160 requested",
    ),
    began(
        "one delta is enough",
        lambda s: streams(s, ends=lambda text, deltas, enough: bool(text)),
        "fewer than the 160 requested",
    ),
    began(
        "stops in any case after 160",
        lambda s: streams(s, ends=lambda text, deltas, enough: len(text) >= min(enough, 8 if enough > 160 else enough)),
        "server has no response to your `question`",
    ),
    began("an empty text", lambda s: lambda q, enough: "", "the text has 0 characters"),
]
