"""The LlamaStack server that submissions use during grading: without it, every answer would look wrong."""

import os

import httpx

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError


def require() -> None:
    """Raise WorkshopError unless the server that the chapters use answers."""
    base_url = os.environ.get("LLAMA_STACK_BASE_URL") or f"http://localhost:{paths.DEFAULT_PORT}/v1"
    try:
        httpx.get(f"{base_url}/health", timeout=30).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WorkshopError(
            f"No LlamaStack server answers at {base_url}, but submissions need one for grading.",
            "Start one (make llama-server), or set LLAMA_STACK_BASE_URL to yours, and grade again.",
        ) from error
