"""Throw-away servers, to try out a configuration or a model in a few lines, on a free port."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from llamastack_workshop.server import lines, parts, stacks, upstreams
from llamastack_workshop.server.lines import Line
from llamastack_workshop.server.stacks import Server
from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.processes import Child

# The words of uvicorn, with which LlamaStack serves.
_PORT_TAKEN = "address already in use"


@dataclass(frozen=True)
class Throwaway:
    """A server that has started, or that has failed to start.

    `error` is the last error in the server's log if the start failed, or None if the server answers. `process` is its
    process, with its log.
    """

    address: str
    error: str | None
    process: Child

    @property
    def base_url(self) -> str:
        """The address for OpenAI clients (it ends in /v1). Raises WorkshopError if the start failed."""
        if self.error:
            raise WorkshopError(f"The throw-away server did not start: {self.error}", "Correct its configuration.")
        return self.address

    def stop(self) -> None:
        """Stop the server: it accepts no new requests, and gets 10 s for those that it's answering."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the server immediately, like a crash."""
        self.process.kill()


@contextmanager
def throwaway_server(
    configuration: dict[str, Any], variables: dict[str, str] | None = None, line: Line | None = None
) -> Iterator[Throwaway]:
    """Run `llama stack run` (in OGX, `ogx run`) with `configuration` until the end of the block.

    `configuration` is the content of a run.yaml; `variables` are environment variables for its `${env.…}`. Your
    upstreams are off, except those that `variables` switch on. The server is of `line`, by default the line that
    `make lab` or `make test` was started with (STACK=). It listens on a free port of 127.0.0.1, its state and its log
    are deleted with it, and it ends with this process, even if that is killed.
    Raises TimeoutError if it neither answers nor ends.
    """
    with _scratch() as folder:
        run_yaml = folder / "run.yaml"
        run_yaml.write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
        settings = {
            **dict.fromkeys(upstreams.switches(), ""),
            "SQLITE_STORE_DIR": str(folder),
            **(variables or {}),
        }
        chosen = stacks.of_line(line or lines.started(), run_yaml, print)
        running = _started(chosen, folder, settings)
        # Another program may take the port between the choice and the start.
        if running.error and _PORT_TAKEN in running.process.log_text():
            running.process.stop()
            running = _started(chosen, folder, settings)
        try:
            yield running
        finally:
            running.process.stop()


def _started(server: Server, folder: Path, variables: dict[str, str]) -> Throwaway:
    """Start `server` on a free port, with its state and its log in `folder`; raises TimeoutError if it hangs."""
    port = ports.free_port()
    process = parts.llama_stack(server, port, folder / "llama-stack.log", state=folder, variables=variables)
    try:
        process.send_line("go")
        version = parts.wait_for_version(process, port)
    except BaseException:
        process.stop()
        raise
    error = None if version else parts.last_error(process.log_text())
    return Throwaway(f"http://localhost:{port}/v1", error, process)


@contextmanager
def throwaway_model() -> Iterator[str]:
    """Serve a second chat model until the end of the block, and yield its address (it ends in /v1).

    It is SmolLM2-135M-Instruct as packaged, without our fine-tuning and in Q4_1, under the name
    smollm2-135m-instruct-q4_1. It listens on a free port of 127.0.0.1.
    Raises WorkshopError if it does not start.
    """
    port = ports.free_port()
    with _scratch() as folder, parts.embedded_models({"DRAFTS_URL": port}, folder / "embedded.log", lambda _: None):
        yield f"http://{ports.HOST}:{port}/v1"


def upstream_variables(base_url: str, model: str) -> dict[str, str]:
    """Return variables for a throw-away server that uses `model` of the server at `base_url` as its upstream.

    In the throw-away server, the model's id is `openai/` plus `model`. Both servers get embeddings from the same place.
    Raises httpx.HTTPError if the server does not answer, and WorkshopError if it has no embedding model.
    """
    chat = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": base_url, "OPENAI_MODEL": model}
    with httpx.Client(base_url=base_url, timeout=30) as client:
        models = [one["custom_metadata"] for one in client.get("/models").raise_for_status().json()["data"]]
        providers = client.get("/providers").raise_for_status().json()["data"]
    embedding = next((one for one in models if one["model_type"] == "embedding"), None)
    if embedding is None:
        raise WorkshopError(
            f"The server at {base_url} has no embedding model.", "Start one that does: make llama-server, or make lab."
        )
    provider = next(one for one in providers if one["provider_id"] == embedding["provider_id"])
    return chat | {
        # Not the other server itself: OGX's provider for llama.cpp checks that llama.cpp answers at the address.
        "EMBEDDINGS_URL": provider["config"]["base_url"],
        "EMBEDDING_MODEL": embedding["provider_resource_id"],
        "EMBEDDING_DIMENSION": str(embedding["embedding_dimension"]),
    }


@contextmanager
def _scratch() -> Iterator[Path]:
    # ignore_cleanup_errors: on Windows, an open log cannot be removed.
    with tempfile.TemporaryDirectory(prefix="throwaway-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
