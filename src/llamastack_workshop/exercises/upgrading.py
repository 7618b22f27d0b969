"""Checks of chapter 24, From LlamaStack to OGX."""

import copy
import json
from collections.abc import Callable
from typing import Any

import yaml

from llamastack_workshop import stacks
from llamastack_workshop.exercises.check import exercise, given, require
from llamastack_workshop.stacks import RESULTS


@exercise
def upgraded(upgrade: Callable[[dict[str, Any]], dict[str, Any]]) -> str:
    """Check that `upgrade(configuration)` turns a configuration of LlamaStack 0.6 into one of 0.7."""
    old, wanted = (_configuration(f"llama-stack-{line}") for line in ("0.6", "0.7"))
    untouched = copy.deepcopy(old)
    new = given(upgrade(old))
    require(isinstance(new, dict), f"return a dictionary, not {type(new).__name__}.")
    require(old == untouched, "your function changes the dictionary that it was given: change a copy.")
    require("agents" not in new["apis"], "`apis` still has `agents`: 0.7 says API 'agents' does not exist.")
    require("agents" not in new["providers"], "the providers are still under `agents`.")
    for section, name in (("providers", "responses"), ("providers", "tool_runtime")):
        found, right = new[section].get(name), wanted[section][name]
        require(found, f"`{section}` has no `{name}`.")
        kind = found[0].get("provider_type")
        require(kind == right[0]["provider_type"], f"the provider of `{name}` is {kind}: 0.7 has none of this type.")
    header = new["vector_stores"]["file_search_params"]["header_template"]
    require("file_search" in header, "header_template has the tool's old name: 0.7 demands the word file_search.")
    groups = [group["toolgroup_id"] for group in new["registered_resources"]["tool_groups"]]
    require(groups == ["builtin::file_search"], f"the tool group is still {groups[0] if groups else 'nothing'}.")
    different = sorted(key for key in wanted if new.get(key) != wanted[key])
    require(not different, f"under `{', '.join(different)}` something differs from stacks/llama-stack-0.7.yaml.")
    return "your file is stacks/llama-stack-0.7.yaml"


@exercise
def gone(routes: set[str]) -> str:
    """Check that `routes` are those under /v1/ which LlamaStack 0.6 has and OGX 1.5 has not."""
    routes = given(routes)
    require(isinstance(routes, set | list), f"give a set of routes, not {type(routes).__name__}.")
    old, new = (set(_measured(name)["routes"]) for name in ("llama-stack-0.6", "ogx-1.5"))
    right = {route for route in old - new if " /v1/" in route}
    require(not set(routes) - old, "some of them are not in 0.6 at all: subtract the other way round.")
    require(not set(routes) & new, "some of them are in OGX as well.")
    unstable = sorted(set(routes) - right)
    require(not unstable, f"{unstable[:1]} is not under /v1/: the others were never promised to stay.")
    require(set(routes) == right, f"{len(right) - len(set(routes))} are missing.")
    return f"{len(right)} routes, for example {sorted(right)[0]}"


def _configuration(name: str) -> dict[str, Any]:
    return yaml.safe_load((stacks.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def _measured(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
