"""JupyterLab on an attendee's own copies of the chapters."""

import os
import secrets
import shlex
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.text import Text

from llamastack_workshop.attending import chapters, welcome
from llamastack_workshop.server import serving, stack, upstreams
from llamastack_workshop.system import environment, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Spawned, end_with_parent, wait_for_first_end

_FIRST_PAGE = f"{paths.WORK.name}/{welcome.NAME}"
_START_TIMEOUT = 90  # seconds


def serve_lab(
    console: Console, say: Say, *, port: int, upstream: upstreams.Choice, lab_port: int, open_browser: bool
) -> None:
    """Run JupyterLab until Ctrl-C, with a stack on 127.0.0.1:`port`, or beside the one that runs there already.

    Raises WorkshopError for whatever keeps either from starting, and once a part of the stack ends by itself.
    """
    with ExitStack() as cleanup:
        started, running = time.monotonic(), None
        if base_url := stack.reusable_server(port):
            console.print(f"Using the LlamaStack server that already runs on port {port}.")
            if owner := ports.foreign(port):
                console.print(
                    f"It belongs to {owner}: whoever runs it can read what your notebooks send there. "
                    f"For one of your own: --port {port + 10}"
                )
        else:
            running = cleanup.enter_context(stack.running_stack(say, port=port, upstream=upstream))
            serving.announce(console, running, seconds=time.monotonic() - started)
            base_url = running.base_url
        say("Starting JupyterLab …")
        url, jupyter = cleanup.enter_context(running_lab(base_url, port, lab_port=lab_port, open_browser=open_browser))
        console.print("\nJupyterLab:", Text(url, style="bold"), soft_wrap=True)
        if f":{lab_port}/" not in url:
            console.print(f"Port {lab_port} is taken, perhaps by another JupyterLab of yours, so it uses this one.")
        with serving.until_ctrl_c(console, "Your copies of the chapters are in work/. Ctrl-C stops everything."):
            ended = wait_for_first_end([jupyter, *(running.children if running else [])])
            # JupyterLab has a menu entry that shuts it down; the others have no reason to end.
            if ended is not jupyter:
                raise WorkshopError("A part of the stack ended by itself.", f"Start again; the log is {ended.log}")


@contextmanager
def running_lab(
    base_url: str, server_port: int, *, lab_port: int = 8888, open_browser: bool = True
) -> Iterator[tuple[str, Spawned]]:
    """Start JupyterLab on loopback with the copies in `work/`, yield its URL (with token) and process, and stop it.

    Copies that are missing are handed out. `base_url` is the LlamaStack server that the notebooks talk to,
    `server_port` its port.
    If `lab_port` is taken, another one is used.
    Raises WorkshopError if JupyterLab does not start.
    """
    port = lab_port if ports.is_free(lab_port) else ports.free_port()
    token = secrets.token_urlsafe(16)
    lab = Spawned(
        __name__,
        # The whole repository, so that the chapters' links to pages and sources lead somewhere.
        f"--ServerApp.root_dir={paths.ROOT}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.ip={ports.HOST}",
        f"--LabApp.default_url=/lab/tree/{_FIRST_PAGE}",
        f"--ExtensionApp.open_browser={open_browser}",
        f"--ServerApp.allow_root={os.name == 'posix' and os.geteuid() == 0}",
        *_shell_of_terminals(),
        # The environment carries the token, because other users of a machine can read command lines.
        environment={
            **environment.without(upstreams.secrets()),
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


def _wait_until_ready(lab: Spawned, port: int) -> None:
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
