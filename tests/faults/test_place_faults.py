"""Clones in folders with unusual names, behind links, next to each other, and without a network."""

import signal
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from clones import Clone, Run, end, read_until, without_network

from llamastack_workshop.system import ports

pytestmark = pytest.mark.nightly

Row = Callable[..., None]

NAMES = {
    "spaces": "my own clone",
    "umlauts": "Würfel für Übungen",
    "brackets": "clone [1] {x} (y)",
    "200 characters": "a" * 200,
    "a percent sign, a dollar, a semicolon and quotes": '50% of $HOME; it\'s a "clone"',
    "an emoji and right-to-left text": "🦙 שלום",
}


@pytest.mark.parametrize("what", NAMES)
def test_a_folder_with_an_unusual_name(what: str, scratch: Path, row: Row) -> None:
    clone = Clone(scratch / NAMES[what], scratch / "t")
    clone.give_models()
    port = ports.free_port()
    process = clone.program("make", "llama-server", f"ARGS=--port {port}")
    read_until(process, "Ctrl-C stops it")
    answer = httpx.get(f"http://localhost:{port}/v1/models")
    (server,) = [one for one in clone.processes() if one.name() == "make"]
    server.send_signal(signal.SIGINT)
    for one in server.children():
        one.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    row(f"The folder's name has {what}", (f"HTTP {answer.status_code}", "LlamaStack 0.6.1 is ready"))
    assert answer.status_code == 200
    assert clone.run("progress").status == 0
    assert not clone.remains()


def test_a_clone_behind_a_link(clone: Clone, scratch: Path, row: Row) -> None:
    (scratch / "link").symlink_to(clone.folder)
    process = clone.program("make", "-C", str(scratch / "link"), "progress")
    output, errors = process.communicate(timeout=120)
    row("A command runs in a link to the clone", Run(process.returncode, output, errors))
    assert process.returncode == 0 and "01 Server setup" in output


def test_two_clones_side_by_side(clone: Clone, scratch: Path, row: Row) -> None:
    other = Clone(scratch / "other", scratch / "t2")
    other.give_models()
    port = str(ports.free_port())
    first = clone.start("llama-server", "--port", port)
    read_until(first, "Ctrl-C stops it")
    row("Another clone's server has the port", other.run("llama-server", "--port", port))
    lab = other.start("lab", "--port", port, "--no-browser")
    said = read_until(lab, "It belongs to")
    end(lab, signal.SIGINT)
    row("Another clone's server has the port, and you start JupyterLab", ("130", said))
    assert other.run("clean").status == 0
    second = other.serve()
    row("Two clones each run a server, on two ports", second)
    assert second.status == 0 and end(first, signal.SIGINT).status == 0
    assert not other.remains()


def test_two_starts_at_the_same_moment(clone: Clone, row: Row) -> None:
    port = str(ports.free_port())
    both = [clone.start("llama-server", "--port", port) for _ in range(2)]
    while all(process.poll() is None for process in both):
        if all("Ctrl-C" in (process.stdout.readline() or "Ctrl-C") for process in both):
            break
    runs = [end(process, signal.SIGINT) if process.poll() is None else None for process in both]
    failed = [run or Run(process.returncode, *process.communicate()) for process, run in zip(both, runs, strict=True)]
    (loser,) = [run for run in failed if run.status == 1]
    row("Two starts at the same moment, on one port", loser)
    assert {run.status for run in failed} - {1} <= {0, 130}


def test_two_preparations_at_the_same_moment(clone: Clone, row: Row) -> None:
    for file in (clone.folder / ".workshop" / "models").iterdir():
        file.unlink()
    both = [clone.start("setup") for _ in range(2)]
    outputs = [process.communicate(timeout=240) for process in both]
    row("Two commands prepare the models at the same moment", Run(both[0].returncode, *outputs[0]))
    assert [process.returncode for process in both] == [0, 0], outputs
    assert "is damaged" not in clone.run("doctor", "--port", str(ports.free_port())).output


def test_no_network_at_all(clone: Clone, row: Row) -> None:
    run = clone.serve(before=without_network())
    row("There is no network at all", run)
    assert run.status == 0


SETTINGS = {
    "`HOME` is not set": ({"HOME": ""}, 0),
    "The locale is POSIX, and Python's UTF-8 mode off": ({"LC_ALL": "POSIX", "PYTHONUTF8": "0"}, 0),
    "`SSL_CERT_FILE` names a file that is not there": ({"SSL_CERT_FILE": "/nowhere.pem"}, 1),
    "`TMPDIR` names a folder that is not there": ({"TMPDIR": "/nowhere"}, 0),
    "`COLUMNS` says that the terminal has 20": ({"COLUMNS": "20"}, 0),
}


@pytest.mark.parametrize("what", SETTINGS)
def test_an_unusual_setting(what: str, clone: Clone, row: Row) -> None:
    variables, status = SETTINGS[what]
    run = clone.serve(**variables)
    row(what, run)
    assert run.status == status and "Traceback" not in run.errors
