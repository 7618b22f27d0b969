"""The release lines: the line of a server, and the consistency of their data with the pins and configurations."""

import json
import re
from importlib import metadata
from typing import Any

import pytest
import yaml
from fastapi.responses import JSONResponse
from web_servers import serving

from llamastack_workshop import line_of
from llamastack_workshop.attending.stack_results import RESULTS
from llamastack_workshop.server import lines, parts, stacks
from llamastack_workshop.server.lines import Line
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

by_name = pytest.mark.parametrize("line", lines.LINES, ids=[line.stack for line in lines.LINES])


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("0.3.0", "LlamaStack 0.4"),
        ("0.4.7", "LlamaStack 0.4"),
        ("0.5.4", "LlamaStack 0.4"),
        ("0.6.1", "LlamaStack 0.6"),
        ("0.7.0rc1", "LlamaStack 0.7"),
        ("0.10.0", "LlamaStack 0.7"),
        ("1.0.0", "OGX 1.5"),
        ("1.5.0", "OGX 1.5"),
        ("1.12.0", "OGX 1.5"),
    ],
)
def test_a_version_tells_the_line(version: str, name: str) -> None:
    assert lines.of_version(version).name == name


def test_a_server_tells_its_line() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({"version": "1.5.0"} if scope["path"] == "/v1/version" else {})(scope, receive, send)

    with serving(app) as url:
        assert line_of(f"{url}/v1") is lines.OGX_1_5
        with pytest.raises(WorkshopError, match=rf"No server reports a version at {url}/version\."):
            line_of(url)


def test_something_else_is_no_line() -> None:
    with pytest.raises(WorkshopError, match=r"^nginx/1\.5 is not a version"):
        lines.of_version("nginx/1.5")


@pytest.mark.parametrize(
    ("stack", "name"),
    [(None, "LlamaStack 0.6"), ("vllm", "LlamaStack 0.6"), ("ogx-1.5", "OGX 1.5"), ("ogx-1.5/access", "OGX 1.5")],
)
def test_the_name_of_a_stack_tells_the_line(stack: str | None, name: str) -> None:
    assert lines.of_stack(stack).name == name


@by_name
def test_a_line_is_what_is_installed_for_it(line: Line) -> None:
    if line is lines.OURS:
        assert metadata.version("llama-stack") == line.release
        return
    pins = (stacks.FOLDER / f"{line.stack}.txt").read_text(encoding="utf-8")
    package = "ogx" if line.product == "OGX" else "llama-stack"
    assert re.search(rf"^{package}=={re.escape(line.release)}$", pins, re.MULTILINE)


@by_name
def test_a_line_calls_things_as_its_configuration_does(line: Line) -> None:
    configuration = yaml.safe_load((stacks.FOLDER / f"{line.stack}.yaml").read_text(encoding="utf-8"))
    assert tuple(configuration["apis"]) == line.apis == tuple(configuration["providers"])
    types = {api: [one["provider_type"] for one in listed] for api, listed in configuration["providers"].items()}
    assert types[line.responses_api] == [line.responses_provider]
    assert types["tool_runtime"] == [line.search_provider]
    assert configuration["vector_stores"]["file_search_params"]["header_template"].startswith(line.search_tool)
    groups = [one["toolgroup_id"] for one in configuration["registered_resources"].get("tool_groups", [])]
    assert groups == ([line.tool_group] if line.tool_group else [])


@pytest.mark.parametrize(
    "line", [lines.LLAMA_STACK_0_6, lines.LLAMA_STACK_0_7, lines.OGX_1_5], ids=lambda one: one.stack
)
def test_a_line_has_the_files_of_the_chapters(line: Line) -> None:
    assert line.file("run").is_file() and line.file("access").is_file()
    assert (line.file("run") == paths.RUN_YAML) is (line is lines.OURS)


_OGX_LOG = """\
           File "/environments/ogx/core/stack.py", line 388, in _validate_embedding_model
             raise ValueError(
         ValueError: Embedding model 'embeddings/a/b' not found. Available embedding models:
         ['embeddings/b']
           category=server
ERROR    2026-11-27T17:20:52.431135Z  Application startup failed. Exiting.  category=server
"""


@pytest.mark.parametrize(
    ("log", "said"),
    [
        ("ValueError: first\nx\nRuntimeError: last\nnothing\n", "RuntimeError: last"),
        ("a.b.NotFoundError: no\n", "NotFoundError: no"),
        (
            "pydantic_core.ValidationError: 1 validation error for C\npersistence\n  Field required [type=missing]\n",
            "ValidationError: 1 validation error for C, persistence, Field required",
        ),
        (
            _OGX_LOG,
            "ValueError: Embedding model 'embeddings/a/b' not found. Available embedding models: ['embeddings/b']",
        ),
        (
            json.dumps({"event": "failed", "exception": "Traceback (most recent call last):\nOSError: no"}) + "\n{half",
            "OSError: no",
        ),
        ("INFO  all is well\n", parts.NO_ERROR),
    ],
)
def test_the_last_error_of_a_log_is_one_line(log: str, said: str) -> None:
    assert parts.last_error(log) == said


@by_name
def test_a_line_has_the_routes_that_it_had_when_it_was_measured(line: Line) -> None:
    measured = json.loads((RESULTS / f"{line.stack}.json").read_text(encoding="utf-8"))
    assert measured["version"] == line.release
    for route, has_it in (
        ("POST /v1/models", line.registers_models),
        ("POST /v1/tool-runtime/invoke", line.runs_tools),
        ("POST /v1/responses/{response_id}/cancel", line.cancels),
    ):
        assert (route in measured["routes"]) is has_it
