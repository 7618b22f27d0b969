"""Servers that live for a few lines: a configuration or a model that is tried out, on a free port."""

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
from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.processes import Child


@dataclass(frozen=True)
class Throwaway:
    """A server that was started, or that failed to start.

    `base_url` is the address for OpenAI clients (it ends in /v1). `error` is what the server's log says last before the
    start ended, or None if the server answers. `process` has its log.
    """

    base_url: str
    error: str | None
    process: Child

    def kill(self) -> None:
        """End the server at once, in the middle of whatever it does, as a crash would."""
        self.process.kill()


@contextmanager
def throwaway_server(
    configuration: dict[str, Any], variables: dict[str, str] | None = None, line: Line | None = None
) -> Iterator[Throwaway]:
    """Run `llama stack run` on `configuration` until the end of the block; in OGX, that is `ogx run`.

    `configuration` is what a run.yaml holds; `variables` are environment variables for its `${env.…}`. No other
    upstream of yours is used: what `variables` does not switch on is off. The server is of `line`, by default of the
    one that `make lab` or `make test` was started with by STACK=. It listens on a free port of 127.0.0.1, its state and
    its log go with it, and it ends with this process, however that ends.
    Raises TimeoutError if it neither answers nor ends.
    """
    with _scratch() as folder:
        run_yaml = folder / "run.yaml"
        run_yaml.write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
        port = ports.free_port()
        server = parts.llama_stack(
            stacks.of_line(line or lines.started(), run_yaml, print),
            port,
            folder / "llama-stack.log",
            state=folder,
            variables={
                **dict.fromkeys(upstreams.switches(), ""),
                "SQLITE_STORE_DIR": str(folder),
                **(variables or {}),
            },
        )
        try:
            server.send_line("go")
            version = parts.wait_for_version(server, port)
            error = None if version else parts.last_error(server.log_text())
            yield Throwaway(f"http://localhost:{port}/v1", error, server)
        finally:
            server.stop()


@contextmanager
def throwaway_model() -> Iterator[str]:
    """Serve a second chat model until the end of the block, and yield its address (it ends in /v1).

    It is SmolLM2-135M-Instruct as its package carries it, untrained and in Q4_1, under the name
    smollm2-135m-instruct-q4_1. It listens on a free port of 127.0.0.1.
    Raises WorkshopError if it does not start.
    """
    port = ports.free_port()
    with _scratch() as folder, parts.embedded_models({"DRAFTS_URL": port}, folder / "embedded.log", lambda _: None):
        yield f"http://{ports.HOST}:{port}/v1"


def upstream_variables(base_url: str, model: str) -> dict[str, str]:
    """Return the variables with which a throw-away server serves `model` of the server at `base_url` as its own.

    There the model's id is `openai/` and `model`. Its embeddings come from where those of the other server come from.
    Raises what httpx raises if that server does not answer, and WorkshopError if it has no embedding model.
    """
    chat = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": base_url, "OPENAI_MODEL": model}
    with httpx.Client(base_url=base_url, timeout=30) as client:
        models = [one["custom_metadata"] for one in client.get("/models").raise_for_status().json()["data"]]
        providers = client.get("/providers").raise_for_status().json()["data"]
    embedding = next((one for one in models if one["model_type"] == "embedding"), None)
    if embedding is None:
        raise WorkshopError(
            f"The server at {base_url} has no embedding model.", "Start one that has: make llama-server, or make lab."
        )
    provider = next(one for one in providers if one["provider_id"] == embedding["provider_id"])
    return chat | {
        # OGX's provider for llama.cpp looks whether a llama.cpp answers there, and the other server is none.
        "EMBEDDINGS_URL": provider["config"]["base_url"],
        "EMBEDDING_MODEL": embedding["provider_resource_id"],
        "EMBEDDING_DIMENSION": str(embedding["embedding_dimension"]),
    }


@contextmanager
def _scratch() -> Iterator[Path]:
    # ignore_cleanup_errors: on Windows a log that is still open cannot be removed.
    with tempfile.TemporaryDirectory(prefix="throwaway-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
