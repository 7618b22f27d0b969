"""Telemetry: the spans and metrics that the server sends, their contents, and its behaviour without a collector."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from dotenv import dotenv_values
from fastapi import FastAPI, Request, Response
from llama_stack.telemetry.constants import SAFETY_REQUEST_MESSAGES_ATTRIBUTE
from openai import OpenAI
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from opentelemetry.sdk.trace.export import SpanExportResult
from web_servers import serving

from llamastack_workshop.server.throwaway import Throwaway, throwaway_server, upstream_variables
from llamastack_workshop.system import paths, ports

STACKS = paths.ROOT / "stacks"
CONFIGURATION = yaml.safe_load((STACKS / "shields.yaml").read_text(encoding="utf-8"))
TELEMETRY = dotenv_values(STACKS / "telemetry.env")
TRACES, METRICS = "/v1/traces", "/v1/metrics"
QUESTION = "What is the capital of France?"


@dataclass
class Collector:
    """An in-memory OTLP receiver, with the requests that it received, by path."""

    url: str
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def bodies(self, path: str) -> list[bytes]:
        return [body for sent_to, _, body in self.requests if sent_to == path]

    def contains(self, text: str) -> bool:
        return any(text.encode() in body for _, _, body in self.requests)

    def knows(self, trace_id: str) -> bool:
        return any(bytes.fromhex(trace_id) in body for body in self.bodies(TRACES))

    def trace(self, trace_id: str) -> list[Span]:
        """Wait for the server's span of a trace, which ends last, and return its spans without those of ASGI."""

        def complete() -> list[Span]:
            spans = [span for body in self.bodies(TRACES) for span in _spans(body) if span.trace_id.hex() == trace_id]
            return spans if any(span.kind == Span.SPAN_KIND_SERVER for span in spans) else []

        spans = [span for span in wait_for(complete) if "asgi.event.type" not in attributes(span)]
        return sorted(spans, key=lambda span: span.start_time_unix_nano)

    def services(self) -> set[str]:
        requests = map(ExportTraceServiceRequest.FromString, self.bodies(TRACES))
        resources = [resource for request in requests for resource in request.resource_spans]
        return {attributes(resource.resource)["service.name"] for resource in resources}

    def metrics(self) -> dict[str, Any]:
        """Wait for two exports of metrics, and return those of the last one, by name."""
        wanted = len(self.bodies(METRICS)) + 2
        wait_for(lambda: len(self.bodies(METRICS)) >= wanted)
        resources = ExportMetricsServiceRequest.FromString(self.bodies(METRICS)[-1]).resource_metrics
        scopes = [scope for resource in resources for scope in resource.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics}


def _spans(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def attributes(item: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in item.attributes}


def wait_for[T](find: Callable[[], T], seconds: float = 40) -> T:
    """Return the result of `find` as soon as it is true; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (found := find()):
        if time.monotonic() > deadline:
            pytest.fail(f"nothing came in {seconds} s")
        time.sleep(0.05)
    return found


@contextmanager
def running_collector(port: int = 0) -> Iterator[Collector]:
    app = FastAPI()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def collect(request: Request) -> Response:
        path = request.url.path
        collector.requests.append((path, dict(request.headers), await request.body()))
        return Response(status_code=200 if path in (TRACES, METRICS) else 404, media_type="application/x-protobuf")

    with serving(app, port) as address:
        collector = Collector(address)
        yield collector


def telemetry(endpoint: str, **changes: str) -> dict[str, str]:
    """Return the variables of stacks/telemetry.env for a collector at `endpoint`, with immediate exports."""
    sooner = {"OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "500"}
    return TELEMETRY | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint} | sooner | changes


def traceparent(trace_id: str, flags: str = "01", parent: str = "ab" * 8) -> dict[str, str]:
    return {"traceparent": f"00-{trace_id}-{parent}-{flags}"}


def post(base_url: str, path: str, body: dict[str, Any], **options: Any) -> httpx.Response:
    return httpx.post(f"{base_url}/{path}", json=body, timeout=120, **options)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(collector: Collector, base_url: str, model: str) -> Iterator[Throwaway]:
    """A server that doesn't sample traces by itself, so that each test only sees the traces that it requests.

    The collector is also a second upstream, which records the headers that the server sends to upstreams.
    """
    changes = {"OTEL_TRACES_SAMPLER_ARG": "0", "OTEL_LOGS_EXPORTER": "otlp", "VLLM_URL": f"{collector.url}/upstream"}
    variables = telemetry(collector.url, **changes)
    with throwaway_server(CONFIGURATION, upstream_variables(base_url, model) | variables) as server:
        assert server.error is None
        yield server


@pytest.fixture
def short(model: str) -> dict[str, Any]:
    """The body of a request with a short answer."""
    return {"model": f"openai/{model}", "input": QUESTION, "max_output_tokens": 16}


def test_a_response_is_a_request_in_and_a_request_to_the_upstream(
    traced: Throwaway, collector: Collector, base_url: str, short: dict[str, Any]
) -> None:
    trace_id = secrets.token_hex(16)
    answer = post(traced.base_url, "responses", short, headers=traceparent(trace_id, parent="cd" * 8))
    assert answer.status_code == 200
    request, upstream = collector.trace(trace_id)
    assert (request.name, request.kind) == ("POST /v1/responses", Span.SPAN_KIND_SERVER)
    assert request.parent_span_id.hex() == "cd" * 8
    assert (upstream.kind, upstream.parent_span_id) == (Span.SPAN_KIND_CLIENT, request.span_id)
    assert attributes(upstream)["http.url"] == f"{base_url}/chat/completions"
    # The upstream streams, and its span ends with the headers: no span below the request covers the generation.
    assert request.start_time_unix_nano < upstream.start_time_unix_nano
    assert upstream.end_time_unix_nano < request.end_time_unix_nano
    assert collector.services() == {"llama-stack"}


def test_neither_prompt_nor_answer_nor_key_is_in_a_trace_but_the_query_string_is(
    traced: Throwaway, collector: Collector, short: dict[str, Any]
) -> None:
    trace_id, prompt, key, url = (secrets.token_hex(16) for _ in range(4))
    answer = post(
        traced.base_url,
        "responses",
        short | {"input": f"My code is {prompt}. {QUESTION}", "instructions": prompt, "metadata": {"note": prompt}},
        headers=traceparent(trace_id) | {"Authorization": f"Bearer {key}"},
        params={"secret": url},
    )
    request, _ = collector.trace(trace_id)
    assert not collector.contains(prompt)
    assert not collector.contains(key)
    assert not collector.contains(answer.json()["output"][0]["content"][0]["text"])
    assert collector.contains(url)
    assert [key for key, value in attributes(request).items() if url in str(value)] == ["http.url"]


def test_a_search_is_a_span_of_its_own_and_no_metric_unless_it_is_asked_for_directly(
    traced: Throwaway, collector: Collector, short: dict[str, Any]
) -> None:
    client = OpenAI(base_url=traced.base_url, api_key="none")
    file = client.files.create(file=("prices.txt", b"The UltraBook costs 1299 euros."), purpose="assistants")
    store = client.vector_stores.create(name="prices").id
    client.vector_stores.files.create_and_poll(file.id, vector_store_id=store, poll_interval_ms=100)
    tool = {"type": "file_search", "vector_store_ids": [store]}
    trace_id, question = secrets.token_hex(16), "What does the UltraBook cost?"
    del short["max_output_tokens"]
    answer = post(
        traced.base_url, "responses", short | {"input": question, "tools": [tool]}, headers=traceparent(trace_id)
    )
    assert answer.json()["output"][0]["type"] == "file_search_call"
    trace = collector.trace(trace_id)
    request = trace[0]
    search = next(span for span in trace if span.name == "knowledge_search")
    embedding = next(span for span in trace if attributes(span).get("http.url", "").endswith("/embeddings"))
    assert (search.parent_span_id, embedding.parent_span_id) == (request.span_id, search.span_id)
    assert not attributes(search)

    measured = collector.metrics()
    assert {"http.server.duration", "http.client.duration", "http.server.active_requests"} <= set(measured)
    assert not [name for name in measured if "token" in name or name.startswith("llama_stack.")]
    directly = {"tool_name": "knowledge_search", "kwargs": {"query": question, "vector_store_ids": [store]}}
    assert post(traced.base_url, "tool-runtime/invoke", directly).status_code == 200
    measured = collector.metrics()
    (point,) = measured["llama_stack.tool_runtime.invocations_total"].sum.data_points
    assert point.as_int == 1
    assert attributes(point)["status"] == "success"
    assert "llama_stack.tool_runtime.duration_seconds" in measured
    assert not collector.bodies("/v1/logs"), "the server hands over no logs, although they are on"


def test_what_is_asked_of_a_shield_is_in_the_trace_and_what_is_moderated_is_not(
    traced: Throwaway, collector: Collector, short: dict[str, Any]
) -> None:
    pytest.importorskip("codeshield")
    (shield,) = CONFIGURATION["registered_resources"]["shields"]
    directly, moderated, guarded = (secrets.token_hex(16) for _ in range(3))
    traces = {word: secrets.token_hex(16) for word in (directly, moderated, guarded)}
    message = {"role": "user", "content": directly}
    for path, word, body in (
        ("safety/run-shield", directly, {"shield_id": shield["shield_id"], "messages": [message]}),
        ("moderations", moderated, {"input": moderated, "model": shield["provider_shield_id"]}),
        ("responses", guarded, short | {"input": guarded, "guardrails": [shield["shield_id"]]}),
    ):
        assert post(traced.base_url, path, body, headers=traceparent(traces[word])).status_code == 200
    spans = {word: collector.trace(trace_id) for word, trace_id in traces.items()}
    (run,) = [span for span in spans[directly] if span.name.startswith("run_shield ")]
    assert directly in attributes(run)[SAFETY_REQUEST_MESSAGES_ATTRIBUTE]
    assert not collector.contains(moderated)
    assert not collector.contains(guarded)


def test_the_address_of_an_mcp_server_is_in_the_trace_with_the_key_in_it(
    traced: Throwaway, collector: Collector, short: dict[str, Any]
) -> None:
    trace_id, key = secrets.token_hex(16), secrets.token_hex(16)
    tool = {"type": "mcp", "server_label": "shop", "server_url": f"{collector.url}/mcp?key={key}"}
    answer = post(traced.base_url, "responses", short | {"tools": [tool]}, headers=traceparent(trace_id))
    assert answer.status_code >= 400, "the collector is no MCP server"
    listing = next(span for span in collector.trace(trace_id) if span.name == "list_mcp_tools")
    assert listing.status.code == Status.STATUS_CODE_ERROR
    assert attributes(listing)["server_label"] == "shop"
    assert key in attributes(listing)["server_url"]


def test_a_failed_request_is_an_error_without_its_reason(
    traced: Throwaway, collector: Collector, short: dict[str, Any]
) -> None:
    trace_id = secrets.token_hex(16)
    answer = post(traced.base_url, "responses", short | {"model": "openai/none"}, headers=traceparent(trace_id))
    assert answer.status_code == 500
    (request,) = collector.trace(trace_id)
    assert request.status.code == Status.STATUS_CODE_ERROR
    assert (request.status.message, list(request.events)) == ("", [])
    assert attributes(request)["http.status_code"] == 500


def test_a_callers_decision_about_a_trace_holds_and_health_makes_no_span(
    traced: Throwaway, collector: Collector
) -> None:
    dropped, health, kept = (secrets.token_hex(16) for _ in range(3))
    httpx.get(f"{traced.base_url}/models", headers=traceparent(dropped, flags="00"), timeout=60).raise_for_status()
    httpx.get(f"{traced.base_url}/health", headers=traceparent(health), timeout=60).raise_for_status()
    httpx.get(f"{traced.base_url}/models", headers=traceparent(kept), timeout=60).raise_for_status()
    assert [span.name for span in collector.trace(kept)] == ["GET /v1/models"]
    assert not collector.knows(dropped)
    assert not collector.knows(health)
    # The sampling ratio is 0: no other span was kept, although the server's version is requested at its start.
    spans = [span for body in collector.bodies(TRACES) for span in _spans(body)]
    assert not [span.name for span in spans if span.kind == Span.SPAN_KIND_SERVER and not span.parent_span_id]


def test_upstreams_are_told_the_trace(traced: Throwaway, collector: Collector) -> None:
    asked = [headers for path, headers, _ in collector.requests if path == "/upstream/models"]
    assert asked
    assert all(headers["traceparent"].startswith("00-") for headers in asked)


def test_a_stream_has_token_counts_nobody_asked_for_while_it_is_traced(
    traced: Throwaway, collector: Collector, model: str
) -> None:
    def last_chunk(flags: str) -> dict[str, Any]:
        message = {"role": "user", "content": QUESTION}
        body = {"model": f"openai/{model}", "messages": [message], "max_tokens": 4, "stream": True}
        headers = traceparent(secrets.token_hex(16), flags)
        stream = post(traced.base_url, "chat/completions", body, headers=headers).text
        lines = [line.removeprefix("data: ") for line in stream.splitlines() if line.startswith("data: {")]
        return json.loads(lines[-1])

    assert len(last_chunk("00")["choices"]) == 1
    last = last_chunk("01")
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] > 0


def test_the_collector_is_down_and_the_server_answers(base_url: str, model: str, short: dict[str, Any]) -> None:
    port = ports.free_port()
    variables = telemetry(f"http://127.0.0.1:{port}", OTEL_EXPORTER_OTLP_TIMEOUT="2")
    lost, lost_too, lost_as_well, later = (secrets.token_hex(16) for _ in range(4))
    given_up = "Failed to export spans batch due to timeout, max retries or shutdown"
    with throwaway_server(CONFIGURATION, upstream_variables(base_url, model) | variables) as server:
        assert server.error is None
        # The first batch that is given up may have been in transit when the request came, and the request's two spans
        # may be in two batches: the third batch is the last that contains a span of the first request.
        for trace_id in (lost, lost_too, lost_as_well):
            assert post(server.base_url, "responses", short, headers=traceparent(trace_id)).status_code == 200
            so_far = _log(server).count(given_up)
            wait_for(lambda so_far=so_far: _log(server).count(given_up) > so_far)
        assert re.search(r"Transient error .* encountered while exporting spans batch, retrying in \d", _log(server))
        assert "refused" in _log(server)
        with running_collector(port) as collector:
            assert post(server.base_url, "responses", short, headers=traceparent(later)).status_code == 200
            assert len(collector.trace(later)) == 2
            assert not collector.knows(lost)


def _log(server: Throwaway) -> str:
    """Return the server's log without the line breaks of its log handler."""
    return " ".join(server.process.log_text().split())


def test_without_a_protocol_the_server_runs_untraced_and_sends_metrics_all_the_same(
    base_url: str, model: str, short: dict[str, Any]
) -> None:
    with running_collector() as collector:
        variables = telemetry(collector.url)
        del variables["OTEL_EXPORTER_OTLP_PROTOCOL"]
        with throwaway_server(CONFIGURATION, upstream_variables(base_url, model) | variables) as server:
            assert server.error is None
            answer = post(server.base_url, "responses", short, headers=traceparent(secrets.token_hex(16)))
            assert answer.status_code == 200
            assert "Requested component 'otlp_proto_grpc' not found" in _log(server)
            # LlamaStack's own exporter only needs the address; FastAPI records these metrics without instrumentation.
            assert "http.server.request.duration" in collector.metrics()
        assert not collector.bodies(TRACES)


def test_an_address_that_has_the_path_already_is_a_404(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with running_collector() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{collector.url}/v1/traces")
        assert OTLPSpanExporter().export([]) is SpanExportResult.FAILURE
        assert [path for path, _, _ in collector.requests] == ["/v1/traces/v1/traces"]
    assert "Failed to export spans batch code: 404, reason: Not Found" in caplog.text


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGTERM")
def test_the_command_of_the_book_traces_and_loses_what_it_has_not_sent_when_it_is_stopped(
    base_url: str, model: str, tmp_path: Path
) -> None:
    port, key = ports.free_port(), secrets.token_hex(16)
    sent, unsent = secrets.token_hex(16), secrets.token_hex(16)
    captured = {"OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": "authorization"}
    with running_collector() as collector, (tmp_path / "log").open("wb") as log:
        slower = telemetry(collector.url, OTEL_BSP_SCHEDULE_DELAY="10000", **captured)
        del slower["OTEL_SERVICE_NAME"]
        state = {"WORKSHOP_STATE": str(tmp_path), "SQLITE_STORE_DIR": str(tmp_path), "LLAMA_CPP_URL": ""}
        commands = Path(sys.executable).parent
        server = subprocess.Popen(
            [
                commands / "opentelemetry-instrument",
                commands / "llama",
                "stack",
                "run",
                "run.yaml",
                "--port",
                str(port),
            ],
            env={**os.environ, **upstream_variables(base_url, model), **slower, **state},
            cwd=paths.ROOT,
            stdout=log,
            stderr=log,
        )
        try:
            address = f"http://127.0.0.1:{port}/v1"
            # A health check creates no span.
            wait_for(lambda: _answers(f"{address}/health"), seconds=100)
            headers = traceparent(sent) | {"Authorization": f"Bearer {key}"}
            httpx.get(f"{address}/models", headers=headers, timeout=120).raise_for_status()
            (request,) = collector.trace(sent)
            # If configured, headers are recorded unchanged.
            assert key in str(attributes(request)["http.request.header.authorization"])
            assert collector.services() == {"unknown_service:python"}
            httpx.get(f"{address}/models", headers=traceparent(unsent), timeout=120).raise_for_status()
        finally:
            server.terminate()
            server.wait(30)
        assert not collector.knows(unsent)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).status_code == 200
    except httpx.TransportError:
        return False
