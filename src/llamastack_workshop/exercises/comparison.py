"""Checks of chapter 16, Pure, LangChain or hybrid."""

import json
from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from typing import Any

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import silent_server
from llamastack_workshop.system import paths

questions = QuickCheck(__name__)

_TEXT = "The Orca laptop has a 4.1 GHz processor, 32GB of RAM, and a 2TB SSD."


@exercise
def times_as_long(function: Callable[[dict[str, Any], str], float], figures: dict[str, Any]) -> str:
    """Check a function that returns the ratio of another program's import time to that of the pure program."""
    # The figures of the file, so that everything else is there too, with other medians.
    made_up = json.loads((paths.ROOT / "book" / "measurements" / "comparison.json").read_text(encoding="utf-8"))
    medians = {"pure": 0.5, "langchain_chat": 2.0, "hybrid": 1.25}
    for program, median in medians.items():
        made_up["programs"][program]["import"]["seconds"] = {"median": median, "min": 0.2, "max": 9.0}
    for program, right in {"langchain_chat": 4.0, "hybrid": 2.5, "pure": 1.0}.items():
        times = _number(function, made_up, program)
        require(
            right == 1 or abs(times * right - 1) > 1e-9,
            "you divide the wrong way round: divide the other program's time by the pure program's.",
        )
        require(
            abs(times - right) < 1e-9,
            f"for median import times of {medians[program]} s and 0.5 s, you return {times}, not {right}.",
        )
    given(figures, dict, "the figures")
    times = _number(function, figures, "hybrid")
    return f"importing the hybrid takes {times:.1f} times as long as importing the pure program"


@exercise
def one_handler(function: Callable[[Callable[[], Any]], Any], chains: list[type], base_url: str, model: str) -> str:
    """Check a function that calls its argument and names the kind of failure, for all kinds of programs."""
    for value in ("an object", 0, None):
        calls = []
        answer = call(function, lambda value=value, calls=calls: [calls.append(1), value][1], or_none=True)
        require(calls, "you do not call the function that is passed to you.")
        require(len(calls) == 1, f"you call the function that is passed to you {len(calls)} times; once is enough.")
        same = type(answer) is type(value) and answer == value
        require(same, f"if the call returns {value!r}, return that; you return {answer!r}.")
    _lets_through(function, lambda: int("no number"), "a ValueError, which a gate may raise,")
    kinds = [of_type(chain, type, "give the programs' classes") for chain in given(chains, (list, tuple), "a list")]
    for chain in kinds:
        kind = chain.__module__
        with silent_server() as address:
            hasty = chain(address, model, timeout=0.01, max_retries=0)
            _expect(function, lambda one=hasty: one.run(_TEXT), "timeout", f"a timeout in {kind}")
        # Nothing listens on port 9, which is reserved for an obsolete protocol.
        nobody = chain("http://127.0.0.1:9/v1", model, max_retries=0)
        _expect(function, lambda one=nobody: one.run(_TEXT), "no connection", f"a dead server in {kind}")
        stranger = chain(base_url, "no-such/model", max_retries=0)
        _lets_through(function, lambda one=stranger: one.run(_TEXT), f"an unknown model in {kind}")
    for chain in kinds:
        cut = chain(base_url, model)
        what = f"a truncated answer in {chain.__module__}"
        _expect(function, lambda one=cut: one.run(_TEXT, limit=16), "cut off", what)
    return f"one function for {len(chains)} programs and three failures"


def _number(function: Callable[..., Any], figures: dict[str, Any], program: str) -> float:
    return float(call(function, figures, program, kind=(Real, Decimal), wanted="a number"))


def _expect(function: Callable[..., Any], run: Callable[[], Any], wanted: str, what: str) -> None:
    try:
        found = call(function, run, or_none=True)
    except NotYet as error:
        cause = type(error.__cause__).__name__
        raise NotYet(f"for {what}, your function lets {cause} through; return {wanted!r}.") from error
    hint = ""
    if (found, wanted) == ("no connection", "timeout"):
        hint = " A timeout is a subclass of the connection error: catch it first."
    require(found == wanted, f"for {what}, you return {found!r}, not {wanted!r}.{hint}")


def _lets_through(function: Callable[..., Any], run: Callable[[], Any], what: str) -> None:
    """Require that `function` does not report the exception of `run` as one of the three failures."""
    try:
        found = call(function, run, or_none=True)
    except NotYet:
        return
    raise NotYet(f"{what} is none of the three failures, but you return {found!r}; let other exceptions through.")
