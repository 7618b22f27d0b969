"""Ports on this machine: whether one is free, who holds it, and how to reach it past a proxy."""

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

# The numbers of users who are people, as distributions of Linux give them; those of macOS begin at 501.
_FIRST_PERSON = 501 if sys.platform == "darwin" else 1000
_AFTER_PEOPLE = 60_000

# The modules whose processes go on until somebody stops them: a fork has the command line of its mould.
_LONG_RUNNING = {
    "llamastack_workshop.attending.lab",
    "llamastack_workshop.server.mould",
    "llamastack_workshop.server.run_server",
}


def listening_host() -> str:
    """Return where servers for people listen: on loopback, or where WORKSHOP_HOST says, which run.yaml reads as well.

    Raises WorkshopError for an address on which the commands would not find their own server.
    """
    host = os.environ.get("WORKSHOP_HOST") or HOST
    if host not in (HOST, _EVERY_NETWORK):
        raise WorkshopError(
            f"WORKSHOP_HOST={host} is no address to listen on here.",
            f"Unset it, for {HOST}; or set {_EVERY_NETWORK} inside a container, whose port is then published.",
        )
    return host


def is_free(port: int) -> bool:
    """Return whether a server could listen on 127.0.0.1:`port`, and would be the one that `localhost` leads to."""
    for family, host in ((socket.AF_INET, HOST), (socket.AF_INET6, "::1")):
        # A machine may have no IPv6.
        with suppress(OSError, OverflowError), socket.socket(family) as probe:
            if probe.connect_ex((host, port)) == 0:
                return False
    with socket.socket() as probe:
        # On Windows this option means something else: to share a port with whoever holds it.
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
    return True


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


def holder(port: int) -> psutil.Process | None:
    """Return the process that listens on `port`, or None where the system does not tell.

    For a server that a `workshop` command has started, return that command: it is the one to stop.
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
    """Return whose server listens on `port`, if it is not one of this repository and this user."""
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
    """Return the names of the people who run programs on this machine beside us, as far as the system tells."""
    if os.name != "posix":
        return []
    found = set()
    for process in psutil.process_iter(["username", "uids"]):
        uids = process.info["uids"]
        # Below are the system's own users, and above those that it makes for a service.
        if uids and _FIRST_PERSON <= uids.real < _AFTER_PEOPLE and uids.real != os.getuid():
            found.add(process.info["username"])
    return sorted(found)


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the LlamaStack servers and JupyterLabs that run for the repository in `folder`, on whatever port."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if _LONG_RUNNING & set(words) and any(_is_within(folder, word) for word in words):
            found.append(process)
    return found


def _is_within(folder: Path, word: str) -> bool:
    """Whether `word`, of a command line, names `folder` or a place in it: as it is, or as an option's value."""
    return bool(re.search(rf"(^|=){re.escape(str(folder))}({re.escape(os.sep)}|$)", word))


def _is_part_of_a_stack(process: psutil.Process) -> bool:
    return any(word.startswith("llamastack_workshop.server.") for word in process.cmdline())


def bypass_proxies() -> None:
    """Make this process and its children reach this machine directly, whatever proxy is set for the rest."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "localhost", HOST]))
