"""Checks of chapter 5, Why Responses needs agents."""

import json
from collections.abc import Callable
from typing import Any

import httpx

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.server import lines
from llamastack_workshop.server.throwaway import throwaway_server

questions = QuickCheck(__name__)

_TWO = "two values, the provider and the missing API"
_OLD_KEYS = {"kvstore", "persistence_store", "responses_store"}
# LlamaStack's wording; the operator chooses a provider's id, so it need not repeat the type.
_ERROR = (
    "RuntimeError: Failed to resolve {api!r} provider {provider!r} of type {type!r}: required dependency {missing!r} is"
    " not available. Please add a {missing!r} provider to your configuration or check if the provider is properly"
    " configured."
)
_ERRORS = (
    {"api": "agents", "provider": "meta-reference", "type": "inline::meta-reference", "missing": "tool_runtime"},
    {"api": "vector_io", "provider": "my-index", "type": "inline::faiss", "missing": "inference"},
)


@exercise
def serves_files(configuration: dict[str, Any], variables: dict[str, str]) -> str:
    """Check that a server with `configuration` stores files and answers chat completions, but serves no other APIs.

    The configuration is tested with a throw-away server.
    """
    configuration = _plain(configuration)
    line = lines.started()
    others = {line.responses_api: "responses", "vector_io": "vector_stores", "tool_runtime": "tools"}
    listed = configuration.get("apis") or list(line.apis)
    kept = ("inference", "files")
    unwanted = [api for api in line.apis if api not in kept and api in listed and api in configuration["providers"]]
    require(not unwanted, f"the server still offers {', '.join(unwanted)}; remove it from `apis` and `providers`.")
    with throwaway_server(configuration, variables) as server:
        require(server.error is None, f"the server does not start: {server.error}")
        # A connection for each request: after some errors, the server closes the one that the next request would use.
        once = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=server.base_url, timeout=60, limits=once) as http:
            statuses = {path: http.get(path).status_code for path in others.values()}
            served = [f"/v1/{path}" for path, status in statuses.items() if status != 404]
            require(not served, f"the server still serves {', '.join(served)}: `apis` should list only two APIs.")
            stored = http.post("files", files={"file": ("a.txt", b"a")}, data={"purpose": "assistants"})
            hint = ": keep `files` in `apis` and its provider" if stored.status_code == 404 else ""
            require(stored.is_success, f"POST /v1/files returns {stored.status_code}{hint}.")
            model = _language_model(http)
            require(model, "the server has no language model: keep `inference` with its providers.")
            message = {"role": "user", "content": "Hello!"}
            chat = http.post("chat/completions", json={"model": model, "messages": [message], "max_tokens": 16})
            require(chat.is_success, f"POST /v1/chat/completions returns {chat.status_code}: {chat.text[:80]}")
    told = ", ".join(f"/v1/{path}: {status}" for path, status in statuses.items())
    return f"it stores a file and answers a chat completion; GET {told}"


@exercise
def diagnosis(function: Callable[[str], tuple[str, str]], message: str) -> str:
    """Check that `function(error)` returns the id of the provider in the error, and the API that it misses."""
    given(message, str, "the server's error message")
    errors = [(_ERROR.format(**names), names["provider"], names["missing"], names) for names in _ERRORS]
    api, kind = lines.started().misses_files
    id = kind.removeprefix("inline::")
    real = {"api": api, "provider": id, "type": kind, "missing": "files"}
    for error, provider, missing, names in [(message, id, "files", real), *errors]:
        answer = call(function, error, kind=(tuple, list), wanted=_TWO)
        require(len(answer) == 2, f"return {_TWO}, not {len(answer)}.")
        found = tuple(of_type(value, str, "both values should be strings") for value in answer)
        where = f"in {error[:90]!r} … "
        require(
            found != (missing, provider), "these are the right values in the wrong order: the provider comes first."
        )
        require(found[0] != names["type"], f"{where}{names['type']!r} is the provider's type; return its id.")
        require(found[0] != names["api"], f"{where}{names['api']!r} is the API that the provider belongs to.")
        require(found[0] == provider, f"{where}the provider is not {found[0]!r}, but {provider!r}.")
        require(found[1] == missing, f"{where}the API {missing!r} is missing, not {found[1]!r}.")
    return f"right for {1 + len(errors)} messages, among them {id!r}, which misses 'files'"


@exercise
def answers_responses(configuration: dict[str, Any], variables: dict[str, str]) -> str:
    """Check that a server with `configuration` starts and answers `POST /v1/responses`, and that no old key is left.

    The configuration is tested with a throw-away server.
    """
    configuration = _plain(configuration)
    left = sorted(_OLD_KEYS & set(_keys(configuration["providers"])))
    require(not left, f"the old key `{left[0] if left else ''}` is still there; replace it with `persistence`.")
    with throwaway_server(configuration, variables) as server:
        require(server.error is None, f"the server does not start: {server.error}")
        with httpx.Client(base_url=server.base_url, timeout=120) as http:
            model = _language_model(http)
            require(model, "the server has no language model: keep `inference` with its providers.")
            body = {"model": model, "input": "What is the capital of France?", "max_output_tokens": 16}
            answer = http.post("responses", json=body)
    require(answer.status_code == 200, f"POST /v1/responses returns {answer.status_code}: {answer.text[:80]}")
    return "the server starts, and returns a response"


def _plain(answer: Any) -> dict[str, Any]:
    """Return a copy of the configuration `answer` that a YAML file can hold."""
    given(answer, dict, "a configuration as a dictionary")
    try:
        plain = json.loads(json.dumps(answer, default=_listed))
    except (TypeError, ValueError) as error:
        raise NotYet(f"this configuration contains a value that run.yaml cannot contain: {error}.") from error
    require(plain.get("providers"), "the configuration has no `providers`.")
    return plain


def _listed(value: object) -> list[Any]:
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"a {type(value).__name__}")


def _keys(value: Any) -> set[str]:
    """Return every key in `value`, at any depth."""
    if isinstance(value, dict):
        return set(value).union(*map(_keys, value.values()))
    return set().union(*map(_keys, value)) if isinstance(value, list) else set()


def _language_model(http: httpx.Client) -> str | None:
    listed = http.get("models")
    models = listed.json()["data"] if listed.is_success else []
    return next((model["id"] for model in models if model["custom_metadata"]["model_type"] == "llm"), None)
