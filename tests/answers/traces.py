"""Answers to the exercises of chapter 22, Traces and metrics with OpenTelemetry."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
from dotenv import dotenv_values

from answers import Answer
from llamastack_workshop.exercises import traces as check
from llamastack_workshop.system import paths

TELEMETRY = dotenv_values(paths.ROOT / "stacks" / "telemetry.env")


def netloc(url: str) -> str:
    return urlsplit(url).netloc


def called(mine: Callable[[Any], bool], address: Callable[[str], Any] = netloc) -> Any:
    """Return an answer that counts the spans that are `mine`, by the `address` in their URL."""
    return lambda trace: Counter(address(span.attributes["http.url"]) for span in trace if mine(span))


def by_llama_stack(span: Any) -> bool:
    return (span.service, span.kind) == ("llama-stack", "client")


def from_the_request(trace: list[Any]) -> dict[str, int]:
    """Count the spans below LlamaStack's own span of the request."""
    (request,) = [span for span in trace if span.service == "llama-stack" and span.kind == "server"]
    found: defaultdict[str, int] = defaultdict(int)
    for span in sorted(trace, key=lambda span: span.start):
        if span.parent == request.id and span.kind == "client":
            url = httpx.URL(span.attributes["http.url"])
            found[f"{url.host}:{url.port}"] += 1
    return found


def with_zeros(trace: list[Any]) -> dict[str, int]:
    urls = [span.attributes["http.url"] for span in trace if "http.url" in span.attributes]
    counted = called(by_llama_stack)(trace)
    return {address: counted[address] for address in map(netloc, urls)}


def telemetry(**changes: Any) -> dict[str, Any]:
    """Return the right variables for production, with `changes`; None removes a variable."""
    wanted = TELEMETRY | {
        "OTEL_SERVICE_NAME": "gateway",
        "OTEL_TRACES_SAMPLER_ARG": "0.02",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_PYTHON_FASTAPI_EXCLUDED_URLS": "/v1/health,/v1/version,/v1/models",
    }
    return {name: value for name, value in (wanted | changes).items() if value is not None}


def excluding(patterns: str) -> dict[str, Any]:
    return telemetry(OTEL_PYTHON_FASTAPI_EXCLUDED_URLS=patterns)


def share(value: Any) -> dict[str, Any]:
    return telemetry(OTEL_TRACES_SAMPLER_ARG=value)


def went(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.destinations, style, lambda server: [function], said)


def variables(style: str, given: Any, said: str = "") -> Answer:
    return Answer(check.production, style, lambda server: [given], said)


RIGHT = [
    went("below the request, a defaultdict", from_the_request),
    went("all addresses, some with zero", with_zeros),
    went("a part of the text", called(by_llama_stack, lambda url: url.split("/")[2])),
    variables("one pattern for three, in an OrderedDict", OrderedDict(excluding("/v1/(health|version|models)$"))),
    variables(
        "words, with blanks, and another way to write the share",
        excluding("health, version, models") | {"OTEL_TRACES_SAMPLER_ARG": "2e-2"},
    ),
]

WRONG = [
    went("a blank", lambda trace: None, "there is no answer yet"),
    went("a list", lambda trace: ["127.0.0.1:8322"], "should return a dictionary, not a list"),
    went(
        "requests in",
        called(lambda span: span.service == "llama-stack" and span.kind != "internal"),
        "a request to LlamaStack",
    ),
    went("every client", called(lambda span: span.kind == "client"), "or one by another program"),
    went(
        "not my program",
        called(lambda span: span.kind == "client" and span.service != "my-program"),
        "twice, but you count 3",
    ),
    went("no look at kind", called(lambda span: span.service == "llama-stack"), "KeyError"),
    went("whole addresses", called(by_llama_stack, str), "an address is only host and port"),
    went("hosts", called(by_llama_stack, lambda url: urlsplit(url).hostname), "the port is missing"),
    went("ports", called(by_llama_stack, lambda url: urlsplit(url).port), "an address is a string, such as"),
    went("once each", lambda trace: dict.fromkeys(called(by_llama_stack)(trace), 1), "twice, but you count 1"),
    went(
        "lists of calls",
        lambda trace: {one: [one] for one in called(by_llama_stack)(trace)},
        "is an integer, not a list",
    ),
    went(
        "nothing",
        lambda trace: {},
        "LlamaStack called 127.0.0.1:8322 and embeddings.example.com:8443, but you return []",
    ),
    went(
        "what it knows",
        lambda trace: {"127.0.0.1:8322": 2, "embeddings.example.com:8443": 1},
        "called 10.0.0.5:8000, but you return",
    ),
    variables("a text", "OTEL_SERVICE_NAME=gateway", "give the variables as a dictionary"),
    variables("a number", share(0.02), "the value of OTEL_TRACES_SAMPLER_ARG is a string, in quotes, not a float"),
    variables("the new ones alone", {"OTEL_SERVICE_NAME": "gateway"}, "OTEL_TRACES_EXPORTER is missing"),
    variables("no sampler", telemetry(OTEL_TRACES_SAMPLER=None), "OTEL_TRACES_SAMPLER is missing"),
    variables(
        "another protocol",
        telemetry(OTEL_EXPORTER_OTLP_PROTOCOL="grpc"),
        "leave OTEL_EXPORTER_OTLP_PROTOCOL at 'http/protobuf'",
    ),
    variables("the old name", telemetry(OTEL_SERVICE_NAME="llama-stack"), "OTEL_SERVICE_NAME is not gateway"),
    variables(
        "no caller's decision", telemetry(OTEL_TRACES_SAMPLER="traceidratio"), "to respect the caller's decision"
    ),
    variables("fifty", share("50"), "one in fifty is 0.02"),
    variables("one in five", share("0.2"), "one in fifty is 0.02"),
    variables("percent", share("2 %"), "one in fifty is 0.02"),
    variables("a fraction", share("1/50"), "one in fifty is 0.02"),
    variables("metrics on", telemetry(OTEL_METRICS_EXPORTER="otlp"), "set OTEL_METRICS_EXPORTER to none"),
    variables("metrics empty", telemetry(OTEL_METRICS_EXPORTER=""), "set OTEL_METRICS_EXPORTER to none"),
    variables("all off", telemetry(OTEL_SDK_DISABLED="true"), "OTEL_SDK_DISABLED is not needed"),
    variables("no traces either", telemetry(OTEL_TRACES_EXPORTER="none"), "leave OTEL_TRACES_EXPORTER at 'otlp'"),
    variables("models alone", excluding("/v1/models"), "/v1/health creates a span"),
    variables("semicolons", excluding("/v1/health;/v1/version;/v1/models"), "/v1/health creates a span"),
    variables("from the path's beginning", excluding("^/v1/(health|version|models)"), "/v1/health creates a span"),
    variables("all", excluding("/v1/"), "/v1/responses creates no span"),
    variables(
        "no regular expression",
        excluding("*health,*version,*models"),
        "not a comma-separated list of regular expressions",
    ),
]
