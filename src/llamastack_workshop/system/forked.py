"""Processes out of a mould: one that has imported what they need already, and forks for each of them.

Importing takes most of the start of a LlamaStack server, and of a notebook's kernel. A process starts a mould with the
first that it needs and names it in a variable, so that the processes below it share that one. `mould` is what runs in
there.
"""

import atexit
import functools
import hashlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.system import environment, files, paths
from llamastack_workshop.system.processes import PYTHON_OPTIONS, Child, Spawned

# Beginnings of what Python and many packages read when they are imported: a fork has the mould's values.
_READ_ON_IMPORT = ("PYTHON", "PYDANTIC_", "OPENAI_LOG", "XDG_", "LC_", "LD_", "HOME", "LANG", "TZ", "TMPDIR")
_LONGEST_ADDRESS = 100  # bytes; Linux allows 107
_IMPORT_TIMEOUT = 180  # seconds; a cold start on a slow disk, many times over

_starting = threading.Lock()


class Forked(Child):
    """A process that the mould at `address` forks, with the `arguments` of the mould's program.

    One connection is its standard input, and a lifeline both ways: it ends when we do, and we see there that it ended.
    `variables` are its environment, `folder` is where it works. What it prints goes to `log`.
    Raises OSError if no mould answers.
    """

    def __init__(
        self, address: Path, arguments: list[str], variables: Mapping[str, str], log: Path, folder: Path | None = None
    ) -> None:
        self.log = log
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(_IMPORT_TIMEOUT)
        self._connection.connect(str(address))
        request = {
            "arguments": arguments,
            "environment": {**variables, **PYTHON_OPTIONS},
            "folder": str(folder or Path.cwd()),
        }
        content = json.dumps(request).encode()
        with files.open_log(log) as log_file:
            socket.send_fds(self._connection, [len(content).to_bytes(4)], [log_file.fileno()])
        self._connection.sendall(content)

    @functools.cached_property
    def pid(self) -> int:
        """The process, or 0 if the mould ended before it made one.

        A mould that has only begun answers once it has imported everything.
        """
        try:
            return int.from_bytes(self._connection.recv(4, socket.MSG_WAITALL))
        except ConnectionError:
            return 0

    def send_line(self, line: str) -> None:
        with suppress(OSError):
            self._connection.sendall(line.encode() + b"\n")

    def running(self) -> bool:
        return not self._ends_within(0)

    def close_input(self) -> None:
        # The other direction stays open: it tells when the server has ended.
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_WR)

    def wait(self, seconds: float | None = None) -> None:
        if not self._ends_within(seconds):
            raise TimeoutError

    def send_kill(self) -> None:
        if self.running():
            os.kill(self.pid, signal.SIGKILL)

    def _ends_within(self, seconds: float | None) -> bool:
        if self.pid == 0 or self._connection.fileno() == -1:
            return True
        # After its pid, a fork sends nothing: there is something to read once its end is closed.
        ended = bool(select.select([self._connection], [], [], seconds)[0])
        if ended:
            self._connection.close()
        return ended


@dataclass(frozen=True)
class Mould:
    """The mould of a `program`, a module with `prepare` and `run`.

    The environment variable `variable` names its folder. `read_on_import` are beginnings of the variables that the
    program's packages read when they are imported.
    """

    program: str
    variable: str
    read_on_import: tuple[str, ...] = ()

    def address(self, variables: Mapping[str, str]) -> Path | None:
        """Return where a mould for processes with the environment `variables` listens; start it if there is none.

        Return None where they have to start by themselves: with other values than the mould's for what is read on
        import, with a PYTHONPATH of their own, and on other systems than Linux. (The libraries of macOS may crash after
        a fork: https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods.)
        """
        if sys.platform != "linux":
            return None
        name = self._name(variables)
        with _starting:
            folder = Path(os.environ.get(self.variable) or "/nowhere")
            if not folder.is_dir():
                # Modules that somebody puts there may read any variable as they are imported.
                if variables.get("PYTHONPATH", "") not in ("", os.environ.get("PYTHONPATH", "")):
                    return None
                folder = self._start(name, variables)
        return folder / name if folder and (folder / name).is_socket() else None

    def _name(self, variables: Mapping[str, str]) -> str:
        """Return the name of the mould whose forks are what processes with `variables` would be, of these packages."""
        # A process in another namespace, such as one without a network, has its children in there.
        namespaces = sorted(str(namespace.readlink()) for namespace in Path("/proc/self/ns").iterdir())
        kind = json.dumps([sys.prefix, str(paths.ROOT), namespaces, sorted(self._fixed(variables).items())])
        return hashlib.sha256(kind.encode()).hexdigest()[:16]

    def _start(self, name: str, variables: Mapping[str, str]) -> Path | None:
        """Start a mould that ends with this process; return its folder, or None if the path of that is too long."""
        folder = Path(tempfile.mkdtemp(prefix="workshop-"))
        if len(str(folder / name).encode()) > _LONGEST_ADDRESS:
            folder.rmdir()
            return None
        mould = Spawned(
            "llamastack_workshop.system.mould",
            str(folder / name),
            self.program,
            str(paths.ROOT),
            environment=environment.named() | self._fixed(variables),
            log=folder / "log",
            read_output=True,
        )
        # Whichever of the two ends first removes the folder.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        # It has nothing to lose, and its forks do not need it.
        atexit.register(mould.kill)
        # It listens before it imports, so that we can go on meanwhile.
        mould.output.readline()
        os.environ[self.variable] = str(folder)
        return folder

    def _fixed(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return those of `variables` that a fork cannot have otherwise than its mould."""
        beginnings = _READ_ON_IMPORT + self.read_on_import
        return {name: value for name, value in {**variables, **PYTHON_OPTIONS}.items() if name.startswith(beginnings)}
