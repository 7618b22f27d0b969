"""Ports on this machine: whether one is free, who holds it, and how to reach it past a proxy."""

import os
import socket

import psutil

HOST = "127.0.0.1"


def is_free(port: int) -> bool:
    """Return whether a server could listen on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
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
                parent = process.parent()
                return parent if parent and "workshop" in " ".join(parent.cmdline()) else process
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return None


def bypass_proxies() -> None:
    """Make this process and its children reach this machine directly, whatever proxy is set for the rest."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join(dict.fromkeys([*hosts, "localhost", HOST]))
