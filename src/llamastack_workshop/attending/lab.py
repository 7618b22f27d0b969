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
from llamastack_workshop.attending.kept_server import KeptServer
from llamastack_workshop.server import lines, serving, stacks, upstreams
from llamastack_workshop.server.lines import Line
from llamastack_workshop.system import environment, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Spawned, end_with_parent

_FIRST_PAGE = f"{paths.WORK.name}/{welcome.NAME}"
_START_TIMEOUT = 90  # seconds
# The number of ports after the server's that its embedded models may use.
_MODELS = 3


def serve_lab(
    console: Console,
    say: Say,
    *,
    port: int,
    upstream: upstreams.Choice,
    stack_name: str | None,
    lab_port: int,
    open_browser: bool,
) -> None:
    """Run JupyterLab until Ctrl-C, with a new stack on 127.0.0.1:`port` or the one that is already running there.

    `stack_name` is a configuration in stacks/. A server that we have started is restarted if it ends by itself, while
    JupyterLab and its kernels keep running.
    Raises WorkshopError if either cannot start, and if JupyterLab ends by itself.
    """
    _check_lab_port(lab_port, port)
    stack_server, upstream = serving.chosen(stack_name, upstream, say)
    with ExitStack() as cleanup:
        server = cleanup.enter_context(KeptServer(console, say, port=port, upstream=upstream, server=stack_server))
        say("Starting JupyterLab …")
        url, jupyter = cleanup.enter_context(
            running_lab(server.base_url, port, line=stack_server.line, lab_port=lab_port, open_browser=open_browser)
        )
        console.print("\nJupyterLab:", Text(url, style="bold"), soft_wrap=True)
        if f":{lab_port}/" not in url:
            console.print(f"Port {lab_port} is taken, perhaps by another JupyterLab of yours, so it uses this one.")
        with serving.until_ctrl_c(console, "Your copies of the chapters are in work/. Ctrl-C stops everything."):
            while jupyter.running():
                server.look_after()
                time.sleep(0.5)
            if jupyter.status:
                raise WorkshopError(
                    f"JupyterLab ended by itself, {_how(jupyter.status)}.",
                    f"Start again: make lab. Your chapters are as they were last saved; the log is {jupyter.log}",
                )
            # Its File menu has an entry for that.
            console.print("JupyterLab was shut down. Stopping …")


def _check_lab_port(lab_port: int, port: int) -> None:
    """Raise WorkshopError if `lab_port` belongs to the server on `port` or to its embedded models."""
    if lab_port in (taken := range(port, port + 1 + _MODELS)):
        raise WorkshopError(
            f"--lab-port {lab_port} is taken: the server and its models use {taken[0]} to {taken[-1]}.",
            f"Choose another one, for example --lab-port {taken[-1] + 1}",
        )


def _how(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"with status {status}"


@contextmanager
def running_lab(
    base_url: str, server_port: int, *, line: Line = lines.OURS, lab_port: int = 8888, open_browser: bool = True
) -> Iterator[tuple[str, Spawned]]:
    """Start JupyterLab on loopback with the copies in `work/`, yield its URL (with token) and process, and stop it.

    Missing copies are handed out. `base_url` is the LlamaStack server for the notebooks, `server_port` its port,
    `line` its release line. If `lab_port` is taken, another port is used.
    Raises WorkshopError if JupyterLab does not start.
    """
    port = lab_port if ports.is_free(lab_port) else ports.free_port()
    token = secrets.token_urlsafe(16)
    lab = Spawned(
        __name__,
        # The whole repository, so that the chapters' links to pages and sources work.
        f"--ServerApp.root_dir={paths.ROOT}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        *_where_to_listen(),
        f"--LabApp.default_url=/lab/tree/{_FIRST_PAGE}",
        f"--ExtensionApp.open_browser={open_browser}",
        f"--ServerApp.allow_root={os.name == 'posix' and os.geteuid() == 0}",
        *_shell_of_terminals(),
        # The environment carries the token, because other users of a machine can read command lines.
        environment={
            **environment.without(upstreams.secrets()),
            # For JupyterLab's terminals: the workshop's commands, and the uv installed by make.
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), str(paths.ROOT / ".uv/bin"), os.environ["PATH"]]
            ),
            "JUPYTER_TOKEN": token,
            "LLAMA_STACK_BASE_URL": base_url,
            "WORKSHOP_STATE": str(stacks.state(server_port, line)),
            lines.VARIABLE: line.stack,
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


def _where_to_listen() -> list[str]:
    host = ports.listening_host()
    if host == ports.HOST:
        return [f"--ServerApp.ip={host}"]
    # By default, Jupyter would now accept any host name, and so a foreign page whose name resolves to this machine.
    return [f"--ServerApp.ip={host}", "--ServerApp.allow_remote_access=False"]


def _shell_of_terminals() -> list[str]:
    """Return the option for a shell that keeps our PATH; Jupyter's default is a login shell, which sets its own."""
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
    """Run JupyterLab in this process, with the options on the command line, until its parent ends."""
    from jupyterlab.labapp import main

    end_with_parent()
    sys.exit(main())


if __name__ == "__main__":
    _serve()
