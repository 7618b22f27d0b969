"""Run a program that isn't ours as a child process, and end it, with all that it has started, when our parent ends.

`python -m llamastack_workshop.system.program --signal SIGINT --user nobody -- postgres -D …`; standard input is the
pipe of `processes.Spawned`. On Linux, this process adopts the descendants that lose their parent, so that none is left,
however the program itself ends.
"""

import argparse
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import psutil

_GRACE = 8  # seconds, within the 10 that `processes.Child.stop` gives us
_SET_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--signal", default="SIGTERM", help="what asks the program to end")
    parser.add_argument("--user", help="the user to run it as, for which we have to be root")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    # Whoever ends us by a signal ends the program as well, in the same way.
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), _interrupt)
    control = _control()
    control(_SET_CHILD_SUBREAPER, 1)
    program = subprocess.Popen(
        arguments.command,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: control(_SET_DEATH_SIGNAL, signal.SIGKILL),
        **credentials(arguments.user),
    )
    status = 1
    try:
        status = _wait(program)
    except KeyboardInterrupt:
        pass
    finally:
        _end(program, getattr(signal, arguments.signal))
    sys.exit(status if status >= 0 else 128 - status)


def credentials(user: str | None) -> dict[str, Any]:
    """Return the options of `subprocess` that run a program as `user`, with that user's group alone, if one is given.

    For another user than ourselves, we have to be root. Raises KeyError if there is no such user.
    """
    if user is None:
        return {}
    import pwd

    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _control() -> Callable[[int, int], object]:
    """Return prctl(2), or on other systems a function that does nothing."""
    if sys.platform != "linux":
        return lambda option, value: None
    # Loaded before the fork: nothing may be imported after it.
    prctl = ctypes.CDLL(None).prctl
    return lambda option, value: prctl(option, value, 0, 0, 0)


def _wait(program: subprocess.Popen) -> int:
    """Return the status of `program` once it ends, or 0 once our standard input closes."""
    # Where the system has it, this tells of the end at once.
    end = [os.pidfd_open(program.pid)] if hasattr(os, "pidfd_open") else []
    while True:
        readable, _, _ = select.select([0, *end], [], [], 0.5)
        if 0 in readable and not os.read(0, 4096):
            return 0
        if (status := program.poll()) is not None:
            return status
        _bury_orphans(program.pid)


def _bury_orphans(program: int) -> None:
    """Take note of the end of adopted processes, and leave that of `program` to its owner."""
    for child in psutil.Process().children():
        if child.pid != program:
            with suppress(ChildProcessError, psutil.NoSuchProcess):
                if child.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(child.pid, os.WNOHANG)


def _end(program: subprocess.Popen, how: signal.Signals) -> None:
    """Ask `program` to end, wait for it, and kill whatever is left of it and of its descendants."""
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    descendants = psutil.Process().children(recursive=True)
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        program.send_signal(how)
        program.wait(_GRACE)
    # Those may start others while we look: again, until none is left.
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline:
        descendants = {*descendants, *psutil.Process().children(recursive=True)}
        living = [one for one in descendants if one.is_running() and _lives(one)]
        if not living:
            return
        for one in living:
            with suppress(psutil.Error):
                one.kill()
        psutil.wait_procs(living, timeout=0.5)
        _bury_orphans(program.pid)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


if __name__ == "__main__":
    main()
