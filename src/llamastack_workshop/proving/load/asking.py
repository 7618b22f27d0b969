"""Attendees who ask a classroom's servers without a pause, and the account of each of their requests."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from typing import Any

import httpx

_TIMEOUT = 120  # seconds
_LONGEST_PAUSE = 2  # seconds
_TOKENS = 24
# The states in which a response is an answer; it's `incomplete` if it has as many tokens as it may.
_ENDED = ("completed", "incomplete")


class Fate(StrEnum):
    """What became of a request: a whole answer, a refusal with a status, or neither."""

    answered = "answered"
    refused = "refused"
    broken = "broken off"


@dataclass(frozen=True)
class Request:
    """A request of `attendee`, from its beginning to its end (in seconds since 1970). `said` is a status or an error;
    `response` is the id of the response, as far as the client got to know it."""

    attendee: str
    streamed: bool
    began: float
    ended: float
    fate: Fate
    said: str
    response: str | None


class Asking:
    """Attendees who ask the server at `base_url` (ending in /v1) from the beginning of the block to its end.

    `keys` are theirs by name. Each has one request at a time, and every second one is a stream. `requests` has those
    that have ended.
    """

    def __init__(self, base_url: str, keys: Mapping[str, str]) -> None:
        self.base_url, self.keys = base_url, keys
        self.requests: list[Request] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._ask_all()), daemon=True)

    def __enter__(self) -> "Asking":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._thread.join()

    def end(self) -> None:
        """Ask nothing more; what has been asked for is waited for at the end of the block."""
        self._over.set()

    def answered(self, since: float = 0.0) -> dict[str, float]:
        """Return for each attendee the end of the first answer that was asked for after `since`, if there is one."""
        found: dict[str, float] = {}
        for one in list(self.requests):
            if one.fate is Fate.answered and one.began >= since:
                found.setdefault(one.attendee, one.ended)
        return found

    def lost(self) -> list[Request]:
        """Return the requests whose answer came whole, and which the server can't retrieve now, or not as ended."""
        return [one for one in self.requests if one.fate is Fate.answered and self.status_of(one) not in _ENDED]

    def status_of(self, request: Request) -> str:
        """Return the status of the stored response, or that of the refusal to show it."""
        headers = {"Authorization": f"Bearer {self.keys[request.attendee]}"}
        got = httpx.get(f"{self.base_url}/responses/{request.response}", headers=headers, timeout=_TIMEOUT)
        return got.json()["status"] if got.is_success else str(got.status_code)

    async def _ask_all(self) -> None:
        await asyncio.gather(*(self._ask(name, number) for number, name in enumerate(self.keys)))

    async def _ask(self, name: str, number: int) -> None:
        headers = {"Authorization": f"Bearer {self.keys[name]}"}
        async with httpx.AsyncClient(base_url=self.base_url, headers=headers, timeout=_TIMEOUT) as client:
            model = await self._model(client)
            for turn in count(number):
                if self._over.is_set():
                    return
                body = {"model": model, "input": f"Tell me about the number {turn}.", "max_output_tokens": _TOKENS}
                ask, began = (_streamed if turn % 2 else _whole), time.time()
                fate, said, response, pause = await ask(client, body)
                self.requests.append(Request(name, ask is _streamed, began, time.time(), fate, said, response))
                await asyncio.sleep(pause)

    async def _model(self, client: httpx.AsyncClient) -> str:
        while True:
            with suppress(httpx.HTTPError, KeyError, ValueError, StopIteration):
                models = (await client.get("/models")).raise_for_status().json()["data"]
                return next(one["id"] for one in models if one["custom_metadata"]["model_type"] == "llm")
            await asyncio.sleep(1)


type _End = tuple[Fate, str, str | None, float]


async def _whole(client: httpx.AsyncClient, body: dict[str, Any]) -> _End:
    try:
        got = await client.post("/responses", json=body)
    except httpx.HTTPError as error:
        return _broken(error, None)
    if not got.is_success:
        return _refused(got)
    told = got.json()
    return (Fate.answered if told["status"] in _ENDED else Fate.broken), told["status"], told["id"], 0.0


async def _streamed(client: httpx.AsyncClient, body: dict[str, Any]) -> _End:
    response, last = None, ""
    try:
        async with client.stream("POST", "/responses", json={**body, "stream": True}) as got:
            if not got.is_success:
                await got.aread()
                return _refused(got)
            async for line in got.aiter_lines():
                if line.startswith("data: {"):
                    event = json.loads(line.removeprefix("data: "))
                    last = event.get("type", "error")
                    response = event.get("response", {}).get("id", response)
    except httpx.HTTPError as error:
        return _broken(error, response)
    if last.removeprefix("response.") in _ENDED:
        return Fate.answered, last, response, 0.0
    return Fate.broken, last or "an empty stream", response, 0.5


def _refused(got: httpx.Response) -> _End:
    pause = got.headers.get("Retry-After", "1")
    return Fate.refused, str(got.status_code), None, min(float(pause), _LONGEST_PAUSE) if pause.isdecimal() else 1.0


def _broken(error: httpx.HTTPError, response: str | None) -> _End:
    return Fate.broken, type(error).__name__, response, 0.5


def wait_until(condition: Callable[[], object], seconds: float) -> bool:
    """Return whether `condition` becomes true within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
