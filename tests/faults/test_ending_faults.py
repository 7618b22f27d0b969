"""Unplanned ends: signals, killed processes, closed terminals, and interrupted starts."""

import os
import pty
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from clones import Clone, Run, end, ended, read_until, wait_for

from llamastack_workshop.system import ports

pytestmark = pytest.mark.nightly

Row = Callable[..., None]

ENGINE, SERVER, MOULD = "server.embedded.serve", "--port", "system.mould"


def started(clone: Clone, *before: str) -> subprocess.Popen[str]:
    process = clone.start("llama-server", "--port", str(ports.free_port()), before=before)
    read_until(process, "Ctrl-C stops it")
    # It prints this line shortly before it waits.
    time.sleep(0.3)
    return process


def of(clone: Clone, which: str) -> list[psutil.Process]:
    """Return the processes of a stack by their role: the engine, the mould, the server that it forked."""
    here = clone.processes()
    if which == "server":
        (mould,) = of(clone, "mould")
        return mould.children()
    word = {"engine": ENGINE, "mould": MOULD}[which]
    found = [one for one in here if any(word in part for part in one.cmdline())]
    return found if which == "engine" else [one for one in found if one.parent() not in found]


@pytest.mark.parametrize("which", ["server", "engine"])
def test_a_part_is_killed(which: str, clone: Clone, row: Row) -> None:
    process = started(clone)
    (part,) = of(clone, which)
    part.kill()
    run = ended(process)
    row(f"`kill -9` of the {which}, while it serves", run)
    assert run.status == 1 and "ended by itself" in run.said


def test_the_mould_is_killed(clone: Clone, row: Row) -> None:
    process = started(clone)
    (mould,) = of(clone, "mould")
    mould.kill()
    time.sleep(1)
    run = end(process, signal.SIGINT)
    row("`kill -9` of the process that servers are forked from", run)
    assert run.status == 0


def test_the_command_is_killed(clone: Clone, row: Row) -> None:
    process = started(clone)
    run = end(process, signal.SIGKILL)
    row("`kill -9` of the command itself: its parts end by themselves", (run.status, "Killed"))


@pytest.mark.parametrize(
    ("name", "status"), [("SIGINT", 0), ("SIGTERM", 0), ("SIGHUP", 0), ("SIGQUIT", -signal.SIGQUIT)]
)
def test_a_signal_while_it_serves(name: str, status: int, clone: Clone, row: Row) -> None:
    run = end(started(clone), getattr(signal, name))
    row(f"{name} while it serves", run)
    assert run.status == status


def test_make_is_killed(clone: Clone, row: Row) -> None:
    make = clone.program("make", "llama-server", f"ARGS=--port {ports.free_port()}")
    read_until(make, "Ctrl-C stops it")
    make.kill()
    gone = wait_for(lambda: not clone.processes())
    row("`kill -9` of make: the server ends as well", (-9, "Killed"))
    make.communicate(timeout=30)
    assert gone


@pytest.mark.parametrize("command", ["workshop", "make"])
def test_a_closed_terminal(command: str, clone: Clone, row: Row) -> None:
    words = {
        "workshop": [str(clone.folder / ".venv/bin/workshop"), "llama-server", "--port", str(ports.free_port())],
        "make": ["make", "llama-server", f"ARGS=--port {ports.free_port()}"],
    }[command]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(clone.folder)
        os.execvpe(words[0], words, clone.variables())
    output = b""
    while b"Ctrl-C stops it" not in output:
        output += os.read(terminal, 4096)
    os.close(terminal)
    assert wait_for(lambda: not clone.processes() or all(p.pid == pid for p in clone.processes()), 40)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    row(f"The terminal is closed, with `{command}` in it", (status, "Hangup"))


PHASES = {
    "while it imports": "",
    "while the models are prepared": "Preparing",
    "while the model is loaded": "Loading smollm2",
    "while the server starts": "Starting the LlamaStack server",
}


@pytest.mark.parametrize("phase", PHASES)
def test_ctrl_c_during_the_start(phase: str, clone: Clone, row: Row) -> None:
    moment = PHASES[phase]
    if moment == "Preparing":
        for file in (clone.folder / ".workshop" / "models").iterdir():
            file.unlink()
    process = clone.start("llama-server", "--port", str(ports.free_port()))
    if moment:
        read_until(process, moment)
    else:
        maps = Path(f"/proc/{process.pid}/maps")
        if not maps.exists():
            pytest.skip("this system does not tell what a process has imported")
        assert wait_for(lambda: "pydantic_core" in maps.read_text())
    run = end(process, signal.SIGINT)
    row(f"Ctrl-C {phase}", run)
    assert run.status == 130 and run.errors == "Stopped.\n"


def test_ctrl_c_while_jupyterlab_starts(clone: Clone, row: Row) -> None:
    process = clone.start("lab", "--port", str(ports.free_port()), "--lab-port", str(ports.free_port()), "--no-browser")
    read_until(process, "Starting JupyterLab")
    run = end(process, signal.SIGINT)
    row("Ctrl-C while JupyterLab starts", run)
    assert run.status == 130 and "Traceback" not in run.errors


def test_ctrl_c_twice(clone: Clone, row: Row) -> None:
    process = started(clone)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    run = end(process, signal.SIGINT)
    # The second signal may arrive when Python itself is about to exit.
    assert run.status in (0, -signal.SIGINT) and "Traceback" not in run.errors
    row("Ctrl-C twice in one second", ("0 or -2", run.said))


def test_nobody_reads_the_output(clone: Clone, row: Row) -> None:
    """As behind `| head -1`."""
    process = clone.start("llama-server", "--port", str(ports.free_port()))
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    status = process.wait(120)
    row("Nobody reads the output any more (`| head -1`)", Run(status, "", errors))
    assert "Traceback" not in errors


def test_there_is_no_standard_input_or_output(clone: Clone, row: Row) -> None:
    run = clone.run("progress", before=["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"])
    row("Standard input, output and error are closed", (run.status, ""))
    assert run.status in (0, 1)


def test_too_few_open_files(clone: Clone, row: Row) -> None:
    run = clone.serve(before=["sh", "-c", 'ulimit -n 24; exec "$@"', "sh"])
    row("The shell allows 24 open files", run)
    assert "Traceback" not in run.errors


def test_too_little_memory(clone: Clone, row: Row) -> None:
    run = clone.serve(before=["sh", "-c", 'ulimit -v 600000; exec "$@"', "sh"])
    row("The shell allows 600 MB of memory", run)
    assert run.status == 1 and "Traceback" not in run.errors
