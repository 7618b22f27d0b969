"""Child processes that end when their parent does, however it ends: the pipe between them closes."""

import os
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from llamastack_workshop.system import files, paths

# How long a child that was asked to end may take, and how long it gives itself.
_GRACE = 10  # seconds
_OWN_GRACE = 15  # seconds

# What a child writes is in its log at once, and in one encoding on every system.
PYTHON_OPTIONS = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
PRIVATE_UMASK = 0o077


class Child(ABC):
    """A process that writes to `log`, and that lives as long as this one holds its standard input open."""

    log: Path

    @property
    @abstractmethod
    def pid(self) -> int: ...

    @abstractmethod
    def send_line(self, line: str) -> None:
        """Write one line to the child's standard input; a child that has ended already does not raise."""

    @abstractmethod
    def running(self) -> bool: ...

    @abstractmethod
    def close_input(self) -> None:
        """Close the child's standard input, which asks it to end."""

    @abstractmethod
    def wait(self, seconds: float | None = None) -> None:
        """Return once the child has ended; raise TimeoutError if it has not after `seconds`."""

    @abstractmethod
    def send_kill(self) -> None: ...

    def kill(self) -> None:
        """End the child without giving it a chance to finish anything."""
        self.send_kill()
        self.wait()

    def stop(self) -> None:
        """Ask the child to end and wait for it; force it after 10 s, or on a second Ctrl-C."""
        self.close_input()
        try:
            self.wait(_GRACE)
        except (TimeoutError, KeyboardInterrupt):
            self.kill()

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


class Spawned(Child):
    """A Python module that runs as a child process.

    What it prints goes to the file `log`; with `read_output`, its standard output is read from `output` instead.
    `environment` is all that it gets of that. `python` is the interpreter, where that is another environment's. With
    `private`, its owner alone may read the files that it writes; this holds for the log in any case.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: dict[str, str],
        log: Path,
        read_output: bool = False,
        python: Path = Path(sys.executable),
        private: bool = False,
    ) -> None:
        self.log = log
        # Another environment has the packages of its server, and not this one.
        search = [str(paths.ROOT / "src"), *filter(None, [environment.get("PYTHONPATH")])]
        ours = {} if python == Path(sys.executable) else {"PYTHONPATH": os.pathsep.join(search)}
        with files.open_log(log) as log_file:
            self._process = subprocess.Popen(
                [str(python), "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if read_output else log_file,
                stderr=log_file,
                env={**environment, **PYTHON_OPTIONS, **ours},
                # Ctrl-C goes to the parent alone, which then ends its children in order.
                start_new_session=True,
                umask=PRIVATE_UMASK if private and os.name == "posix" else -1,
            )

    @property
    def output(self) -> IO[bytes]:
        return self._process.stdout

    @property
    def pid(self) -> int:
        return self._process.pid

    def send_line(self, line: str) -> None:
        with suppress(BrokenPipeError):
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()

    def running(self) -> bool:
        return self.status is None

    @property
    def status(self) -> int | None:
        """The exit status, negative where a signal ended the child, or None while it runs."""
        return self._process.poll()

    def close_input(self) -> None:
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def wait(self, seconds: float | None = None) -> None:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        if self._process.stdout:
            self._process.stdout.close()

    def send_kill(self) -> None:
        # It leads a session: workers of its own, such as those of OGX, go with it.
        if os.name == "posix" and self.running():
            os.killpg(self.pid, signal.SIGKILL)
        else:
            self._process.kill()


def run_group(command: list[str], **options: Any) -> int:
    """Run `command` and return its exit status; `options` are those of subprocess.Popen.

    Ctrl-C reaches it and its own children through us, once: a second one would interrupt their cleaning up. We wait
    for its end even so.
    """
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        return process.wait()
    except KeyboardInterrupt:
        interrupt_group(process)
        raise


def interrupt_group(process: subprocess.Popen) -> None:
    """Do to `process`, which leads a session of its own, and to its children what Ctrl-C does, and wait for its end."""
    if hasattr(os, "killpg"):
        # It may have ended by itself.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    process.wait()


def wait_for_first_end(children: list[Child]) -> Child:
    """Wait until one of `children` ends, and return it."""
    while True:
        for child in children:
            if not child.running():
                return child
        time.sleep(0.5)


def end_with_parent() -> None:
    """Send this process SIGTERM once its standard input closes, so that it shuts down as it would by itself.

    If it has not done so after 15 s, it ends at once.
    """
    threading.Thread(target=_wait_then_terminate, daemon=True).start()


def end_within(seconds: float) -> None:
    """End this process at once after `seconds`, if it has not ended by itself until then."""
    timer = threading.Timer(seconds, _end_with_children)
    timer.daemon = True
    timer.start()


def _end_with_children() -> None:
    """End this process and, where it leads a group, those that it has started."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _wait_then_terminate() -> None:
    # Not sys.stdin: a thread that holds its lock would abort an interpreter that ends by itself.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # A server waits for its requests to end, and one of them may never do.
    time.sleep(_OWN_GRACE)
    _end_with_children()
