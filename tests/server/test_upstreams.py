"""Upstreams with faults: mistyped keys and addresses, invalid answers, and switching between upstreams."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from in_process import call
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from web_servers import serving

from llamastack_workshop import cli
from llamastack_workshop.server import upstreams
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.secrets import hidden

VARIABLES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL", "OLLAMA_URL", "VLLM_URL", "TGI_URL")


@pytest.fixture(autouse=True)
def no_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*VARIABLES, "VLLM_API_TOKEN", "TGI_API_KEY", "WORKSHOP_UPSTREAM"):
        monkeypatch.setenv(variable, "")


def models() -> list[str]:
    (upstream,) = upstreams.chosen(upstreams.Choice.auto)
    return upstreams.models(upstream, timeout=1)


def error() -> WorkshopError:
    with pytest.raises(WorkshopError) as caught:
        models()
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        "http://reader:pa55word@127.0.0.1:9/v1",
        "http://reader:pa/55/word@127.0.0.1:9/v1",
        "http://reader:pa55@word@127.0.0.1:9/v1",
        "http://127.0.0.1:9/v1?api_key=pa55word",
        "reader:pa55word@127.0.0.1:9/v1",
        "http://reader:pa55word@[fd00::5/v1",
    ],
)
def test_a_password_in_an_address_is_never_shown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_URL", address)
    said = hidden(str(error()))
    report = call(cli.app, "doctor", "--port", str(ports.free_port()), OLLAMA_URL=address).output
    for secret in ("pa55", "word@", "55/word"):
        assert secret not in said and secret not in report


@pytest.mark.parametrize("key", ["“sk-0123456789”", "sk-01234\n56789", "sk-ключ-01234"])
def test_a_key_that_no_header_can_hold_is_not_shown(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    assert error().problem.startswith("OPENAI_API_KEY contains invalid characters")
    assert "01234" not in str(error())


@pytest.mark.parametrize("key", ["sk-0123456789 ", " sk-0123456789", "'sk-0123456789 '", "sk-0123456789\t"])
def test_blanks_around_a_key_are_no_part_of_it(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={key}\n", encoding="utf-8")
    upstreams.load_dotenv_file()
    assert os.environ["OPENAI_API_KEY"] == "sk-0123456789"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"# mine\nOPENAI_API_KEY=sk-\xff\xfe01234\n", ".env, line 2, is not text in UTF-8."),
        ("OPENAI_API_KEY=sk-01234".encode("utf-16"), ".env, line 1, is not text in UTF-8."),
        (b"OPENAI_API_KEY=sk-\x0001234\n", ".env cannot be read"),
    ],
)
def test_a_damaged_env_file_is_an_error_and_a_line_of_the_doctor(
    content: bytes, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(WorkshopError) as caught:
        upstreams.load_dotenv_file()
    assert caught.value.problem.startswith(problem) and "01234" not in str(caught.value)
    report = call(cli.app, "doctor", "--port", str(ports.free_port()))
    assert report.exit_code == 1 and ".env" in report.output and "01234" not in report.output


def test_an_env_file_that_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / ".env").mkdir()
    with pytest.raises(WorkshopError, match=r"\.env is a folder"):
        upstreams.load_dotenv_file()


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
@pytest.mark.parametrize(("mode", "told"), [(0o644, True), (0o640, True), (0o600, False)])
def test_the_doctor_tells_who_else_may_read_the_keys(
    mode: int, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    (tmp_path / ".env").write_text("# nothing\n", encoding="utf-8")
    (tmp_path / ".env").chmod(mode)
    report = call(cli.app, "doctor", "--port", str(ports.free_port())).output
    assert ("chmod 600 .env" in report) == told


async def _answer(request: Request) -> Response:
    def drops() -> Iterator[bytes]:
        while True:
            yield b" "
            time.sleep(0.1)

    kind = request.path_params["kind"]
    if kind.isdecimal():
        return JSONResponse({"error": {"message": "sk-0123456789"}}, int(kind))
    bodies = {"html": "<p>Welcome</p>", "brackets": "[" * 200_000, "endless": " " * 11_000_000, "list": "[]"}
    return StreamingResponse(drops()) if kind == "slow" else HTMLResponse(bodies[kind])


@pytest.fixture(scope="module")
def strange() -> Iterator[str]:
    """An upstream with many kinds of wrong answers. Yields its address, to which /KIND/v1 is added."""
    with serving(Starlette(routes=[Route("/{kind}/v1/models", _answer)])) as url:
        yield url


@pytest.mark.parametrize(
    ("kind", "problem", "fix"),
    [
        ("401", "rejects the key (HTTP 401).", "Put a valid OPENAI_API_KEY into .env"),
        ("429", "reports a rate limit or an exhausted quota (HTTP 429).", "Wait and try again"),
        ("500", "has an internal error (HTTP 500).", "Wait and try again"),
        ("503", "has an internal error (HTTP 503).", "Wait and try again"),
        ("404", "has no list of models at /models (HTTP 404).", "it has to return OpenAI's list of models"),
        ("html", "has no list of models at /models (HTTP 200).", "it has to return OpenAI's list of models"),
        ("list", "has no list of models at /models (HTTP 200).", "it has to return OpenAI's list of models"),
        ("brackets", "has no list of models at /models (HTTP 200).", "it has to return OpenAI's list of models"),
        ("slow", "does not answer (no complete answer within 1 s).", "Check the network"),
        ("endless", "does not answer (its list of models is longer than 10 MB).", "Check the network"),
    ],
)
def test_an_answer_that_is_no_list_of_models(
    kind: str, problem: str, fix: str, strange: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{strange}/{kind}/v1")
    told = error()
    assert told.problem == f"OpenAI at {strange}/{kind}/v1 {'answers, but ' if 'no list' in problem else ''}{problem}"
    assert fix in told.fix and "unset OPENAI_API_KEY" in told.fix and "sk-0123456789" not in str(told)


def test_switching_the_upstream_leaves_no_model_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream, model = os.environ["LLAMA_CPP_URL"], "smollm2-135m-workshop"
    switches = [
        ("llama-cpp", {}),
        ("openai", {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": upstream, "OPENAI_MODEL": model}),
        ("vllm", {"VLLM_URL": upstream}),
        ("llama-cpp", {}),
    ]
    for provider, variables in switches:
        for name in VARIABLES:
            monkeypatch.setenv(name, variables.get(name, ""))
        with running_stack(lambda line: None, port=ports.free_port(), state=tmp_path, logs=tmp_path) as stack:
            listed = httpx.get(f"{stack.base_url}/models").json()["data"]
            ids = [one["id"] for one in listed if one["custom_metadata"]["model_type"] == "llm"]
            assert ids == stack.models == [f"{provider}/{model}"]
            body = {"model": ids[0], "input": "Hello!", "max_output_tokens": 16}
            assert httpx.post(f"{stack.base_url}/responses", json=body, timeout=60).status_code == 200
            processes = [psutil.Process(child.pid) for child in stack.children]
        assert processes and not psutil.wait_procs(processes, timeout=10)[1]
