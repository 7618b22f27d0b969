"""LlamaStack's messages for variations of run.yaml: the tables of book/run-yaml.md, checked on real servers."""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import yaml
from tables import assert_table

from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths

PAGE = paths.ROOT / "book" / "run-yaml.md"
FULL = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))


@pytest.fixture
def variables(base_url: str, model: str) -> dict[str, str]:
    """The variables with which a throw-away server uses the live one as its upstream."""
    return upstream_variables(base_url, model)


def without(*apis: str) -> dict[str, Any]:
    variation = copy.deepcopy(FULL)
    for api in apis:
        variation["apis"].remove(api)
        del variation["providers"][api]
    if "tool_runtime" in apis:
        del variation["registered_resources"]["tool_groups"]
    return variation


def config(api: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return run.yaml with a different config for the only provider of `api`."""
    variation = copy.deepcopy(FULL)
    (provider,) = variation["providers"][api]
    provider["config"] = value
    return variation


def test_the_table_of_missing_links(variables: dict[str, str], rewrite_tables: bool) -> None:
    def error(api: str) -> str:
        with throwaway_server(without(api), variables) as server:
            assert server.error
            return server.error.split(". Please")[0].removeprefix("RuntimeError: ")

    apis = ["vector_io", "files", "tool_runtime", "inference"]
    with ThreadPoolExecutor(max_workers=2) as pool:
        rows = [[f"`{api}`", f"`{said}`"] for api, said in zip(apis, pool.map(error, apis), strict=True)]
    assert_table(PAGE, "missing-links", ["you removed", "the message"], rows, rewrite_tables)


def test_the_table_of_old_names(variables: dict[str, str], base_url: str, rewrite_tables: bool) -> None:
    def outcome(variation: dict[str, Any]) -> str:
        with throwaway_server(variation, variables) as server:
            if server.error:
                return f"the start ends: `{server.error}`"
            listed = [model["id"] for model in httpx.get(f"{server.base_url}/models").json()["data"]]
            missing = "the server starts, and says nothing; the model is missing"
            return "the model is there" if "openai/old" in listed else missing

    at_the_top = without("agents", "tool_runtime", "vector_io", "files")
    at_the_top["models"] = [{"model_id": "old", "provider_id": "openai"}]
    old = {"type": "sqlite", "db_path": "old.db"}
    variations = {
        "`kvstore:` in faiss": config("vector_io", {"kvstore": old}),
        "`persistence_store:` in agents": config("agents", {"persistence_store": old, "responses_store": old}),
        "`models:` at the top": at_the_top,
    }
    with ThreadPoolExecutor(max_workers=2) as pool:
        rows = [[name, said] for name, said in zip(variations, pool.map(outcome, variations.values()), strict=True)]
    answer = httpx.post(base_url.replace("/v1", "/v1/openai/v1/responses"), json={"model": "any", "input": "Hi"})
    rows.append(["`POST /v1/openai/v1/responses`", f"{answer.status_code} `{answer.text}`"])
    assert_table(PAGE, "old-names", ["old name", "what 0.6.1 does"], rows, rewrite_tables)
