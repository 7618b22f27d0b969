"""Diagnose why a server does not start with a configuration, or starts without a model; runs in its environment.

A server stops at the first thing that is missing, and seldom names the provider that needs it. This module checks all
providers of the file against the server's own registry of providers, and reports all problems of one kind together.
"""

import ast
import difflib
import importlib
import inspect
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import yaml
from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel, SecretStr, ValidationError

from llamastack_workshop.server.old_names import is_off
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.secrets import hidden

_EMBEDDED = "or use the embedded model instead: the provider llama-cpp of run.yaml"
_SHOWN = 6

# The API whose providers serve each kind of registered resource.
_API_OF = {
    "models": "inference",
    "shields": "safety",
    "tool_groups": "tool_runtime",
    "vector_stores": "vector_io",
    "datasets": "datasetio",
    "scoring_fns": "scoring",
    "benchmarks": "eval",
}


@dataclass(frozen=True, eq=False)
class Provider:
    """A provider that a file switches on; `spec` is the server's specification of its type, or None if it has none."""

    api: str
    id: str
    type: str
    config: dict[str, Any]
    module: str | None
    spec: Any

    def __str__(self) -> str:
        return self.type if self.id in self.type else f"{self.id} ({self.type})"


def main() -> None:
    """Print problem and fix as JSON, or null; the command line has the file and the server's last error."""
    file, last_error = Path(sys.argv[1]), sys.argv[2]
    lines = None
    try:
        check(file.name, yaml.safe_load(file.read_text(encoding="utf-8")), last_error)
    except WorkshopError as error:
        lines = [error.problem, error.fix]
    print(json.dumps(lines))


def check(file: str, content: dict[str, Any], last_error: str) -> None:
    """Raise WorkshopError if a problem keeps a server from starting with `content`, or from having a language model.

    `file` is its name in messages. `last_error` is the server's last error before it ended, or empty if it runs.
    """
    from llama_stack.core.stack import EnvVarError, replace_env_vars

    try:
        resolved = replace_env_vars(content)
    except EnvVarError as error:
        named = re.findall(r"\$\{env\.([A-Z0-9_]+)\}", json.dumps(content, default=str))
        unset = [name for name in dict.fromkeys([error.var_name, *named]) if not os.environ.get(name)]
        raise WorkshopError(
            f"{file} needs environment variables that are not set: {_few(unset)}.",
            f"Set them, for example in .env, or write a default into {file}: ${{env.{error.var_name}:=…}}",
        ) from error
    _check_apis(file, resolved)
    _check_stack(file, resolved)
    providers = list(_providers(resolved))
    _check_types(file, resolved, providers)
    _check_packages(file, providers, last_error)
    _check_configs(file, providers)
    _check_links(file, resolved, providers)
    if not last_error:
        _check_unread(file, providers)
    if not last_error or "onnection" in last_error:
        _check_upstreams(file, providers, last_error)


def _check_apis(file: str, content: dict[str, Any]) -> None:
    from llama_stack.core.distribution import providable_apis

    known = sorted(api.value for api in providable_apis())
    listed = content.get("apis") or []
    listed = [api for api in listed if isinstance(api, str)] if isinstance(listed, list) else []
    if unknown := [api for api in dict.fromkeys([*listed, *content["providers"]]) if api not in known]:
        raise WorkshopError(
            f"{file} names APIs that {_release()} does not have: {_few(unknown)}.",
            f"Correct the name, or remove it from `apis` and `providers`. The APIs are: {', '.join(known)}",
        )
    on = {api for api, providers in content["providers"].items() if any(not is_off(one, {}) for one in providers)}
    if missing := [api for api in listed if api not in on]:
        raise WorkshopError(
            f"{file} lists APIs under `apis` that have no provider: {_few(missing)}.",
            f"Remove them from `apis`, or add a provider for each{_as_in_run_yaml(missing)}.",
        )


def _check_stack(file: str, content: dict[str, Any]) -> None:
    from llama_stack.core.datatypes import StackConfig
    from llama_stack.core.stack import cast_distro_name_to_string

    try:
        StackConfig(**cast_distro_name_to_string(dict(content)))
    except ValidationError as error:
        if "distro_name" in str(error):
            raise WorkshopError(
                f"{file} has no `distro_name`.", "Add it at the top, as in `distro_name: mine`."
            ) from error
        raise WorkshopError(f"{file}: {_first(error)}.", f"Correct that in {file}; run.yaml shows the form.") from error


def _check_types(file: str, content: dict[str, Any], providers: Sequence[Provider]) -> None:
    absent = [one for one in providers if one.module and not find_spec(one.module.split("==")[0])]
    if absent:
        packages = " ".join(one.module.replace("_", "-") for one in absent)
        raise WorkshopError(
            f"{file} has providers from packages that are not installed: {_few(absent)}.",
            f"Remove them from {file}, or run: scripts/uv pip install --no-config {packages}",
        )
    folder = content.get("external_providers_dir")
    unknown = [one for one in providers if not one.module and one.spec is None]
    if not unknown or (folder and any(Path(folder).expanduser().rglob("*.yaml"))):
        return
    table = _tables()[unknown[0].api]
    near = difflib.get_close_matches(unknown[0].type, table, n=1) or sorted(table)
    where = f", nor in {folder}" if folder else ""
    raise WorkshopError(
        f"{file} has providers of types that are not in {_release()}{where}: {_few(unknown)}.",
        f"Remove them from {file}, or use an existing type; for {unknown[0].api}: {', '.join(near)}",
    )


def _check_packages(file: str, providers: Sequence[Provider], last_error: str) -> None:
    """Raise WorkshopError if modules that the server imports are missing, here or according to `last_error`."""
    failed = re.search(r"No module named '(\w+)", last_error)
    missing, broken = {}, {}
    for one in providers:
        if one.spec is None:
            continue
        try:
            _import(one.spec.module)
        except ModuleNotFoundError as error:
            missing[one] = _absent(one.spec, error.name or "")
        except Exception as error:
            broken[one] = str(error).splitlines()[0]
        if failed and one not in missing and _names(one.spec, failed[1]):
            missing[one] = _absent(one.spec, failed[1])
    if broken and not missing:
        one, reason = next(iter(broken.items()))
        raise WorkshopError(
            f"{file}: {one} cannot be imported in {_release()}: {reason[:100]}",
            f"Remove it from {file}, or use remote::openai, which works with every server that has OpenAI's API.",
        )
    if not missing:
        return
    packages = dict.fromkeys(package for needed in missing.values() for package in needed)
    quoted = " ".join(f"'{one}'" if re.search(r"[<>\[]", one) else one for one in packages)
    large = [one.id for one, needed in missing.items() if not needed]
    fix = f"Remove them from {file}, under {', '.join(dict.fromkeys(one.api for one in missing))}"
    if large:
        fix += f"; {_few(large)} would need PyTorch, which takes gigabytes"
    if quoted:
        fix += f"; {'for the others' if large else 'or'} run: scripts/uv pip install --no-config {quoted}"
    raise WorkshopError(f"{file} has providers whose packages are not installed: {_few(missing)}.", fix)


def _check_configs(file: str, providers: Sequence[Provider]) -> None:
    for one in providers:
        if one.spec is None:
            continue
        try:
            _config_class(one.spec)(**one.config)
        except ValidationError as error:
            raise WorkshopError(
                f"{file}, config of {one} under {one.api}: {_first(error)}.",
                f"Correct it in {file}{_as_in_run_yaml([one.api])}.",
            ) from error


def _check_links(file: str, content: dict[str, Any], providers: Sequence[Provider]) -> None:
    """Check that providers, resources and stores refer only to APIs, providers and backends that the file has."""
    served = {one.api for one in providers} & set(content.get("apis") or [one.api for one in providers])
    needs = {
        one: [api for api in _needed(one.spec) if api not in served]
        for one in providers
        if one.spec is not None and one.api in served
    }
    if lacking := {one: apis for one, apis in needs.items() if apis}:
        apis = list(dict.fromkeys(api for apis in lacking.values() for api in apis))
        told = [f"{one} under {one.api} needs {' and '.join(apis)}" for one, apis in lacking.items()]
        raise WorkshopError(
            f"{file} lacks APIs that its providers need: {_few(told)}.",
            f"Add {' and '.join(apis)} to `apis` and `providers`{_as_in_run_yaml(apis)}, or remove those providers.",
        )
    ids = {api: sorted(one.id for one in providers if one.api == api) for api in {one.api for one in providers}}
    named = [(place, api, id) for place, api, id in _named_providers(content) if id not in (None, "", "__disabled__")]
    if dangling := [(place, api, id) for place, api, id in named if id not in ids.get(api, [])]:
        told = [f"{place} names {id} (not under {api})" for place, api, id in dangling]
        there = [f"{api}: {', '.join(ids[api])}" for api in {api: None for _, api, _ in dangling} if api in ids]
        raise WorkshopError(
            f"{file} names providers that it does not have: {_few(told)}.",
            f"Remove the reference{f', or name an existing provider; {_few(there)}' if there else ''}.",
        )
    storage = content.get("storage")
    backends = set(storage["backends"]) if storage and storage.get("backends") else {"kv_default", "sql_default"}
    for one in providers:
        if unknown := [name for name in _backends(one.config) if name not in backends]:
            raise WorkshopError(
                f"{file}, config of {one} under {one.api}: there is no backend {_few(unknown)}.",
                f"Name one of these, or add it under storage.backends: {', '.join(sorted(backends))}",
            )


def _named_providers(content: dict[str, Any]) -> Iterator[tuple[str, str, str | None]]:
    """Yield each reference to a provider outside of `providers`: its place in the file, the API and the provider id."""
    for kind, listed in (content.get("registered_resources") or {}).items():
        for index, one in enumerate(listed or []):
            if kind in _API_OF:
                yield f"registered_resources.{kind}[{index}]", _API_OF[kind], one.get("provider_id")
    stores = content.get("vector_stores") or {}
    yield "vector_stores.default_provider_id", "vector_io", stores.get("default_provider_id")
    model = stores.get("default_embedding_model") or {}
    yield "vector_stores.default_embedding_model", "inference", model.get("provider_id")


def _check_unread(file: str, providers: Sequence[Provider]) -> None:
    for one in providers:
        if one.spec is None or one.api != "inference":
            continue
        config_class = _config_class(one.spec)
        fields = {name for key, field in config_class.model_fields.items() for name in (key, field.alias) if name}
        if config_class.model_config.get("extra") == "allow" or not (unread := sorted(set(one.config) - fields)):
            continue
        near = [name for key in unread for name in difflib.get_close_matches(key, fields)]
        raise WorkshopError(
            f"{file}, config of {one} under {one.api}: no such key: {_few(f'`{key}`' for key in unread)}.",
            f"Remove it, or use one of these keys: {', '.join(near or sorted(fields))}",
        )


def _check_upstreams(file: str, providers: Sequence[Provider], last_error: str) -> None:
    """Raise WorkshopError if upstreams do not list models; ask each one as the server does when it starts."""
    told = {f"{one}": _asked(one) for one in providers if one.api == "inference" and one.spec is not None}
    if last_error:
        told = {one: answer for one, answer in told.items() if answer.endswith("does not answer")}
    if told:
        what = f"LlamaStack did not start ({last_error})" if last_error else "The server runs but has no language model"
        raise WorkshopError(
            f"{what}. {hidden(_few((f'{one}: {answer}' for one, answer in told.items()), 3))}.",
            f"Start that model server, correct its address or key in {file}, {_EMBEDDED}.",
        )
    if not last_error:
        raise WorkshopError(f"{file} has no active provider under `inference`.", f"Switch one on, {_EMBEDDED}.")


def _asked(provider: Provider) -> str:
    config = _config_class(provider.spec)(**provider.config)
    address = str(getattr(config, "base_url", None) or "").rstrip("/")
    if not address:
        return "no models, perhaps because the key is missing"
    key = getattr(config, "auth_credential", None)
    headers = {"Authorization": f"Bearer {key.get_secret_value()}"} if isinstance(key, SecretStr) else {}
    try:
        answer = httpx.get(f"{address}/models", headers=headers, timeout=5)
    except (httpx.HTTPError, httpx.InvalidURL):
        return f"{address} does not answer"
    if answer.is_success:
        return f"{address} lists no model that the file allows"
    key_refused = answer.status_code in (401, 403)
    return f"{address} {'refuses the key' if key_refused else f'answers HTTP {answer.status_code} at /models'}"


def _tables() -> dict[str, dict[str, Any]]:
    from llama_stack.core.distribution import get_provider_registry

    return {api.value: table for api, table in get_provider_registry().items()}


def _providers(content: dict[str, Any]) -> Iterator[Provider]:
    tables = _tables()
    for api, listed in content["providers"].items():
        for one in listed:
            if not is_off(one, {}):
                module, kind = one.get("module"), one["provider_type"]
                spec = None if module else tables[api].get(kind)
                yield Provider(api, str(one["provider_id"]), kind, one.get("config") or {}, module, spec)


def _needed(spec: Any) -> list[str]:
    """Return the APIs that a provider of this type needs, without the server's internal ones."""
    from llama_stack.core.distribution import INTERNAL_APIS, builtin_automatically_routed_apis

    routers = {one.routing_table_api: one.router_api for one in builtin_automatically_routed_apis()}
    needed = [routers.get(api, api) for api in spec.api_dependencies if api not in INTERNAL_APIS]
    return list(dict.fromkeys(api.value for api in needed))


def _import(module: str) -> None:
    """Import `module`, and the LlamaStack modules that its functions import."""
    source = inspect.getsource(importlib.import_module(module))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").startswith("llama_stack.")):
            importlib.import_module("." * node.level + (node.module or ""), module)


def _absent(spec: Any, module: str) -> list[str]:
    """Return the packages to install for `module`; none if PyTorch is one of them."""
    if any(package.split()[0] == "torch" for package in spec.pip_packages):
        return []
    return _names(spec, module) or [one for one in spec.pip_packages if not _installed(one)] or [module]


def _names(spec: Any, module: str) -> list[str]:
    """Return the packages of `spec` that are named after `module`."""
    wanted = re.escape(module.split(".")[0]).replace("_", "[-_]")
    return [package for package in spec.pip_packages if re.match(rf"{wanted}(?![-\w])", package)]


def _installed(package: str) -> bool:
    with suppress(InvalidRequirement):
        try:
            return bool(metadata.version(Requirement(package).name))
        except metadata.PackageNotFoundError:
            return False
    return True


def _config_class(spec: Any) -> type[BaseModel]:
    module, name = spec.config_class.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def _backends(config: Any) -> Iterator[str]:
    if isinstance(config, dict):
        if isinstance(config.get("backend"), str):
            yield config["backend"]
        for value in config.values():
            yield from _backends(value)


def _first(error: ValidationError) -> str:
    """Return the place and the message of the first validation error, and the number of further ones."""
    errors = error.errors(include_url=False, include_input=False, include_context=False)
    place = ".".join(map(str, errors[0]["loc"]))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return f"{place}: {errors[0]['msg'].removeprefix('Value error, ')}{more}".removeprefix(": ").rstrip(".")


def _as_in_run_yaml(apis: Sequence[str]) -> str:
    ours = {"inference", "agents", "vector_io", "tool_runtime", "files"}
    return ", as in run.yaml" if set(apis) <= ours else ""


def _few(things: Iterable[Any], shown: int = _SHOWN) -> str:
    told = [str(one) for one in things]
    return ", ".join(told[:shown]) + (f" and {len(told) - shown} more" if len(told) > shown else "")


def _release() -> str:
    return f"LlamaStack {metadata.version('llama-stack')}"


if __name__ == "__main__":
    main()
