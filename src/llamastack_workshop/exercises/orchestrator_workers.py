"""Checks of chapter 14, Orchestrator and workers."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from langgraph.types import Send

from llamastack_workshop.exercises.check import NotYet, call, exercise, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

_SHOP = [
    {"laptop": "Alder", "memory": "16 GB", "drive": "1 TB", "price": "1299 euros"},
    {"laptop": "Birch", "memory": "8 GB", "drive": "256 GB", "price": "499 euros"},
    {"laptop": "Cedar", "memory": "128 GB", "drive": "4 TB", "price": "2899 euros"},
    {"laptop": "Elder", "memory": "32 GB", "drive": "1 TB", "price": "999 euros"},
    {"laptop": "Fir", "memory": "2 TB", "drive": "8 TB", "price": "10999 euros"},
]
_OTHER_SHOP = [
    {"laptop": "Heron", "memory": "1 TB", "drive": "64 GB", "price": "8999 euros"},
    {"laptop": "Kite", "memory": "96 GB", "drive": "2 TB", "price": "3199 euros"},
    {"laptop": "Swift", "memory": "24 GB", "drive": "512 GB", "price": "849 euros"},
]
_CHEAPEST = [
    *((_SHOP, 4, "Birch"), (_SHOP, 8, "Birch"), (_SHOP, 16, "Elder"), (_SHOP, 64, "Cedar")),
    *((_SHOP, 512, "Fir"), (_SHOP, 4096, None), (_OTHER_SHOP, 16, "Swift"), (_OTHER_SHOP, 80, "Kite")),
    *((_OTHER_SHOP, 900, "Heron"), (_OTHER_SHOP, 1200, None), (_OTHER_SHOP[1:], 128, None)),
    ([], 8, None),
]

# Texts with the sentences about each planned laptop. A text may name others, and the plan has another order.
_TEXT = (
    "We tried some laptops this spring. The Alder has 16 GB of memory and a 1 TB drive. The Dogwood was sold out. "
    "The Birch comes with 8 GB of memory and a 256 GB drive for 499 euros. The Cedar has 128 GB of memory, a 4 TB "
    "drive, and a price of 2899 euros. You pay 1299 euros for the Alder."
)
_ABOUT = {
    "Cedar": ["The Cedar has 128 GB of memory, a 4 TB drive, and a price of 2899 euros."],
    "Alder": ["The Alder has 16 GB of memory and a 1 TB drive.", "You pay 1299 euros for the Alder."],
    "Birch": ["The Birch comes with 8 GB of memory and a 256 GB drive for 499 euros."],
}
_OTHERS_ABOUT = {
    "Kite": ["For 3199 euros you get the Kite with 96 GB of memory and a 2 TB drive."],
    "Swift": ["The Swift has 24 GB of memory, a 512 GB drive, and a price of 849 euros."],
}
_OTHER_TEXT = " ".join(sentence for some in _OTHERS_ABOUT.values() for sentence in some)


@exercise
def cheapest_with(function: Callable[[list[dict[str, str]], int], str | None]) -> str:
    """Check a function that names the cheapest laptop with at least a given number of GB of memory."""
    for rows, at_least, right in _CHEAPEST:
        name = call(function, deepcopy(rows), at_least, kind=str, wanted="the laptop's name", or_none=True)
        if name != right:
            table = ", ".join("{laptop} ({memory} of memory, {price})".format(**row) for row in rows) or "no laptops"
            raise NotYet(
                f"from {table}, you return {name or repr(name)}, not {right}, for at least {at_least} GB of memory: "
                f"{_why(rows, name, right)}."
            )
    return f"right for {len(_CHEAPEST)} questions, without a model"


def _why(rows: list[dict[str, str]], name: str | None, right: str | None) -> str:
    """Return the reason why `name` is wrong: the cheapest of `rows` with enough memory is `right`."""
    by_name = {row["laptop"]: row for row in rows}
    if name is None:
        return f"the {right} has {by_name[right]['memory']}, which is enough"
    if name not in by_name:
        return "none of these has that name" if name else "return None if there is none"
    row, best = by_name[name], by_name.get(right or "")
    if best and int(row["price"].split()[0]) > int(best["price"].split()[0]):
        return f"the {right} has enough, too, and costs less; compare the prices as numbers"
    return f"the {name} has {row['memory']}, which is too little; compare numbers in one unit"


@exercise
def missing_tasks(function: Callable[[dict[str, Any]], list[Send] | str]) -> str:
    """Check an edge that sends a task for each planned laptop without a row, or returns `advise` if all have one."""
    _sends(function, _TEXT, _ABOUT, done=["Birch"])
    _sends(function, _TEXT, _ABOUT, done=["Cedar", "Alder"])
    _sends(function, _OTHER_TEXT, _OTHERS_ABOUT, done=[])
    for text, about in ((_TEXT, _ABOUT), (_OTHER_TEXT, _OTHERS_ABOUT)):
        after = _edge(function, _state(text, about, done=[*about][::-1]))
        require(
            after in ("advise", ["advise"], ("advise",)),
            f'if nothing is missing, the next node is "advise"; you return {after!r}.',
        )
    return "only the laptops without a row are sent, each with its own part"


def _sends(function: Callable[[dict[str, Any]], Any], text: str, about: dict[str, list[str]], done: list[str]) -> None:
    missing = [name for name in about if name not in done]
    which = " and ".join(f"the {name}" for name in missing)
    found = _edge(function, _state(text, about, done))
    # LangGraph accepts a single `Send` instead of a list.
    sends = list(found) if isinstance(found, list | tuple) else [found]
    for send in sends:
        of_type(send, Send, f"{which} {_have(missing)} no row: return a `Send` for each")
        require(send.node == "work", f'send the tasks to the node "work"; yours goes to {send.node!r}.')
        of_type(send.arg, dict, "a task is a dictionary with `laptop` and `part`")
        require(
            {"laptop", "part"} <= set(send.arg), f"a task has `laptop` and `part`, but yours has {sorted(send.arg)}."
        )
    names = [send.arg["laptop"] for send in sends]
    for name in done:
        require(name not in names, f"the {name} already has a row, but you send it again.")
    for name in names:
        require(name in about, f"{name!r} is not in the plan, but you send it.")
    require(sorted(names) == sorted(missing), f"{which} {_have(missing)} no row, but you send {names}.")
    for send in sends:
        name, part = send.arg["laptop"], of_type(send.arg["part"], str, "the `part` of a task is a string")
        for sentence in about[name]:
            require(
                sentence.removesuffix(".") in " ".join(part.split()),
                f"the task for the {name} lacks a sentence about it: {sentence!r}.",
            )
        strange = next((one for one in (*about, "Dogwood") if one != name and one in part), None)
        require(strange is None, f"the part of the task for the {name} contains a sentence about the {strange}.")


def _edge(function: Callable[[dict[str, Any]], Any], state: dict[str, Any]) -> Any:
    """Return the result of the edge `function`; raise NotYet if it changes the state, which only nodes may do."""
    before = deepcopy(state)
    after = call(function, state)
    changed = next((key for key in before if state.get(key) != before[key]), None)
    require(changed is None, f"your edge changes `{changed}` in the state; an edge only reads it.")
    return after


def _state(text: str, about: dict[str, list[str]], done: list[str]) -> dict[str, Any]:
    rows = [deepcopy(row) for name in done for row in _SHOP + _OTHER_SHOP if row["laptop"] == name]
    return {"text": text, "plan": list(about), "rows": rows}


def _have(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"
