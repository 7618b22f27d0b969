"""Names in a run.yaml for other releases of LlamaStack, which the installed one may silently ignore."""

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

# Old keys, by a pattern for their path, with their replacements.
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

# Old values, by a pattern for their path: names of APIs and provider types, with their replacements.
VALUES = {
    ("apis.*", "telemetry"): _GONE,
    ("apis.*", "memory"): "`vector_io`",
    ("apis.*", "responses"): "`agents`",
    **{("apis.*", name): _GONE for name in ("memory_banks", "models", "shields")},
    ("providers.*.*.provider_type", "inline::builtin"): "`inline::meta-reference`",
    ("providers.tool_runtime.*.provider_type", "inline::file-search"): "`inline::rag-runtime`",
    ("providers.tool_runtime.*.provider_type", "inline::code-interpreter"): _GONE,
    ("providers.*.*.provider_type", "meta-reference"): "`inline::meta-reference`",
    # Its import fails in 0.6.1, and its upstream has OpenAI's API.
    ("providers.inference.*.provider_type", "remote::tgi"): "`remote::openai`",
}

# A reference to an environment variable in any form, and in the form that LlamaStack 0.6.1 accepts.
_REFERENCE = re.compile(r"\$\{env\.[^}\n]*\}?")
_RIGHT = re.compile(r"\$\{env\.[A-Z0-9_]+(:[=+][^}]*)?\}")


def check(run_yaml: RunYaml, variables: Mapping[str, str]) -> None:
    """Raise WorkshopError if a file uses names of other releases, with their lines and replacements.

    `variables` decide which providers are switched on; the others are not checked.
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
    what = f"has references that {release} cannot read" if references else f"is for another release than {release}"
    raise WorkshopError(
        f"{run_yaml.name} {what}: {'; '.join(told)}.",
        "Change that, as “Coming from an older file” in book/run-yaml.md shows, or start with a copy of "
        f"{nearest(run_yaml, variables)}",
    )


def nearest(run_yaml: RunYaml, variables: Mapping[str, str]) -> str:
    """Return our configuration with the same upstream as the file, and the command that starts it."""
    on = [one for one in run_yaml.content["providers"].get("inference") or [] if not is_off(one, variables)]
    types = {str(one.get("provider_type")) for one in on}
    remote = {one.removeprefix("remote::") for one in types if one.startswith("remote::")}
    # For several upstreams, as in LlamaStack's starter files, run.yaml is closer.
    stack = next((upstream.provider_id for upstream in UPSTREAMS if remote == {upstream.provider_id}), None)
    return f"stacks/{stack}.yaml: make llama-server STACK={stack}" if stack else "run.yaml: make llama-server"


def _places(lines: list[int]) -> str:
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    return f"line {lines[0]}{more}"


def _found(run_yaml: RunYaml, variables: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    for path, value in _walk(run_yaml.content, (), variables):
        dotted, line = ".".join(map(str, path)), run_yaml.lines.get(path, 0)
        for pattern, now in KEYS.items():
            # An empty value needs no change.
            if value and _matches(dotted, pattern):
                yield f"`{'.'.join(map(str, path[-2:] if path[-1] == 'db_path' else path[-1:]))}`", line, now
        for (pattern, old), now in VALUES.items():
            if value == old and _matches(dotted, pattern):
                yield f"`{old}`", line, now
        for reference in _REFERENCE.findall(value) if isinstance(value, str) else ():
            if not _RIGHT.fullmatch(reference):
                yield f"`{reference}`", line, f"`{corrected(reference)}`"


def corrected(reference: str) -> str:
    """Return a reference to an environment variable in the form of 0.6.1: `${env.NAME}` or `${env.NAME:=default}`."""
    name, default = re.fullmatch(r"\$\{env\.([^:}]*)(?::?[-=?]*([^}]*))?\}?", reference).groups()
    name = re.sub(r"\W", "_", name).upper()
    return f"${{env.{name}:={default}}}" if default or ":" in reference else f"${{env.{name}}}"


def _matches(dotted: str, pattern: str) -> bool:
    return dotted.count(".") == pattern.count(".") and fnmatchcase(dotted, pattern)


def _walk(value: Any, path: Path_, variables: Mapping[str, str]) -> Iterator[tuple[Path_, Any]]:
    """Yield each value below `value` with its path, except in providers that are off or from other packages."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in inside:
        is_provider = len(path) == 2 and path[0] == "providers" and isinstance(inner, dict)
        if is_provider and (is_off(inner, variables) or inner.get("module")):
            continue
        yield (*path, step), inner
        yield from _walk(inner, (*path, step), variables)


def is_off(provider: Mapping[str, Any], variables: Mapping[str, str]) -> bool:
    """Return whether `provider` is switched off: its id resolves to nothing."""
    return registry.resolved(provider.get("provider_id") or "", variables) in ("", "__disabled__")
