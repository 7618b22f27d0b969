"""The server of a lab: how often it is restarted, and the message about a server of another clone."""

import io
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi.responses import JSONResponse
from web_servers import serving as serving_app

from llamastack_workshop.attending.kept_server import KeptServer
from llamastack_workshop.server import lines, serving, stack, stacks
from llamastack_workshop.server.lines import Line
from llamastack_workshop.server.stacks import Server
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.console import PlainConsole
from llamastack_workshop.system.errors import WorkshopError


@pytest.fixture
def console(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlainConsole:
    monkeypatch.setattr(paths, "LOGS", tmp_path)
    return PlainConsole(file=io.StringIO(), width=400)


def test_a_server_that_keeps_ending_is_given_up(
    tmp_path: Path, console: PlainConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = 0
    dead = SimpleNamespace(running=lambda: False, log=tmp_path / "llama-stack.log")

    @contextmanager
    def running_stack(*_: object, **__: object) -> Iterator[SimpleNamespace]:
        nonlocal starts
        starts += 1
        if starts == 3:
            raise WorkshopError("No space left.", "Make room.")
        yield SimpleNamespace(children=[dead], base_url="http://localhost:1/v1")

    monkeypatch.setattr(stack, "running_stack", running_stack)
    monkeypatch.setattr(serving, "announce", lambda *_, **__: None)
    port = ports.free_port()
    with KeptServer(console, print, port=port, upstream=Choice.auto) as server:
        for _ in range(6):
            dead.log.write_text("why", encoding="utf-8")
            server.look_after()
    told = console.file.getvalue()
    assert starts == 4
    assert told.count("llama-stack ended by itself") == 3 and told.count("LlamaStack is back") == 2
    assert "It could not be restarted: No space left.\nMake room." in told
    assert told.count("It has ended 4 times within 10 minutes, so it is not restarted.") == 1
    assert f'make llama-server ARGS="--port {port}"' in told
    assert (tmp_path / "llama-stack-ended.log").read_text(encoding="utf-8") == "why"


def test_the_end_and_the_return_of_another_commands_server_are_told_once(
    base_url: str, console: PlainConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(base_url.split(":")[2].split("/")[0])
    with KeptServer(console, print, port=port, upstream=Choice.auto) as server:
        for is_free in (False, True, True, False, False):
            monkeypatch.setattr(ports, "is_free", lambda _, is_free=is_free: is_free)
            server.look_after()
    told = console.file.getvalue()
    assert f"Using the LlamaStack server that already runs on port {port}." in told
    assert told.count(f"The server on port {port}, which another command had started, has ended.") == 1
    assert told.count(f"A server answers on port {port} again.") == 1


def test_a_server_with_another_model_than_the_wanted_one_is_not_used(
    base_url: str, model: str, console: PlainConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = int(base_url.split(":")[2].split("/")[0])
    served = KeptServer(console, print, port=port, upstream=Choice.embedded)
    monkeypatch.setenv("WORKSHOP_MODEL", model.removeprefix("llama-cpp/"))
    with served as server:
        assert server.base_url == base_url
    monkeypatch.setenv("WORKSHOP_MODEL", "qwen3-1.7b")
    with pytest.raises(WorkshopError, match=f"port {port} serves {model}, not qwen3-1.7b.\nStop it first"), served:
        pass


@pytest.mark.parametrize(
    ("version", "wanted", "whose"),
    [("0.6.1", lines.OGX_1_5, "A LlamaStack"), ("1.5.0", lines.LLAMA_STACK_0_7, "An OGX")],
)
def test_a_server_of_another_line_is_not_used(version: str, wanted: Line, whose: str, console: PlainConsole) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await JSONResponse({"version": version})(scope, receive, send)

    run_yaml = stacks.FOLDER / f"{wanted.stack}.yaml"
    with serving_app(app) as url:
        port = int(url.rsplit(":", 1)[1])
        server = Server(run_yaml, Path(sys.executable).with_name("another-python"), wanted)
        with (
            pytest.raises(WorkshopError) as caught,
            KeptServer(console, print, port=port, upstream=Choice.embedded, server=server),
        ):
            pass
    assert caught.value.problem.startswith(f"{whose} server, version {version}, already answers on port {port}: ")
    stop = re.escape(f"For {wanted.name}, stop it (kill {os.getpid()}), or choose another port: --port {port + 10}")
    assert re.match(stop, caught.value.fix)


def test_two_starts_at_once_come_one_after_the_other(console: PlainConsole) -> None:
    inside, said = threading.Event(), []

    def second() -> None:
        with serving.only_start(8331, said.append):
            assert not inside.is_set()

    with serving.only_start(8331, said.append):
        inside.set()
        thread = threading.Thread(target=second)
        thread.start()
        while not said:
            pass
        inside.clear()
    thread.join(30)
    assert said == ["Waiting for another command that is starting a server on port 8331 …"]
