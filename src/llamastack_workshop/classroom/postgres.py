"""PostgreSQL with pgvector for a classroom: a cluster in .workshop/classroom/, or a database of the user's own.

WORKSHOP_POSTGRES=postgresql://USER:PASSWORD@HOST:PORT/DATABASE names one of the user's own.
"""

import os
import re
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from llamastack_workshop.classroom.environment import Environment
from llamastack_workshop.system import environment, files, ports, program
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Spawned

VARIABLE = "WORKSHOP_POSTGRES"
_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_NAME = "llamastack"
_ADMINISTRATOR = "postgres"
_START_TIMEOUT = 60  # seconds; it may have to recover first
# Forty people's requests, and a pool of connections for each of LlamaStack's tables.
_CONNECTIONS = 300
# Who runs it where we are root, which PostgreSQL refuses to be: the first of these that the system has.
_INSTEAD_OF_ROOT = ("postgres", "nobody")
# What PostgreSQL says where another one still has the cluster.
_HELD = re.compile(r"postmaster.pid. already exists|pre-existing shared memory block|Address already in use")
# LlamaStack puts a password into an address as it is, and takes one of digits alone for a number.
_SAFE = re.compile(r"(?=.*[A-Za-z])[\w.~-]+", re.ASCII)


@dataclass(frozen=True)
class Database:
    """A database for LlamaStack: where it is, and who may use it."""

    host: str
    port: int
    name: str
    user: str
    password: str

    def variables(self) -> dict[str, str]:
        """Return the environment variables that stacks/classroom.yaml reads."""
        return {
            "POSTGRES_HOST": self.host,
            "POSTGRES_PORT": str(self.port),
            "POSTGRES_DB": self.name,
            "POSTGRES_USER": self.user,
            "POSTGRES_PASSWORD": self.password,
        }


class Cluster:
    """A cluster of ours: `database` for LlamaStack, served by `process`, which `start` starts again if it has ended."""

    def __init__(self, programs: Environment, folder: Path, log: Path) -> None:
        self._programs, self._folder, self._log = programs, folder, log
        self._data = folder / "data"
        self._user = _user_for(self._data)
        port = ports.free_port()
        self._administrator = Database(ports.HOST, port, "postgres", _ADMINISTRATOR, self._secret("administrator"))
        self.database = Database(ports.HOST, port, _NAME, _NAME, self._secret(_NAME))
        self.process: Spawned | None = None

    def start(self) -> None:
        """Start the server, make what's missing of the cluster and the database, and return once it answers.

        Raises WorkshopError if it doesn't start.
        """
        if not (self._data / "PG_VERSION").exists():
            self._make()
        settings = {
            "listen_addresses": self.database.host,
            "port": self.database.port,
            # The address above is the only way in.
            "unix_socket_directories": "",
            "max_connections": _CONNECTIONS,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._serve(options):
            # The processes of one that was killed end a moment after it, and keep the next one out until then.
            if time.monotonic() > deadline or not _HELD.search(self.process.log_text()):
                raise WorkshopError("PostgreSQL did not start.", f"Read {self._log}")
            time.sleep(1)
        self._make_database()

    def stop(self) -> None:
        """Stop the server, if it runs."""
        if self.process:
            self.process.stop()

    def query(self, statement: str) -> str:
        """Return what `statement` gives in LlamaStack's database, said by the administrator; see `query` below."""
        return query(self._programs, self._inside(), statement)

    def _secret(self, whose: str) -> str:
        """Return the password of a role, made once."""
        file = self._folder / f"{whose}-password"
        if not file.exists():
            with files.open_private(file) as opened:
                # A letter first: see _SAFE.
                opened.write(f"p{secrets.token_hex(16)}".encode())
        return file.read_text(encoding="utf-8")

    def _make(self) -> None:
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(self._data, self._user)
        # The file is for the one who runs initdb, and gone after it.
        with tempfile.NamedTemporaryFile("w", prefix="password-") as password_file:
            password_file.write(self._administrator.password)
            password_file.flush()
            if self._user:
                shutil.chown(password_file.name, self._user)
            options = ["--auth=scram-sha-256", f"--username={_ADMINISTRATOR}", f"--pwfile={password_file.name}"]
            done = subprocess.run(
                [str(self._programs.postgres("initdb")), *options, "--encoding=UTF8", "--locale=C", "-D", self._data],
                capture_output=True,
                encoding="utf-8",
                env=environment.named(),
                cwd="/",
                **program.credentials(self._user),
            )
        if done.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            said = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
            raise WorkshopError(
                f"The database was not made: {said[0] if said else 'initdb says nothing'}",
                f"Correct that, and try again; or name a database of your own: {VARIABLE}={_FORM}",
            )

    def _serve(self, options: list[str]) -> bool:
        """Start the process, and return whether it answers; if not, it has ended."""
        self.process = Spawned(
            "llamastack_workshop.system.program",
            "--signal=SIGINT",
            *([f"--user={self._user}"] if self._user else []),
            "--",
            str(self._programs.postgres("postgres")),
            "-D",
            str(self._data),
            *options,
            environment=environment.named(),
            log=self._log,
        )
        deadline = time.monotonic() + _START_TIMEOUT
        while not is_ready(self._programs, self.database):
            if not self.process.running() or time.monotonic() > deadline:
                self.process.stop()
                return False
            time.sleep(0.1)
        return self.process.running()

    def _make_database(self) -> None:
        """Make the role, the database and the extension, unless they are there."""
        role, admin = self.database.user, self._administrator
        if not query(self._programs, admin, f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
            query(self._programs, admin, f"CREATE ROLE {role} LOGIN PASSWORD '{self.database.password}'")
        if not query(self._programs, admin, f"SELECT 1 FROM pg_database WHERE datname = '{self.database.name}'"):
            query(self._programs, admin, f"CREATE DATABASE {self.database.name} OWNER {role}")
        self.query("CREATE EXTENSION IF NOT EXISTS vector")

    def _inside(self) -> Database:
        """Return LlamaStack's database, as the administrator reaches it."""
        admin = self._administrator
        return Database(admin.host, admin.port, self.database.name, admin.user, admin.password)


@contextmanager
def running(programs: Environment, folder: Path, log: Path, say: Say) -> Iterator[tuple[Database, Cluster | None]]:
    """Yield the database to use, and the cluster that serves it until the end of the block, unless it's the user's own.

    `folder` is where a cluster of ours is, `log` what it says.
    Raises WorkshopError if there is no database that LlamaStack can use.
    """
    if address := os.environ.get("WORKSHOP_POSTGRES"):
        say(f"Using the database of {VARIABLE} …")
        yield own(programs, address), None
        return
    say("Starting PostgreSQL …")
    cluster = Cluster(programs, folder, log)
    try:
        cluster.start()
        yield cluster.database, cluster
    finally:
        cluster.stop()


def own(programs: Environment, address: str) -> Database:
    """Return the database of the user's own at `address`, with the extension that vector stores need.

    Raises WorkshopError if the address isn't one, if LlamaStack could not use it, or if the database doesn't answer.
    """
    fix = f"The form is {_FORM}; for a database of the workshop's, unset {VARIABLE}."
    try:
        parts = urlsplit(address)
        host, port, name = parts.hostname, parts.port or 5432, parts.path.removeprefix("/")
    except ValueError:
        raise WorkshopError(f"{VARIABLE} is no address.", fix) from None
    if parts.scheme not in ("postgres", "postgresql") or not (host and name and parts.username and parts.password):
        raise WorkshopError(f"{VARIABLE} lacks a user, a password, a host or a database.", fix)
    database = Database(host, port, name, unquote(parts.username), unquote(parts.password))
    for what, text in (("user", database.user), ("password", database.password), ("database", database.name)):
        if not _SAFE.fullmatch(text):
            raise WorkshopError(
                f"LlamaStack would not reach the database of {VARIABLE}: the {what} has to be quoted in an address.",
                "Choose one of letters, digits and _ . ~ -, with a letter among them.",
            )
    if not query(programs, database, "SELECT 1 FROM pg_extension WHERE extname = 'vector'"):
        try:
            query(programs, database, "CREATE EXTENSION IF NOT EXISTS vector")
        except WorkshopError as error:
            raise WorkshopError(
                f"The database of {VARIABLE} lacks pgvector. {error.problem}",
                "Install pgvector on its server, and let an administrator say: CREATE EXTENSION vector",
            ) from None
    return database


def query(programs: Environment, database: Database, statement: str) -> str:
    """Return what `statement` gives, one row a line.

    Raises WorkshopError if the database doesn't answer, or refuses it.
    """
    done = subprocess.run(
        [
            str(programs.postgres("psql")),
            "-X",
            "-q",
            "-A",
            "-t",
            "-v",
            "ON_ERROR_STOP=1",
            "-v",
            "VERBOSITY=terse",
            "-f",
            "-",
        ],
        # Not on the command line, which other users can read: a statement may hold a password.
        input=statement,
        env=environment.named() | _libpq_variables(database),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["psql says nothing"])[-1].removeprefix("psql:<stdin>:1: ")
        raise WorkshopError(
            f"The database at {database.host}:{database.port} refuses: {said}",
            "See whether it runs, and whether the user may do that.",
        )
    return done.stdout.strip()


def is_ready(programs: Environment, database: Database) -> bool:
    """Return whether `database` accepts connections."""
    command = [str(programs.postgres("pg_isready")), "-q", "-h", database.host, "-p", str(database.port)]
    return subprocess.run(command, env=environment.named()).returncode == 0


def _libpq_variables(database: Database) -> dict[str, str]:
    return {
        "PGHOST": database.host,
        "PGPORT": str(database.port),
        "PGDATABASE": database.name,
        "PGUSER": database.user,
        "PGPASSWORD": database.password,
        "PGCONNECT_TIMEOUT": "10",
    }


def _user_for(data: Path) -> str | None:
    """Return the user that has to run a server on the folder `data`, or None where that is us.

    Raises WorkshopError where we are root, and no other user can reach the folder.
    """
    if os.geteuid() != 0:
        return None
    # Windows, where notebooks import this module as well, has no such module.
    import pwd

    if data.exists() and (owner := data.stat().st_uid) != 0:
        return pwd.getpwuid(owner).pw_name
    known = {one.pw_name for one in pwd.getpwall()}
    wanted = (os.environ.get("SUDO_USER", "root"), *_INSTEAD_OF_ROOT)
    user = next((name for name in wanted if name != "root" and name in known), None)
    closed = files.closed_to_others(data.parent)
    if user is None or closed:
        reason = f"nobody else may enter {closed}" if closed else "this system has no other user"
        raise WorkshopError(
            f"PostgreSQL refuses to run as root, and {reason}.",
            "Run this as another user, from a copy of the repository that is theirs.",
        )
    return user
