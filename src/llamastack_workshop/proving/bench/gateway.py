"""LlamaStack's overhead per request: the same prompts to the model directly, and through the server's two APIs.

The sides take turns in each round. Every answer has the same token limit, and every prompt starts with a different
number, so that the model's cache helps no side. The client and its overhead are the same for all.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import httpx
import psutil
from openai import APIError, AsyncOpenAI

from llamastack_workshop.proving.bench.figures import Plan, in_turn, ratio, spread
from llamastack_workshop.server.stack import Stack
from llamastack_workshop.system.errors import Say

# The minimum that the Responses API accepts.
_WRITTEN = 16  # tokens
# A single request is too short to time: each side sends at least this many in its turn.
_ASKED_AT_LEAST = 4
_TIMEOUT = 300  # seconds
_BUSY = 0.02  # seconds of CPU in a tenth of a second


@dataclass(frozen=True)
class _Side:
    """One kind of request: its API, whether the answer is streamed, and whether the server stores it.

    `stored` is None if the request does not specify it: LlamaStack stores every chat completion, llama.cpp none.
    """

    api: str
    streamed: bool
    stored: bool | None = None

    @property
    def name(self) -> str:
        kept = {None: "", True: ", stored", False: ", not stored"}[self.stored]
        return f"{self.api}{', streamed' if self.streamed else ''}{kept}"


_DIRECT = [_Side("direct", False), _Side("direct", True)]
_THROUGH_THE_GATEWAY = [
    _Side("chat completions", False),
    _Side("chat completions", True),
    _Side("responses", False, False),
    _Side("responses", False, True),
    _Side("responses", True, False),
    _Side("responses", True, True),
]
_SIDES = {side.name: side for side in [*_DIRECT, *_THROUGH_THE_GATEWAY]}


@dataclass(frozen=True)
class _Wave:
    """The cost of concurrent requests: the time until the last answer, and the LlamaStack server's CPU time."""

    seconds: float
    server_cpu_seconds: float
    errors: int


def measure(running: Stack, plan: Plan, say: Say) -> list[dict[str, Any]]:
    """Return an entry for each side and each number of concurrent requests.

    `seconds` is the time of one wave of requests, `ratio_to_direct` its ratio to the same requests to the model itself,
    streamed or not. `server_cpu_seconds` is the LlamaStack server's CPU time per request.
    """
    return asyncio.run(_measure(running, plan, say))


async def _measure(running: Stack, plan: Plan, say: Say) -> list[dict[str, Any]]:
    upstream, model = running.addresses["LLAMA_CPP_URL"], running.models[0]
    server = psutil.Process(running.children[0].pid)
    prompts = (f"{number} is a number. Write a long story about it." for number in itertools.count(10_000))
    figures = []
    async with AsyncExitStack() as cleanup:
        options = {"api_key": "none", "max_retries": 0, "timeout": _TIMEOUT}
        direct, gateway = [
            await cleanup.enter_async_context(AsyncOpenAI(base_url=address, **options))
            for address in (upstream, running.base_url)
        ]

        def asking(side: _Side) -> Callable[[str], Awaitable[bool]]:
            if side in _DIRECT:
                return lambda text: _complete(direct, model.split("/", 1)[1], text, side)
            ask = _complete if side.api == "chat completions" else _respond
            return lambda text: ask(gateway, model, text, side)

        if plan.warm_ups:
            say("Sending a first request to the model, and through each API of LlamaStack …")
            for side in _SIDES.values():
                await asking(side)(next(prompts))
        for at_once in plan.at_once:
            say(f"Measuring {at_once} concurrent request(s), to the model directly and through LlamaStack …")
            seen: dict[str, list[_Wave]] = {name: [] for name in _SIDES}
            for number in plan.counted(say):
                for name, side in in_turn(_SIDES, number):
                    seen[name].append(await _wave(asking(side), prompts, at_once, server))
            figures.extend(_entries(seen, at_once))
    return figures


async def _wave(
    ask: Callable[[str], Awaitable[bool]], prompts: itertools.count, at_once: int, server: psutil.Process
) -> _Wave:
    """Send `at_once` prompts concurrently, several times if they are few, and return the means per wave and request."""
    times = -(-_ASKED_AT_LEAST // at_once)
    succeeded = 0
    cpu, started = _cpu_seconds(server), time.perf_counter()
    for _ in range(times):
        succeeded += sum(await asyncio.gather(*(ask(next(prompts)) for _ in range(at_once))))
    seconds = time.perf_counter() - started
    await _until_idle(server)
    requests = times * at_once
    return _Wave(seconds / times, (_cpu_seconds(server) - cpu) / requests, requests - succeeded)


async def _complete(client: AsyncOpenAI, model: str, text: str, side: _Side) -> bool:
    """Return whether a chat completion reached its end or its token limit."""
    try:
        answer = await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": text}],
            max_tokens=_WRITTEN,
            stream=side.streamed,
        )
        finished = [chunk.choices[0].finish_reason async for chunk in answer if chunk.choices] if side.streamed else []
    except (APIError, httpx.HTTPError):
        return False
    return (finished[-1] if side.streamed else answer.choices[0].finish_reason) in ("stop", "length")


async def _respond(client: AsyncOpenAI, model: str, text: str, side: _Side) -> bool:
    """Return whether a response reached its end or its token limit."""
    try:
        answer = await client.responses.create(
            model=model, input=text, max_output_tokens=_WRITTEN, stream=side.streamed, store=side.stored
        )
        if side.streamed:
            answer = [event async for event in answer][-1].response
    except (APIError, httpx.HTTPError):
        return False
    return answer.status in ("completed", "incomplete")


async def _until_idle(server: psutil.Process) -> None:
    """Wait until the server has finished storing after its answers; otherwise, that would slow down the next side."""
    while True:
        before = _cpu_seconds(server)
        await asyncio.sleep(0.1)
        if _cpu_seconds(server) - before < _BUSY:
            return


def _cpu_seconds(process: psutil.Process) -> float:
    spent = process.cpu_times()
    return spent.user + spent.system


def _entries(seen: dict[str, list[_Wave]], at_once: int) -> list[dict[str, Any]]:
    entries = []
    for name, waves in seen.items():
        side = _SIDES[name]
        base = seen[_DIRECT[side.streamed].name]
        entry = {
            "api": side.api,
            "streamed": side.streamed,
            "stored": side.stored,
            "at_once": at_once,
            "seconds": spread(wave.seconds for wave in waves),
            "errors": sum(wave.errors for wave in waves),
        }
        if side not in _DIRECT:
            entry["ratio_to_direct"] = ratio((wave.seconds for wave in waves), (wave.seconds for wave in base))
            entry["server_cpu_seconds"] = spread(wave.server_cpu_seconds for wave in waves)
        entries.append(entry)
    return entries
