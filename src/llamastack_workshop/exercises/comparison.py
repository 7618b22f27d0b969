"""Checks of chapter 16, Pure, LangChain or hybrid."""

from collections.abc import Callable
from typing import Any

from llamastack_workshop.exercises.check import exercise, given, require

_TEXT = "The Orca laptop has a 4.1 GHz processor, 32GB of RAM, and a 2TB SSD."


@exercise
def times_as_long(function: Callable[[dict[str, Any], str], float], figures: dict[str, Any]) -> str:
    """Check a function that says how many times as long as the pure program another one takes to import."""
    made_up = {
        "programs": {
            "pure": {"import": {"seconds": {"median": 0.5, "min": 0.4, "max": 9.0}}},
            "other": {"import": {"seconds": {"median": 2.0, "min": 1.0, "max": 3.0}}},
        }
    }
    times = given(function(made_up, "other"))
    require(isinstance(times, float | int), f"return a number, not {type(times).__name__}.")
    require(times != 0.25, "you divide the wrong way round: the other program's time stands above the pure one's.")
    require(abs(times - 4) < 1e-9, f"for medians of 2.0 s and 0.5 s you return {times}, not 4.0; use the medians.")
    require(function(made_up, "pure") == 1, "the pure program takes exactly as long as itself.")
    return f"the hybrid takes {function(figures, 'hybrid'):.1f} times as long to import as the pure program"


@exercise
def one_handler(function: Callable[[Callable[[], Any]], Any], chains: list[type], base_url: str, model: str) -> str:
    """Check one function that calls what it gets, and names what went wrong, for programs of every kind."""
    answer = given(function(lambda: "an object"))
    require(answer == "an object", f"if nothing goes wrong, return what the call returned, not {answer!r}.")
    for chain in chains:
        kind = chain.__module__
        hasty = chain(base_url, model, timeout=0.01, max_retries=0)
        _expect(function(lambda one=hasty: one.run(_TEXT)), "timeout", f"a timeout in {kind}")
        # Nothing listens on port 9 of this machine: it is reserved for a protocol that nobody uses.
        nobody = chain("http://127.0.0.1:9/v1", model, max_retries=0)
        _expect(function(lambda one=nobody: one.run(_TEXT)), "no connection", f"a dead server in {kind}")
        whole = chain(base_url, model)
        _expect(function(lambda one=whole: one.run(_TEXT, limit=16)), "cut off", f"an answer that is cut off in {kind}")
    return f"one function for {len(chains)} programs and three failures"


def _expect(found: Any, wanted: str, what: str) -> None:
    hint = ""
    if (found, wanted) == ("no connection", "timeout"):
        hint = " A timeout is a kind of connection error: catch it first."
    require(found == wanted, f"for {what} you return {found!r}, not {wanted!r}.{hint}")
