"""Model freedom: the configurations in stacks/ for single upstreams and for two models, and their limits."""

import copy
import json
import os
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest
import yaml
from nbclient import NotebookClient

from llamastack_workshop.server.embedded.serve import READY
from llamastack_workshop.server.throwaway import throwaway_model, throwaway_server
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.processes import Spawned

# The configurations with one provider for chat, and the variable for its address.
ADDRESSES = {"openai": "OPENAI_BASE_URL", "ollama": "OLLAMA_URL", "vllm": "VLLM_URL", "tgi": "TGI_URL"}
SECOND_MODEL = "smollm2-135m-instruct-q4_1"
QUESTION = "What is the capital of France?"


def stack(name: str) -> dict[str, Any]:
    return yaml.safe_load((paths.ROOT / "stacks" / f"{name}.yaml").read_text(encoding="utf-8"))


def taken_port() -> socket.socket:
    """Return a bound socket: its port is reserved, but nothing listens on it."""
    taken = socket.socket()
    taken.bind((ports.HOST, 0))
    return taken


def at(taken: socket.socket) -> str:
    """Return the address of an upstream at the port of a socket."""
    return f"http://{ports.HOST}:{taken.getsockname()[1]}/v1"


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address where nothing listens."""
    with taken_port() as taken:
        yield at(taken)


@dataclass
class Server:
    """Requests of the tests to a server. Each uses a new connection, because the server closes one after an error."""

    base_url: str
    log: Path

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.base_url}/{path}", timeout=60)

    def post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        return httpx.post(f"{self.base_url}/{path}", json=body, timeout=120)

    def listed(self) -> dict[str, dict[str, Any]]:
        """Return the entry of each model in the list, by id."""
        return {model["id"]: model["custom_metadata"] for model in self.get("models").json()["data"]}

    def chat(self, model: str) -> httpx.Response:
        messages = [{"role": "user", "content": QUESTION}]
        return self.post("chat/completions", {"model": model, "messages": messages, "max_tokens": 16})

    def respond(self, model: str, **options: Any) -> httpx.Response:
        return self.post("responses", {"model": model, "input": QUESTION, "max_output_tokens": 16, **options})

    def logged(self) -> str:
        return " ".join(self.log.read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def second_model() -> Iterator[str]:
    """The address of a llama.cpp server with the second embedded model."""
    with throwaway_model() as address:
        yield address


@pytest.fixture(scope="module")
def embeddings(base_url: str) -> dict[str, str]:
    return {"EMBEDDINGS_URL": base_url, "EMBEDDING_MODEL": "embeddings/all-minilm-l6-v2"}


def test_each_configuration_starts_and_serves_its_upstream(second_model: str, embeddings: dict[str, str]) -> None:
    def outcome(name: str) -> tuple[list[str], httpx.Response, httpx.Response]:
        upstream = {ADDRESSES[name]: second_model, "OPENAI_API_KEY": "none", "OPENAI_MODEL": SECOND_MODEL}
        with throwaway_server(stack(name), upstream | embeddings) as running:
            assert running.error is None
            server = Server(running.base_url, Path())
            llms = [model for model, said in server.listed().items() if said["model_type"] == "llm"]
            return llms, server.chat(f"{name}/{SECOND_MODEL}"), server.respond(f"{name}/{SECOND_MODEL}")

    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, (llms, chat, response) in zip(ADDRESSES, pool.map(outcome, ADDRESSES), strict=True):
            assert llms == [f"{name}/{SECOND_MODEL}"]
            assert chat.json()["choices"][0]["message"]["content"]
            assert response.json()["status"] == "completed"


def test_the_provider_that_is_meant_for_tgi_cannot_be_loaded(second_model: str, embeddings: dict[str, str]) -> None:
    configuration = stack("tgi")
    configuration["providers"]["inference"][0]["provider_type"] = "remote::tgi"
    del configuration["providers"]["inference"][0]["config"]["api_key"]
    with throwaway_server(configuration, {"TGI_URL": second_model, **embeddings}) as server:
        assert "Field 'overwrite_completion_id' defined on a base class was overridden" in server.error


@pytest.fixture(scope="module")
def late() -> Iterator[socket.socket]:
    """A function that starts an upstream at its reserved port, after the server has started without it."""
    with taken_port() as taken:
        yield taken


@pytest.fixture(scope="module")
def several(
    base_url: str,
    model: str,
    second_model: str,
    late: socket.socket,
    nobody: str,
    embeddings: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """A server with the providers of all four configurations, and for each a copy NAME-down at a dead address."""
    configuration = stack("openai")
    live = [stack(name)["providers"]["inference"][0] for name in ADDRESSES]
    down = copy.deepcopy(live)
    for provider in down:
        provider["provider_id"] += "-down"
        provider["config"]["base_url"] = nobody
    more = [
        compatible("llama-api", base_url, "remote::llama-openai-compat"),
        compatible("second", second_model),
        compatible("late", at(late)),
        compatible("keyless", base_url, key=""),
    ]
    configuration["providers"]["inference"][:1] = [*live, *down, *more]
    configuration["registered_resources"]["models"].append(
        {"model_id": "assistant", "provider_id": "openai", "provider_model_id": model, "metadata": {"team": "shop"}}
    )
    log = tmp_path_factory.mktemp("several") / "server.log"
    upstream = dict.fromkeys(ADDRESSES.values(), base_url) | {"OPENAI_API_KEY": "none", "OPENAI_MODEL": model}
    with throwaway_server(configuration, {**upstream, **embeddings, "LLAMA_STACK_LOG_FILE": str(log)}) as server:
        assert server.error is None
        yield Server(server.base_url, log)


def compatible(
    provider_id: str, base_url: str, provider_type: str = "remote::openai", key: str = "none"
) -> dict[str, Any]:
    config = {"api_key": key, "base_url": base_url}
    return {"provider_id": provider_id, "provider_type": provider_type, "config": config}


@pytest.mark.parametrize("provider", [*ADDRESSES, "llama-api"])
def test_one_program_works_with_every_provider(several: Server, model: str, provider: str) -> None:
    chosen = f"{provider}/{model}"
    assert several.listed()[chosen]["provider_resource_id"] == model
    assert several.chat(chosen).json()["model"] == chosen
    response = several.respond(chosen).json()
    assert (response["model"], response["status"]) == (chosen, "completed")


def test_an_unchanged_chapter_runs_with_another_provider(
    several: Server, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_CHECKS", "raise")
    monkeypatch.setenv("LLAMA_STACK_BASE_URL", several.base_url)
    monkeypatch.setenv("LLAMA_STACK_MODEL", f"vllm/{model}")
    chapter = nbformat.read(paths.NOTEBOOKS / "03-prompt-chaining.ipynb", as_version=4)
    NotebookClient(chapter, timeout=300, resources={"metadata": {"path": str(paths.NOTEBOOKS)}}).execute()
    shown = [output["text"] for cell in chapter.cells for output in cell.get("outputs", []) if "text" in output]
    assert f"vllm/{model}\n" in shown


def test_an_upstream_that_is_down_is_named_in_the_log_alone(several: Server, model: str) -> None:
    logged, listed = several.logged(), " ".join(several.listed())
    for name in ADDRESSES:
        assert f"Model refresh skipped for provider {name}-down" in logged
        assert f"{name}-down/" not in listed
    assert "list_provider_model_ids() failed with: Connection error." in logged

    down = [f"{name}-down/{model}" for name in ADDRESSES]
    with ThreadPoolExecutor() as pool:
        for chat, response in zip(pool.map(several.chat, down), pool.map(several.respond, down), strict=True):
            assert chat.status_code == response.status_code == 500
            assert chat.json() == {"error": {"message": "Internal server error: An unexpected error occurred."}}
            assert response.json() == {"detail": "An unexpected error occurred while generating the response."}


def test_a_provider_without_its_key_says_so_to_chat_completions_alone(several: Server, model: str) -> None:
    assert not [listed for listed in several.listed() if listed.startswith("keyless/")]
    chat, response = several.chat(f"keyless/{model}"), several.respond(f"keyless/{model}")
    assert (chat.status_code, response.status_code) == (400, 500)
    assert chat.json()["error"]["message"].startswith("API key not provided.")
    assert "API key" not in response.text


def test_ollama_is_missed_by_name(several: Server) -> None:
    assert "Make sure to start it using `ollama serve` in a separate terminal" in several.logged()


def test_a_stream_from_an_upstream_that_is_down_ends_with_a_failed_response(several: Server, model: str) -> None:
    stream = several.respond(f"vllm-down/{model}", stream=True)
    last = json.loads(stream.text.strip().splitlines()[-1].removeprefix("data: "))
    assert (stream.status_code, last["type"]) == (200, "response.failed")
    assert last["response"]["error"]["code"] == "server_error"


def test_an_upstream_that_comes_up_later_answers_and_is_not_listed(
    several: Server, late: socket.socket, tmp_path: Path
) -> None:
    arguments = ["--packaged-port", str(late.getsockname()[1])]
    log = tmp_path / "late.log"
    late.close()
    upstream = Spawned(
        "llamastack_workshop.server.embedded.serve", *arguments, environment=dict(os.environ), log=log, read_output=True
    )
    try:
        assert READY in (line.decode().strip() for line in upstream.output)
        assert several.chat(f"late/{SECOND_MODEL}").status_code == 200
        assert f"late/{SECOND_MODEL}" not in several.listed()
    finally:
        upstream.stop()


def test_a_model_id_of_our_own_is_ignored(several: Server, model: str) -> None:
    for name in ("assistant", "openai/assistant"):
        assert several.get(f"models/{name}").status_code == 404
    assert several.chat("assistant").status_code == 404
    assert several.listed()[f"openai/{model}"]["team"] == "shop"


def test_a_model_registered_at_run_time_gets_no_name_of_its_own_either(several: Server, model: str) -> None:
    registered = several.post(
        "models", {"model_id": "assistant", "provider_id": "second", "provider_model_id": "chat"}
    ).json()
    assert (registered["identifier"], registered["provider_resource_id"]) == ("second/chat", "chat")
    # llama.cpp accepts any model name.
    assert several.chat("second/chat").status_code == 200
    assert httpx.delete(f"{several.base_url}/models/second/chat").is_success
    assert "second/chat" not in several.listed()

    again = several.post(
        "models", {"model_id": "assistant", "provider_id": "openai", "provider_model_id": model, "metadata": {"a": 1}}
    )
    assert again.status_code == 400
    assert "already exists with conflicting field values" in again.json()["error"]["message"]


def test_the_same_model_can_do_less_behind_another_provider(several: Server, model: str) -> None:
    body = {"prompt": "The capital of France is", "max_tokens": 4}
    statuses = {
        provider: several.post("completions", {"model": f"{provider}/{model}", **body}).status_code
        for provider in ("openai", "vllm", "llama-api")
    }
    assert statuses == {"openai": 200, "vllm": 200, "llama-api": 501}


def test_two_models_change_places_without_a_change_of_the_program(
    base_url: str, model: str, second_model: str, nobody: str, embeddings: dict[str, str], tmp_path: Path
) -> None:
    state = embeddings | {"WORKSHOP_STATE": str(tmp_path), "LLAMA_STACK_LOG_FILE": str(tmp_path / "server.log")}
    first = {"LLAMA_CPP_URL": base_url, "ASSISTANT_MODEL": model}
    second = {"DRAFTS_URL": second_model, "DRAFTS_MODEL": SECOND_MODEL}
    with throwaway_server(stack("two-models"), {**first, **second, **state}) as running:
        server = Server(running.base_url, tmp_path / "server.log")
        jobs = [f"assistant/{model}", f"drafts/{SECOND_MODEL}"]
        assert set(jobs) < set(server.listed())
        # Other weights: the first token has another probability.
        assert len({log_probability(server, job) for job in jobs}) == 2
        store = store_with_a_file(server)
        assert found(server, store)

    first = {"LLAMA_CPP_URL": second_model, "ASSISTANT_MODEL": SECOND_MODEL}
    second = {"DRAFTS_URL": nobody, "DRAFTS_MODEL": model}
    with throwaway_server(with_another_embedding_provider(), {**first, **second, **state}) as running:
        server = Server(running.base_url, tmp_path / "server.log")
        listed = set(server.listed())
        assert f"assistant/{SECOND_MODEL}" in listed and f"assistant/{model}" not in listed
        assert server.chat(f"assistant/{SECOND_MODEL}").status_code == 200
        # Models from an earlier start stay in the list while their upstream is down.
        assert f"drafts/{SECOND_MODEL}" in listed
        assert server.chat(f"drafts/{SECOND_MODEL}").status_code == 400
        # A store keeps the id of its embedding model. If that is missing, the search finds nothing, without an error.
        assert found(server, store) == []
        assert re.search(rf"Error searching vector store {store}: .*not found", server.logged())

    registered = stack("two-models")
    entry = {"model_id": "assistant", "provider_id": "assistant", "provider_model_id": SECOND_MODEL}
    registered["registered_resources"]["models"].append(entry)
    with throwaway_server(registered, {**first, **second, **state}) as running:
        assert f"'assistant/{SECOND_MODEL}' already exists with conflicting field values" in running.error


def with_another_embedding_provider() -> dict[str, Any]:
    """Return the configuration of two models, with an embedding provider called `other`."""
    configuration = stack("two-models")
    (embedding_model,) = configuration["registered_resources"]["models"]
    default = configuration["vector_stores"]["default_embedding_model"]
    for named in (configuration["providers"]["inference"][-1], embedding_model, default):
        named["provider_id"] = "other"
    return configuration


def store_with_a_file(server: Server) -> str:
    store = server.post("vector_stores", {"name": "one file"}).json()
    assert store["metadata"]["embedding_model"] == "embeddings/embeddings/all-minilm-l6-v2"
    page = {"file": ("capitals.txt", b"The capital of France is Paris.")}
    file = httpx.post(f"{server.base_url}/files", files=page, data={"purpose": "assistants"}, timeout=60).json()
    attached = server.post(f"vector_stores/{store['id']}/files", {"file_id": file["id"]}).json()
    assert attached["status"] == "completed"
    return store["id"]


def found(server: Server, store: str) -> list[dict[str, Any]]:
    answer = server.post(f"vector_stores/{store}/search", {"query": QUESTION})
    assert answer.status_code == 200
    return answer.json()["data"]


def log_probability(server: Server, model: str) -> float:
    body = {"model": model, "messages": [{"role": "user", "content": QUESTION}], "max_tokens": 1, "logprobs": True}
    return server.post("chat/completions", body).json()["choices"][0]["logprobs"]["content"][0]["logprob"]
