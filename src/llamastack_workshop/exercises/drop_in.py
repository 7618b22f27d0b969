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

# What of OpenAI's the program names: three lines, and they are enough.
_OPENAIS = ("https://api.openai.com", "gpt-4o-mini", "text-embedding-3-small")
_TIMEOUT = 60  # seconds


@exercise
def brought_over(answer: str, program: str) -> str:
    """Check that `answer` is `program` with as few lines changed as possible, and runs against the server alone.

    The program has to name the server itself. On another machine, LLAMA_STACK_BASE_URL has to name it as well.
    """
    answer = of_type(given(answer), str, "give the text of a program")
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
        "host: api.openai.com" not in done.stderr, "the program still asks for api.openai.com; give it your address."
    )
    require("not found" not in last, f"the server does not have a model: {last.split(' - ')[-1][:120]}")
    require("Not Found" not in last, "the address is not right: does it end in /v1, as `base_url` does?")
    require(done.returncode == 0, f"the program ends with an error: {last[-160:]}")
    printed = [*done.stdout.splitlines(), "", ""]
    require(printed[0] and printed[1].isdigit(), "the program no longer prints an answer and a number.")
    return f"{changed} lines changed; it prints {printed[0][:50]!r} and {printed[1]}"


@exercise
def tells_what_is_served(function: Callable[[httpx.Response], bool], base_url: str) -> str:
    """Check that `function(answer)` is True where the server has the path and the method, whatever else is wrong."""
    nobody = "nobody serves that path"
    cases: list[tuple[str, str, bool, str]] = [
        ("POST", "assistants", False, nobody),
        ("POST", "embeddings", True, "the path is there, and the request is not complete"),
        ("GET", "responses/resp_unknown", True, "the path is there, and this one response is not"),
        ("GET", "models", True, "it works"),
        ("GET", "embeddings", False, "the path is there, and not for this method"),
        ("GET", "models/nobody/knows-this", True, "the path is there, and this one model is not"),
        ("GET", "files/file-unknown", True, "the path is there, and this one file is not"),
        ("GET", "threads/thread_unknown", False, nobody),
        ("POST", "images/generations", False, nobody),
        ("DELETE", "chat/completions", False, "the path is there, and not for this method"),
        ("POST", "chat/completions", True, "the path is there, and the request is not complete"),
    ]
    with httpx.Client(base_url=base_url, timeout=60) as http:
        for method, path, right, why in cases:
            answer = http.request(method, path, json={} if method == "POST" else None)
            verdict = call(function, answer, kind=bool, wanted="True or False")
            shown = f"{method} /v1/{path}, {answer.status_code} {answer.text[:40]}"
            require(verdict == right, f"{shown}: {why}, so this is {right}.")
    return f"{len(cases)} answers, all told apart"


def _lines(program: str) -> list[str]:
    """Return the lines of a program; empty ones, and blanks at the end of one, make no difference."""
    return [line.rstrip() for line in program.splitlines() if line.strip()]


def _difference(before: list[str], after: list[str]) -> tuple[int, list[str]]:
    """Return how many lines of `after` are not in `before`, or the other way round, and those that are gone."""
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
