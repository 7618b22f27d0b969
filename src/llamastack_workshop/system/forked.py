"""Processes forked from a mould: a fork server that has already imported their packages.

Importing takes up most of the startup time of a LlamaStack server or a notebook kernel. A process starts a mould when
it first needs one, and puts its folder into an environment variable, so that its descendants share it. The mould runs
the module `mould`.
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

# Prefixes of the variables that Python and many packages read on import: a fork has the mould's values.
_READ_ON_IMPORT = ("PYTHON", "PYDANTIC_", "OPENAI_LOG", "XDG_", "LC_", "LD_", "HOME", "LANG", "TZ", "TMPDIR")
_LONGEST_ADDRESS = 100  # bytes; Linux allows 107
_IMPORT_TIMEOUT = 180  # seconds; many times a cold start on a slow disk

_starting = threading.Lock()


class Forked(Child):
    """A process forked by the mould at `address`, with `arguments` for the mould's program.

    The connection is its standard input, and a lifeline both ways: the process ends when we do, and we see its end.
    `variables` are its environment, `folder` its working directory; its output goes to `log`.
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
        """The process id, or 0 if the mould ended before it forked.

        A mould that has just been started answers once its imports are done.
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
        # The other direction stays open: its end shows that the server has ended.
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
        # A fork sends nothing after its pid: the socket becomes readable when the fork closes it.
        ended = bool(select.select([self._connection], [], [], seconds)[0])
        if ended:
            self._connection.close()
        return ended


@dataclass(frozen=True)
class Mould:
    """The mould of a `program`, a module with `prepare` and `run`.

    The environment variable `variable` holds its folder. `read_on_import` lists prefixes of the variables that the
    program's packages read on import.
    """

    program: str
    variable: str
    read_on_import: tuple[str, ...] = ()

    def address(self, variables: Mapping[str, str]) -> Path | None:
        """Return the socket of a mould for processes with the environment `variables`; start one if there is none.

        Return None if they cannot be forked: if a variable that is read on import differs from the mould's, with a
        PYTHONPATH of their own, and on systems other than Linux. (The libraries of macOS may crash after a fork:
        https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods.)
        """
        if sys.platform != "linux":
            return None
        name = self._name(variables)
        with _starting:
            folder = Path(os.environ.get(self.variable) or "/nowhere")
            if not folder.is_dir():
                # Modules on a custom PYTHONPATH may read any variable on import.
                if variables.get("PYTHONPATH", "") not in ("", os.environ.get("PYTHONPATH", "")):
                    return None
                folder = self._start(name, variables)
        return folder / name if folder and (folder / name).is_socket() else None

    def _name(self, variables: Mapping[str, str]) -> str:
        """Return the name of the mould for `variables`: the same packages, and the same values read on import."""
        # Forks inherit the mould's namespaces: a process in another one (without a network, say) needs its own mould.
        namespaces = sorted(str(namespace.readlink()) for namespace in Path("/proc/self/ns").iterdir())
        kind = json.dumps([sys.prefix, str(paths.ROOT), namespaces, sorted(self._fixed(variables).items())])
        return hashlib.sha256(kind.encode()).hexdigest()[:16]

    def _start(self, name: str, variables: Mapping[str, str]) -> Path | None:
        """Start a mould that ends with this process; return its folder, or None if its path is too long."""
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
        # This process or the mould removes the folder, whichever ends first.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        # Killing is safe: the mould has no data, and its forks do not depend on it.
        atexit.register(mould.kill)
        # It listens before it imports, so that this process need not wait for the imports.
        mould.output.readline()
        os.environ[self.variable] = str(folder)
        return folder

    def _fixed(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return those of `variables` whose values a fork has to share with its mould."""
        beginnings = _READ_ON_IMPORT + self.read_on_import
        return {name: value for name, value in {**variables, **PYTHON_OPTIONS}.items() if name.startswith(beginnings)}
