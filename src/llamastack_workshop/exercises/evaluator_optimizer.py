"""Checks of chapter 15, Evaluator and optimizer."""

from collections.abc import Callable
from itertools import product
from operator import add
from typing import Annotated, Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require, your_code
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

# Every short run, and some longer ones with other numbers.
_RUNS = [
    *(list(points) for rounds in range(1, 6) for points in product(range(2, 5), repeat=rounds)),
    *([0, 6, 1, 2, 3, 4], [1, 2, 3, 4, 5, 6], [6, 6, 6, 6, 6, 6, 6], [0, 0, 10, 9, 10], [10, 1, 1, 1, 1, 11]),
    # The best round may be long ago.
    *([6, *[1] * rounds, 2, 5] for rounds in range(1, 25)),
]


@exercise
def stalled(function: Callable[[list[int]], bool]) -> str:
    """Check a function that returns whether the last two rounds brought no new best score."""
    for points in _RUNS:
        earlier = points[:-2]
        expected = bool(earlier) and max(points[-2:]) <= max(earlier)
        answer = call(function, list(points), wanted="True or False")
        # numpy's bool is not Python's.
        answer = of_type(getattr(answer, "item", lambda answer=answer: answer)(), (bool, int), "return True or False")
        if earlier:
            why = f"the best before the last two rounds is {max(earlier)}, and those have {points[-2]} and {points[-1]}"
        else:
            why = "there are no rounds before the last two, so one of these is a new best"
        require(answer == expected, f"for the points {points} the answer is {expected}, but yours is {answer}: {why}.")
    return f"right for {len(_RUNS)} runs"


@exercise
def drafts(function: Callable[[Any, dict[str, Any]], list[str]], graph: CompiledStateGraph, config: dict) -> str:
    """Check that `function(graph, config)` returns the drafts of a run from its checkpoints, oldest first.

    The attendee's run may have only one round, so the check adds runs of its own graph, in one checkpointer.
    """
    given(graph, CompiledStateGraph, "the graph")
    given(config, dict, "the config of a run")
    runs = {
        "four rounds": ["A fine laptop.", "The UltraBook is fine.", "It has 16 GB.", "It has 16 GB and 1 TB."],
        "eight rounds": [f"Draft {number} of the Zephyr." for number in (3, 1, 8, 2, 7, 5, 4, 6)],
        "three rounds, two of them with the same draft": ["The Comet is fast.", "The Comet is fast.", "A fast laptop."],
        "one round": ["The Koala is small."],
    }
    saver = InMemorySaver()
    for thread, written in runs.items():
        _run(saver, thread, written)
    for thread, written in runs.items():
        found = _drafts_of(function, _graph(saver, written), _thread(thread))
        _compare(found, list(dict.fromkeys(written)), f"a run of {thread}")
    written = ["Oak is a laptop.", "Oak has 8 GB.", "Oak is a laptop."]
    found = _drafts_of(function, _run(saver, "back", written), _thread("back"))
    # The repeated draft may count as the oldest or as the newest.
    right = found if found == written[1:] else written[:2]
    _compare(found, right, "a run whose third draft is the first one again")
    # As if the grader had failed: the last draft is in a checkpoint, but in no round.
    written = ["Willow is a laptop.", "Willow has 4 GB."]
    stopped = _run(InMemorySaver(), "stopped", written, interrupt_before=["read"])
    found = _drafts_of(function, stopped, _thread("stopped"))
    _compare(found, written[:1], "a run that was stopped before its first grade")
    # A manual update of the state creates its own checkpoint.
    stopped.update_state(_thread("stopped"), {"name": "Willow"}, as_node="write")
    stopped.invoke(None, _thread("stopped"))
    _compare(_drafts_of(function, stopped, _thread("stopped")), written, "a run that was stopped before its last grade")
    with your_code():
        states = list(graph.get_state_history(config))
    theirs = list(dict.fromkeys(state.values["draft"] for state in reversed(states) if state.values.get("draft")))
    _compare(_drafts_of(function, graph, config), theirs, "your run")
    return f"the drafts of {len(runs) + 3} runs in order, and {len(theirs)} of yours"


class _State(TypedDict):
    name: str
    draft: str
    rounds: Annotated[list[dict[str, Any]], add]


def _graph(saver: InMemorySaver, written: list[str], **options: Any) -> CompiledStateGraph:
    """Return a graph like the chapter's, whose writer returns these drafts."""

    def write(state: _State) -> dict[str, Any]:
        return {"draft": written[len(state.get("rounds", []))]}

    def read(state: _State) -> dict[str, Any]:
        number = len(state.get("rounds", [])) + 1
        return {"rounds": [{"draft": state["draft"], "points": number, "feedback": "be short"}]}

    builder = StateGraph(_State)
    builder.add_node("write", write)
    builder.add_node("read", read)
    builder.add_edge(START, "write")
    builder.add_edge("write", "read")
    builder.add_conditional_edges(
        "read", lambda state: END if len(state["rounds"]) == len(written) else "write", ["write", END]
    )
    return builder.compile(checkpointer=saver, **options)


def _run(saver: InMemorySaver, thread: str, written: list[str], **options: Any) -> CompiledStateGraph:
    graph = _graph(saver, written, **options)
    graph.invoke({"name": "UltraBook"}, _thread(thread))
    return graph


def _thread(name: str) -> dict[str, Any]:
    return {"configurable": {"thread_id": name}}


def _drafts_of(function: Callable[..., Any], graph: CompiledStateGraph, config: dict[str, Any]) -> list[Any]:
    with your_code():
        newest = graph.get_state(config).config
    try:
        found = call(function, graph, config, kind=(list, tuple), wanted="a list of drafts")
    except NotYet as error:
        if isinstance(error.__cause__, KeyError) and error.__cause__.args == ("draft",):
            raise NotYet('a state before the first draft has none: use `values.get("draft")`.') from error
        raise
    require(graph.get_state(config).config == newest, "your function ran the graph; read the checkpoints instead.")
    return list(found)


def _compare(found: list[Any], right: list[str], what: str) -> None:
    require(
        all(isinstance(draft, str) and draft for draft in found),
        f"for {what}, the list contains other things than drafts: {found}. "
        'A state before the first draft has none: skip it if `values.get("draft")` is empty.',
    )
    once = list(dict.fromkeys(found))
    require(
        set(right) <= set(once),
        f"for {what}, the checkpoints hold {len(right)} draft{'s' if len(right) > 1 else ''}, "
        f"but you return {len({*once} & {*right})} of them.",
    )
    require(set(once) == set(right), f"for {what}, you return texts that are not drafts of that run: {found}.")
    require(len(found) == len(once), f"for {what}, a draft appears more than once: several checkpoints have the same.")
    require(
        found == right,
        f"for {what}, the order is wrong: `get_state_history` starts with the newest checkpoint, "
        "but the oldest draft comes first.",
    )
