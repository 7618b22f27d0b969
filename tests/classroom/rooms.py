"""Classrooms as an instructor starts them, in processes of their own."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from llamastack_workshop.classroom import gateway, room
from llamastack_workshop.proving.load.visitor import Visitor
from llamastack_workshop.system import environment, files, paths, ports
from llamastack_workshop.system.errors import WorkshopError


class Running:
    """A classroom for `users` in a process of its own, which `before` may prefix, and what it has printed."""

    def __init__(self, log: Path, users: int = 2, before: Sequence[str] = ()) -> None:
        self.port = ports.free_port()
        self.log = log
        words = ["-m", "llamastack_workshop.cli", "classroom", f"--users={users}", f"--port={self.port}"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [*before, sys.executable, *words], stdout=file, stderr=file, env=environment.named()
            )
        deadline = time.monotonic() + 240
        while f"is ready for {users} people" not in self.said():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.5)
        self.descendants = self.processes()

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def passwords(self) -> dict[str, str]:
        return dict(re.findall(r"^  (attendee-\d\d)  (\S+)$", self.said(), re.MULTILINE))

    def keys(self) -> dict[str, str]:
        """Return the keys of the attendees by name, which only their kernels and the gateway have."""
        pairs = (room.HOME / "gateway" / "names.map").read_text(encoding="utf-8").split()
        return dict(zip(pairs[1::2], pairs[::2], strict=True))

    def visitor(self, name: str, password: str) -> Visitor:
        return Visitor(f"http://localhost:{self.port}", name, password)

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return its processes, or those of them that have one of `words` in their command line."""
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if not words or any(word in one.cmdline() for word in words)]

    def servers(self) -> list[psutil.Process]:
        return self.processes("llamastack_workshop.server.run_server")

    def end(self, how: signal.Signals) -> None:
        """End it, and wait until nothing is left of it."""
        running = {*self.descendants, *self.processes()}
        self.process.send_signal(how)
        self.process.wait(60)
        assert psutil.wait_procs(running, timeout=30)[1] == []


@contextmanager
def running(log: Path, users: int = 2, before: Sequence[str] = ()) -> Iterator[Running]:
    classroom = Running(log, users, before)
    try:
        yield classroom
    finally:
        if classroom.process.poll() is None:
            classroom.end(signal.SIGINT)


@contextmanager
def place_for_one() -> Iterator[None]:
    """Skip the test where no classroom can run, and remove at the end what it has kept."""
    try:
        gateway.program()
    except WorkshopError:
        pytest.skip("HAProxy is not installed")
    if os.geteuid() == 0 and any(files.closed_to_others(Path(place)) for place in (sys.base_prefix, paths.ROOT)):
        pytest.skip("this Python or this folder is closed to other users")
    if room.FOLDERS.exists() or room.HOME.exists():
        pytest.skip("this folder has a classroom")
    yield
    for folder in (room.FOLDERS, room.HOME):
        shutil.rmtree(folder)
