"""Locust's file: attendees who log in, open their JupyterLab and chapters, and run the cells, with time to think.

WORKSHOP_LOAD names a file with the `Settings` of a run. Everything that happens is a line of JSON in its `events`:
Locust's requests, and `ready` and `over`, the beginning and the end of the time that is measured.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import gevent
import httpx
import websocket
from gevent.event import Event
from locust import User, constant, events, task
from locust.env import Environment
from locust.exception import StopUser

from llamastack_workshop.proving.load.settings import Settings
from llamastack_workshop.proving.load.visitor import Kernel, NotServed, Visitor

SETTINGS = Settings.read(Path(os.environ["WORKSHOP_LOAD"]))
PRELUDE = Path(__file__).with_name("prelude.py").read_text(encoding="utf-8")
# What everybody runs at the same time, at the end.
TOGETHER = """
import os
from openai import OpenAI
client = OpenAI(base_url=os.environ["LLAMA_STACK_BASE_URL"], api_key="none")
model = next(m.id for m in client.models.list() if m.custom_metadata["model_type"] == "llm")
print(client.responses.create(model=model, input="What is the capital of France?").output_text)
"""
_UNTIL_IN = 900  # seconds
_BEFORE_THE_END = 8  # seconds
# The cells of a chapter that nobody thinks about: its imports, its parameters, and its client.
_FIRST_CELLS = 3
_FAILURES = (httpx.HTTPError, websocket.WebSocketException, OSError, NotServed)


class Run:
    """The phases of a run, which all attendees share."""

    def __init__(self) -> None:
        self.accounts = enumerate(SETTINGS.accounts)
        self.arrived = 0
        self.over, self.together = Event(), Event()
        self.working = 0
        self._file = SETTINGS.events.open("w", encoding="utf-8", buffering=1)

    def write(self, kind: str, **details: Any) -> None:
        self._file.write(json.dumps({"kind": kind, "at": time.time(), **details}) + "\n")

    def conduct(self, environment: Environment) -> None:
        """Wait until everybody is in, let them work for the time that is measured, and end the run."""
        self._wait(lambda: self.arrived == len(SETTINGS.accounts), _UNTIL_IN)
        self.write("ready")
        gevent.sleep(SETTINGS.seconds)
        self.write("over")
        # Until the memory of all has been looked at.
        gevent.sleep(_BEFORE_THE_END)
        self.over.set()
        # What was asked for in time is measured to its end.
        self._wait(lambda: not self.working, SETTINGS.patience)
        self.together.set()
        # Everybody leaves after that, and has their JupyterLab stopped.
        self._wait(lambda: not environment.runner.user_count, 2 * SETTINGS.patience)
        environment.runner.quit()

    def _wait(self, condition: Callable[[], bool], longest: float) -> None:
        deadline = time.monotonic() + longest
        while not condition() and time.monotonic() < deadline:
            gevent.sleep(0.2)


RUN = Run()


@events.init.add_listener
def _begin(environment: Environment, **_: Any) -> None:
    gevent.spawn(RUN.conduct, environment)


@events.request.add_listener
def _write(
    request_type: str,
    name: str,
    response_time: float,
    exception: BaseException | None,
    context: dict[str, Any],
    **_: Any,
) -> None:
    RUN.write(request_type, name=name, seconds=response_time / 1000, error=_told(exception), **context)


class Attendee(User):
    """One of the accounts: works through the chapters, beginning with another one than the neighbour."""

    wait_time = constant(0)

    def on_start(self) -> None:
        number, account = next(RUN.accounts)
        first = number % len(SETTINGS.chapters)
        self.chapters = cycle(SETTINGS.chapters[first:] + SETTINGS.chapters[:first])
        self.cells: list[str] = []
        self.kernel: Kernel | None = None
        try:
            with self._timed("open", "log in"):
                self.visitor = Visitor(SETTINGS.url, *account, patience=SETTINGS.patience)
                self.visitor.login.raise_for_status()
            with self._timed("open", "JupyterLab"):
                self.visitor.open_lab()
            with self._timed("open", "kernel"):
                self._open_chapter()
        except _FAILURES:
            RUN.arrived += 1
            raise StopUser from None
        RUN.arrived += 1

    def on_stop(self) -> None:
        with suppress(*_FAILURES, AttributeError):
            self.visitor.close_lab()

    @task
    def run_a_cell(self) -> None:
        if RUN.over.wait(random.uniform(0.5, 1.5) * SETTINGS.think):
            RUN.together.wait()
            with self._at_work(), suppress(*_FAILURES), self._timed("together", "one question"):
                self._execute(TOGETHER)
            raise StopUser
        with self._at_work(), suppress(*_FAILURES):
            if not self.cells:
                with self._timed("open", "next kernel"):
                    self._open_chapter()
            with self._timed("cell", self.chapter):
                self._execute(self.cells.pop(0))

    def _open_chapter(self) -> None:
        if self.kernel:
            self.kernel.close()
        self.chapter = next(self.chapters)
        self.cells = self.visitor.chapter(self.chapter)
        self.kernel = self.visitor.open_kernel(self.chapter)
        self._execute(PRELUDE)
        for _ in range(_FIRST_CELLS):
            self._execute(self.cells.pop(0))

    def _execute(self, code: str) -> None:
        outcome = self.kernel.execute(code, noted="workshop_noted.take()")
        for one in json.loads(outcome.values.get("noted", "[]")):
            if one["asks"]:
                self._fire("answer", one["path"], one["seconds"], started=one["at"], **_of_answer(one))
        if outcome.error:
            raise CellFailed(outcome.error.strip().splitlines()[-1])

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        RUN.working += 1
        try:
            yield
        finally:
            RUN.working -= 1

    @contextmanager
    def _timed(self, kind: str, name: str) -> Iterator[None]:
        started, failure = time.time(), None
        try:
            yield
        except CellFailed as error:
            failure = error
        except _FAILURES as error:
            failure = error
            raise
        finally:
            self._fire(kind, name, time.time() - started, started=started, exception=failure)

    def _fire(self, kind: str, name: str, seconds: float, exception: Exception | None = None, **context: Any) -> None:
        self.environment.events.request.fire(
            request_type=kind,
            name=name,
            response_time=seconds * 1000,
            response_length=0,
            exception=exception,
            context=context,
        )


class CellFailed(Exception):
    """A cell ended with an error."""


def _of_answer(noted: dict[str, Any]) -> dict[str, Any]:
    failed = noted["error"] or (f"status {noted['status']}" if noted["status"] >= 400 else "")
    return {
        "status": noted["status"],
        "tokens": noted["tokens"],
        "exception": NotServed(failed) if failed else None,
    }


def _told(exception: BaseException | None) -> str:
    return "" if exception is None else f"{type(exception).__name__}: {exception}"[:300]
