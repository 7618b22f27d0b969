"""The output of a cell if no server answers: a line with the fix; for all other errors, the traceback."""

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI, OpenAI

from llamastack_workshop.attending import cell_errors
from llamastack_workshop.system import paths, ports

ASK = {"model": "m", "input": "Hello!"}


@pytest.fixture
def nowhere() -> str:
    """An address where no server listens."""
    return f"http://localhost:{ports.free_port()}/v1"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InteractiveShell]:
    """The shell of a kernel that runs an attendee's notebook."""
    monkeypatch.setattr(paths, "WORK", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VERBOSE", raising=False)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    shell = InteractiveShell(colors="nocolor", history_load_length=0)
    cell_errors.load_ipython_extension(shell)
    yield shell
    shell.history_manager.end_session()


def raised(call: object) -> Exception:
    with pytest.raises(Exception) as caught:
        call()
    return caught.value


def test_our_server_is_named_with_what_to_do(nowhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = {"base_url": nowhere, "api_key": "none", "max_retries": 0}
    langchain = ChatOpenAI(model="m", **client)
    calls = [
        lambda: httpx.get(f"{nowhere}/models"),
        lambda: OpenAI(**client).responses.create(**ASK),
        lambda: OpenAI(**{**client, "base_url": nowhere.replace("localhost", "127.0.0.1")}).models.list(),
        lambda: list(OpenAI(**client).responses.create(**ASK, stream=True)),
        lambda: asyncio.run(AsyncOpenAI(**client).responses.create(**ASK)),
        lambda: langchain.invoke("Hello!"),
    ]
    errors = [*map(raised, calls), ExceptionGroup("unhandled errors in a TaskGroup", [raised(calls[0])])]
    origin = nowhere.removesuffix("/v1")
    for server, fix in ((nowhere, "Wait until the terminal of make lab"), ("", "Start it in a terminal")):
        monkeypatch.setenv("LLAMA_STACK_BASE_URL", server)
        monkeypatch.setattr(paths, "DEFAULT_PORT", int(origin.rpartition(":")[2]))
        for error in errors:
            line = cell_errors.unanswered(error)
            assert line.startswith(f"The server at {origin} doesn't answer. {fix}") and "\n" not in line, error


def test_another_address_is_named_with_the_reason_and_without_its_password(nowhere: str) -> None:
    line = cell_errors.unanswered(raised(lambda: httpx.get(nowhere.replace("localhost", "me:secret@localhost"))))
    assert line.startswith(f"{nowhere.removesuffix('/v1')} doesn't answer: [Errno ") and "secret" not in line


def test_a_server_that_breaks_off_is_one_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = httpx.Client()
        request = client.build_request("GET", f"http://127.0.0.1:{server.getsockname()[1]}")
        error = httpx.RemoteProtocolError("Server disconnected without sending a response.", request=request)
    assert "doesn't answer: Server disconnected" in cell_errors.unanswered(error)


# An exception of a client doesn't always mean that no server answers: it may be slow, or the address or key wrong.
@pytest.mark.parametrize(
    "cell",
    [
        "OpenAI(base_url=nowhere.removeprefix('http://'), api_key='none', max_retries=0).models.list()",
        "OpenAI(base_url=nowhere, api_key='\u00fc', max_retries=0).models.list()",
        "raise openai.APITimeoutError(request=httpx.Request('GET', nowhere))",
        "try:\n    httpx.get(nowhere)\nexcept httpx.ConnectError as error:\n    raise ValueError('mine') from error",
        "raise ExceptionGroup('several', [httpx.ConnectError('a'), ValueError('b')])",
        "1 / 0",
        "raise KeyboardInterrupt",
        "nope",
    ],
)
def test_other_errors_keep_their_traceback(
    cell: str, nowhere: str, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.push({"nowhere": nowhere})
    shell.run_cell("import httpx, openai\nfrom openai import OpenAI")
    assert not shell.run_cell(cell).success
    # Python itself prints the traceback of an exception group.
    assert "Traceback (most recent call last)" in "".join(capsys.readouterr())


def test_a_cell_shows_the_line_alone_and_the_traceback_on_demand(
    nowhere: str, shell: InteractiveShell, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = f"import httpx\nhttpx.get('{nowhere}')"
    assert not shell.run_cell(cell).success
    shown = capsys.readouterr().out
    assert "doesn't answer" in shown and len(shown.strip().splitlines()) == 1
    shell.run_cell("%tb")
    assert "Traceback (most recent call last)" in capsys.readouterr().out
    monkeypatch.setenv("VERBOSE", "true")
    shell.run_cell(cell)
    assert "Traceback (most recent call last)" in capsys.readouterr().out


def test_kernels_of_this_environment_load_it_and_only_for_attendees(shell: InteractiveShell) -> None:
    installed = Path(sys.prefix) / "etc" / "ipython" / "ipython_kernel_config.py"
    assert f'"{cell_errors.__name__}"' in installed.read_text(encoding="utf-8")
    shell.set_custom_exc((), None)
    paths.WORK.joinpath("below").mkdir()
    paths.WORK = paths.WORK / "below"
    cell_errors.load_ipython_extension(shell)
    assert shell.custom_exceptions == ()
