"""What the pattern commands share: finding the server and the model, and saying what went wrong."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from openai import APIError, APIStatusError, OpenAI
from rich.console import Console

from llamastack_workshop import paths, ports, stack
from llamastack_workshop.errors import WorkshopError

# Progress goes to standard error, so that standard output holds the result alone.
progress = Console(stderr=True, highlight=False)

DEFAULT_BASE_URL = "http://localhost:8321/v1"


@contextmanager
def connected(base_url: str | None, model: str | None) -> Iterator[tuple[OpenAI, str]]:
    """Yield a client for the server at `base_url` and the model to use (by default the first one it serves).

    Without `base_url`, LLAMA_STACK_BASE_URL or the default address is tried; if nothing runs there, a server is
    started for as long as the context lasts. Raises WorkshopError if the server or the model is not there, or
    if a call fails.
    """
    named = base_url or os.environ.get("LLAMA_STACK_BASE_URL")
    if not named and ports.is_free(paths.DEFAULT_PORT):
        with _own_server() as running, _clear_call_errors(running.base_url):
            yield OpenAI(base_url=running.base_url, api_key="none"), _model(running.base_url, model)
        return
    base_url = (named or DEFAULT_BASE_URL).rstrip("/")
    chosen = _model(base_url, model)
    with _clear_call_errors(base_url):
        yield OpenAI(base_url=base_url, api_key="none"), chosen


def read_text(text: str | None, default: str) -> str:
    """Return `text`, standard input if it is "-", or `default` if it is None.

    Raises WorkshopError if there is nothing in it.
    """
    if text is None:
        return default
    content = sys.stdin.read() if text == "-" else text
    if not content.strip():
        raise WorkshopError("The text is empty.", "Give one with --text, or pipe one in and say --text -")
    return content.strip()


@contextmanager
def _own_server() -> Iterator[stack.Stack]:
    def say(line: str) -> None:
        progress.print(line, style="dim")

    say(f"No server runs at {DEFAULT_BASE_URL}: starting one for this command.")
    with (
        tempfile.TemporaryDirectory(prefix="workshop-command-") as state,
        stack.running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "command") as running,
    ):
        yield running


def _model(base_url: str, wanted: str | None) -> str:
    try:
        served = stack.language_models(base_url)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        hint = "" if base_url.endswith("/v1") else " The address ends in /v1."
        raise WorkshopError(
            f"No LlamaStack server answers at {base_url}.{hint}",
            "Start one in another terminal: make llama-server (or: uv run workshop llama-server)",
        ) from error
    if wanted is None and served:
        return served[0]
    if wanted not in served:
        raise WorkshopError(
            f"The server at {base_url} does not serve {wanted or 'any language model'}.",
            f"Choose one of: {', '.join(served)}. For openai/ models, set OPENAI_API_KEY in .env and restart it.",
        )
    return wanted


@contextmanager
def _clear_call_errors(base_url: str) -> Iterator[None]:
    try:
        yield
    except APIStatusError as error:
        raise WorkshopError(
            f"The server refused the call (HTTP {error.status_code}): {str(error.message)[:200]}",
            "Shorten the text or choose another --model; the server's log says more.",
        ) from error
    except APIError as error:
        raise WorkshopError(
            f"The connection to {base_url} failed: {error.message}", "See whether the server still runs: make doctor"
        ) from error
