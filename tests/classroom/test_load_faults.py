"""Faults while attendees ask: what became of each request, and whether every answer is still there."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from faults.clones import mounted
from rooms import Running, place_for_one, running
from tables import put_row, read_table

from llamastack_workshop.classroom import room
from llamastack_workshop.proving.load.asking import Asking, Fate, wait_until
from llamastack_workshop.system import paths

pytestmark = pytest.mark.nightly

PAGE = paths.ROOT / "book" / "teaching" / "classroom.md"
TABLE = "classroom-faults"
HEADER = ["fault", "sent", "answered", "of these, stored", "refused", "broken off", "back after"]
PEOPLE = 8
PATIENCE = 180  # seconds
DISK = 500  # megabytes for the database, which needs some 100
FULL = 15  # seconds for which it's full
# Leaves when the answer begins; the parent kills it then.
LEAVING = """
import sys, httpx
base_url, key, model = sys.argv[1:]
body = {"model": model, "input": "Tell me about the number 7.", "max_output_tokens": 300, "stream": True}
headers = {"Authorization": f"Bearer {key}"}
with httpx.stream("POST", f"{base_url}/responses", json=body, headers=headers, timeout=120) as response:
    for line in response.iter_lines():
        print(line, flush=True)
"""

type Row = Callable[[str, Asking, float, float], None]


@pytest.fixture(autouse=True)
def _place() -> Iterator[None]:
    with place_for_one():
        yield


@pytest.fixture
def row(rewrite_tables: bool) -> Row:
    """Return a function that judges what became of the requests, and writes its row with --rewrite-tables."""

    def judge(name: str, asking: Asking, began: float, ended: float) -> None:
        fates = Counter(one.fate for one in asking.requests)
        lost = asking.lost()
        left = Counter(asking.status_of(one) for one in asking.requests if one.fate is Fate.broken and one.response)
        print(name, dict(fates), f"{ended - began:.1f} s; what broke off is now {dict(left)}; lost: {len(lost)}")
        answered = fates[Fate.answered]
        cells = [name, str(len(asking.requests)), str(answered), str(answered - len(lost))]
        cells += [_with_reasons(asking, fate) for fate in (Fate.refused, Fate.broken)]
        if rewrite_tables:
            put_row(PAGE, TABLE, HEADER, [*cells, f"{ended - began:.0f} s"])
        else:
            assert any(line.startswith(f"| {name} |") for line in read_table(PAGE, TABLE)), name
        assert not lost, "an answer that came whole is stored"

    return judge


def _with_reasons(asking: Asking, fate: Fate) -> str:
    reasons = Counter(one.said for one in asking.requests if one.fate is fate)
    return ", ".join(f"{count} ({said})" for said, count in reasons.most_common()) or "0"


def provoked(classroom: Running, fault: Callable[[], float | None]) -> tuple[Asking, float, float]:
    """Have everybody ask, call `fault`, and return what they asked, when its cause ended, and when all had answers."""
    with Asking(f"http://localhost:{classroom.port}/v1", classroom.keys()) as asking:
        assert wait_until(lambda: len(asking.answered()) == PEOPLE, PATIENCE)
        began = fault() or time.time()
        assert wait_until(lambda: len(asking.answered(began)) == PEOPLE, PATIENCE), classroom.said()
        ended = max(asking.answered(began).values())
        # Whatever follows late belongs to it.
        time.sleep(5)
    return asking, began, ended


def model_server(classroom: Running) -> psutil.Process:
    (found,) = classroom.processes("llamastack_workshop.server.embedded.serve")
    return found


def program(classroom: Running, name: str) -> psutil.Process:
    """Return the process of a program that isn't ours, the one that has started its others."""
    found = [one for one in classroom.processes() if one.name() == name]
    return next(one for one in found if one.parent() not in found)


def leave_in_mid_stream(classroom: Running, asking_as: str) -> None:
    url, key = f"http://localhost:{classroom.port}/v1", classroom.keys()[asking_as]
    process = subprocess.Popen(
        [sys.executable, "-c", LEAVING, url, key, "llama-cpp/smollm2-135m-workshop"], stdout=subprocess.PIPE
    )
    assert any(b"output_text.delta" in line for line in process.stdout)
    process.kill()
    process.wait()


def test_a_part_ends_while_people_ask(tmp_path: Path, row: Row) -> None:
    with running(tmp_path / "log", PEOPLE) as classroom:
        faults: dict[str, Callable[[], object]] = {
            "a LlamaStack server is killed": lambda: classroom.servers()[0].kill(),
            "the model server is killed": lambda: model_server(classroom).kill(),
            "PostgreSQL is stopped": lambda: program(classroom, "postgres").send_signal(signal.SIGINT),
            "PostgreSQL is killed": lambda: program(classroom, "postgres").kill(),
            "HAProxy is killed": lambda: program(classroom, "haproxy").kill(),
            "four clients are killed in mid-stream": lambda: [
                leave_in_mid_stream(classroom, name) for name in list(classroom.keys())[:4]
            ],
        }
        for name, fault in faults.items():

            def timed(fault: Callable[[], object] = fault) -> float:
                at = time.time()
                fault()
                return at

            row(name, *provoked(classroom, timed))
            # The next fault finds everything ready.
            assert wait_until(lambda: len(classroom.servers()) == 2, PATIENCE)
            time.sleep(20)


def test_everything_is_killed_at_once(tmp_path: Path, row: Row) -> None:
    with running(tmp_path / "first.log", PEOPLE) as classroom:
        with Asking(f"http://localhost:{classroom.port}/v1", classroom.keys()) as asking:
            assert wait_until(lambda: len(asking.answered()) == PEOPLE, PATIENCE)
            time.sleep(5)
            asking.end()
            for process in [psutil.Process(classroom.process.pid), *classroom.processes()]:
                process.kill()
        classroom.process.wait()
        assert psutil.wait_procs(classroom.descendants, timeout=30)[1] == []
    began = time.time()
    with running(tmp_path / "second.log", PEOPLE) as classroom:
        asking.keys, asking.base_url = classroom.keys(), f"http://localhost:{classroom.port}/v1"
        with Asking(asking.base_url, classroom.keys()) as again:
            assert wait_until(lambda: len(again.answered()) == PEOPLE, PATIENCE)
        row("`kill -9` of all processes, and a new start", asking, began, max(again.answered().values()))


def test_the_disk_is_full(tmp_path: Path, row: Row) -> None:
    place = room.HOME / "postgres"
    mount = 'mkdir -p "$1"; mount -t tmpfs -o "size=$2m,mode=711" none "$1"'
    with running(tmp_path / "log", PEOPLE, mounted(mount, str(place), str(DISK))) as classroom:
        # The mount is in a namespace of the classroom's own.
        filler = Path(f"/proc/{classroom.process.pid}/root{place}/filler")

        def fill() -> float:
            with filler.open("wb", buffering=0) as file, suppress(OSError):
                while file.write(bytes(1_000_000)):
                    # As fast as a download.
                    time.sleep(0.05)
            time.sleep(FULL)
            filler.unlink()
            return time.time()

        row(f"another program fills the database's disk, and empties it after {FULL} s", *provoked(classroom, fill))
