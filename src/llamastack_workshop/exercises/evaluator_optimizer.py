"""Checks of chapter 15, Evaluator and optimizer."""

from collections.abc import Callable
from typing import Any

from langgraph.graph.state import CompiledStateGraph

from llamastack_workshop.exercises.check import exercise, given, require

_POINTS = [
    ([3], False, "one round says nothing yet"),
    ([3, 4], False, "the second round has more points than the first"),
    ([3, 4, 4], False, "the points rose one round ago; wait for two rounds without a new best"),
    ([4, 3, 3], True, "two rounds have passed, and the first one is still the best"),
    ([3, 5, 4, 5], True, "equal is not better: the second round reached 5 first"),
    ([5, 3, 4], True, "4 after 3 is no new best: compare with the best so far, not with the round before"),
    ([3, 3, 3, 4], False, "the last round is the best so far"),
]


@exercise
def stalled(function: Callable[[list[int]], bool]) -> str:
    """Check a function that tells whether the last two rounds brought no new best."""
    for points, expected, why in _POINTS:
        answer = given(function(list(points)))
        require(
            answer == expected, f"for the points {points} the answer is {expected}, yours is {answer}. Hint: {why}."
        )
    return f"right for {len(_POINTS)} runs; {_POINTS[4][0]} has stalled, {_POINTS[6][0]} has not"


@exercise
def drafts(function: Callable[[Any, dict[str, Any]], list[str]], graph: CompiledStateGraph, config: dict) -> str:
    """Check that `function(graph, config)` returns the drafts of a run out of its checkpoints, oldest first."""
    found = given(function(graph, config))
    require(isinstance(found, list), f"return a list of drafts, not {type(found).__name__}.")
    require(
        all(isinstance(draft, str) for draft in found),
        'the list holds more than texts; a state before the first draft has none: use `values.get("draft")`.',
    )
    newest_first = [state.values["draft"] for state in graph.get_state_history(config) if state.values.get("draft")]
    expected = list(dict.fromkeys(reversed(newest_first)))
    require(len(found) >= len(expected), f"the checkpoints hold {len(expected)} drafts, and you return {len(found)}.")
    require(len(found) == len(set(found)), "a draft appears more than once: several checkpoints hold the same one.")
    require(found == expected, "the order is another: `get_state_history` begins with the newest checkpoint.")
    return f"{len(found)} drafts, from {found[0][:30]!r}… to {found[-1][:30]!r}…"
