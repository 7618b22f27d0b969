"""Checks of chapter 23, A drop-in replacement?."""

import difflib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx

from llamastack_workshop.exercises.check import exercise, given, require
from llamastack_workshop.system import paths

_FEWEST = 3  # the address, the chat model and the embedding model


@exercise
def brought_over(answer: str, program: str) -> str:
    """Check that `answer` is `program` with as few lines changed as possible, and runs against the server alone.

    The program has to name the server itself. On another machine, LLAMA_STACK_BASE_URL has to name it as well.
    """
    answer = given(answer)
    require(isinstance(answer, str), f"give the text of a program, not {type(answer).__name__}.")
    changed = _changed_lines(program, answer)
    require(changed, "nothing has changed.")
    require(changed <= _FEWEST, f"{changed} lines differ from the program; {_FEWEST} are enough.")
    others = {name: value for name, value in os.environ.items() if name != "OPENAI_BASE_URL"}
    done = subprocess.run(
        [sys.executable, "-"],
        input=f"import loopback_only\n{answer}",
        cwd=paths.ROOT / "clients" / "python",
        env={**others, "OPENAI_API_KEY": "none", "NO_PROXY": "*", "no_proxy": "*"},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    require("api.openai.com" not in done.stderr, "the program still asks for api.openai.com; give it your address.")
    last = (done.stderr.splitlines() or [""])[-1]
    require("not found" not in last, f"the server does not have a model: {last.split(' - ')[-1][:120]}")
    require(done.returncode == 0, f"the program ends with an error: {last[-160:]}")
    printed = done.stdout.split("\n")
    require(printed[0] and printed[1].isdigit(), "the program no longer prints an answer and a number.")
    return f"{changed} lines changed; it prints {printed[0][:50]!r} and {printed[1]}"


@exercise
def tells_what_is_served(function: Callable[[httpx.Response], bool], base_url: str) -> str:
    """Check that `function(answer)` is True where the server has the path and the method, whatever else is wrong."""
    cases: list[tuple[str, str, bool, str]] = [
        ("POST", "batches", False, "nobody serves that path"),
        ("POST", "embeddings", True, "the path is there, and the request is not complete"),
        ("GET", "responses/resp_unknown", True, "the path is there, and this one response is not"),
        ("GET", "models", True, "it works"),
        ("GET", "embeddings", False, "the path is there, and not for this method"),
    ]
    with httpx.Client(base_url=base_url, timeout=60) as http:
        for method, path, right, why in cases:
            answer = http.request(method, path, json={} if method == "POST" else None)
            verdict: Any = given(function(answer))
            require(isinstance(verdict, bool), f"return True or False, not {verdict!r}.")
            shown = f"{method} /v1/{path}, {answer.status_code} {answer.text[:40]}"
            require(verdict == right, f"{shown}: {why}, so this is {right}.")
    return f"{len(cases)} answers, all told apart"


def _changed_lines(before: str, after: str) -> int:
    """Return how many lines of `after` are not in `before`, or of `before` not in `after`, whichever are more."""
    matcher = difflib.SequenceMatcher(a=before.split("\n"), b=after.split("\n"), autojunk=False)
    blocks = [block for block in matcher.get_opcodes() if block[0] != "equal"]
    return sum(max(a_end - a, b_end - b) for _, a, a_end, b, b_end in blocks)
