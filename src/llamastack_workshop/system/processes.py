"""Child processes that end with their parent, even if it is killed: the pipe between them closes."""

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

# How long a parent waits for a child that it has asked to end, and how long the child gives itself.
_GRACE = 10  # seconds
_OWN_GRACE = 15  # seconds

# A child's output is in its log immediately, in the same encoding on every system.
PYTHON_OPTIONS = {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
PRIVATE_UMASK = 0o077


class Child(ABC):
    """A process that writes to `log`, and that lives as long as this one keeps its standard input open."""

    log: Path

    @property
    @abstractmethod
    def pid(self) -> int: ...

    @abstractmethod
    def send_line(self, line: str) -> None:
        """Write a line to the child's standard input; do nothing if the child has ended."""

    @abstractmethod
    def running(self) -> bool: ...

    @abstractmethod
    def close_input(self) -> None:
        """Close the child's standard input, which tells it to end."""

    @abstractmethod
    def wait(self, seconds: float | None = None) -> None:
        """Wait until the child has ended; raise TimeoutError if that takes more than `seconds`."""

    @abstractmethod
    def send_kill(self) -> None: ...

    def kill(self) -> None:
        """Kill the child, and wait for its end."""
        self.send_kill()
        self.wait()

    def stop(self) -> None:
        """Tell the child to end, and wait for that; kill it after 10 s, or on a second Ctrl-C."""
        self.close_input()
        try:
            self.wait(_GRACE)
        except (TimeoutError, KeyboardInterrupt):
            self.kill()

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")


class Spawned(Child):
    """A Python module that runs as a child process.

    Its output goes to the file `log`; with `read_output`, its standard output is read from `output` instead.
    `environment` is its complete environment, `python` its interpreter. With `private`, the files that it writes are
    readable by their owner only; the log always is.
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
        # This package is not installed in the environment of another line's server.
        search = [str(paths.ROOT / "src"), *filter(None, [environment.get("PYTHONPATH")])]
        ours = {} if python == Path(sys.executable) else {"PYTHONPATH": os.pathsep.join(search)}
        with files.open_log(log) as log_file:
            self._process = subprocess.Popen(
                [str(python), "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if read_output else log_file,
                stderr=log_file,
                env={**environment, **PYTHON_OPTIONS, **ours},
                # Ctrl-C goes to the parent only, which then ends its children in order.
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
        """The exit status (negative if a signal ended the child), or None while it runs."""
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
        # It leads a session: its own workers, such as those of OGX, are killed too.
        if os.name == "posix" and self.running():
            os.killpg(self.pid, signal.SIGKILL)
        else:
            self._process.kill()


def run_group(command: list[str], **options: Any) -> int:
    """Run `command` and return its exit status; `options` are those of subprocess.Popen.

    We pass Ctrl-C on to it and its children, once: a second one would interrupt their cleanup. Then we wait for its
    end.
    """
    process = subprocess.Popen(command, start_new_session=True, **options)
    try:
        return process.wait()
    except KeyboardInterrupt:
        interrupt_group(process)
        raise


def interrupt_group(process: subprocess.Popen) -> None:
    """Interrupt `process`, which leads a session, and its children as Ctrl-C does, and wait for its end."""
    if hasattr(os, "killpg"):
        # It may have ended already.
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
    """Send this process SIGTERM once its standard input closes, so that it shuts down cleanly.

    If it is still running after 15 s, kill it.
    """
    threading.Thread(target=_wait_then_terminate, daemon=True).start()


def end_within(seconds: float) -> None:
    """Kill this process after `seconds`, unless it has ended by then."""
    timer = threading.Timer(seconds, _end_with_children)
    timer.daemon = True
    timer.start()


def _end_with_children() -> None:
    """Kill this process and, if it leads a process group, the whole group."""
    if os.name == "posix" and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _wait_then_terminate() -> None:
    # Not sys.stdin: the interpreter aborts at exit if a thread holds its lock.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # A server waits for its open requests, and one of them may never end.
    time.sleep(_OWN_GRACE)
    _end_with_children()
