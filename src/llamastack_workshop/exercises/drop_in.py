"""Checks of chapter 23, A drop-in replacement?."""

import difflib
import os
import subprocess
import sys
from collections.abc import Callable

import httpx

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.system import paths

questions = QuickCheck(__name__)

# The parts of the program that are specific to OpenAI: changing these three lines is enough.
_OPENAIS = ("https://api.openai.com", "gpt-4o-mini", "text-embedding-3-small")
_TIMEOUT = 60  # seconds


@exercise
def brought_over(answer: str, program: str) -> str:
    """Check that `answer` is `program` with as few changed lines as possible, and runs against the server only.

    The program itself has to name the server. If that is on another machine, LLAMA_STACK_BASE_URL has to name it, too.
    """
    answer = of_type(given(answer), str, "give the program as a string")
    before, after = _lines(program), _lines(answer)
    needed = [line for line in before if any(name in line for name in _OPENAIS)]
    changed, gone = _difference(before, after)
    require(changed, "nothing has changed.")
    needless = next((line for line in gone if line not in needed), None)
    require(needless is None, f"this line need not change: `{(needless or '').strip()}`")
    require(changed <= len(needed), f"{changed} lines differ from the program; {len(needed)} are enough.")
    done = _run(answer)
    last = (done.stderr.splitlines() or [""])[-1]
    require(
        "host: api.openai.com" not in done.stderr,
        "the program still connects to api.openai.com; use your server's address.",
    )
    require("not found" not in last, f"the server does not have a model: {last.split(' - ')[-1][:120]}")
    require("Not Found" not in last, "the address is wrong: does it end in /v1, like `base_url`?")
    require(done.returncode == 0, f"the program ends with an error: {last[-160:]}")
    printed = [*done.stdout.splitlines(), "", ""]
    require(printed[0] and printed[1].isdigit(), "the program no longer prints an answer and a number.")
    return f"{changed} lines changed; it prints {printed[0][:50]!r} and {printed[1]}"


@exercise
def tells_what_is_served(function: Callable[[httpx.Response], bool], base_url: str) -> str:
    """Check that `function(answer)` is True if the server has the path and the method, even if the request fails."""
    nobody = "the server does not have that path"
    cases: list[tuple[str, str, bool, str]] = [
        ("POST", "assistants", False, nobody),
        ("POST", "embeddings", True, "the path exists, but the request is incomplete"),
        ("GET", "responses/resp_unknown", True, "the path exists, but this response does not"),
        ("GET", "models", True, "it works"),
        ("GET", "embeddings", False, "the path exists, but not for this method"),
        ("GET", "models/nobody/knows-this", True, "the path exists, but this model does not"),
        ("GET", "files/file-unknown", True, "the path exists, but this file does not"),
        ("GET", "threads/thread_unknown", False, nobody),
        ("POST", "images/generations", False, nobody),
        ("DELETE", "chat/completions", False, "the path exists, but not for this method"),
        ("POST", "chat/completions", True, "the path exists, but the request is incomplete"),
    ]
    # A connection for each request: after some errors, the server closes the one that the next request would use.
    once = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=base_url, timeout=60, limits=once) as http:
        for method, path, right, why in cases:
            answer = http.request(method, path, json={} if method == "POST" else None)
            verdict = call(function, answer, kind=bool, wanted="True or False")
            shown = f"{method} /v1/{path}, {answer.status_code} {answer.text[:40]}"
            require(verdict == right, f"{shown}: {why}, so return {right}.")
    return f"{len(cases)} answers, all classified correctly"


def _lines(program: str) -> list[str]:
    """Return the lines of a program, without empty ones and trailing spaces."""
    return [line.rstrip() for line in program.splitlines() if line.strip()]


def _difference(before: list[str], after: list[str]) -> tuple[int, list[str]]:
    """Return the number of lines that differ between `before` and `after`, and the lines that are gone."""
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    blocks = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    gone = [line for _, a, a_end, *_ in blocks for line in before[a:a_end]]
    return sum(max(a_end - a, b_end - b) for _, a, a_end, b, b_end in blocks), gone


def _run(program: str) -> subprocess.CompletedProcess[str]:
    others = {name: value for name, value in os.environ.items() if name != "OPENAI_BASE_URL"}
    try:
        return subprocess.run(
            [sys.executable, "-"],
            input=f"import loopback_only\n{program}",
            cwd=paths.ROOT / "clients" / "python",
            env={**others, "OPENAI_API_KEY": "none", "NO_PROXY": "*", "no_proxy": "*"},
            capture_output=True,
            encoding="utf-8",
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise NotYet(f"the program has not ended after {_TIMEOUT} seconds.") from None
