"""Small web servers for the tests: an ASGI app on loopback, in a thread."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from llamastack_workshop.system.ports import HOST


class AppServer:
    """A server of an ASGI `app` on 127.0.0.1, on `port` or on a free port. It can be stopped and restarted there."""

    def __init__(self, app: Any, port: int = 0) -> None:
        self._app = app
        self._listener = socket.create_server((HOST, port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"

    def start(self) -> None:
        if self._listener.fileno() < 0:
            self._listener = socket.create_server((HOST, self.port))
        self._server = uvicorn.Server(uvicorn.Config(self._app, interface="asgi3", log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True)
        self._thread.start()
        while self._thread.is_alive() and not self._server.started:
            time.sleep(0.01)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(10)
        self._listener.close()


@contextmanager
def serving(app: Any, port: int = 0) -> Iterator[str]:
    """Serve the ASGI `app` until the end of the block, and yield its address without a trailing slash."""
    server = AppServer(app, port)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
