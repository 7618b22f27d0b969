"""Checks of chapter 22, Traces and metrics with OpenTelemetry."""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dotenv import dotenv_values
from opentelemetry.util.http import parse_excluded_urls

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.system import paths

questions = QuickCheck(__name__)

_MODEL, _EMBEDDINGS, _LARGE = "127.0.0.1:8322", "embeddings.example.com:8443", "10.0.0.5:8000"
_GATEWAY = "gateway.example.com:8321"
# The variables in stacks/telemetry.env that the exercise changes.
_CHANGED = {
    *("OTEL_SERVICE_NAME", "OTEL_TRACES_SAMPLER_ARG", "OTEL_METRICS_EXPORTER"),
    "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS",
}


@dataclass(frozen=True)
class _Span:
    """A span in the chapter's form."""

    service: str
    kind: str
    name: str
    attributes: dict[str, Any]
    parent: str = ""
    trace: str = "4bf92f3577b34da6a3ce929d0e0e4736"
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    start: float = 1.0
    end: float = 2.0


@exercise
def destinations(function: Callable[[list[Any]], dict[str, int]]) -> str:
    """Check that `function(trace)` counts the requests that LlamaStack made, by their host and port."""
    searched = _trace(f"http://{_MODEL}", f"https://{_EMBEDDINGS}", f"http://{_MODEL}")
    _counts(function, searched, {_MODEL: 2, _EMBEDDINGS: 1})
    _counts(function, _trace(f"http://{_LARGE}"), {_LARGE: 1})
    _counts(function, _trace(), {})
    return "the calls of LlamaStack in three traces, and no others"


def _counts(function: Callable[[list[Any]], Any], trace: list[_Span], wanted: dict[str, int]) -> None:
    found = call(function, trace, kind=dict, wanted="a dictionary")
    for address, number in found.items():
        of_type(address, str, "an address is a string, such as '127.0.0.1:8322'")
        of_type(number, int, f"the number of calls to {address} is an integer")
    # An address without calls may be missing, or have the value 0.
    found = {address: number for address, number in found.items() if number}
    require(
        _GATEWAY not in found,
        "you count a request to LlamaStack, or one by another program: look at `kind` and `service`.",
    )
    require(not any("/" in address for address in found), "an address is only host and port: `urlsplit(url).netloc`.")
    hosts = {address.rpartition(":")[0] for address in wanted}
    require(hosts.isdisjoint(found), "the port is missing: `netloc` has it, `hostname` does not.")
    called = " and ".join(wanted) or "no address"
    require(set(found) == set(wanted), f"in this trace, LlamaStack called {called}, but you return {sorted(found)}.")
    for address, number in wanted.items():
        times = "once" if number == 1 else "twice"
        require(
            found[address] == number,
            f"LlamaStack called {address} {times}, but you count {found[address]}: look at `kind` and `service`.",
        )


@exercise
def production(variables: dict[str, str]) -> str:
    """Check the variables of a server that keeps one trace in fifty and sends no metrics."""
    variables = of_type(given(variables), dict, "give the variables as a dictionary")
    for name, value in variables.items():
        of_type(value, str, f"the value of {name} is a string, in quotes")
    before = dotenv_values(paths.ROOT / "stacks" / "telemetry.env")
    for name in before:
        require(name in variables, f"{name} is missing: start with `telemetry | {{…}}`, which keeps the others.")
    for name in variables:
        require(name in before, f"{name} is not needed: four of the variables in `telemetry` are enough.")
    require(variables["OTEL_SERVICE_NAME"] == "gateway", "OTEL_SERVICE_NAME is not gateway.")
    require(
        variables["OTEL_TRACES_SAMPLER"] == before["OTEL_TRACES_SAMPLER"],
        "to respect the caller's decision, leave the sampler at parentbased_traceidratio.",
    )
    require(_share(variables) == 0.02, "OTEL_TRACES_SAMPLER_ARG is the share of traces to keep: one in fifty is 0.02.")
    require(
        variables["OTEL_METRICS_EXPORTER"].strip().lower() == "none",
        "metrics are on by default: set OTEL_METRICS_EXPORTER to none.",
    )
    for name, value in before.items():
        require(name in _CHANGED or variables[name] == value, f"leave {name} at {value!r}: it is unrelated.")
    _makes_no_span(variables["OTEL_PYTHON_FASTAPI_EXCLUDED_URLS"])
    return "one trace in fifty unless the caller decides, and no metrics"


def _makes_no_span(excluded: str) -> None:
    """Raise NotYet unless OpenTelemetry excludes health, version and models, and nothing else."""
    try:
        urls = parse_excluded_urls(excluded)
    except re.error as error:
        raise NotYet(f"{excluded!r} is not a comma-separated list of regular expressions: {error}.") from None
    silent = ("health", "version", "models")
    for path in (*silent, "responses", "chat/completions", "embeddings", "files", "vector_stores", "conversations"):
        for host in ("127.0.0.1:8321", "gateway.example.com"):
            matched = urls.url_disabled(f"http://{host}/v1/{path}")
            require(
                matched == (path in silent),
                f"/v1/{path} creates {'no span' if matched else 'a span'}: look at the excluded URLs.",
            )


def _share(variables: dict[str, str]) -> float | None:
    try:
        return float(variables["OTEL_TRACES_SAMPLER_ARG"])
    except ValueError:
        return None


def _trace(*calls: str) -> list[_Span]:
    """Return the spans of a program's request to LlamaStack, which calls the addresses in `calls`, and searches.

    The upstream of the first call creates a span, too, and makes a call itself.
    """
    asked = {"http.url": f"http://{_GATEWAY}/v1/responses"}
    mine = _Span("my-program", "client", "POST", asked)
    request = _Span("llama-stack", "server", "POST /v1/responses", asked, mine.id)
    found = [mine, request, _Span("llama-stack", "internal", "knowledge_search", {}, request.id)]
    for number, address in enumerate(calls):
        url = {"http.url": f"{address}/v1/chat/completions"}
        made = _Span("llama-stack", "client", "POST", url, request.id)
        found.append(made)
        if number == 0:
            found.append(_Span("upstream", "server", "POST /v1/chat/completions", url, made.id))
            found.append(_Span("upstream", "client", "POST", url, found[-1].id))
    found.append(_Span("llama-stack", "internal", "POST /v1/responses http send", {"asgi.event.type": "…"}, request.id))
    return found
