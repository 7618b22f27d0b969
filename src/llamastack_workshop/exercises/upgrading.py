"""Checks of chapter 24, From LlamaStack to OGX."""

import copy
import json
from collections.abc import Callable, Iterable
from typing import Any

import yaml

from llamastack_workshop.attending.stack_results import RESULTS
from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require, your_code
from llamastack_workshop.exercises.filling_in import plain
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.server import stacks

questions = QuickCheck(__name__)

# Lists whose order does not matter.
_UNORDERED = ("apis", "models", "tool_groups")
# The reasons for the changes, by the end of their place in the configuration.
_WHY = {
    "apis": "0.7 says API 'agents' does not exist",
    "agents": "0.7 calls this API `responses`",
    "responses": "this is 0.7's name for the API `agents`",
    "provider_type": "0.7 has no provider of another type for this",
    "provider_id": "it is named after the type, and the tool group refers to it",
    "toolgroup_id": "this is 0.7's name for the search",
    "header_template": "0.7 requires the tool's new name, file_search",
}


@exercise
def upgraded(upgrade: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Check that `upgrade(configuration)` turns a configuration of LlamaStack 0.6 into one of 0.7.

    It is called with the chapter's file, and with one that has other values where nothing should change.
    """
    for change, what in ((lambda one: one, "the file of 0.6"), (_elsewhere, "a file of 0.6 with other values")):
        old, wanted = (change(_configuration(f"llama-stack-{line}")) for line in ("0.6", "0.7"))
        untouched = copy.deepcopy(old)
        new = plain(call(upgrade, old, kind=dict, wanted="a dictionary"))
        require(old == untouched, "your function changes the dictionary that it was given: change a copy.")
        difference = _difference(new, wanted)
        if difference:
            place, problem = difference
            why = next((why for end, why in _WHY.items() if place.endswith(end)), "an upgrade does not change that")
            raise NotYet(f"for {what}, `{place}` {problem}: {why}.")
    return "your function turns the file of 0.6 into stacks/llama-stack-0.7.yaml, and keeps the values of another file"


@exercise
def gone(routes: Iterable[str]) -> str:
    """Check that `routes` are those under /v1/ that LlamaStack 0.6 has, but OGX 1.5 does not."""
    routes = of_type(given(routes), Iterable, "give a set of routes")
    require(not isinstance(routes, (str, dict)), f"give a set of routes, not a {type(routes).__name__}.")
    with your_code():
        routes = list(routes)
    for route in routes:
        of_type(route, str, "a route is a string such as 'GET /v1/models'")
        require(" /" in route, f"a route is a method and a path, such as 'GET /v1/models', not {route!r}.")
    old, new = (set(_measured(name)["routes"]) for name in ("llama-stack-0.6", "ogx-1.5"))
    right = {route for route in old - new if " /v1/" in route}
    found = set(routes)
    kept = sorted(found & new)
    require(not kept or found & old, f"{kept[:1]} is in OGX: subtract the other way round.")
    require(not kept, f"{kept[:1]} is in OGX, too.")
    unknown = sorted(found - old)
    require(not unknown, f"{unknown[:1]} is not among the routes that were measured on 0.6.")
    unstable = sorted(found - right)
    require(not unstable, f"{unstable[:1]} is not under /v1/, and other routes were never promised to be stable.")
    missing = len(right - found)
    require(not missing, "one route is missing." if missing == 1 else f"{missing} routes are missing.")
    return f"{len(right)} routes, for example {sorted(right)[0]}"


def _elsewhere(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return `configuration` with other values in the places that an upgrade does not change."""
    changed = copy.deepcopy(configuration)
    changed["server"] = {"host": "0.0.0.0", "workers": 2}
    changed["distro_name"] = "agents-of-mine"
    changed["providers"]["inference"][0] = {
        "provider_id": "vllm",
        "provider_type": "remote::vllm",
        "config": {"base_url": "http://10.0.0.5:8000/v1"},
    }
    (store,) = changed["providers"].get("agents") or changed["providers"]["responses"]
    store["config"]["persistence"]["responses"]["table_name"] = "answers"
    changed["storage"]["backends"]["sql_default"]["db_path"] = "/data/sql.db"
    changed["vector_stores"]["file_search_params"]["footer_template"] = "That is all.\n"
    return changed


def _difference(found: Any, wanted: Any, place: str = "") -> tuple[str, str] | None:
    """Return the first place where `found` differs in meaning from `wanted`, and the problem there."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key in [*wanted, *found]:
            inner = f"{place}.{key}" if place else str(key)
            if key not in found:
                return inner, "is missing"
            if key not in wanted:
                return inner, "should not be there"
            if difference := _difference(found[key], wanted[key], inner):
                return difference
        return None
    if isinstance(wanted, list) and isinstance(found, list):
        if place.endswith(_UNORDERED):
            found, wanted = sorted(found, key=_id), sorted(wanted, key=_id)
        if len(found) != len(wanted):
            return place, f"has {len(found)} entries, but should have {len(wanted)}"
        pairs = enumerate(zip(found, wanted, strict=True))
        differences = (_difference(one, other, f"{place}.{number}") for number, (one, other) in pairs)
        return next(filter(None, differences), None)
    return None if found == wanted else (place, f"is {found!r}, but should be {wanted!r}")


def _id(entry: Any) -> str:
    """Return the value that identifies an entry of a list."""
    ids = [entry[key] for key in ("model_id", "toolgroup_id") if key in entry] if isinstance(entry, dict) else [entry]
    return str(ids)


def _configuration(name: str) -> dict[str, Any]:
    return yaml.safe_load((stacks.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def _measured(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
