"""Answers to the exercises of chapter 5."""

import copy
import re
from typing import Any

import yaml

from answers import Answer, Server
from llamastack_workshop.exercises import break_it as check
from llamastack_workshop.server.throwaway import upstream_variables
from llamastack_workshop.system import paths

FULL = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
MISSING = (
    "RuntimeError: Failed to resolve 'tool_runtime' provider 'rag-runtime' of type 'inline::rag-runtime': required "
    "dependency 'files' is not available. Please add a 'files' provider to your configuration or check if the provider "
    "is properly configured."
)


def without(*apis: str) -> dict[str, Any]:
    variation = copy.deepcopy(FULL)
    for api in apis:
        variation["apis"].remove(api)
        del variation["providers"][api]
    if "tool_runtime" in apis:
        del variation["registered_resources"]["tool_groups"]
    return variation


def with_configs(**configs: dict[str, Any]) -> dict[str, Any]:
    """Return run.yaml with another config for the only provider of each of these APIs."""
    configuration = copy.deepcopy(FULL)
    for api, config in configs.items():
        configuration["providers"][api][0]["config"] = config
    return configuration


def chosen(**changed: Any) -> dict[str, Any]:
    """Return a selection from run.yaml, with its keys in another order."""
    providers = {api: FULL["providers"][api] for api in ("files", "inference")}
    resources = {"models": FULL["registered_resources"]["models"]}
    return {
        "providers": providers,
        "apis": {"inference", "files"},
        **{key: FULL[key] for key in ("version", "distro_name", "storage", "server", "vector_stores")},
        "registered_resources": resources,
    } | changed


def quoted(error: str) -> list[str]:
    _, provider, _, missing, *_ = re.findall(r"'([^']+)'", error)
    return [provider, missing]


class Pattern:
    def __call__(self, error: str) -> tuple[str, ...]:
        return re.search(r"provider '(?P<who>.+?)'.*?dependency '(?P<what>.+?)'", error).groups()


def renamed() -> dict[str, Any]:
    """Update the old file with other names, and with all state in the databases of run.yaml."""
    places = {
        "agent_state": {"namespace": "my_agents", "backend": "kv_default"},
        "responses": {"table_name": "my_responses", "backend": "sql_default"},
    }
    return with_configs(
        agents={"persistence": places},
        vector_io={"persistence": {"namespace": "my_faiss", "backend": "kv_default"}},
    )


OLD_FAISS = {"kvstore": {"type": "sqlite", "db_path": "faiss.db"}}


def serving(style: str, configuration: Any, said: str = "") -> Answer:
    return Answer(check.serves_files, style, lambda s: [configuration, variables(s)], said)


def diagnosed(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.diagnosis, style, lambda s: [function, MISSING], said)


def answering(style: str, configuration: Any, said: str = "") -> Answer:
    return Answer(check.answers_responses, style, lambda s: [configuration, variables(s)], said)


def variables(server: Server) -> dict[str, str]:
    return upstream_variables(server.base_url, server.model)


RIGHT = [
    serving("some are taken out", without("agents", "tool_runtime", "vector_io")),
    serving("two are chosen, a set", chosen()),
    diagnosed("what is in quotes, a list", quoted),
    diagnosed("a class with a pattern", Pattern()),
    answering("run.yaml itself", FULL),
    answering("other names", renamed()),
]

WRONG = [
    serving("a path", "run.yaml", "give a configuration as a dictionary, not a str"),
    serving("all of it", FULL, "the server still offers agents, vector_io, tool_runtime"),
    serving("one too many", without("agents", "tool_runtime"), "the server still offers vector_io"),
    serving("no providers", {"version": 2}, "has no `providers`"),
    serving("a path in it", chosen(server=paths.RUN_YAML), "a value that run.yaml cannot contain"),
    diagnosed("one value", lambda error: "rag-runtime", "the provider and the missing API, not a str"),
    diagnosed("hard-coded", lambda error: ("rag-runtime", "files"), "the provider is not 'rag-runtime', but 'meta-"),
    diagnosed("reversed", lambda error: quoted(error)[::-1], "in the wrong order"),
    diagnosed("its API", lambda error: (re.findall("'(.+?)'", error)[0], quoted(error)[1]), "belongs to"),
    diagnosed("its type", lambda error: (re.search(r"type '(.+?)'", error)[1], quoted(error)[1]), "return its id"),
    diagnosed(
        "the end of its type",
        lambda error: (re.search(r"::(.+?)'", error)[1], quoted(error)[1]),
        "the provider is not 'faiss', but 'my-index'",
    ),
    diagnosed("three values", lambda error: re.findall("'(.+?)'", error)[1:4], "not 3"),
    diagnosed("no texts", lambda error: re.findall("'.+?'", error) and (None, 1), "both values should be strings"),
    answering("no providers", {"version": 2}, "has no `providers`"),
    answering("old faiss", with_configs(vector_io=OLD_FAISS), "the old key `kvstore` is still there"),
    answering(
        "the old key beside the new one",
        with_configs(vector_io=OLD_FAISS | FULL["providers"]["vector_io"][0]["config"]),
        "the old key `kvstore` is still there",
    ),
    answering("half of agents", with_configs(agents={}), "the server does not start: ValidationError"),
]
