"""The LlamaStack servers of a classroom, each looked after: one that has ended or isn't ready is started again."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx

from llamastack_workshop.classroom import readiness
from llamastack_workshop.classroom.gateway import Standing
from llamastack_workshop.server import parts
from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Child

_BETWEEN_CHECKS = 5  # seconds
# A server that was busy once is no fault.
_MOST_FAULTS = 2
# A start that fails is tried again, each time later.
_LONGEST_PAUSE = 60  # seconds
# HAProxy asks four times a second what to do with a server.
_UNTIL_HEARD = 1  # seconds
_LONGEST_DRAIN = 600  # seconds

Launch = Callable[[int, Path], Child]


class Replica:
    """The server `name` on 127.0.0.1:`port`. `launch` starts its process, which waits for a line before it serves."""

    def __init__(self, name: str, launch: Launch, log: Path) -> None:
        self.name, self.port, self.log = name, ports.free_port(), log
        self._launch = launch
        self.process: Child | None = None
        # What HAProxy is told.
        self.state = "down"
        self.starts = 0

    @property
    def base_url(self) -> str:
        return f"http://{ports.HOST}:{self.port}/v1"

    def start(self, token: str) -> None:
        """Start the server and return once it's ready, by the check that `token` is for.

        Raises WorkshopError if it isn't.
        """
        self.starts += 1
        with suppress(OSError):
            self.log.replace(self.log.with_stem(f"{self.log.stem}-before"))
        self.process = self._launch(self.port, self.log)
        self.process.send_line("go")
        try:
            version = parts.wait_for_version(self.process, self.port)
        except TimeoutError as error:
            raise WorkshopError(f"{self.name}: {error}", f"Read {self.log}") from None
        if version is None:
            error = parts.last_error(self.process.log_text())
            raise WorkshopError(f"{self.name} ended while it started: {error}", f"Read {self.log}")
        if fault := readiness.fault(self.base_url, token):
            raise WorkshopError(f"{self.name} is not ready: {fault}.", f"Read {self.log}")
        self.state = "up ready"

    def stop(self) -> None:
        """Stop the server, which finishes what it's answering for some seconds."""
        self.state = "down"
        if self.process:
            self.process.stop()


class Replicas:
    """Servers of the same database, started one after the other and looked after until `stop`.

    `token` is for the readiness check, `database_answers` says whether a restart could help; `database_runs` and
    `has_room` (on the disk) are as much as can be told at once. `standing` says how the gateway treats a server. `tell`
    gets a line about each event.
    """

    def __init__(
        self,
        replicas: list[Replica],
        token: str,
        tell: Say,
        *,
        database_runs: Callable[[], bool],
        has_room: Callable[[], bool],
        database_answers: Callable[[], bool],
        standing: Callable[[str], Standing],
    ) -> None:
        self.all = {replica.name: replica for replica in replicas}
        self._token, self._tell = token, tell
        self._database_runs, self._has_room = database_runs, has_room
        self._database_answers, self._standing = database_answers, standing
        self._closing = threading.Event()
        # Held while a replica is stopped or started on purpose, and by one replacement at a time.
        self._locks = {name: threading.Lock() for name in self.all}
        self._replacing = threading.Lock()
        self._threads: list[threading.Thread] = []

    def state_of(self, name: str) -> str:
        """Return what HAProxy is to do with the server `name`."""
        # HAProxy asks more often than we look: what a server answers without its database is lost.
        state = self.all[name].state if name in self.all and self._database_runs() else "down"
        # What it's answering has room yet.
        return state if state != "up ready" or self._has_room() else "drain"

    def start(self) -> None:
        """Start all servers; raise WorkshopError if one doesn't become ready."""
        first, *others = self.all.values()
        # By itself, because it makes the tables.
        first.start(self._token)
        with ThreadPoolExecutor(max(1, len(others))) as pool:
            list(pool.map(lambda replica: replica.start(self._token), others))
        for replica in self.all.values():
            thread = threading.Thread(target=self._look_after, args=[replica], daemon=True)
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Stop all servers."""
        self._closing.set()
        with ThreadPoolExecutor(len(self.all)) as pool:
            list(pool.map(Replica.stop, self.all.values()))
        for thread in self._threads:
            thread.join(_LONGEST_PAUSE)

    def replace_all(self) -> None:
        """Replace one server after the other by a new one; what it's answering is finished first."""
        with self._replacing:
            for replica in self.all.values():
                if self._closing.is_set():
                    return
                with self._locks[replica.name]:
                    self._replace(replica)

    def _replace(self, replica: Replica) -> None:
        others = [one for one in self.all.values() if one is not replica]
        if others and not any(one.state == "up ready" for one in others):
            self._tell(f"{replica.name} is not replaced: no other server is ready.")
            return
        self._tell(f"Replacing {replica.name}: it gets nothing new, and finishes what it is answering …")
        replica.state = "drain"
        self._closing.wait(_UNTIL_HEARD)
        self._wait_for_gateway(replica.name, lambda standing: not standing.requests, _LONGEST_DRAIN)
        replica.stop()
        self._start_again(replica)
        # The next one may go only once this one gets requests.
        self._wait_for_gateway(replica.name, lambda standing: standing.up, _LONGEST_PAUSE)

    def _wait_for_gateway(self, name: str, wanted: Callable[[Standing], bool], longest: float) -> None:
        """Return once the gateway treats the server `name` as `wanted`, or after `longest` seconds."""
        deadline = time.monotonic() + longest
        while time.monotonic() < deadline and not self._closing.wait(0.5):
            with suppress(httpx.HTTPError, StopIteration, ValueError):
                if wanted(self._standing(name)):
                    return

    def _look_after(self, replica: Replica) -> None:
        faults = 0
        checked = time.monotonic()
        while not self._closing.wait(0.5):
            with self._locks[replica.name]:
                if not replica.process.running():
                    self._tell(f"{replica.name} ended by itself; what it said is in {_ended(replica.log)}")
                    replica.state, faults = "down", 0
                    self._start_again(replica)
                elif not self._database_runs():
                    # Until the check says otherwise, which follows as soon as the database is back.
                    replica.state, checked = "down", 0.0
                elif time.monotonic() - checked > _BETWEEN_CHECKS:
                    fault = readiness.fault(replica.base_url, self._token)
                    checked = time.monotonic()
                    faults = faults + 1 if fault else 0
                    # Silence may be work; whatever else is wrong loses answers.
                    silent = fault and fault.startswith("no answer")
                    replica.state = "down" if fault and not silent else "up ready"
                    if faults >= _MOST_FAULTS * (2 if silent else 1) and replica.process.running():
                        self._tell(f"{replica.name} is not ready: {fault}.")
                        replica.stop()
                        self._start_again(replica)
                        faults = 0

    def _start_again(self, replica: Replica) -> None:
        """Start `replica`, as soon as the database answers, and as often as it takes."""
        pause = 1.0
        while not self._closing.is_set():
            if not self._database_answers():
                self._closing.wait(1)
                continue
            try:
                replica.start(self._token)
            except (WorkshopError, OSError) as error:
                replica.stop()
                self._tell(f"{error}".replace("\n", " "))
                self._closing.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
            else:
                self._tell(f"{replica.name} is ready again.")
                return


def _ended(log: Path) -> Path:
    return log.with_stem(f"{log.stem}-before")
