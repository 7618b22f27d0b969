"""Recording the real requests and answers of an attendee's code, for the checks.

This covers httpx, and with it the `openai` client and LangChain.
"""

import asyncio
import gc
import json
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import httpx
from openai.types.responses import Response

from llamastack_workshop.exercises.check import call, of_type, require
from llamastack_workshop.system import ports

_LONGEST_WAIT = 2  # seconds


@contextmanager
def silent_server() -> Iterator[str]:
    """Yield the address, ending in /v1, of a server that accepts requests during the block, but never answers.

    A real server would finish the request of a client that has gone, or might beat a short timeout on a busy machine.
    """
    with socket.create_server((ports.HOST, 0)) as listener:
        yield f"http://{ports.HOST}:{listener.getsockname()[1]}/v1"


@dataclass
class Exchange:
    """A request with a JSON body, and its answer; `sent` is the body, `ended` the time at which the answer was read."""

    path: str
    sent: dict[str, Any]
    started: float
    ended: float = float("inf")
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    raw: bytearray = field(default_factory=bytearray)

    @property
    def streamed(self) -> bool:
        return "text/event-stream" in self.headers.get("content-type", "")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON objects of a stream, in order."""
        # Not `splitlines`, which also splits at U+2028, a valid character in JSON.
        lines = [line.removeprefix("data:").strip() for line in self._text().split("\n") if line.startswith("data:")]
        return [event for event in map(_json, lines) if isinstance(event, dict)]

    @property
    def answer(self) -> dict[str, Any]:
        """The object that the server returned, or the one in the last event of a stream; empty if there is none."""
        if self.streamed:
            return next((event["response"] for event in reversed(self.events) if event.get("response")), {})
        answer = _json(self._text())
        return answer if isinstance(answer, dict) else {}

    @property
    def output(self) -> list[dict[str, Any]]:
        """The items of a response."""
        return self.answer.get("output") or []

    @property
    def deltas(self) -> list[str]:
        """The pieces of a streamed text: a response's, or a chat completion's."""
        of_chat = [choice.get("delta") or {} for event in self.events for choice in event.get("choices") or []]
        return [
            *(event["delta"] for event in self.events if event.get("type") == "response.output_text.delta"),
            *(delta["content"] for delta in of_chat if delta.get("content")),
        ]

    @property
    def text(self) -> str:
        """The text of the answer: a response's, or a chat completion's."""
        if self.streamed:
            return "".join(self.deltas)
        messages = [item for item in self.output if item.get("type") == "message"]
        messages += [choice.get("message") for choice in self.answer.get("choices") or []]
        return "".join(text_of(message) for message in messages)

    @property
    def arguments(self) -> list[str]:
        """The arguments of the function calls in the answer: a response's, or a chat completion's (not streamed)."""
        messages = [choice.get("message") or {} for choice in self.answer.get("choices") or []]
        calls = [call.get("function") or {} for message in messages for call in message.get("tool_calls") or []]
        calls += [item for item in self.output if item.get("type") == "function_call"]
        return [call.get("arguments") or "" for call in calls]

    @property
    def prompt(self) -> str:
        """The texts that the request passes to the model."""
        return "\n".join(text_of(self.sent.get(key)) for key in ("instructions", "input", "messages"))

    def _text(self) -> str:
        return httpx.Response(200, headers=self.headers, content=bytes(self.raw)).text


def text_of(content: Any) -> str:
    """Return the text in a message's content, in a message, in an item, or in a list of these."""
    if isinstance(content, dict):
        content = content.get("content") or content.get("text") or content.get("output")
    if isinstance(content, list):
        return "\n".join(map(text_of, content))
    return content if isinstance(content, str) else ""


def watch(
    function: Callable[..., Any] | None,
    *arguments: object,
    kind: type | tuple[type, ...],
    wanted: str,
    together: int = 1,
) -> tuple[Any, list[Exchange]]:
    """Call the attendee's `function` like `call`; return its value, and its requests to the server.

    These are the requests to the Responses API and to chat completions, in the order in which they were sent.
    The first one waits up to two seconds for as many requests as should be sent `together`.
    Raises NotYet like `call`, and if there was no such request.
    """
    with recorded(together) as exchanges:
        value = call(function, *arguments)
    value = of_type(value, kind, f"your function should return {wanted}")
    asked = [one for one in exchanges if one.path.endswith(("/responses", "/chat/completions"))]
    require(asked, "your function did not call the model (the check saw no request of an `openai` client).")
    return value, asked


def request_for(response: Response, asked: list[Exchange]) -> Exchange:
    """Return the exchange that `response` comes from; raise NotYet if it is none of `asked`."""
    sent = next((one for one in asked if one.answer.get("id") == response.id), None)
    require(sent, "this response was not created when the check called your function; send a new request each time.")
    return sent


@contextmanager
def recorded(together: int = 1) -> Iterator[list[Exchange]]:
    """Yield a list to which each request with a JSON body that this process sends in the block is added.

    Until there are as many as should be sent `together`, each waits up to two seconds for the next: an answer may come
    faster than a busy machine starts another thread.
    """
    exchanges: list[Exchange] = []
    send, send_async = httpx.HTTPTransport.handle_request, httpx.AsyncHTTPTransport.handle_async_request

    def handle(transport: httpx.HTTPTransport, request: httpx.Request) -> httpx.Response:
        exchange = _begin(request, exchanges)
        deadline = time.monotonic() + _LONGEST_WAIT
        while exchange and len(exchanges) < together and time.monotonic() < deadline:
            time.sleep(0.01)
        response = send(transport, request)
        if exchange:
            exchange.headers = response.headers
            response.stream = _Copied(response.stream, exchange)
        return response

    async def handle_async(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        exchange = _begin(request, exchanges)
        deadline = time.monotonic() + _LONGEST_WAIT
        while exchange and len(exchanges) < together and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        response = await send_async(transport, request)
        if exchange:
            exchange.headers = response.headers
            response.stream = _Copied(response.stream, exchange)
        return response

    with (
        _tidied_up_at_the_end(),
        patch.object(httpx.HTTPTransport, "handle_request", handle),
        patch.object(httpx.AsyncHTTPTransport, "handle_async_request", handle_async),
    ):
        yield exchanges


@contextmanager
def _tidied_up_at_the_end() -> Iterator[None]:
    """Disable garbage collection during the block, and collect at its end.

    The garbage collector closes streams that a function has left unread. During a request, httpcore holds the lock
    that closing a stream needs, so the thread would deadlock.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        if enabled:
            gc.enable()


class _Copied(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream that keeps a copy of the bytes that are read from it."""

    def __init__(self, stream: Any, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        for part in self._stream:
            self._exchange.raw += part
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self._exchange.raw += part
            yield part

    def close(self) -> None:
        self._exchange.ended = time.perf_counter()
        self._stream.close()

    async def aclose(self) -> None:
        self._exchange.ended = time.perf_counter()
        await self._stream.aclose()


def _begin(request: httpx.Request, exchanges: list[Exchange]) -> Exchange | None:
    """Add an exchange for a request that has a JSON object as its body, and return it."""
    # The body of an upload is read only while it is sent, and it is not JSON.
    with suppress(httpx.RequestNotRead):
        sent = _json(request.content.decode(errors="replace"))
        if isinstance(sent, dict):
            exchanges.append(Exchange(request.url.path, sent, time.perf_counter()))
            return exchanges[-1]
    return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None
