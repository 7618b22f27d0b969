"""Answers to chapter 15, Evaluator and optimizer."""

from collections.abc import Callable
from functools import partial
from itertools import accumulate, pairwise
from typing import Any, TypedDict

import numpy as np
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from answers import Answer
from llamastack_workshop.exercises.evaluator_optimizer import drafts, stalled


class Draft(TypedDict, total=False):
    name: str
    draft: str


def accepted_at_once() -> tuple[CompiledStateGraph, dict[str, Any]]:
    """Return a graph that finished with one draft, as in most runs of the chapter, and the config of that run."""
    builder = StateGraph(Draft)
    builder.add_node("write", lambda state: {"draft": "The UltraBook has a 1 TB drive."})
    builder.add_node("read", lambda state: {})
    builder.add_edge(START, "write")
    builder.add_edge("write", "read")
    builder.add_edge("read", END)
    graph, config = builder.compile(checkpointer=InMemorySaver()), {"configurable": {"thread_id": "1"}}
    graph.invoke({"name": "UltraBook"}, config)
    return graph, config


def judged(style: str, function: Any, said: str = "") -> Answer:
    return Answer(stalled, style, lambda s: [function], said)


def by_bests(points: list[int]) -> bool:
    bests = list(accumulate(points, max))
    return len(bests) >= 3 and bests[-1] == bests[-3]


def by_place(points: list[int]) -> bool:
    return points.index(max(points)) < len(points) - 2


def counting(points: list[int]) -> bool:
    best, without = -1, 0
    for one in points:
        best, without = (one, 0) if one > best else (best, without + 1)
    return without >= 2


def compared(points: list[int], rounds: int = 3, better: Callable[[int, int], bool] = lambda a, b: a > b) -> bool:
    """A right answer, unless the changes make it wrong."""
    return len(points) >= rounds and not better(max(points[-2:]), max(points[:-2]))


def listed(style: str, function: Any, said: str = "") -> Answer:
    return Answer(drafts, style, lambda s: [function, *accepted_at_once()], said)


def from_the_end(graph: CompiledStateGraph, config: dict) -> list[str]:
    found = []
    for state in graph.get_state_history(config):
        draft = state.values.get("draft")
        if draft and draft not in found:
            found.insert(0, draft)
    return found


def through_the_checkpointer(graph: CompiledStateGraph, config: dict) -> tuple[str, ...]:
    saved = [one.checkpoint["channel_values"] for one in graph.checkpointer.list(config)]
    found = {}
    for values in saved[::-1]:
        if "draft" in values:
            found[values["draft"]] = True
    return tuple(found)


def history(graph: CompiledStateGraph, config: dict, limit: int | None = None) -> list[str]:
    """Return the draft of each checkpoint that has one, the newest first."""
    states = graph.get_state_history(config, limit=limit)
    return [state.values["draft"] for state in states if "draft" in state.values]


def runs_it(graph: CompiledStateGraph, config: dict) -> list[str]:
    graph.update_state(config, {"name": "another"})
    return from_the_end(graph, config)


def of_one_thread(graph: CompiledStateGraph, config: dict) -> list[str]:
    """Return the drafts of all runs in the checkpointer."""
    return list(dict.fromkeys(one.checkpoint["channel_values"].get("draft") for one in graph.checkpointer.list(None)))


def from_the_rounds(graph: CompiledStateGraph, config: dict) -> list[str]:
    values = graph.get_state(config).values
    return list(dict.fromkeys(one["draft"] for one in values.get("rounds", [values])))


RIGHT = [
    judged("the best so far, three times", by_bests),
    judged("where the best stands", by_place),
    judged("counts rounds", counting),
    judged("numpy's bool", lambda p: len(p) > 2 and np.max(p[-2:]) <= np.max(p[:-2])),
    listed("from the newest, put at the front", from_the_end),
    listed("through the checkpointer, as a tuple", through_the_checkpointer),
]

WRONG = [
    judged("the round before alone", lambda p: len(p) > 2 and p[-1] <= p[-2], "yours is True"),
    judged(
        "both are lower",
        partial(compared, better=lambda new, old: new >= old),
        "the answer is True, but yours is False",
    ),
    judged("the last five alone", lambda p: len(p) > 2 and max(p[-2:]) <= max(p[-5:-2]), "the answer is True"),
    judged("all are equal", lambda p: len(p) > 2 and p[-1] == p[-2] == p[-3], "the answer is True, but yours is False"),
    judged("falling", lambda p: len(p) > 2 and all(b <= a for a, b in pairwise(p[-3:])), "yours is False"),
    judged(
        "the first as the best", lambda p: len(p) > 2 and max(p[-2:]) <= p[0], "the answer is True, but yours is False"
    ),
    judged(
        "three rounds", lambda p: len(p) > 3 and max(p[-3:]) <= max(p[:-3]), "the answer is True, but yours is False"
    ),
    judged("the last round alone", lambda p: len(p) > 1 and p[-1] <= max(p[:-1]), "yours is True"),
    judged("too early", lambda p: p[-1] <= max(p[:-1], default=9), "so one of these is a new best"),
    judged("too late", partial(compared, rounds=4), "for the points [2, 2, 2] the answer is True, but yours is False"),
    judged("never", lambda p: False, "for the points [2, 2, 2] the answer is True"),
    judged(
        "in the wrong sense", lambda p: not compared(p), "for the points [2] the answer is False, but yours is True"
    ),
    judged("a text", lambda p: str(compared(p)), "return True or False, not a str"),
    judged("a forgotten branch", lambda p: compared(p) or None, "returns None here, not True or False"),
    judged("an exception", lambda p: max(p[-2:]) <= max(p[:-2]), "running your code raised ValueError"),
    listed("the last alone", lambda g, c: [g.get_state(c).values["draft"]], "hold 4 drafts, but you return 1 of them"),
    listed("the newest first", lambda g, c: list(dict.fromkeys(history(g, c))), "starts with the newest checkpoint"),
    listed("sorted", lambda g, c: sorted(set(history(g, c))), "the order is wrong"),
    listed("each as often as it stands", lambda g, c: history(g, c)[::-1], "a draft appears more than once"),
    listed(
        "None for the first checkpoint",
        lambda g, c: [state.values.get("draft") for state in g.get_state_history(c)],
        "the list contains other things than drafts",
    ),
    listed("no look at it", lambda g, c: [s.values["draft"] for s in g.get_state_history(c)], "before the first draft"),
    listed(
        "the newest nine checkpoints",
        lambda g, c: list(dict.fromkeys(history(g, c, limit=9)[::-1])),
        "for a run of eight rounds, the checkpoints hold 8 drafts, but you return 5 of them",
    ),
    listed(
        "after three checkpoints",
        lambda g, c: list(dict.fromkeys(state.values["draft"] for state in [*g.get_state_history(c)][-4::-1])),
        "for a run that was stopped before its first grade, the checkpoints hold 1 draft",
    ),
    listed(
        "every other checkpoint",
        lambda g, c: list(dict.fromkeys(s.values["draft"] for s in [*g.get_state_history(c)][-3::-2])),
        "for a run that was stopped before its last grade, the checkpoints hold 2 drafts, but you return 1 of them",
    ),
    listed(
        "the rounds",
        from_the_rounds,
        "for a run that was stopped before its first grade, the checkpoints hold 1 draft, but you return 0 of them",
    ),
    listed("a dictionary", lambda g, c: dict.fromkeys(history(g, c)[::-1]), "a list of drafts, not a dict"),
    listed("the run is changed", runs_it, "your function ran the graph"),
    listed("every thread", of_one_thread, "the list contains other things than drafts"),
    listed("the first two", lambda g, c: from_the_end(g, c)[:2], "hold 4 drafts, but you return 2 of them"),
    listed("constant", lambda g, c: ["The UltraBook has a 1 TB drive."], "but you return 0 of them"),
    listed(
        "next to each other",
        lambda g, c: [b for a, b in pairwise([None, *history(g, c)[::-1]]) if a != b],
        "for a run whose third draft is the first one again, a draft appears more than once",
    ),
]
