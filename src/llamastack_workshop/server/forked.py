"""LlamaStack servers out of a mould: a process that has imported LlamaStack already, and forks for each server.

Importing takes most of a server's start. A process starts a mould with its first server and names it in WORKSHOP_MOULD,
so that the processes below it, such as a notebook's kernel, share that one. `mould` is what runs in there.
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
from pathlib import Path

from llamastack_workshop.system import environment, files, paths
from llamastack_workshop.system.processes import PYTHON_OPTIONS, Child, Spawned

_VARIABLE = "WORKSHOP_MOULD"
# What Python and LlamaStack's packages read when they are imported: a fork has the mould's values.
_READ_ON_IMPORT = ("PYTHON", "LLAMA_STACK_", "OGX_", "HF_", "XDG_", "LC_", "LD_")
_READ_ON_IMPORT_TOO = {"HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR"}
# What instruments a server for its traces has to come before the imports.
_TRACES = "OTEL_"
_LONGEST_ADDRESS = 100  # bytes; Linux allows 107
_IMPORT_TIMEOUT = 180  # seconds; a cold start on a slow disk, many times over

_starting = threading.Lock()


class Forked(Child):
    """A LlamaStack server that the mould at `address` forks, with run_server's `arguments`.

    One connection is its standard input, and a lifeline both ways: it ends when we do, and we see there that it ended.
    `variables` are its environment. What it prints goes to `log`, and its owner alone may read what it writes.
    Raises OSError if no mould answers.
    """

    def __init__(self, address: Path, arguments: list[str], variables: Mapping[str, str], log: Path) -> None:
        self.log = log
        self._connection = socket.socket(socket.AF_UNIX)
        self._connection.settimeout(_IMPORT_TIMEOUT)
        self._connection.connect(str(address))
        request = {
            "arguments": arguments,
            "environment": {**variables, **PYTHON_OPTIONS},
            "folder": str(Path.cwd()),
        }
        content = json.dumps(request).encode()
        with files.open_log(log) as log_file:
            socket.send_fds(self._connection, [len(content).to_bytes(4)], [log_file.fileno()])
        self._connection.sendall(content)

    @functools.cached_property
    def pid(self) -> int:
        """The server's process, or 0 if the mould ended before it made one.

        A mould that has only begun answers once it has imported LlamaStack.
        """
        return int.from_bytes(self._connection.recv(4, socket.MSG_WAITALL))

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
        # After its pid, a server sends nothing: there is something to read once its end is closed.
        ended = bool(select.select([self._connection], [], [], seconds)[0])
        if ended:
            self._connection.close()
        return ended


def address_of_mould(variables: Mapping[str, str]) -> Path | None:
    """Return the address of a mould for servers with the environment `variables`, started if there is none.

    Return None where a server has to start by itself: with traces, with other values than the mould's for what is read
    on import, and on other systems than Linux. (The libraries of macOS may crash after a fork:
    https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods.)
    """
    if sys.platform != "linux" or any(name.startswith(_TRACES) for name in variables):
        return None
    name = _name(variables)
    with _starting:
        folder = Path(os.environ.get(_VARIABLE) or "/nowhere")
        if not folder.is_dir():
            folder = _start(name, variables)
    return folder / name if folder and (folder / name).is_socket() else None


def _read_on_import(variables: Mapping[str, str]) -> dict[str, str]:
    return {n: v for n, v in variables.items() if n.startswith(_READ_ON_IMPORT) or n in _READ_ON_IMPORT_TOO}


def _name(variables: Mapping[str, str]) -> str:
    """Return the name of the mould whose forks are what servers with `variables` would be, from these packages."""
    # A process in another namespace, such as one without a network, has its servers in there.
    namespaces = sorted(str(namespace.readlink()) for namespace in Path("/proc/self/ns").iterdir())
    kind = json.dumps([sys.prefix, str(paths.ROOT), namespaces, sorted(_read_on_import(variables).items())])
    return hashlib.sha256(kind.encode()).hexdigest()[:16]


def _start(name: str, variables: Mapping[str, str]) -> Path | None:
    """Start a mould that ends with this process; return its folder, or None if the path of that is too long."""
    folder = Path(tempfile.mkdtemp(prefix="workshop-"))
    if len(str(folder / name).encode()) > _LONGEST_ADDRESS:
        folder.rmdir()
        return None
    mould = Spawned(
        "llamastack_workshop.server.mould",
        str(folder / name),
        str(paths.ROOT),
        environment=environment.named() | _read_on_import(variables),
        log=folder / "log",
        read_output=True,
    )
    # Whichever of the two ends first removes the folder.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # It has nothing to lose, and its servers do not need it.
    atexit.register(mould.kill)
    # It listens before it imports, so that we can go on meanwhile.
    mould.output.readline()
    os.environ[_VARIABLE] = str(folder)
    return folder
