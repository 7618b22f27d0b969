"""Checks of chapter 5, Why Responses needs agents."""

from collections.abc import Callable
from typing import Any

import httpx

from llamastack_workshop.exercises.check import exercise, given, require
from llamastack_workshop.server.throwaway import throwaway_server


@exercise
def serves_files(configuration: dict[str, Any], variables: dict[str, str]) -> str:
    """Check that a server from `configuration` stores files and serves inference, and none of the other APIs."""
    configuration = _configuration(configuration)
    with throwaway_server(configuration, variables) as server:
        require(server.error is None, f"the server does not start: {server.error}")
        with httpx.Client(base_url=server.base_url, timeout=60) as http:
            others = ["responses", "vector_stores", "tools"]
            statuses = {path: http.get(path).status_code for path in ["files", "models", *others]}
    require(statuses["files"] == 200, f"GET /v1/files is a {statuses['files']}: keep `files`, listed and provided.")
    require(statuses["models"] == 200, "the server has no models: keep `inference`.")
    served = [path for path in others if statuses[path] != 404]
    require(not served, f"the server still serves /v1/{served[0] if served else ''}; take its API out.")
    return f"GET {', '.join(f'/v1/{path}: {status}' for path, status in statuses.items())}"


@exercise
def diagnosis(function: Callable[[str], tuple[str, str]], message: str) -> str:
    """Check that `function(error)` returns the provider that complains and the API that it misses."""
    for error, provider, missing in (
        (message, "rag-runtime", "files"),
        (message.replace("'files'", "'inference'").replace("'rag-runtime'", "'faiss'"), "faiss", "inference"),
    ):
        answer = given(function(error))
        require(isinstance(answer, tuple) and len(answer) == 2, "return two values: the provider and the missing API.")
        require(answer[0] == provider, f"in {error[:75]!r} … the provider is not {answer[0]!r}.")
        require(answer[1] == missing, f"in this error the API {missing!r} is missing, not {answer[1]!r}.")
    return "'rag-runtime' misses 'files'"


@exercise
def answers_responses(configuration: dict[str, Any], variables: dict[str, str]) -> str:
    """Check that a server from `configuration` starts and answers `POST /v1/responses`."""
    configuration = _configuration(configuration)
    with throwaway_server(configuration, variables) as server:
        require(server.error is None, f"the server does not start: {server.error}")
        body = {"model": f"openai/{variables['OPENAI_MODEL']}", "input": "What is the capital of France?"}
        answer = httpx.post(f"{server.base_url}/responses", json=body, timeout=120)
    require(answer.status_code == 200, f"POST /v1/responses is a {answer.status_code}: {answer.text[:80]}")
    return f"the server starts, and answers with a response of status {answer.json()['status']!r}"


def _configuration(answer: Any) -> dict[str, Any]:
    answer = given(answer)
    require(isinstance(answer, dict), f"give a configuration as a dictionary, not {type(answer).__name__}.")
    require(answer.get("providers"), "the configuration has no `providers`.")
    return answer
