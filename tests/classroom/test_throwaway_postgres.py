"""A throw-away PostgreSQL: it ends with its process, and a machine that can't run it gets a reason."""

import subprocess
import sys
import time

import pytest
import yaml

from llamastack_workshop.classroom.throwaway import on_postgres, throwaway_postgres
from llamastack_workshop.server import lines
from llamastack_workshop.system import ports

STARTING = """
import time
from llamastack_workshop import throwaway_postgres
running = throwaway_postgres()
print(running.__enter__().variables["POSTGRES_PORT"], flush=True)
time.sleep(600)
"""


def test_another_system_gets_a_reason_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with throwaway_postgres() as postgres:
        assert postgres.error == "The workshop has PostgreSQL for Linux only."
        assert not postgres.variables


@pytest.mark.parametrize("line", lines.LINES[1:], ids=lambda line: line.stack)
def test_nothing_of_a_configuration_stays_in_files(line: lines.Line) -> None:
    configuration = yaml.safe_load(line.file("run").read_text(encoding="utf-8"))
    changed = yaml.safe_dump(on_postgres(configuration))
    assert "sqlite" not in changed and "faiss" not in changed
    assert "faiss" in yaml.safe_dump(configuration), "the original is as it was"


@pytest.mark.installs
def test_it_stops_starts_and_ends_with_its_process_even_if_that_is_killed() -> None:
    with throwaway_postgres() as postgres:
        assert postgres.error is None
        postgres.query("CREATE TABLE kept AS SELECT 7 AS n")
        postgres.stop()
        assert ports.is_free(int(postgres.variables["POSTGRES_PORT"]))
        postgres.start()
        postgres.start()
        assert postgres.query("SELECT n FROM kept") == "7"
    command = [sys.executable, "-c", STARTING]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        port = int(parent.stdout.readline().split()[-1])
        assert not ports.is_free(port)
        parent.kill()
    deadline = time.monotonic() + 30
    while not ports.is_free(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)
