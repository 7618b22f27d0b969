"""Start JupyterLab on an attendee's own copies of the chapters."""

import os
import secrets
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from llamastack_workshop.attending import chapters, welcome
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.processes import Child, end_with_parent

_FIRST_PAGE = f"{paths.WORK.name}/{welcome.NAME}"
_START_TIMEOUT = 90  # seconds


@contextmanager
def running_lab(
    base_url: str, server_port: int, *, lab_port: int = 8888, open_browser: bool = True
) -> Iterator[tuple[str, Child]]:
    """Start JupyterLab on loopback with the copies in `work/`, yield its URL (with token) and process, and stop it.

    Copies that are missing are handed out. `base_url` is the LlamaStack server that the notebooks talk to,
    `server_port` its port.
    If `lab_port` is taken, another one is used.
    Raises WorkshopError if JupyterLab does not start.
    """
    port = lab_port if ports.is_free(lab_port) else ports.free_port()
    token = secrets.token_urlsafe(16)
    lab = Child(
        __name__,
        # The whole repository, so that the chapters' links to pages and sources lead somewhere.
        f"--ServerApp.root_dir={paths.ROOT}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.ip={ports.HOST}",
        f"--LabApp.default_url=/lab/tree/{_FIRST_PAGE}",
        f"--ExtensionApp.open_browser={open_browser}",
        "--ServerApp.allow_root=True",
        *_shell_of_terminals(),
        # The environment carries the token, because other users of a machine can read command lines.
        environment={
            **os.environ,
            # For JupyterLab's terminals: the workshop's commands, and the uv that make has installed.
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(paths.ROOT / ".uv/bin"), os.environ["PATH"]]
            ),
            "JUPYTER_TOKEN": token,
            "LLAMA_STACK_BASE_URL": base_url,
            "WORKSHOP_STATE": str(paths.state(server_port)),
        },
        log=paths.logs(server_port) / "jupyterlab.log",
    )
    try:
        chapters.hand_out()
        welcome.hand_out(base_url)
        _wait_until_ready(lab, port)
        yield f"http://localhost:{port}/lab/tree/{_FIRST_PAGE}?token={token}", lab
    finally:
        lab.stop()


def _shell_of_terminals() -> list[str]:
    """Return the option for a shell that keeps our PATH; by itself, Jupyter starts a login shell with its own."""
    if os.name == "nt":
        return []
    return [f"--ServerApp.terminado_settings=shell_command={shlex.quote(os.environ.get('SHELL') or '/bin/sh')}"]


def _wait_until_ready(lab: Child, port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            httpx.get(f"http://{ports.HOST}:{port}/api", timeout=2).raise_for_status()
            return
        except httpx.HTTPError:
            if not lab.running() or time.monotonic() > deadline:
                raise WorkshopError("JupyterLab did not start.", f"Read {lab.log}.") from None
            time.sleep(0.1)


def _serve() -> None:
    """Run JupyterLab in this process, with the options of the command line, until its parent ends."""
    from jupyterlab.labapp import main

    end_with_parent()
    sys.exit(main())


if __name__ == "__main__":
    _serve()
