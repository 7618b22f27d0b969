"""A Hugging Face hub on loopback, with the parts that huggingface_hub needs for a file: real HTTP, real files.

As on the real hub, the response for a file contains its SHA-256 and redirects to another host, which sends the bytes.
"""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_RESOLVE = re.compile(r"/([\w.-]+/[\w.-]+)/resolve/([^/]+)/(.+)")
_CHUNK = 65_536


@dataclass
class Hub:
    """The files of the hub, its faults, and the requests that it received: (method, path, Range, Authorization)."""

    files: dict[str, Path]
    url: str = ""
    gated: set[str] = field(default_factory=set)
    token: str | None = None
    status: int | None = None
    is_hub: bool = True
    is_damaged: bool = False
    # Bytes after which the connection is lost, and the pause between pieces, in seconds.
    breaks_after: int | None = None
    pause: float = 0
    asked: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)

    def downloads(self) -> list[str | None]:
        """Return the ranges requested from the host with the bytes."""
        return [range for method, path, range, _ in self.asked if method == "GET" and path.startswith("/bytes/")]


@contextmanager
def hub(files: dict[str, Path]) -> Iterator[Hub]:
    """Serve `files`, by OWNER/REPOSITORY/NAME, until the end of the block."""
    state = Hub(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self._note()
            self._answer()

        def do_GET(self) -> None:
            self._note()
            if self.path.startswith("/bytes/"):
                self._send_bytes(state.files[self.path.removeprefix("/bytes/")])
            elif match := re.match(r"/api/models/(.+?)/tree/", self.path):
                names = [name.removeprefix(f"{match[1]}/") for name in state.files if name.startswith(match[1])]
                listed = [{"type": "file", "path": name, "size": 1, "oid": COMMIT} for name in names]
                self._end(200, json.dumps(listed).encode())
            else:
                self._answer()

        def _note(self) -> None:
            state.asked.append((self.command, self.path, self.headers["Range"], self.headers["Authorization"]))

        def _answer(self) -> None:
            match = _RESOLVE.fullmatch(self.path)
            if state.status:
                self._end(state.status)
            elif state.token and self.headers["Authorization"] not in (None, f"Bearer {state.token}"):
                self._end(401, headers={"X-Error-Message": "Invalid credentials in Authorization header"})
            elif not match or not any(name.startswith(f"{match[1]}/") for name in state.files):
                self._end(401, headers={"X-Error-Code": "RepoNotFound"})
            elif match[1] in state.gated and not self.headers["Authorization"]:
                self._end(401, headers={"X-Error-Code": "GatedRepo"})
            elif (name := f"{match[1]}/{match[3]}") not in state.files:
                self._end(404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            elif not state.is_hub:
                self._end(200, b"<html>Please log in</html>")
            else:
                file = state.files[name]
                headers = {"X-Repo-Commit": COMMIT, "X-Linked-Size": str(file.stat().st_size)}
                headers["X-Linked-Etag"] = f'"{hashlib.sha256(file.read_bytes()).hexdigest()}"'
                # Xet is the real hub's other way to send a file.
                headers["X-Xet-Hash"] = "a" * 64
                self._end(
                    302, headers={**headers, "Location": f"{state.url}/bytes/{name}".replace("127.0.0.1", "localhost")}
                )

        def _send_bytes(self, file: Path) -> None:
            content = file.read_bytes()
            begin = int(self.headers["Range"].removeprefix("bytes=").split("-")[0]) if self.headers["Range"] else 0
            if state.is_damaged:
                content = content[:-1] + bytes([content[-1] ^ 1])
            rest = content[begin:]
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            for at in range(0, len(rest), _CHUNK):
                if state.breaks_after is not None and begin + at >= state.breaks_after:
                    self.close_connection = True
                    return
                try:
                    self.wfile.write(rest[at : at + _CHUNK])
                except ConnectionError:
                    # The client was killed.
                    return
                time.sleep(state.pause)

        def _end(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    # The hub is 127.0.0.1 and the host with the bytes localhost: to an HTTP client, these are two hosts.
    state.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
