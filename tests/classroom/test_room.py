"""A classroom as an instructor starts it, with two attendees and two servers, from the first login to kill -9."""

import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rooms import place_for_one, running

from llamastack_workshop.classroom import room

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
from llamastack_workshop.attending import record
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


@pytest.fixture(autouse=True)
def _place() -> Iterator[None]:
    with place_for_one():
        yield


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
        assert classroom.passwords() == {} and not room.Places().sheet.exists()
        visitor = classroom.visitor("attendee-01", passwords["attendee-01"])
        visitor.open_lab()
        assert visitor.run(retrieve).strip() == "200"
        classroom.end(signal.SIGINT)


def wait_until(condition: object) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)
