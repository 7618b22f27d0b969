"""Answers to the exercises of chapter 24, From LlamaStack to OGX."""

import copy
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from answers import Answer
from llamastack_workshop.exercises import upgrading as check
from llamastack_workshop.system import paths

type Configuration = dict[str, Any]
RENAMED = {"meta-reference": "builtin", "rag-runtime": "file-search", "builtin::rag": "builtin::file_search"}


def file_of(line: str) -> Configuration:
    return yaml.safe_load((paths.ROOT / "stacks" / f"{line}.yaml").read_text(encoding="utf-8"))


def step_by_step(old: Configuration) -> Configuration:
    new = copy.deepcopy(old)
    # In another order, which doesn't matter.
    new["apis"] = [*(api for api in new["apis"] if api != "agents"), "responses"]
    (responses,) = new["providers"].pop("agents")
    new["providers"]["responses"] = [{**responses, "provider_id": "builtin", "provider_type": "inline::builtin"}]
    (search,) = new["providers"]["tool_runtime"]
    search.update(provider_id="file-search", provider_type="inline::file-search")
    new["registered_resources"]["tool_groups"] = (
        {"provider_id": "file-search", "toolgroup_id": "builtin::file_search"},
    )
    parameters = new["vector_stores"]["file_search_params"]
    parameters["header_template"] = parameters["header_template"].replace("knowledge_search", "file_search")
    return new


def renamed(value: Any, key: str = "") -> Any:
    """Rename in all texts and keys of a configuration."""
    if isinstance(value, dict):
        agents = {"agents": "responses"} if key == "providers" else {}
        return OrderedDict((agents.get(name, name), renamed(one, name)) for name, one in value.items())
    if isinstance(value, list):
        return tuple("responses" if one == "agents" else renamed(one, key) for one in value)
    if not isinstance(value, str):
        return value
    kind, _, name = value.rpartition("::")
    if key.startswith("provider_"):
        return f"{kind}::{RENAMED.get(name, name)}" if kind else RENAMED.get(value, value)
    return RENAMED.get(value, value.replace("knowledge_search", "file_search"))


def in_text(*changes: tuple[str, str]) -> Callable[[Configuration], Configuration]:
    """Return an answer that replaces text in the file: `changes`, in addition to the changes for 0.7."""
    right = [
        *(("- agents\n", "- responses\n"), ("  agents:\n", "  responses:\n"), ("meta-reference", "builtin")),
        *(("rag-runtime", "file-search"), ("builtin::rag", "builtin::file_search")),
        ("knowledge_search", "file_search"),
    ]

    def upgrade(old: Configuration) -> Configuration:
        text = yaml.safe_dump(old)
        for before, after in (dict(right) | dict(changes)).items():
            text = text.replace(before, after)
        return yaml.safe_load(text)

    return upgrade


def after(change: Callable[[Configuration], object]) -> Callable[[Configuration], Configuration]:
    """Return an answer that is right, followed by `change`."""

    def upgrade(old: Configuration) -> Configuration:
        new = step_by_step(old)
        change(new)
        return new

    return upgrade


def in_place(old: Configuration) -> Configuration:
    old["apis"].remove("agents")
    return old


def shallow(old: Configuration) -> Configuration:
    new = dict(old)
    new["providers"]["responses"] = new["providers"].pop("agents")
    return new


def routes(line: str, stable: bool = True) -> set[str]:
    measured = json.loads(
        (paths.ROOT / "book" / "measurements" / "stacks" / f"{line}.json").read_text(encoding="utf-8")
    )
    return {route for route in measured["routes"] if " /v1/" in route or not stable}


def lost() -> set[str]:
    return routes("llama-stack-0.6") - routes("ogx-1.5")


def one_by_one() -> Iterator[str]:
    for route in sorted(routes("llama-stack-0.6"), reverse=True):
        if route not in routes("ogx-1.5"):
            yield route


def upgraded(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.upgraded, style, lambda server: [function], said)


def gone(style: str, make: Callable[[], Any], said: str = "") -> Answer:
    return Answer(check.gone, style, lambda server: [make()], said)


RIGHT = [
    upgraded("step by step, in another order", step_by_step),
    upgraded("recursion, with tuples and OrderedDicts", renamed),
    upgraded("in the text", in_text()),
    gone("a sorted tuple", lambda: tuple(sorted(lost()))),
    gone("a generator, backwards", one_by_one),
    gone("keys of a dictionary", lambda: dict.fromkeys(lost()).keys()),
]

WRONG = [
    upgraded("a blank", lambda old: None, "there is no answer yet"),
    upgraded(
        "the text",
        lambda old: str(old),
        "should return a dictionary, not a str",
    ),
    upgraded("in place", in_place, "change a copy"),
    upgraded("a shallow copy", shallow, "change a copy"),
    upgraded("as it was", copy.deepcopy, "`apis.0` is 'agents'"),
    upgraded("the file of 0.7", lambda old: file_of("llama-stack-0.7"), "for a file of 0.6 with other values, "),
    upgraded("both names", after(lambda new: new["apis"].append("agents")), "`apis` has 6 entries, but should have 5"),
    upgraded("nothing under apis", after(lambda new: new.pop("apis")), "`apis` is missing: 0.7 says API 'agents'"),
    upgraded(
        "the old type", in_text(("meta-reference", "meta-reference")), "is 'meta-reference', but should be 'builtin'"
    ),
    upgraded(
        "the old search", in_text(("rag-runtime", "rag-runtime")), "is 'rag-runtime', but should be 'file-search'"
    ),
    upgraded("the old group", in_text(("builtin::rag", "builtin::rag")), "toolgroup_id` is 'builtin::rag'"),
    upgraded(
        "the old tool",
        in_text(("knowledge_search", "knowledge_search")),
        "0.7 requires the tool's new name, file_search",
    ),
    upgraded("every word agents", in_text(("agents", "responses")), "an upgrade does not change that"),
    upgraded(
        "another server", after(lambda new: new.update(server={"host": "::"})), "`server.host` is '::', but should be"
    ),
    upgraded("a new section", after(lambda new: new.update(safety={})), "`safety` should not be there"),
    upgraded(
        "0.6 without a part", lambda old: {key: old[key] for key in ("apis", "providers")}, "`version` is missing"
    ),
    gone("a text", lambda: "GET /v1/tools", "give a set of routes, not a str"),
    gone("nothing", set, "10 routes are missing"),
    gone("the other way round", lambda: routes("ogx-1.5") - routes("llama-stack-0.6"), "subtract the other way round"),
    gone("all", lambda: routes("llama-stack-0.6"), "is in OGX, too"),
    gone("one that stays", lambda: {"GET /v1/models"}, "['GET /v1/models'] is in OGX, too"),
    gone("all but one", lambda: sorted(lost())[1:], "one route is missing"),
    gone("those of 0.7", lambda: routes("llama-stack-0.6") - routes("llama-stack-0.7"), "one route is missing"),
    gone("not only /v1", lambda: routes("llama-stack-0.6", False) - routes("ogx-1.5", False), "is not under /v1/"),
    gone("without the method", lambda: {route.split()[1] for route in lost()}, "a route is a method and a path"),
    gone("numbers", lambda: [len(lost())], "a route is a string such as"),
    gone(
        "shields",
        lambda: lost() | {"GET /v1/shields"},
        "['GET /v1/shields'] is not among the routes that were measured",
    ),
]
