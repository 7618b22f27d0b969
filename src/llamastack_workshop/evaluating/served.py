"""Identifying the weights behind a model's name, as far as the servers report them."""

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from openai.types import Model

# Fields in a list of models that change with each request, or with each start.
_VOLATILE = {"created", "permission"}
_TIMEOUT = 5  # seconds


def fingerprint(url: str, model: Model) -> str:
    """Return eight hexadecimal digits that change if other weights are served under the name of `model` at `url`.

    They are derived from the list of models and, for a server on this machine, from the file that llama.cpp has
    loaded. A change that a server does not report cannot be detected.
    """
    facts: dict[str, Any] = model.model_dump(exclude=_VOLATILE)
    if urlsplit(url).hostname in {"localhost", "127.0.0.1", "::1"}:
        facts["file"] = _file(_upstream(url, model) or url)
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()[:8]


def _upstream(url: str, model: Model) -> str | None:
    """Return the address of the model server behind LlamaStack at `url`, or None if it does not report one."""
    provider = ((model.model_extra or {}).get("custom_metadata") or {}).get("provider_id")
    return (_json(f"{url}/providers/{provider}").get("config") or {}).get("base_url") if provider else None


def _file(address: str) -> list[str]:
    """Return the path and the SHA-256 of the weights that llama.cpp at `address` serves, as far as known."""
    path = _json(f"{address.rstrip('/').removesuffix('/v1')}/props").get("model_path")
    if not path:
        return []
    with suppress(OSError), Path(path).open("rb") as file:
        return [path, hashlib.file_digest(file, "sha256").hexdigest()]
    return [path]


def _json(address: str) -> dict[str, Any]:
    """Return the JSON object at `address`, or {}: not every server has it, or allows access to it."""
    with suppress(httpx.HTTPError, httpx.InvalidURL, ValueError):
        answer = httpx.get(address, timeout=_TIMEOUT).raise_for_status().json()
        return answer if isinstance(answer, dict) else {}
    return {}
