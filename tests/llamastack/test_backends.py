"""One API over many backends: the parameters that each kind of provider honours, measured, and their differences."""

import copy
import os
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import backend_probes as probes
import httpx
import pytest
import yaml
from backend_probes import Backend, Probe
from openai import InternalServerError, OpenAI
from tables import assert_table

from llamastack_workshop.server.throwaway import Throwaway, throwaway_server
from llamastack_workshop.system import paths

PAGE = paths.NOTEBOOKS / "18-one-api-many-backends.ipynb"
STACK = yaml.safe_load((paths.ROOT / "stacks" / "backends.yaml").read_text(encoding="utf-8"))
KINDS = [each["provider_id"] for each in STACK["providers"]["inference"] if each["provider_id"] != "embeddings"]
HEADER = ["the request", "llama.cpp itself", *(f"`{kind}`" for kind in KINDS)]
TEXTS = {"laptop.txt": "The UltraBook costs 1299 euros.", "coast.txt": "A lighthouse guides ships at night."}


def before(upstream: str, base_url: str) -> dict[str, str]:
    """Return variables that give every kind `upstream` as its upstream; vector stores embed with the live server."""
    return {
        "LLAMA_CPP_URL": upstream,
        "PASSTHROUGH_URL": upstream.removesuffix("/v1"),
        "EMBEDDINGS_URL": base_url,
        "EMBEDDING_MODEL": "embeddings/all-minilm-l6-v2",
        "VLLM_MAX_TOKENS": str(probes.OWN_LIMIT),
    }


def started(upstream: str, base_url: str) -> Iterator[Throwaway]:
    with throwaway_server(STACK, before(upstream, base_url)) as server:
        assert server.error is None, server.error
        yield server


def listed(base_url: str) -> dict[str, str | None]:
    """Return the type of each model that a server lists, if the list contains it."""
    models = httpx.get(f"{base_url}/models").json()["data"]
    return {one["id"]: one.get("custom_metadata", {}).get("model_type") for one in models}


def register(base_url: str, kind: str, model: str) -> None:
    """Register a model of a provider again, as an embedding model."""
    httpx.delete(f"{base_url}/models/{kind}/{model}").raise_for_status()
    embedder = {"model_id": model, "provider_id": kind, "model_type": "embedding"}
    body = embedder | {"metadata": {"embedding_dimension": 384}}
    httpx.post(f"{base_url}/models", json=body).raise_for_status()


def measure(table: dict[str, Probe], backends: list[Backend]) -> list[list[str]]:
    """Return the rows of a table: for each probe, its verdict on each backend."""

    def column(backend: Backend) -> list[str]:
        return [probes.verdict(probe, backend) for probe in table.values()]

    with ThreadPoolExecutor(max_workers=4) as pool:
        return [list(row) for row in zip(table, *pool.map(column, backends), strict=True)]


@pytest.fixture(scope="module")
def llama_cpp() -> str:
    """The address of llama.cpp with the chat model."""
    if not (address := os.environ.get("LLAMA_CPP_URL")):
        pytest.skip("LLAMA_CPP_URL is not set: the page says what the kinds do before llama.cpp")
    return address


@pytest.fixture(scope="module")
def llama_cpp_embeddings(llama_cpp: str, base_url: str) -> str:
    """The address of llama.cpp with the embedding model, as the live server knows it."""
    return httpx.get(f"{base_url}/providers/embeddings").json()["config"]["base_url"]


@pytest.fixture(scope="module")
def chat_server(llama_cpp: str, base_url: str) -> Iterator[Throwaway]:
    yield from started(llama_cpp, base_url)


@pytest.fixture(scope="module")
def embedding_server(llama_cpp_embeddings: str, base_url: str) -> Iterator[Throwaway]:
    yield from started(llama_cpp_embeddings, base_url)


@pytest.mark.nightly
def test_the_table_of_text(llama_cpp: str, chat_server: Throwaway, rewrite_tables: bool) -> None:
    (model,) = listed(llama_cpp)
    kinds = [Backend(chat_server.base_url, f"{kind}/{model}") for kind in KINDS]
    rows = measure(probes.CHAT | probes.COMPLETIONS, [Backend(llama_cpp, model), *kinds])
    rows += [[row, "–", *verdicts] for row, *verdicts in measure(probes.RESPONSES, kinds)]
    assert_table(PAGE, "backends-text", HEADER, rows, rewrite_tables)


def test_the_table_of_embeddings(llama_cpp_embeddings: str, embedding_server: Throwaway, rewrite_tables: bool) -> None:
    (model,) = listed(llama_cpp_embeddings)
    kinds = [Backend(embedding_server.base_url, f"{kind}/{model}") for kind in KINDS]
    types = listed(embedding_server.base_url)
    rows = [
        ["the model is listed as", "–", *(str(types[kind.model]) for kind in kinds)],
        ["an embedding from the model as listed", "–", *(probes.verdict(probes.embedding, kind) for kind in kinds)],
    ]
    for kind in KINDS:
        register(embedding_server.base_url, kind, model)
    rows += measure(probes.EMBEDDINGS, [Backend(llama_cpp_embeddings, model), *kinds])
    assert_table(PAGE, "backends-embeddings", HEADER, rows, rewrite_tables)


def test_no_server_starts_with_tgi(base_url: str) -> None:
    configuration: dict[str, Any] = copy.deepcopy(STACK)
    tgi = {"provider_id": "tgi", "provider_type": "remote::tgi", "config": {"base_url": base_url}}
    configuration["providers"]["inference"].append(tgi)
    with throwaway_server(configuration, before(base_url, base_url)) as server:
        assert server.error.startswith("PydanticUserError: Field 'overwrite_completion_id'")


def filled(client: OpenAI, provider: str) -> str:
    """Return the id of a vector store of a kind, with two texts in it. Raises the exception of its creation."""
    store = client.vector_stores.create(name="two texts", extra_body={"provider_id": provider})
    for name, text in TEXTS.items():
        file = client.files.create(file=(name, text.encode()), purpose="assistants")
        added = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, poll_interval_ms=100)
        assert added.status == "completed", added.last_error
    return store.id


def found(client: OpenAI, store: str, query: str, mode: str) -> list[str]:
    """Return the names of the files that a search finds, the best first."""
    page = client.vector_stores.search(store, query=query, extra_body={"search_mode": mode})
    return [hit.filename for hit in page.data]


def test_vector_stores_of_two_kinds(embedding_server: Throwaway) -> None:
    client = OpenAI(base_url=embedding_server.base_url, api_key="none", max_retries=0)
    faiss = filled(client, "faiss")
    assert found(client, faiss, "What does the UltraBook cost?", "vector") == ["laptop.txt", "coast.txt"]
    assert found(client, faiss, "UltraBook", "keyword") == found(client, faiss, "UltraBook", "hybrid") == []
    if not hasattr(sqlite3.Connection, "enable_load_extension"):
        with pytest.raises(InternalServerError, match="An unexpected error occurred"):
            filled(client, "sqlite-vec")
        return
    sqlite_vec = filled(client, "sqlite-vec")
    assert found(client, sqlite_vec, "What does the UltraBook cost?", "vector") == ["laptop.txt", "coast.txt"]
    assert found(client, sqlite_vec, "UltraBook", "keyword") == ["laptop.txt"]
    assert found(client, sqlite_vec, "UltraBook", "hybrid") == ["laptop.txt", "coast.txt"]
    assert found(client, sqlite_vec, "UltraBook?", "keyword") == found(client, sqlite_vec, "UltraBook?", "hybrid") == []
