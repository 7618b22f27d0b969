"""A classroom as an instructor starts it, with two attendees and two servers, from the first login to kill -9."""

import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from visitor import Visitor

from llamastack_workshop.classroom import gateway, room
from llamastack_workshop.system import environment, files, paths, ports
from llamastack_workshop.system.errors import WorkshopError

pytestmark = pytest.mark.nightly

# What an attendee's kernel runs. The client is that of the chapters.
BEGIN = """
import os
import httpx
from openai import OpenAI
base_url = os.environ["LLAMA_STACK_BASE_URL"]
client = OpenAI(base_url=base_url, api_key="none", max_retries=0)
model = next(m.id for m in client.models.list() if m.custom_metadata["model_type"] == "llm")
"""
ASK = BEGIN + 'print(client.responses.create(model=model, input="What is the capital of France?").id)'
SOLVE = """
import os
from llamastack_workshop.attending import record
os.chdir("work")
record.note("server_setup.short_answer", right=True)
"""
LONG = (
    BEGIN
    + """
from concurrent.futures import ThreadPoolExecutor
def ask(n):
    return client.responses.create(model=model, input=f"Tell me about the number {n}.", max_output_tokens=60).id
with ThreadPoolExecutor(4) as pool:
    ids = list(pool.map(ask, range(12)))
print(sum(client.responses.retrieve(id).status in ("completed", "incomplete") for id in ids))
"""
)


class Running:
    """A classroom in a process of its own, and what it has printed."""

    def __init__(self, log: Path, *options: str) -> None:
        self.port = ports.free_port()
        self.log = log
        command = [sys.executable, "-m", "llamastack_workshop.cli", "classroom", "--users=2", f"--port={self.port}"]
        with log.open("wb") as file:
            self.process = subprocess.Popen([*command, *options], stdout=file, stderr=file, env=environment.named())
        deadline = time.monotonic() + 240
        while "is ready for 2 people" not in self.said():
            assert self.process.poll() is None and time.monotonic() < deadline, self.said()
            time.sleep(0.5)
        self.descendants = psutil.Process(self.process.pid).children(recursive=True)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def passwords(self) -> dict[str, str]:
        return dict(re.findall(r"^  (attendee-\d\d)  (\S+)$", self.said(), re.MULTILINE))

    def visitor(self, name: str, password: str) -> Visitor:
        return Visitor(f"http://localhost:{self.port}", name, password)

    def servers(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid).children(recursive=True)
        return [one for one in found if "llamastack_workshop.server.run_server" in one.cmdline()]

    def end(self, how: signal.Signals) -> None:
        """End it, and wait until nothing is left of it."""
        running = {*self.descendants, *psutil.Process(self.process.pid).children(recursive=True)}
        self.process.send_signal(how)
        self.process.wait(60)
        assert psutil.wait_procs(running, timeout=30)[1] == []


@contextmanager
def running(log: Path, *options: str) -> Iterator[Running]:
    classroom = Running(log, *options)
    try:
        yield classroom
    finally:
        if classroom.process.poll() is None:
            classroom.end(signal.SIGINT)


@pytest.fixture(autouse=True)
def _what_it_needs() -> Iterator[None]:
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


def test_a_classroom(tmp_path: Path) -> None:
    with running(tmp_path / "first.log") as classroom:
        passwords = classroom.passwords()
        first, second = (classroom.visitor(name, passwords[name]) for name in ("attendee-01", "attendee-02"))
        assert classroom.visitor("attendee-01", passwords["attendee-02"]).login.status_code == 403

        for visitor in (first, second):
            assert visitor.open_lab().status_code == 200
        response = first.run(ASK).strip()
        assert response.startswith("resp_")
        retrieve = BEGIN + f'print(httpx.get(f"{{base_url}}/responses/{response}").status_code)'
        assert first.run(retrieve).strip() == "200"
        assert second.run(retrieve).strip() == "404"
        # The key in the address is all that tells who asks: another's folder has none, and can't be read where
        # attendees are users of their own.
        if os.geteuid() == 0:
            assert "Permission denied" in second.run(f"!ls {room.FOLDERS}/attendee-01")

        first.run(SOLVE)
        command = [sys.executable, "-m", "llamastack_workshop.cli", "progress", "--room", "--names"]
        shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert "2 attendees; 1 has begun." in shown and re.search(r"attendee-01 +│ 1 of", shown)

        # A server is killed while both have requests at it: each is answered, and stored.
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            answered = [pool.submit(visitor.run, LONG) for visitor in (first, second)]
            time.sleep(4)
            victim = classroom.servers()[0]
            victim.kill()
            assert [one.result().strip() for one in answered] == ["12", "12"]
        wait_until(
            lambda: "server-1 is ready again" in classroom.said() or "server-2 is ready again" in classroom.said()
        )

        # Both are replaced, one after the other.
        before = {one.pid for one in classroom.servers()}
        classroom.process.send_signal(signal.SIGUSR1)
        assert first.run(LONG).strip() == "12"
        wait_until(lambda: len(now := {one.pid for one in classroom.servers()}) == 2 and not now & before)
        classroom.end(signal.SIGKILL)

    # Everything is as it was, but for the passwords, which nobody is shown again.
    with running(tmp_path / "second.log") as classroom:
        assert classroom.passwords() == {} and not room._SHEET.exists()
        visitor = classroom.visitor("attendee-01", passwords["attendee-01"])
        visitor.open_lab()
        assert visitor.run(retrieve).strip() == "200"
        classroom.end(signal.SIGINT)


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)
