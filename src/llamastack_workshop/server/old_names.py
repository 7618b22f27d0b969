"""What a run.yaml for another release of LlamaStack calls differently; the installed one may ignore it in silence."""

import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from importlib import metadata
from typing import Any

from llamastack_workshop.server import registry
from llamastack_workshop.server.run_yaml import Path_, RunYaml
from llamastack_workshop.server.upstreams import UPSTREAMS
from llamastack_workshop.system.errors import WorkshopError

_GONE = "gone"

_RESOURCES = ("models", "shields", "datasets", "scoring_fns", "benchmarks", "tool_groups")

# Keys that were elsewhere, by a pattern of their path; what to write in place of each.
KEYS = {
    **{name: f"`{name}` under `registered_resources`" for name in _RESOURCES},
    "vector_dbs": "`vector_stores` under `registered_resources`",
    "registered_resources.vector_dbs": "`vector_stores`",
    **{name: "`storage`" for name in ("metadata_store", "inference_store", "conversations_store")},
    **{name: _GONE for name in ("telemetry", "providers.telemetry")},
    "providers.memory": "`vector_io`",
    "providers.responses": "`agents`",
    "providers.vector_io.*.config.kvstore": "`persistence`",
    **{
        f"providers.{api}.*.config.kvstore.db_path": "`namespace` and `backend`"
        for api in ("eval", "datasetio", "batches")
    },
    "providers.agents.*.config.persistence_store": "`persistence.agent_state`",
    "providers.agents.*.config.responses_store": "`persistence.responses`",
    "providers.files.*.config.metadata_store.db_path": "`table_name` and `backend`",
    **{f"providers.inference.*.config.{name}": "`base_url`" for name in ("url", "host", "port", "api_base")},
}

# Values by a pattern of their path: the names of APIs and types of providers.
VALUES = {
    ("apis.*", "telemetry"): _GONE,
    ("apis.*", "memory"): "`vector_io`",
    ("apis.*", "responses"): "`agents`",
    **{("apis.*", name): _GONE for name in ("memory_banks", "models", "shields")},
    ("providers.*.*.provider_type", "inline::builtin"): "`inline::meta-reference`",
    ("providers.tool_runtime.*.provider_type", "inline::file-search"): "`inline::rag-runtime`",
    ("providers.tool_runtime.*.provider_type", "inline::code-interpreter"): _GONE,
    ("providers.*.*.provider_type", "meta-reference"): "`inline::meta-reference`",
    # Its import fails in 0.6.1, and its upstream speaks OpenAI's API.
    ("providers.inference.*.provider_type", "remote::tgi"): "`remote::openai`",
}

# A reference to the environment, up to what closes it, and what LlamaStack 0.6.1 takes for one.
_REFERENCE = re.compile(r"\$\{env\.[^}\n]*\}?")
_RIGHT = re.compile(r"\$\{env\.[A-Z0-9_]+(:[=+][^}]*)?\}")


def check(run_yaml: RunYaml, variables: Mapping[str, str]) -> None:
    """Raise WorkshopError if a file has names of other releases, and say where, and what to write in their place.

    `variables` decide which providers are on; what those hold that are off matters to nobody.
    """
    lines: dict[tuple[str, str], list[int]] = {}
    for name, line, now in sorted(_found(run_yaml, variables), key=lambda one: one[1]):
        lines.setdefault((name, now), []).append(line)
    if not lines:
        return
    told = [
        f"{name} ({_places(places)}) should {'go' if now == _GONE else f'be {now}'}"
        for (name, now), places in lines.items()
    ]
    release = f"LlamaStack {metadata.version('llama-stack')}"
    references = all(name.startswith("`${") for name, _ in lines)
    what = (
        f"refers to the environment as {release} does not" if references else f"is for another release than {release}"
    )
    raise WorkshopError(
        f"{run_yaml.name} {what}: {'; '.join(told)}.",
        "Change that, as “Coming from an older file” in book/run-yaml.md shows, or begin with a copy of "
        f"{nearest(run_yaml, variables)}",
    )


def nearest(run_yaml: RunYaml, variables: Mapping[str, str]) -> str:
    """Return the configuration of ours that has the upstream of a file, and the command that starts it."""
    on = [one for one in run_yaml.content["providers"].get("inference") or [] if not is_off(one, variables)]
    types = {str(one.get("provider_type")) for one in on}
    remote = {one.removeprefix("remote::") for one in types if one.startswith("remote::")}
    # With several upstreams, as the starter files have them, run.yaml is nearer.
    stack = next((upstream.provider_id for upstream in UPSTREAMS if remote == {upstream.provider_id}), None)
    return f"stacks/{stack}.yaml: make llama-server STACK={stack}" if stack else "run.yaml: make llama-server"


def _places(lines: list[int]) -> str:
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"line {lines[0]}{more}"


def _found(run_yaml: RunYaml, variables: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    for path, value in _walk(run_yaml.content, (), variables):
        dotted, line = ".".join(map(str, path)), run_yaml.lines.get(path, 0)
        for pattern, now in KEYS.items():
            # An empty list names nothing.
            if value and _matches(dotted, pattern):
                yield f"`{'.'.join(map(str, path[-2:] if path[-1] == 'db_path' else path[-1:]))}`", line, now
        for (pattern, old), now in VALUES.items():
            if value == old and _matches(dotted, pattern):
                yield f"`{old}`", line, now
        for reference in _REFERENCE.findall(value) if isinstance(value, str) else ():
            if not _RIGHT.fullmatch(reference):
                yield f"`{reference}`", line, f"`{corrected(reference)}`"


def corrected(reference: str) -> str:
    """Return a reference to the environment as 0.6.1 reads it: `${env.NAME}`, with `:=` before a default."""
    name, default = re.fullmatch(r"\$\{env\.([^:}]*)(?::?[-=?]*([^}]*))?\}?", reference).groups()
    name = re.sub(r"\W", "_", name).upper()
    return f"${{env.{name}:={default}}}" if default or ":" in reference else f"${{env.{name}}}"


def _matches(dotted: str, pattern: str) -> bool:
    return dotted.count(".") == pattern.count(".") and fnmatchcase(dotted, pattern)


def _walk(value: Any, path: Path_, variables: Mapping[str, str]) -> Iterator[tuple[Path_, Any]]:
    """Yield each value below `value` with its path, but nothing of the providers that are off, or somebody else's."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        is_provider = len(path) == 2 and path[0] == "providers" and isinstance(inner, dict)
        if is_provider and (is_off(inner, variables) or inner.get("module")):
            continue
        yield (*path, step), inner
        yield from _walk(inner, (*path, step), variables)


def is_off(provider: Mapping[str, Any], variables: Mapping[str, str]) -> bool:
    """Return whether the id of `provider` comes out as nothing."""
    return registry.resolved(provider.get("provider_id") or "", variables) in ("", "__disabled__")
