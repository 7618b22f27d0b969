"""Answers to chapter 14, Orchestrator and workers."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from langgraph.types import Send

from answers import Answer
from llamastack_workshop.exercises.orchestrator_workers import cheapest_with, missing_tasks

Rows = list[dict[str, str]]


def cheapest(style: str, function: Any, said: str = "") -> Answer:
    return Answer(cheapest_with, style, lambda s: [function], said)


def gigabytes(size: str, of_a_terabyte: int = 1024) -> int:
    return int(size.split()[0]) * (of_a_terabyte if "TB" in size else 1)


def euros(price: str) -> int:
    return int(re.match(r"\d+", price)[0])


def by_sorting(rows: Rows, at_least: int) -> str | None:
    for row in sorted(rows, key=lambda row: euros(row["price"])):
        if gigabytes(row["memory"], 1000) >= at_least:
            return row["laptop"]
    return None


def by_hand(rows: Rows, at_least: int) -> str | None:
    best = (float("inf"), None)
    while rows:
        row = rows.pop()
        number, unit = row["memory"].split()
        if int(number) * {"GB": 1, "TB": 1024}[unit] >= at_least:
            best = min(best, (euros(row["price"]), row["laptop"]))
    return best[1]


def lowest(
    rows: Rows,
    at_least: int,
    fits: Callable[[dict[str, str], int], bool] = lambda row, size: gigabytes(row["memory"]) >= size,
    price: Callable[[dict[str, str]], Any] = lambda row: euros(row["price"]),
    of: Callable = min,
) -> str | None:
    """A right answer, unless the changes make it wrong."""
    return of((row for row in rows if fits(row, at_least)), key=price, default={"laptop": None})["laptop"]


def tasks(style: str, function: Any, said: str = "") -> Answer:
    return Answer(missing_tasks, style, lambda s: [function], said)


def sentences(text: str, name: str) -> str:
    return " ".join(one for one in re.split(r"(?<=\.)\s+", text) if name in one)


def sends(
    state: dict[str, Any],
    part: Callable[[str, str], Any] = sentences,
    names: Callable[[dict[str, Any]], Any] = lambda state: (
        one for one in state["plan"] if one not in [row["laptop"] for row in state["rows"]]
    ),
    node: str = "work",
) -> list[Send]:
    """A right answer except for the end, unless the changes make it wrong."""
    return [Send(node, {"laptop": name, "part": part(state["text"], name)}) for name in names(state)]


def backwards(state: dict[str, Any]) -> tuple[Send, ...] | list[str]:
    missing = sorted(set(state["plan"]) - {row["laptop"] for row in state["rows"]}, reverse=True)
    return tuple(sends(state, names=lambda state: missing)) or ["advise"]


def one_alone(state: dict[str, Any]) -> Send | list[Send] | str:
    """Return a plain `Send` instead of a list if there is only one."""
    found = []
    for name in state["plan"]:
        if any(row["laptop"] == name for row in state["rows"]):
            continue
        part = "\n".join(one for one in state["text"].split(". ") if name in one)
        found.append(Send("work", {"laptop": name, "part": f"{name}:\n{part}"}))
    if not found:
        return "advise"
    return found if len(found) > 1 else found[0]


def named(state: dict[str, Any]) -> list[str]:
    done = [row["laptop"] for row in state["rows"]]
    return [one for one in dict.fromkeys(re.findall(r"[Tt]he ([A-Z]\w+)", state["text"])) if one not in done]


def shrinks(state: dict[str, Any]) -> list[Send] | str:
    for row in state["rows"]:
        state["plan"].remove(row["laptop"])
    return sends(state) or "advise"


class Edge:
    def __call__(self, state: dict[str, Any]) -> Any:
        return sends(state) or "advise"


RIGHT = [
    cheapest("sorts, and counts a terabyte as 1000", by_sorting),
    cheapest("a loop that empties the list", by_hand),
    cheapest("a partial", partial(lowest)),
    tasks("another order, a tuple", backwards),
    tasks("one Send by itself, sentences without a full stop", one_alone),
    tasks("a class with __call__", Edge()),
]

WRONG = [
    cheapest(
        "prices as texts",
        partial(lowest, price=lambda row: row["price"]),
        "you return Fir, not Birch, for at least 4 GB of memory: the Birch has enough, too, and costs less",
    ),
    cheapest(
        "sizes as texts",
        partial(lowest, fits=lambda row, size: row["memory"] >= f"{size} GB"),
        "you return Birch, not Elder, for at least 16 GB of memory: the Birch has 8 GB, which is too little",
    ),
    cheapest(
        "the number without its unit",
        partial(lowest, fits=lambda row, size: int(row["memory"].split()[0]) >= size),
        "you return None, not Fir, for at least 512 GB of memory: the Fir has 2 TB, which is enough",
    ),
    cheapest(
        "the drive",
        partial(lowest, fits=lambda row, size: gigabytes(row["drive"]) >= size),
        "you return Birch, not Elder",
    ),
    cheapest(
        "more than",
        partial(lowest, fits=lambda row, size: gigabytes(row["memory"]) > size),
        "you return Elder, not Birch, for at least 8",
    ),
    cheapest("the dearest", partial(lowest, of=max), "you return Fir, not Birch"),
    cheapest("the first that fits", partial(lowest, price=lambda row: 0), "you return Alder, not Birch"),
    cheapest("the cheapest of all", partial(lowest, fits=lambda row, size: True), "you return Birch, not Elder"),
    cheapest(
        "the least memory",
        partial(lowest, price=lambda row: gigabytes(row["memory"])),
        "you return Alder, not Elder, for at least 16 GB of memory: the Elder has enough, too, and costs less",
    ),
    cheapest(
        "two thousand for every TB",
        partial(lowest, fits=lambda row, size: (2048 if "TB" in row["memory"] else gigabytes(row["memory"])) >= size),
        "you return Heron, not None, for at least 1200 GB of memory: the Heron has 1 TB, which is too little",
    ),
    cheapest(
        "the price",
        lambda rows, size: lowest([{**row, "laptop": row["price"]} for row in rows], size),
        "you return 499 euros, not Birch, for at least 4 GB of memory: none of these has that name",
    ),
    cheapest("the row", lambda rows, size: {"laptop": lowest(rows, size)}, "the laptop's name, not a dict"),
    cheapest(
        "an empty text for none",
        lambda rows, size: lowest(rows, size) or "",
        "you return '', not None, for at least 4096 GB of memory: return None if there is none",
    ),
    cheapest("an exception for none", partial(lowest, of=lambda all_, key, default: min(all_, key=key)), "ValueError"),
    tasks("each of the plan", lambda state: sends(state, names=lambda s: s["plan"]), "the Birch already has a row"),
    tasks(
        "the names of this text", lambda s: sends(s, names=lambda _: ["Alder", "Cedar"]), "the Cedar already has a row"
    ),
    tasks("one of two", lambda state: sends(state)[:1], "the Cedar and the Alder have no row, but you send ['Cedar']"),
    tasks("each twice", lambda state: sends(state) * 2, "but you send ['Cedar', 'Alder', 'Cedar', 'Alder']"),
    tasks("the end with the tasks", lambda state: [*sends(state), "advise"], "return a `Send` for each, not a str"),
    tasks("no task", lambda s: [Send("work", name) for name in s["plan"][::2]], "a task is a dictionary"),
    tasks("no part", lambda s: [Send("work", {"laptop": name}) for name in s["plan"][::2]], "yours has ['laptop']"),
    tasks(
        "the whole text",
        lambda state: sends(state, part=lambda text, name: text),
        "for the Cedar contains a sentence about the Alder",
    ),
    tasks(
        "the sentence before as well",
        lambda state: sends(state, part=lambda text, name: text[: text.rindex(name) + 99]),
        "contains a sentence about",
    ),
    tasks(
        "another one's sentence",
        lambda state: sends(state, part=lambda text, name: sentences(text, "Birch")),
        "the task for the Cedar lacks a sentence about it",
    ),
    tasks("made up", lambda s: sends(s, part=lambda text, name: f"The {name} costs 1 euro."), "lacks a sentence"),
    tasks(
        "the first sentence alone",
        lambda state: sends(state, part=lambda text, name: next(one for one in text.split(". ") if name in one)),
        "the task for the Alder lacks a sentence about it: 'You pay 1299 euros for the Alder.'",
    ),
    tasks(
        "the sentence with the number in the plan",
        lambda state: [
            Send("work", {"laptop": name, "part": state["text"].split(". ")[number]})
            for number, name in enumerate(state["plan"])
            if name not in [row["laptop"] for row in state["rows"]]
        ],
        "the task for the Cedar lacks a sentence about it",
    ),
    tasks("those that the text names", lambda state: sends(state, names=named), "'Dogwood' is not in the plan"),
    tasks("a plan that shrinks", shrinks, "your edge changes `plan` in the state"),
    tasks("another node", lambda state: sends(state, node="worker"), "yours goes to 'worker'"),
    tasks("an empty list at the end", sends, 'the next node is "advise"; you return []'),
    tasks("another end", lambda state: sends(state) or "END", "you return 'END'"),
    tasks("no end", lambda state: sends(state) or None, "returns None here"),
    tasks("always the end", lambda state: "advise", "return a `Send` for each, not a str"),
]
