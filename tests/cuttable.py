"""A connection to a server that can be cut, so that clients see the same as when the server crashes."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from llamastack_workshop.system.ports import HOST


class Line:
    """Forwards bytes between clients and the server at `server_url`; `base_url` is its own address, with /v1."""

    def __init__(self, server_url: str) -> None:
        server = urlsplit(server_url)
        self._server = (server.hostname, server.port)
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._cut = False
        self._listener = self._kept(socket.create_server((HOST, 0)))
        self.base_url = f"http://{HOST}:{self._listener.getsockname()[1]}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections, even in the middle of a message, and accept no new ones."""
        with self._lock:
            self._cut = True
            for one in self._sockets:
                # A thread that waits for bytes keeps the connection open until it is shut down.
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def _kept(self, one: socket.socket) -> socket.socket:
        with self._lock:
            if self._cut:
                one.close()
            self._sockets.append(one)
        return one

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._kept(self._listener.accept()[0])
                server = self._kept(socket.create_connection(self._server))
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                target.sendall(received)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)


@contextmanager
def line_to(server_url: str) -> Iterator[Line]:
    """Yield a Line to the server at `server_url`, which is cut at the end of the block."""
    line = Line(server_url)
    try:
        yield line
    finally:
        line.cut()
