"""The speed of the embedded model itself, from llama.cpp's counters."""

import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import httpx

from llamastack_workshop.proving.bench.figures import Plan, spread
from llamastack_workshop.server.embedded.threads import thread_count
from llamastack_workshop.server.stack import Stack
from llamastack_workshop.system.errors import Say

_WRITTEN = 64  # tokens
_STATEMENTS = 40


@dataclass(frozen=True)
class Counted:
    """The tokens read and written so far, and the time for each in seconds.

    The times of concurrent requests add up.
    """

    read: float
    reading_seconds: float
    written: float
    writing_seconds: float

    @property
    def seconds(self) -> float:
        return self.reading_seconds + self.writing_seconds


def counted(upstream: str) -> Counted:
    """Return the counters of llama.cpp at `upstream`, an address that ends in /v1."""
    text = httpx.get(upstream.removesuffix("/v1") + "/metrics", timeout=60).raise_for_status().text
    names = ("prompt_tokens_total", "prompt_seconds_total", "tokens_predicted_total", "tokens_predicted_seconds_total")
    return Counted(*(float(re.search(rf"^llamacpp:{name} (\S+)", text, re.MULTILINE)[1]) for name in names))


def measure(running: Stack, plan: Plan, say: Say) -> dict[str, Any]:
    """Return the chat model's tokens per second for reading a prompt and writing an answer, one request at a time.

    `threads` is the number of threads that llama.cpp may use.
    """
    say("Measuring the tokens per second that the embedded model reads and writes …")
    upstream = running.addresses["LLAMA_CPP_URL"]
    reading, writing = [], []
    for number in plan.numbers(say):
        before = counted(upstream)
        _ask(upstream, number)
        after = counted(upstream)
        if number > 0:
            reading.append((after.read - before.read) / (after.reading_seconds - before.reading_seconds))
            writing.append((after.written - before.written) / (after.writing_seconds - before.writing_seconds))
    return {
        "xllamacpp": metadata.version("xllamacpp"),
        "threads": thread_count(),
        "tokens_read_per_second": spread(reading),
        "tokens_written_per_second": spread(writing),
    }


def _ask(upstream: str, number: int) -> None:
    """Send a text of some 600 tokens, a different one in each round, so that it is not in the model's cache."""
    text = " ".join(f"Drive {number}-{n} has {n} TB and costs {n}00 euros." for n in range(_STATEMENTS))
    messages = [{"role": "user", "content": f"{text} Repeat this text."}]
    body = {"messages": messages, "max_tokens": _WRITTEN}
    httpx.post(f"{upstream}/chat/completions", json=body, timeout=300).raise_for_status()
