"""Ports on this machine: free ports, the processes that listen on them, and bypassing proxies."""

import os
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

HOST = "127.0.0.1"
_EVERY_NETWORK = "0.0.0.0"

# The range of user ids that Linux distributions give to human users; on macOS it starts at 501.
_FIRST_PERSON = 501 if sys.platform == "darwin" else 1000
_AFTER_PEOPLE = 60_000

# The modules that run until they are stopped. A fork has the command line of its mould.
_LONG_RUNNING = {
    "llamastack_workshop.attending.lab",
    "llamastack_workshop.server.mould",
    "llamastack_workshop.server.run_server",
}


def listening_host() -> str:
    """Return the address that user-facing servers listen on: WORKSHOP_HOST (which run.yaml reads too), or loopback.

    Raises WorkshopError for an address where the commands would not find their own server.
    """
    host = os.environ.get("WORKSHOP_HOST") or HOST
    if host not in (HOST, _EVERY_NETWORK):
        raise WorkshopError(
            f"WORKSHOP_HOST={host} is not an address that the workshop can listen on.",
            f"Unset it to use {HOST}; inside a container that publishes its port, set {_EVERY_NETWORK}.",
        )
    return host


def is_free(port: int) -> bool:
    """Return whether a server could listen on 127.0.0.1:`port`, and `localhost` would lead to that server."""
    for family, host in ((socket.AF_INET, HOST), (socket.AF_INET6, "::1")):
        # The machine may not have IPv6.
        with suppress(OSError, OverflowError), socket.socket(family) as probe:
            if probe.connect_ex((host, port)) == 0:
                return False
    with socket.socket() as probe:
        # On Windows, this option would share the port with the process that listens on it.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def free_port() -> int:
    """Return a port that is currently free."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def holder(port: int) -> psutil.Process | None:
    """Return the process that listens on `port`, or None if the system does not tell.

    For a server started by a `workshop` command, return the command's process: it is the one to stop.
    """
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                process = psutil.Process(connection.pid)
                while _is_part_of_a_stack(process) and (parent := process.parent()):
                    process = parent
                return process
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return None


def foreign(port: int) -> str | None:
    """Return a description of the owner of the server on `port`, or None if it is this user's, in this repository."""
    process = holder(port)
    if process is None:
        return "another user" if sys.platform == "linux" else None
    with suppress(psutil.Error):
        if hasattr(os, "geteuid") and process.uids().effective != os.geteuid():
            return f"the user {process.username()}"
        if not any(_is_within(paths.ROOT, word) for word in (process.cwd(), *process.cmdline())):
            return f"process {process.pid}, which runs in {process.cwd()}"
    return None


def other_people() -> list[str]:
    """Return the names of the other human users who run programs on this machine, as far as the system tells."""
    if os.name != "posix":
        return []
    found = set()
    for process in psutil.process_iter(["username", "uids"]):
        uids = process.info["uids"]
        # Lower ids are system users, higher ones users created for services.
        if uids and _FIRST_PERSON <= uids.real < _AFTER_PEOPLE and uids.real != os.getuid():
            found.add(process.info["username"])
    return sorted(found)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the LlamaStack servers and JupyterLabs that run for the repository in `folder`, on any port."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if _LONG_RUNNING & set(words) and any(_is_within(folder, word) for word in words):
            found.append(process)
    return found


def _is_within(folder: Path, word: str) -> bool:
    """Whether `word`, from a command line, is `folder` or a path in it, on its own or as an option's value."""
    return bool(re.search(rf"(^|=){re.escape(str(folder))}({re.escape(os.sep)}|$)", word))


def _is_part_of_a_stack(process: psutil.Process) -> bool:
    return any(word.startswith("llamastack_workshop.server.") for word in process.cmdline())


def bypass_proxies() -> None:
    """Make this process and its children reach this machine directly, even if a proxy is set."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "localhost", HOST]))
