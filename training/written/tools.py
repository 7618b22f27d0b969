"""Requests for functions in many wordings, beside other functions and ordinary questions."""

import random
import re
from collections.abc import Iterator
from typing import Any

from training.example import Example, plain, system, user
from training.frames import choose
from training.kinds.tools import call_text
from training.written import slots
from training.written.chat import question
from training.written.texts import either, load, sloppy

SYSTEM = [
    "You [are|work as] an assistant [with|who has] [functions|tools].",
    "[Use|Call] a function [whenever one fits|if it helps].",
    "You [look after|help] the [customers|guests|people] of {company}.",
]
NOTHING = ["None of my tools can do that.", "I have no tool for that.", "That's beyond the tools I have.", "I can't look that up with these tools."]


def _declared(rng: random.Random, item: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a function as it is offered to the model, and the names of its parameters."""
    names = {slot: either(rng, about["names"]) for slot, about in item["parameters"].items()}
    if len(set(names.values())) < len(names):
        names = {slot: about["names"].split("|")[0] for slot, about in item["parameters"].items()}
    properties: dict[str, Any] = {}
    for slot, about in item["parameters"].items():
        described: dict[str, Any] = {"type": about["type"]}
        if about.get("enum"):
            described["enum"] = list(about["enum"])
        if about.get("about") and rng.random() < 0.5:
            described["description"] = about["about"]
        properties[names[slot]] = described
    required = [names[slot] for slot, about in item["parameters"].items() if not about.get("optional")]
    schema = {"type": "object", "properties": properties, "required": required}
    function = {"name": either(rng, item["names"]), "description": choose(rng, rng.choice(item["about"])), "parameters": schema}
    return {"type": "function", "function": function}, names


def _typed(item: dict[str, Any], slot: str, value: Any) -> Any:
    kind = item["parameters"][slot]["type"]
    return str(value) if kind == "string" and not isinstance(value, str) else value


def request(rng: random.Random, item: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """Return a request for a function, and the arguments of each call that it needs."""
    ask = rng.choice(item["asks"])
    values = slots.draw(rng, slots.names(ask))
    calls = []
    for arguments in ask.get("calls") or [ask["arguments"]]:
        filled = {}
        for slot, value in arguments.items():
            text_wanted = item["parameters"][slot]["type"] == "string"
            filled[slot] = _typed(item, slot, slots.said(value, values) if text_wanted and isinstance(value, str) else slots.filled(value, values))
        calls.append(filled)
    return slots.said(sloppy(rng, ask["say"]), values), calls


def _offered(rng: random.Random, right: dict[str, Any] | None) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], dict[str, str]]]]:
    count = rng.choices([1, 2, 3, 4], [0.3, 0.28, 0.24, 0.18])[0]
    others = rng.sample([item for item in load("functions") if item is not right], count)
    items = [*others[: count - 1], right] if right else others
    rng.shuffle(items)
    declared = [_declared(rng, item) for item in items]
    if len({one["function"]["name"] for one, _ in declared}) < len(declared):
        return _offered(rng, right)
    return items, declared


def _searches(item: dict[str, Any]) -> bool:
    """Return whether a function looks for texts, and so helps with any question."""
    words = set(re.split(r"[|_]", item["names"]))
    return bool(words & {"search", "find", "lookup", "ask", "query", "define", "dictionary", "manual", "docs", "faq"})


def declared_search(rng: random.Random) -> tuple[list[dict[str, Any]], str, str]:
    """Return functions of which one searches, its name, and the name of its parameter for the query."""
    name, query = "knowledge_search", "query"
    about = "Search for information in a database."
    if rng.random() < 0.4:
        name = rng.choice("search search_docs search_files find_passages lookup search_handbook ask_documents search_wiki".split())
        query = rng.choice("query question text search_query".split())
        about = rng.choice(["Search our documents.", "Find passages in the handbook.", "Look something up in the knowledge base.", "Search the files for an answer."])
    described: dict[str, Any] = {"type": "string"}
    if rng.random() < 0.7:
        described["description"] = rng.choice(["The query to search for. Can be a natural language sentence or keywords.", "What to search for", "The question"])
    parameters = {"type": "object", "properties": {query: described}, "required": [query]}
    search = {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}
    others = rng.sample([item for item in load("functions") if not _searches(item)], rng.choice([0, 0, 0, 1, 2]))
    tools = [search, *(_declared(rng, item)[0] for item in others)]
    rng.shuffle(tools)
    return tools, name, query


def opening(rng: random.Random) -> list[dict[str, Any]]:
    company = str(slots.draw(rng, ["company"])["company"])
    return [system(choose(rng, rng.choice(SYSTEM)).replace("{company}", company))] if rng.random() < 0.25 else []


def _calls(declared: tuple[dict[str, Any], dict[str, str]], item: dict[str, Any], calls: list[dict[str, Any]]) -> list[str]:
    tool, names = declared
    # Arguments come in the order of the parameters.
    return [call_text(tool["function"]["name"], {names[slot]: one[slot] for slot in item["parameters"] if slot in one}) for one in calls]


def call(rng: random.Random) -> Example:
    """Return a request and its calls; sometimes two requests for two functions."""
    right = rng.choice(load("functions"))
    items, declared = _offered(rng, right)
    at = items.index(right)
    text, calls = request(rng, right)
    written = _calls(declared[at], right, calls)
    if len(items) > 1 and len(written) == 1 and rng.random() < 0.1:
        index = rng.choice([i for i in range(len(items)) if i != at])
        more, calls = request(rng, items[index])
        if len(calls) == 1:
            text = f"{text.rstrip('.')}{rng.choice(['. And ', '. Then ', '. Also, '])}{more[:1].lower()}{more[1:]}" if not text.endswith("?") else f"{text} {more}"
            written += _calls(declared[index], items[index], calls)
    return Example("tools", [*opening(rng), user(text)], plain("\n".join(written)), [tool for tool, _ in declared])


def none(rng: random.Random) -> Example:
    """Return an ordinary question that needs none of the functions, or a request for one that isn't offered."""
    items, declared = _offered(rng, None)
    tools = [tool for tool, _ in declared]
    if any(_searches(item) for item in items):
        return none(rng)
    if rng.random() < 0.8:
        text, answer = question(rng)
        return Example("tools", [*opening(rng), user(text)], plain(answer), tools)
    missing = rng.choice([item for item in load("functions") if item not in items])
    text, _ = request(rng, missing)
    return Example("tools", [*opening(rng), user(text)], plain(rng.choice(NOTHING)), tools)


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield rng.choices([call, none], [0.87, 0.13])[0](rng)
