"""Upstreams that give wrong answers: at the start, and to a request once the server runs."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from clones import Clone
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from web_servers import serving

from llamastack_workshop.server.stack import Stack, running_stack
from llamastack_workshop.system import ports

pytestmark = pytest.mark.nightly

Row = Callable[..., None]
KEY = "sk-0123456789-only-for-this-test"


def drops() -> Iterator[bytes]:
    while True:
        yield b" "
        time.sleep(0.1)


def breaks_off() -> Iterator[bytes]:
    yield b'{"data": ['
    raise RuntimeError


ANSWERS: dict[str, Callable[[Request], Response]] = {
    "answers 401": lambda request: JSONResponse({"error": {"message": "Incorrect API key provided"}}, 401),
    "answers 401, with your key in the message": lambda request: JSONResponse(
        {"error": {"message": f"Wrong key {KEY}"}}, 401
    ),
    "answers 429": lambda request: JSONResponse({"error": {"message": "Rate limit reached"}}, 429),
    "answers 500": lambda request: JSONResponse({"error": {"message": "Internal error"}}, 500),
    "answers HTML": lambda request: HTMLResponse("<p>Please log in</p>"),
    "answers nothing": lambda request: Response(),
    "sends one byte a time, for ever": lambda request: StreamingResponse(drops()),
    "sends 50 MB": lambda request: Response(b" " * 50_000_000),
    "breaks off": lambda request: StreamingResponse(breaks_off()),
    "redirects to itself": lambda request: RedirectResponse(request.url),
    "lists models without an id": lambda request: JSONResponse({"data": [{"name": "x"}, 3]}),
    "lists no model": lambda request: JSONResponse({"object": "list", "data": []}),
    "sends a compressed bomb": lambda request: Response(BOMB, headers={"Content-Encoding": "gzip"}),
}


def _bomb() -> bytes:
    import gzip

    return gzip.compress(bytes(300_000_000), 9)


BOMB = _bomb()


@pytest.mark.parametrize("what", ANSWERS)
def test_an_upstream_at_the_start(what: str, clone: Clone, row: Row) -> None:
    with serving(Starlette(routes=[Route("/v1/models", ANSWERS[what])])) as url:
        run = clone.serve(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"{url}/v1")
    row(f"At the start, an upstream {what}", run)
    assert run.status == 1 and KEY not in run.output + run.errors


def test_an_upstream_that_hangs_up(clone: Clone, row: Row) -> None:
    from test_port_faults import hanging_up

    with hanging_up() as port:
        run = clone.serve(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"http://127.0.0.1:{port}/v1")
    row("At the start, an upstream hangs up", run)
    assert run.status == 1


def test_an_upstream_without_tls(clone: Clone, row: Row) -> None:
    with serving(Starlette()) as url:
        run = clone.serve(OPENAI_API_KEY=KEY, OPENAI_BASE_URL=f"{url.replace('http', 'https')}/v1")
    row("At the start, an upstream does not speak TLS, and its address says https", run)
    assert run.status == 1


class Later:
    """An upstream that lists a model at the start, and then answers according to `kind`."""

    def __init__(self) -> None:
        self.kind = "answers 500"
        routes = [Route("/v1/models", self.models), Route("/v1/chat/completions", self.answer, methods=["POST"])]
        self.app = Starlette(routes=routes)

    async def models(self, request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model", "created": 1}]})

    async def answer(self, request: Request) -> Response:
        return ANSWERS[self.kind](request)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Later, Stack]]:
    upstream, folder = Later(), tmp_path_factory.mktemp("later")
    with pytest.MonkeyPatch.context() as patch, serving(upstream.app) as url:
        for variable in ("OLLAMA_URL", "VLLM_URL", "TGI_URL"):
            patch.setenv(variable, "")
        patch.setenv("OPENAI_API_KEY", KEY)
        patch.setenv("OPENAI_BASE_URL", f"{url}/v1")
        patch.setenv("OPENAI_MODEL", "gpt-4o-mini")
        with running_stack(
            lambda line: None, port=ports.free_port(), state=folder / "state", logs=folder / "logs"
        ) as stack:
            yield upstream, stack


def text_of(answer: httpx.Response) -> str:
    messages = [item for item in answer.json()["output"] if item["type"] == "message"]
    return "".join(part["text"] for message in messages for part in message["content"])


def shown(answer: httpx.Response) -> tuple[str, str]:
    if answer.status_code == 200:
        return f"HTTP 200, {answer.json()['status']}", f"a text of {len(text_of(answer).strip())} characters"
    return f"HTTP {answer.status_code}", answer.text[:200].replace(KEY, "YOUR-KEY")


@pytest.mark.parametrize(
    "what", [name for name in ANSWERS if name.startswith("answers") or name in ("breaks off", "sends 50 MB")]
)
@pytest.mark.parametrize("api", ["chat/completions", "responses"])
def test_an_upstream_while_it_serves(what: str, api: str, later: tuple[Later, Stack], row: Row) -> None:
    upstream, stack = later
    upstream.kind = what
    body: dict[str, Any] = {"model": "openai/gpt-4o-mini"}
    asked = {"input": "Hello!"} if api == "responses" else {"messages": [{"role": "user", "content": "Hello!"}]}
    answer = httpx.post(f"{stack.base_url}/{api}", json=body | asked, timeout=100)
    row(f"To `POST /v1/{api}`, an upstream {what}", shown(answer))
    # As the page says, an answer that isn't one of the API becomes a response without text.
    silent = api == "responses" and what in ("answers HTML", "answers nothing", "sends 50 MB")
    assert answer.status_code == 200 and not text_of(answer).strip() if silent else answer.status_code >= 400
    assert httpx.get(f"{stack.base_url}/models", timeout=10).status_code == 200
