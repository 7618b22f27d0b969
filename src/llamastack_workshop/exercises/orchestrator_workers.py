"""Checks of chapter 14, Orchestrator and workers."""

from collections.abc import Callable
from typing import Any

from langgraph.types import Send

from llamastack_workshop.exercises.check import exercise, given, require

_ROWS = [
    {"laptop": "Alder", "memory": "16 GB", "drive": "1 TB", "price": "1299 euros"},
    {"laptop": "Birch", "memory": "8 GB", "drive": "256 GB", "price": "499 euros"},
    {"laptop": "Cedar", "memory": "128 GB", "drive": "4 TB", "price": "2899 euros"},
    {"laptop": "Elder", "memory": "32 GB", "drive": "1 TB", "price": "999 euros"},
]

_TEXT = (
    "The Alder has 16 GB of memory and a 1 TB drive, and costs 1299 euros. "
    "The Birch comes with 8 GB of memory and a 256 GB drive for 499 euros. "
    "The Cedar has 128 GB of memory, a 4 TB drive, and a price of 2899 euros."
)


@exercise
def cheapest_with(function: Callable[[list[dict[str, str]], int], str | None]) -> str:
    """Check a function that names the cheapest laptop with at least so many GB of memory."""
    name = given(function(_ROWS, 8))
    require(isinstance(name, str), f"return the laptop's name, not {type(name).__name__}.")
    require(
        name == "Birch",
        f"with 8 GB or more the cheapest is the Birch (499 euros), and you say {name}; compare the prices as numbers.",
    )
    name = function(_ROWS, 16)
    require(
        name == "Elder",
        f"with 16 GB or more the cheapest is the Elder (999 euros), and you say {name}; compare sizes as numbers too.",
    )
    require(function(_ROWS, 64) == "Cedar", f"with 64 GB or more you say {function(_ROWS, 64)}, not Cedar.")
    nothing = function(_ROWS, 256)
    require(nothing is None, f"no laptop has 256 GB of memory: return None, not {nothing!r}.")
    return "your function decides, and no model has to compare"


@exercise
def missing_tasks(function: Callable[[dict[str, Any]], list[Send] | str]) -> str:
    """Check an edge that sends a task for each planned laptop without a row, and names `advise` when all have one."""
    state = {"text": _TEXT, "plan": ["Alder", "Birch", "Cedar"], "rows": [_ROWS[1]]}
    sends = given(function(state))
    require(isinstance(sends, list), f"two laptops have no row: return a list of `Send`s, not {sends!r}.")
    require(all(isinstance(send, Send) for send in sends), "each entry of the list is a `Send`.")
    require({send.node for send in sends} == {"work"}, 'send the tasks to the node "work".')
    require(all(isinstance(send.arg, dict) for send in sends), "a task is a dictionary with `laptop` and `part`.")
    names = [send.arg.get("laptop") for send in sends]
    require("Birch" not in names, "the Birch has its row, and you send it again.")
    require(names == ["Alder", "Cedar"], f"the Alder and the Cedar have no row, and you send {names}.")
    for send in sends:
        part, name = send.arg.get("part") or "", send.arg["laptop"]
        require(name in part, f"the task of the {name} lacks the sentence about it: `part_of` finds it.")
        require(not any(other in part for other in names if other != name), f"the {name} gets the others' sentences.")
    after = function({**state, "rows": _ROWS[:3]})
    require(after == "advise", f'when nothing is missing the next node is "advise"; you return {after!r}.')
    return "two of three are sent; the one that is done is left alone"
