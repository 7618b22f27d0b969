"""A classroom in the foreground: database, models, servers, gateway and hub, looked after until Ctrl-C."""

import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console
from rich.text import Text

from llamastack_workshop.classroom import certificate, hub, people, postgres, sheet, tokens
from llamastack_workshop.classroom import environment as environments
from llamastack_workshop.classroom.disk import Disk
from llamastack_workshop.classroom.environment import Environment
from llamastack_workshop.classroom.folders import FOLDERS
from llamastack_workshop.classroom.gateway import Attendee, Gateway, Plan, program
from llamastack_workshop.classroom.people import Person
from llamastack_workshop.classroom.postgres import Database
from llamastack_workshop.classroom.replicas import Replica, Replicas
from llamastack_workshop.server import parts, run_yaml, serving, stacks, upstreams
from llamastack_workshop.server.embedded import models
from llamastack_workshop.server.stacks import Server
from llamastack_workshop.system import files, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Child

# What servers keep. `make clean` removes it; the folders of attendees are in work/, which stays.
HOME = paths.WORKSHOP_HOME / "classroom"
_CONFIGURATION = stacks.FOLDER / "classroom.yaml"
_STATE_SIZE = 500_000_000  # bytes; the database's log alone may take most of it
# A model of a provider that's switched off now would be listed, and answer 400. All of them are listed anew at a start.
_FORGET_MODELS = "DELETE FROM llamastack_kvstore WHERE key LIKE '%distributions:registry:%::model:%'"


@dataclass(frozen=True)
class Places:
    """Where a classroom keeps what is its own (`home`), the `folders` of its attendees, and its `logs`."""

    home: Path = HOME
    folders: Path = FOLDERS
    logs: Path = paths.LOGS / "classroom"

    @property
    def people(self) -> Path:
        return self.folders / "people.json"

    @property
    def sheet(self) -> Path:
        return self.home / "hand-out.html"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"


@dataclass(frozen=True)
class Options:
    """How many `users` there are and servers (`replicas`), where the classroom listens, its limits and its places."""

    users: int
    replicas: int = 2
    listen: str = ports.HOST
    port: int = 8000
    certificate: Path | None = None
    at_once: int = 8
    new_passwords: bool = False
    upstream: upstreams.Choice = upstreams.Choice.auto
    limits: hub.Limits = field(default_factory=hub.Limits)
    places: Places = field(default_factory=Places)


class Room:
    """What runs, once `running_room` yields it; `passwords` are those that are new, by name."""

    def __init__(
        self, options: Options, url: str, replicas: Replicas, kept: list["Kept"], passwords: dict[str, str]
    ) -> None:
        self.options, self.url, self.replicas, self.passwords = options, url, replicas, passwords
        self._kept = kept

    def process_ids(self) -> dict[str, list[int]]:
        """Return the processes of each part by its name; what these have started belongs to the part."""
        servers = [one.process.pid for one in self.replicas.all.values() if one.process]
        return {"LlamaStack": servers, **{one.name: [one.pid] for one in self._kept}}

    def look_after(self) -> None:
        """Start again whatever has ended by itself; the servers are looked after without this."""
        for one in self._kept:
            one.look_after()


class Kept:
    """A part of a classroom that's started again when it ends by itself: `start` does that."""

    def __init__(self, name: str, process: Callable[[], Child], start: Callable[[], object], tell: Say) -> None:
        self.name, self._process, self._start, self._tell = name, process, start, tell
        self._pause, self._next = 1.0, 0.0

    @property
    def pid(self) -> int:
        return self._process().pid

    def look_after(self) -> None:
        if self._process().running():
            self._pause = 1.0
        elif time.monotonic() >= self._next:
            self._tell(f"{self.name} ended by itself. Starting it again …")
            try:
                self._start()
                self._tell(f"{self.name} is back.")
            except (WorkshopError, OSError) as error:
                self._tell(f"It does not start: {error}".replace("\n", " "))
            self._next, self._pause = time.monotonic() + self._pause, min(2 * self._pause, 60)


def serve(console: Console, say: Say, options: Options) -> None:
    """Run a classroom until Ctrl-C. SIGUSR1 replaces its servers, one after the other.

    Raises WorkshopError for whatever keeps it from starting.
    """
    started = time.monotonic()

    def tell(line: str) -> None:
        console.print(Text(f"{time.strftime('%H:%M:%S')}  {line}"), soft_wrap=True)

    with running_room(console, say, tell, options) as room:
        console.print(
            f"\nThe classroom is ready for {options.users} people, {time.monotonic() - started:.0f} s after the start:",
            Text(room.url, style="bold"),
            soft_wrap=True,
        )
        console.print("How far are they? In another terminal: make progress ARGS=--room")
        with serving.until_ctrl_c(console, "Ctrl-C stops everything; the next start finds everything as it was."):
            while True:
                room.look_after()
                time.sleep(0.5)


@contextmanager
def running_room(console: Console, say: Say, tell: Say, options: Options) -> Iterator[Room]:
    """Start a classroom, print new passwords on `console`, yield it once it's ready, and stop it at the end.

    `say` gets a line about each step, `tell` one about each event later on.
    Raises WorkshopError for whatever keeps it from starting.
    """
    programs = environments.installed(say)
    places = options.places
    program()
    _check_places(programs)
    files.require_space(places.home, _STATE_SIZE)
    _make_open(places.home, places.folders)
    with ExitStack() as cleanup:
        cleanup.enter_context(_alone(places.home, options.port))
        # What a classroom that was killed has left.
        places.sheet.unlink(missing_ok=True)
        url, certified = _address(options)
        everybody, passwords = people.enrolled(
            people.read(places.people), options.users, new_passwords=options.new_passwords
        )
        admitted = everybody[: options.users]
        say(f"Preparing the folders of {len(admitted)} people …")
        for person in admitted:
            hub.make_folder(places.folders / person.name, person)
        database, cluster = cleanup.enter_context(
            postgres.running(programs, _open(places.home / "postgres"), places.log("postgres"), say)
        )
        server, addresses, served = _models(options, say, cleanup)
        _forget_models(programs, database)

        issuer = tokens.Issuer()
        keys = {person.name: secrets.token_urlsafe(24) for person in admitted}
        state = files.private_folder(places.home / "state")
        gateways: list[Gateway] = []

        def launch(port: int, log: Path) -> Child:
            variables = {
                **database.variables(),
                **addresses,
                "OIDC_ISSUER": tokens.ISSUER,
                "OIDC_AUDIENCE": tokens.AUDIENCE,
                "OIDC_JWKS_URL": gateways[0].jwks_url,
                "PYTHONPATH": environments.path_for_children(programs),
            }
            return parts.llama_stack(server, port, log, state=state, variables=variables)

        disk = Disk(places.home / "postgres" if cluster else state, tell)
        servers = [Replica(f"server-{n}", launch, places.log(f"server-{n}")) for n in range(1, options.replicas + 1)]
        replicas = Replicas(
            servers,
            issuer.token("readiness", tokens.PROBE),
            tell,
            database_runs=lambda: cluster is None or cluster.process.running(),
            has_room=disk.has_room,
            database_answers=lambda: postgres.is_ready(programs, database),
            standing=lambda name: gateways[0].standing(name),
        )
        inside = options.port if certified is None else ports.free_port()
        jupyter = hub.Hub(
            programs,
            files.private_folder(places.home / "hub") if os.geteuid() != 0 else _open(places.home / "hub"),
            places.folders,
            places.log("jupyterhub"),
            admitted,
            {name: {"LLAMA_STACK_BASE_URL": f"http://{ports.HOST}:{inside}/t/{key}/v1"} for name, key in keys.items()},
            options.limits,
        )
        plan = Plan(
            port=options.port,
            local_port=inside,
            servers={one.name: one.port for one in servers},
            hub_port=jupyter.port,
            attendees=[Attendee(name, key, issuer.token(name, tokens.ATTENDEE)) for name, key in keys.items()],
            jwks=issuer.jwks(),
            at_once=options.at_once,
            listen=options.listen,
            certificate=certified,
        )
        gateways.append(Gateway(plan, places.home / "gateway", places.log("haproxy"), replicas.state_of))
        cleanup.callback(gateways[0].stop)
        gateways[0].start()
        cleanup.callback(replicas.stop)
        cleanup.callback(jupyter.stop)
        say(f"Starting {options.replicas} LlamaStack server{'s' * (options.replicas > 1)} and JupyterHub …")
        with ThreadPoolExecutor(2) as pool:
            for starting in [pool.submit(replicas.start), pool.submit(jupyter.start)]:
                starting.result()
        _hand_out(console, url, everybody, passwords, options, certified, cleanup)
        kept = [
            Kept("HAProxy", lambda: gateways[0].process, gateways[0].start, tell),
            Kept("JupyterHub", lambda: jupyter.process, jupyter.start, tell),
        ]
        if cluster:
            kept.insert(0, Kept("PostgreSQL", lambda: cluster.process, cluster.start, tell))
        if served:
            kept.append(Kept("The model", lambda: served.process, served.start, tell))
        with _replaced_on_signal(replicas):
            yield Room(options, url, replicas, kept, passwords)


class _Models:
    """The embedded models, on the same ports also after a new start."""

    def __init__(self, numbers: dict[str, int], log: Path, say: Say, chat_model: models.ChatModel | None) -> None:
        self._numbers, self._log, self._say, self._chat_model = numbers, log, say, chat_model
        self._parts = ExitStack()
        self.process: Child | None = None

    def start(self) -> None:
        self._parts.close()
        served = parts.embedded_models(self._numbers, self._log, self._say, self._chat_model)
        self.process = self._parts.enter_context(served)

    def stop(self) -> None:
        self._parts.close()


def _models(options: Options, say: Say, cleanup: ExitStack) -> tuple[Server, dict[str, str | None], _Models | None]:
    """Return the server to start, the variables that tell it where its models are, and those that run for it."""
    server = Server(_CONFIGURATION)
    active = [one for one in upstreams.chosen(options.upstream) if one.variable in server.variables()]
    for one in active:
        say(f"Checking {one.display_name()} …")
        upstreams.models(one)
    wanted = [
        *(["LLAMA_CPP_URL"] if not active else []),
        *([] if os.environ.get("EMBEDDINGS_URL") else ["EMBEDDINGS_URL"]),
    ]
    foreign = models.chat_model(say) if "LLAMA_CPP_URL" in wanted and not models.is_ours() else None
    if active or foreign:
        longer = files.private_folder(options.places.home / "state") / _CONFIGURATION.name
        files.write_whole(longer, run_yaml.without_short_texts(run_yaml.read(_CONFIGURATION)))
        server = Server(longer)
    off = upstreams.switches() - {one.variable for one in active}
    numbers = {variable: ports.free_port() for variable in wanted}
    addresses = {variable: f"http://{ports.HOST}:{number}/v1" for variable, number in numbers.items()}
    if not numbers:
        return server, dict.fromkeys(off), None
    served = _Models(numbers, options.places.log("embedded"), say, foreign)
    cleanup.callback(served.stop)
    served.start()
    return server, {**dict.fromkeys(off), **addresses}, served


def _forget_models(programs: Environment, database: Database) -> None:
    if postgres.query(programs, database, "SELECT to_regclass('llamastack_kvstore')"):
        postgres.query(programs, database, _FORGET_MODELS)


def _hand_out(
    console: Console,
    url: str,
    everybody: list[Person],
    passwords: dict[str, str],
    options: Options,
    certified: Path | None,
    cleanup: ExitStack,
) -> None:
    """Write down who is there, and print new passwords: the only time that they're shown."""
    # Only now: a start that failed before would have lost the passwords.
    with files.open_private(options.places.people) as file:
        file.write(people.written(everybody).encode())
    fingerprint = certificate.fingerprint(certified) if certified else None
    if fingerprint:
        console.print(f"\nThe certificate's SHA-256: {fingerprint}", soft_wrap=True)
    if not passwords:
        console.print("Everybody's password is as it was; for new ones: --new-passwords")
        return
    printed = options.places.sheet
    with files.open_private(printed) as file:
        file.write(sheet.page(url, passwords, fingerprint).encode())
    cleanup.callback(printed.unlink, missing_ok=True)
    console.print(f"\nPasswords for {url}:", soft_wrap=True)
    console.print(sheet.text(passwords))
    console.print(
        f"To print and cut: {printed}\nThey are shown once. That file goes when the classroom stops; hashes stay.",
        soft_wrap=True,
    )


@contextmanager
def _replaced_on_signal(replicas: Replicas) -> Iterator[None]:
    """Replace the servers, one after the other, whenever this process gets SIGUSR1 in the block."""

    def replace(*_: object) -> None:
        threading.Thread(target=replicas.replace_all, daemon=True).start()

    # Only the main thread may say what a signal does.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGUSR1, replace)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, before)


@contextmanager
def _alone(home: Path, port: int) -> Iterator[None]:
    """Keep other classrooms out of `home`; raise WorkshopError if one is there, or if `port` is taken."""
    lock = FileLock(home / "classroom.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        raise WorkshopError("A classroom of this folder runs already.", "Use that one, or stop it first.") from None
    try:
        if not ports.is_free(port):
            raise WorkshopError(f"Port {port} is taken.", f"Choose another: --port {port + 10}")
        yield
    finally:
        lock.release()


def _address(options: Options) -> tuple[str, Path | None]:
    """Return where people go, and the certificate that's shown to them, unless only this machine gets in."""
    if options.listen == ports.HOST:
        return f"http://localhost:{options.port}", None
    name = socket.gethostname() if options.listen == "0.0.0.0" else options.listen
    if options.certificate:
        certificate.fingerprint(options.certificate)
    found = options.certificate or certificate.made(options.places.home / "certificate.pem", name)
    return f"https://{name}:{options.port}", found.absolute()


def _check_places(programs: Environment) -> None:
    """Raise WorkshopError where we are root and the users of attendees could not run what they need."""
    if os.geteuid() != 0:
        return
    # A Python may lie elsewhere than the environment that was made with it.
    for place in (paths.ROOT, Path(sys.prefix), Path(sys.base_prefix), programs.folder, programs.python):
        if closed := files.closed_to_others(place):
            raise WorkshopError(
                f"As root, a classroom runs each attendee's programs as another user, and {closed} is closed to these.",
                f"Run it as an ordinary user; or let others enter, if nothing there is secret: chmod o+x {closed}",
            )


def _make_open(*folders: Path) -> None:
    for folder in folders:
        _open(folder)


def _open(folder: Path) -> Path:
    """Make `folder`, which others may enter but not list, where those that programs run as are others; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    return folder
