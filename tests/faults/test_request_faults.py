"""Requests unlike those of any chapter: the server's answer, and whether it still serves other clients."""

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from test_port_faults import hanging_up, listening
from web_servers import serving

from llamastack_workshop.server.stack import Stack, running_stack
from llamastack_workshop.system import ports

pytestmark = pytest.mark.nightly

Row = Callable[..., None]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A separate server, because some of these requests keep a model busy."""
    folder = tmp_path_factory.mktemp("requests")
    with pytest.MonkeyPatch.context() as patch:
        for variable in ("OPENAI_API_KEY", "OLLAMA_URL", "VLLM_URL", "TGI_URL"):
            patch.setenv(variable, "")
        with running_stack(
            lambda line: None, port=ports.free_port(), state=folder / "state", logs=folder / "logs"
        ) as running:
            yield running


@pytest.fixture(autouse=True)
def serves_afterwards(stack: Stack) -> Iterator[None]:
    yield
    asked = {"model": stack.models[0], "input": "What is the capital of France?", "max_output_tokens": 16}
    answer = httpx.post(f"{stack.base_url}/responses", json=asked, timeout=60)
    assert answer.status_code == 200, answer.text


def ask(stack: Stack, content: bytes | None = None, timeout: float = 100, **options: Any) -> httpx.Response:
    body = content or json.dumps({"model": stack.models[0], "input": "Hello!", "max_output_tokens": 16} | options)
    headers = {"Content-Type": "application/json"}
    return httpx.post(f"{stack.base_url}/responses", content=body, headers=headers, timeout=timeout)


def shown(answer: httpx.Response) -> tuple[str, str]:
    return f"HTTP {answer.status_code}", "an answer" if answer.status_code == 200 else answer.text


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"], "additionalProperties": False}
    return schema


def formatted(schema: Any) -> dict[str, Any]:
    return {"text": {"format": {"type": "json_schema", "name": "any", "strict": True, "schema": schema}}}


RAW = '{"model": "MODEL", "max_output_tokens": 16, "input": '
REQUESTS: dict[str, dict[str, Any]] = {
    "a prompt of 5,000 tokens": {"input": "word " * 5_000},
    "a prompt of 100,000 tokens": {"input": "word " * 100_000},
    "an empty prompt": {"input": ""},
    "a prompt of NUL characters": {"input": "\0\0\0"},
    "an empty list as input": {"input": []},
    "no input": {"input": None},
    "half a surrogate pair": {"content": (RAW + '"\\ud83d"}').encode()},
    "bytes that are not UTF-8": {"content": RAW.encode() + b'"\xff\xfe"}'},
    "JSON that is cut short": {"content": RAW.encode()},
    "JSON of 100,000 brackets": {"content": RAW.encode() + b"[" * 100_000},
    "a key twice": {"content": RAW.encode() + b'"Hello!", "input": "Good night!"}'},
    "NaN as temperature": {"content": RAW.encode() + b'"Hello!", "temperature": NaN}'},
    "a schema 100 levels deep": formatted(nested(100)),
    "a schema 300 levels deep": formatted(nested(300)),
    "a schema that refers to itself": formatted({"$ref": "#"}),
    "a schema that is none": formatted({"type": "no such type"}),
    "`max_output_tokens` 0": {"max_output_tokens": 0},
    "`max_output_tokens` -1": {"max_output_tokens": -1},
    "`max_output_tokens` 1,000,000,000": {"max_output_tokens": 1_000_000_000},
    "`temperature` 1,000": {"temperature": 1000},
    "an unknown model": {"model": "openai/gpt-none"},
    "a model's name of 100,000 characters": {"model": "m" * 100_000},
    "an unknown previous response": {"previous_response_id": "resp_none"},
    "1,000 tools": {
        "tools": [
            {"type": "function", "name": f"tool_{n}", "parameters": {"type": "object", "properties": {}}}
            for n in range(1000)
        ]
    },
}


@pytest.mark.parametrize("what", REQUESTS)
def test_a_request(what: str, stack: Stack, row: Row) -> None:
    options = dict(REQUESTS[what])
    if content := options.get("content"):
        options["content"] = content.replace(b"MODEL", stack.models[0].encode())
    answer = ask(stack, **options)
    row(f"`POST /v1/responses` with {what}", shown(answer))
    assert answer.status_code < 500 or answer.json()


def test_an_enum_of_many_values(stack: Stack, row: Row) -> None:
    # With 20,000 values, llama.cpp takes minutes to build the grammar; the time grows with their number.
    values = [f"value {number}" for number in range(2_000)]
    schema = {"type": "object", "properties": {"a": {"type": "string", "enum": values}}, "required": ["a"]}
    answer = ask(stack, **formatted(schema))
    row("`POST /v1/responses` with a schema whose enum has 2,000 values", shown(answer))
    assert answer.status_code == 200


def test_many_at_once(stack: Stack, row: Row) -> None:
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda n: ask(stack, input=f"Say {n}.", timeout=500), range(200)))
    statuses = {answer.status_code for answer in answers}
    row("200 requests at once", (", ".join(f"HTTP {status}" for status in sorted(statuses)), "all answer"))
    assert statuses == {200}


def test_clients_that_write_one_byte_a_second(stack: Stack, row: Row) -> None:
    host, port = urlsplit(stack.url).hostname, urlsplit(stack.url).port
    slow = [socket.create_connection((host, port)) for _ in range(50)]
    for connection in slow:
        connection.sendall(b"POST /v1/responses HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n{")
    time.sleep(1)
    answer = ask(stack)
    row("50 clients write one byte a second; another asks", shown(answer))
    for connection in slow:
        connection.close()
    assert answer.status_code == 200


def test_a_client_that_reads_one_byte_a_second(stack: Stack, row: Row) -> None:
    host, port = urlsplit(stack.url).hostname, urlsplit(stack.url).port
    body = json.dumps({"model": stack.models[0], "input": "Count to 50.", "stream": True}).encode()
    lines = ["POST /v1/responses HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
    head = "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""])
    with socket.create_connection((host, port)) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        connection.sendall(head.encode() + body)
        assert connection.recv(1)
        time.sleep(1)
        answer = ask(stack)
    row("A client reads a stream one byte a second; another asks", shown(answer))
    assert answer.status_code == 200


UPLOADS = {
    "a file of nothing": {"file": ("empty.txt", b"")},
    "no file": {},
    "a name with `../`": {"file": ("../../../../escaped.txt", b"x")},
    "an absolute name": {"file": ("/tmp/escaped.txt", b"x")},
    "a name of 3,000 characters": {"file": ("n" * 3000, b"x")},
    "a name with a line break": {"file": ("a\r\nb.txt", b"x")},
    "100 MB": {"file": ("large.bin", os.urandom(1_000_000) * 100)},
}


@pytest.mark.parametrize("what", UPLOADS)
def test_an_upload(what: str, stack: Stack, tmp_path: Path, row: Row) -> None:
    before = {path for path in stack.state.rglob("*")}
    answer = httpx.post(
        f"{stack.base_url}/files", files=UPLOADS[what] or None, data={"purpose": "assistants"}, timeout=100
    )
    row(f"`POST /v1/files` with {what}", shown(answer))
    assert answer.status_code < 500, answer.text
    made = {path for path in stack.state.rglob("*")} - before
    # SQLite's journals come and go with each change.
    elsewhere = [path for path in made if path.is_file() and path.parent != stack.state / "files"]
    assert not [path for path in elsewhere if not path.name.endswith(("-wal", "-shm", "-journal"))], made
    assert not Path("/tmp/escaped.txt").exists()
    if answer.is_success:
        assert httpx.delete(f"{stack.base_url}/files/{answer.json()['id']}", timeout=30).status_code == 200
        assert not [path for path in made if path.exists() and path.is_file()]


@pytest.mark.parametrize("header", ["Host", "Origin"])
def test_a_foreign_page(header: str, stack: Stack, row: Row) -> None:
    answer = httpx.get(f"{stack.base_url}/responses", headers={header: "page.example"})
    row(f"A request with a foreign `{header}` header", shown(answer))
    assert answer.status_code == 403


def never() -> Any:
    return listening("127.0.0.1")


def html() -> Any:
    return serving(
        Starlette(routes=[Route("/mcp", lambda request: HTMLResponse("<p>no</p>"), methods=["GET", "POST"])])
    )


@pytest.mark.parametrize(
    ("what", "server"), [("never answers", never), ("hangs up", hanging_up), ("answers HTML", html)]
)
def test_an_mcp_address_that_is_none(what: str, server: Callable, stack: Stack, row: Row) -> None:
    with server() as place:
        url = place if isinstance(place, str) else f"http://127.0.0.1:{place}"
        tool = {"type": "mcp", "server_label": "none", "server_url": f"{url}/mcp", "require_approval": "never"}
        try:
            seen = shown(ask(stack, tools=[tool], timeout=15))
        except httpx.TimeoutException:
            seen = ("no answer", "within 15 s")
    row(f"An MCP server's address that {what}", seen)


def test_health_while_a_long_answer_is_written(stack: Stack, row: Row) -> None:
    asking = threading.Thread(target=lambda: ask(stack, input="Count to 500.", max_output_tokens=300, timeout=120))
    asking.start()
    answer = httpx.get(f"{stack.base_url}/health", timeout=10)
    row("`GET /v1/health` while a long answer is written", shown(answer))
    asking.join()
    assert answer.status_code == 200
