"""Checks of chapter 22, Traces and metrics with OpenTelemetry."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from llamastack_workshop.exercises.check import exercise, given, require

_MODEL, _EMBEDDINGS = "127.0.0.1:8322", "embeddings.example.com"


@exercise
def destinations(function: Callable[[list[Any]], dict[str, int]]) -> str:
    """Check that `function(trace)` counts the requests that LlamaStack made, by the host and port they went to."""
    found = given(function(_trace()))
    require(isinstance(found, dict), f"return a dictionary, not {type(found).__name__}.")
    require(
        "gateway.example.com" not in found,
        "you count a request that reached LlamaStack, or one of my-program: look at `kind` and at `service`.",
    )
    require(not any("/" in address for address in found), "an address is host and port alone: `urlsplit(url).netloc`.")
    require("127.0.0.1" not in found, "the port is missing: `netloc` has it, `hostname` does not.")
    require(set(found) == {_MODEL, _EMBEDDINGS}, f"LlamaStack called {_MODEL} and {_EMBEDDINGS}, not {sorted(found)}.")
    require(found[_MODEL] == 2, f"{_MODEL} was called twice, and you count {found[_MODEL]!r}.")
    require(found[_EMBEDDINGS] == 1, f"{_EMBEDDINGS} was called once, and you count {found[_EMBEDDINGS]!r}.")
    return f"two calls to {_MODEL}, one to {_EMBEDDINGS}, and none of anybody else's"


@exercise
def production(variables: dict[str, str]) -> str:
    """Check the variables of a server that keeps one trace in fifty and sends no metrics."""
    variables = given(variables)
    require(isinstance(variables, dict), f"give the variables as a dictionary, not {type(variables).__name__}.")
    require(all(isinstance(value, str) for value in variables.values()), "the value of a variable is a text: quote it.")
    for name in ("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        require(variables.get(name), f"{name} is gone: begin with `telemetry | {{…}}`, which keeps the others.")
    require(variables["OTEL_EXPORTER_OTLP_PROTOCOL"] == "http/protobuf", "the protocol stays http/protobuf.")
    require(variables.get("OTEL_SERVICE_NAME") == "gateway", "OTEL_SERVICE_NAME is not gateway.")
    require(
        variables.get("OTEL_TRACES_SAMPLER") == "parentbased_traceidratio",
        "for a caller's decision to hold, the sampler is parentbased_traceidratio.",
    )
    require(_share(variables) == 0.02, "OTEL_TRACES_SAMPLER_ARG is the share that is kept: one in fifty is 0.02.")
    require(
        variables.get("OTEL_METRICS_EXPORTER") == "none",
        "metrics are on where nothing is said: OTEL_METRICS_EXPORTER is none.",
    )
    patterns = variables.get("OTEL_PYTHON_FASTAPI_EXCLUDED_URLS", "").split(",")
    excluded = [pattern.strip() for pattern in patterns]
    for path, wanted in {"health": True, "version": True, "models": True, "responses": False}.items():
        url = f"http://127.0.0.1:8321/v1/{path}"
        matched = any(pattern and re.search(pattern, url) for pattern in excluded)
        require(matched == wanted, f"/v1/{path} makes {'a span' if wanted else 'no span'}: look at the excluded URLs.")
    return "one trace in fifty, a caller's decision first, and no metrics"


def _share(variables: dict[str, str]) -> float | None:
    try:
        return float(variables.get("OTEL_TRACES_SAMPLER_ARG", ""))
    except ValueError:
        return None


def _trace() -> list[SimpleNamespace]:
    """Return the spans of a program that asks LlamaStack, which asks a model twice and searches in between."""
    rows = [
        ("my-program", "client", {"http.url": "http://gateway.example.com/v1/responses"}),
        ("llama-stack", "server", {"http.url": "http://gateway.example.com/v1/responses"}),
        ("llama-stack", "client", {"http.url": f"http://{_MODEL}/v1/chat/completions"}),
        ("llama-stack", "internal", {}),
        ("llama-stack", "client", {"http.url": f"https://{_EMBEDDINGS}/v1/embeddings"}),
        ("llama-stack", "client", {"http.url": f"http://{_MODEL}/v1/chat/completions"}),
    ]
    return [SimpleNamespace(service=service, kind=kind, attributes=attributes) for service, kind, attributes in rows]
