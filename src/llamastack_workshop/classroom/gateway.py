"""The gateway of a classroom: HAProxy in front of the LlamaStack servers and the hub.

An attendee's requests carry a key, in their path (`/t/KEY/v1/…`) or as the usual bearer token. The gateway knows whose
it is, limits the requests that each has at a time, keeps an attendee on one server, and passes on a token that the
servers check. Answers pass as they come, and streams with them.
"""

import csv
import io
import secrets
import shutil
import socketserver
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

import httpx

from llamastack_workshop.system import environment, files, ports
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.processes import Spawned

_CONFIGURATION = Path(__file__).with_name("haproxy.cfg")
_START_TIMEOUT = 15  # seconds
# Inside of it, HAProxy looks for what's refused, and keeps a request that it may have to send a second time.
_BUFFER = 524_288  # bytes
_LONGEST_REQUEST = 500_000  # bytes; it has to be smaller than the buffer


@dataclass(frozen=True)
class Attendee:
    """Who may ask: the key in their requests, and the token that the servers get in its place."""

    name: str
    key: str
    token: str


@dataclass(frozen=True)
class Plan:
    """What a gateway has in front of it and behind it.

    `listen` and `certificate` say where people reach it; without a certificate, that's http. `servers` are the ports of
    the LlamaStack servers by name, `hub_port` is the one of the hub's proxy. `at_once` is how many requests of one
    attendee are answered at the same time.
    """

    port: int
    servers: dict[str, int]
    hub_port: int
    attendees: list[Attendee]
    jwks: str
    at_once: int
    listen: str = ports.HOST
    certificate: Path | None = None
    local_port: int = field(default_factory=ports.free_port)

    def inside(self) -> int:
        """Return the port for this machine's own programs, which speak http in any case."""
        return self.local_port if self.certificate or self.listen != ports.HOST else self.port


@dataclass(frozen=True)
class Standing:
    """Whether a server gets requests, and how many it's answering."""

    up: bool
    requests: int


class Gateway:
    """HAProxy, from `start` to `stop`. `state_of` says for the name of a server what HAProxy is to do with it:
    `up ready`, `drain` (nothing new), or `down`."""

    def __init__(self, plan: Plan, folder: Path, log: Path, state_of: Callable[[str], str]) -> None:
        self._plan, self._folder, self._log = plan, folder, log
        self._agent = _Agent(state_of)
        self._stats_port, self._stats_password = ports.free_port(), secrets.token_urlsafe(16)
        self.process: Spawned | None = None

    def start(self) -> None:
        """Start it, also again after it has ended, and return once it listens. Raises WorkshopError if it doesn't."""
        self.process = Spawned(
            "llamastack_workshop.system.program",
            "--signal=SIGTERM",
            "--",
            program(),
            "-db",
            "-f",
            str(self._write()),
            environment=environment.named(),
            log=self._log,
        )
        deadline = time.monotonic() + _START_TIMEOUT
        while ports.is_free(self._plan.inside()):
            if not self.process.running() or time.monotonic() > deadline:
                raise WorkshopError("HAProxy, the gateway, did not start.", f"Read {self._log}")
            time.sleep(0.1)

    def stop(self) -> None:
        if self.process:
            self.process.stop()
        self._agent.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def jwks_url(self) -> str:
        """The address of the public key with which servers check the tokens."""
        return f"http://{ports.HOST}:{self._stats_port}/jwks"

    def standing(self, server: str) -> Standing:
        """Return how HAProxy treats `server` now. Raises httpx.HTTPError if HAProxy doesn't tell."""
        url = f"http://{ports.HOST}:{self._stats_port}/;csv"
        told = httpx.get(url, auth=("supervisor", self._stats_password), timeout=5).raise_for_status().text
        rows = csv.DictReader(io.StringIO(told.removeprefix("# ")))
        row = next(row for row in rows if (row["pxname"], row["svname"]) == ("llamastack", server))
        return Standing(row["status"].startswith("UP"), int(row["scur"]))

    def _write(self) -> Path:
        """Write HAProxy's configuration, with the tokens, for nobody else to read, and return its path."""
        files.private_folder(self._folder)
        plan = self._plan
        lines = [
            f"server {name} {ports.HOST}:{port} agent-check agent-addr {ports.HOST} agent-port {self._agent.port} "
            f"agent-inter 250ms agent-send {name}\\n"
            for name, port in plan.servers.items()
        ]
        # JupyterLab's websockets are HTTP/1.1.
        tls = f" ssl crt {plan.certificate} alpn http/1.1" if plan.certificate else ""
        binds = [f"bind {plan.listen}:{plan.port}{tls}"]
        if plan.inside() != plan.port:
            binds.append(f"bind {ports.HOST}:{plan.inside()}")
        written = {
            "tokens.map": "".join(f"{one.key} {one.token}\n" for one in plan.attendees),
            "names.map": "".join(f"{one.key} {one.name}\n" for one in plan.attendees),
            "jwks.json": plan.jwks,
            "haproxy.cfg": Template(_CONFIGURATION.read_text(encoding="utf-8")).substitute(
                buffer=_BUFFER,
                longest=_LONGEST_REQUEST,
                binds="\n    ".join(binds),
                servers="\n    ".join(lines),
                hub=f"{ports.HOST}:{plan.hub_port}",
                at_once=plan.at_once,
                stats_port=self._stats_port,
                stats_password=self._stats_password,
                folder=self._folder,
            ),
        }
        for name, text in written.items():
            with files.open_private(self._folder / name) as file:
                file.write(text.encode())
        return self._folder / "haproxy.cfg"


def program() -> str:
    """Return the path of HAProxy; raise WorkshopError if it isn't installed."""
    # Debian has it where only root's PATH leads.
    found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise WorkshopError(
            "HAProxy, the gateway of a classroom, is not installed.", "Debian and Ubuntu: sudo apt install haproxy"
        )
    return found


class _Agent:
    """What HAProxy asks, four times a second, about each server: it sends the name, and reads what to do."""

    def __init__(self, state_of: Callable[[str], str]) -> None:
        class Handler(socketserver.StreamRequestHandler):
            timeout = 5

            def handle(self) -> None:
                name = self.rfile.readline(100).decode("ascii", "replace").strip()
                self.wfile.write(f"{state_of(name)}\n".encode())

        self._server = socketserver.ThreadingTCPServer((ports.HOST, 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
