"""Ports that another program uses."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from clones import Clone
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from web_servers import serving

from llamastack_workshop.system import ports

pytestmark = pytest.mark.nightly

Row = Callable[..., None]


@contextmanager
def listening(host: str, family: socket.AddressFamily = socket.AF_INET) -> Iterator[int]:
    """Listen without ever answering; yield the port."""
    port = ports.free_port()
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError:
        pytest.skip("this machine has no IPv6")
    with listener:
        yield port


@contextmanager
def hanging_up() -> Iterator[int]:
    """Close each connection immediately; yield the port."""
    with socket.create_server((ports.HOST, 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]


@contextmanager
def another_line() -> Iterator[int]:
    """Answer like a server of another version."""
    app = Starlette(routes=[Route("/v1/version", lambda request: JSONResponse({"version": "0.4.7"}))])
    with serving(app) as url:
        yield int(url.rsplit(":", 1)[1])


HOLDERS = {
    "A foreign program that never answers has the port": lambda: listening("127.0.0.1"),
    "A program on all addresses has the port": lambda: listening("0.0.0.0"),
    "A program on IPv6 alone has the port": lambda: listening("::1", socket.AF_INET6),
    "A foreign program that hangs up has the port": hanging_up,
    "Another line's server has the port": another_line,
}


@pytest.mark.parametrize("what", HOLDERS)
def test_the_port_is_taken(what: str, clone: Clone, row: Row) -> None:
    with HOLDERS[what]() as port:
        run = clone.run("llama-server", "--port", str(port))
    row(what, run)
    assert run.status == 1 and f"port {port}" in run.said.lower() and f"--port {port + 10}" in run.said


NEIGHBOURS = {"the next one": (1,), "the next but one": (2,), "both after it": (1, 2)}


@pytest.mark.parametrize("which", NEIGHBOURS)
def test_a_port_of_a_model_is_taken(which: str, clone: Clone, row: Row) -> None:
    port = ports.free_port()
    with ExitStack() as held:
        for offset in NEIGHBOURS[which]:
            held.enter_context(socket.create_server((ports.HOST, port + offset)))
        run = clone.serve("--port", str(port))
    row(f"The port is free, and {which} taken", run)
    assert run.status == 0


@pytest.mark.parametrize("port", ["80", "0", "70000", "-1", "8321x"])
def test_a_port_that_is_none(port: str, clone: Clone, row: Row) -> None:
    run = clone.run("llama-server", "--port", port)
    row(f"`--port {port}`", run)
    assert run.status == 2 and "--port" in run.errors


def test_a_proxy_that_does_not_answer(clone: Clone, row: Row) -> None:
    nowhere = f"http://127.0.0.1:{ports.free_port()}"
    run = clone.serve(HTTP_PROXY=nowhere, http_proxy=nowhere, ALL_PROXY=nowhere, NO_PROXY="")
    row("A proxy is set, and does not answer", run)
    assert run.status == 0
