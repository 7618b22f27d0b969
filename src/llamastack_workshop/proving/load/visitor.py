"""An attendee as a classroom sees one: logs in, opens JupyterLab and a chapter, and runs code in its kernel.

Locust imports this in an environment of its own, which has httpx, websocket-client and the standard library.
"""

import ast
import json
import os
import re
import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import websocket

_ANSI = re.compile(r"\x1b\[[\d;]*m")


class NotServed(Exception):
    """The classroom did not do what it was asked for."""


@dataclass(frozen=True)
class Outcome:
    """What a cell has printed, its error (empty if there is none), and the values that were asked for, by name."""

    printed: str
    error: str
    values: dict[str, Any]


class Visitor:
    """Somebody with a name and a password, at the classroom at `url`, who logs in; `patience` is in seconds."""

    def __init__(self, url: str, name: str, password: str, patience: float = 120) -> None:
        self.url, self.name, self.patience = url, name, patience
        self.client = httpx.Client(base_url=url, follow_redirects=True, timeout=patience)
        self.login = self._log_in(password)

    def _log_in(self, password: str) -> httpx.Response:
        self.client.get("/hub/login").raise_for_status()
        form = {"username": self.name, "password": password, "_xsrf": self._xsrf("/hub/")}
        return self.client.post("/hub/login?next=/hub/home", data=form)

    def open_lab(self) -> httpx.Response:
        """Have a JupyterLab started, unless it runs, and return its first page.

        Raises NotServed if the hub doesn't start it within `patience`, and httpx.HTTPError if the hub refuses.
        """
        deadline = time.monotonic() + self.patience
        page = self.client.get("/hub/spawn")
        while not page.url.path.startswith(f"/user/{self.name}/lab"):
            # The page that waits for the start has no other status than one that has failed.
            if page.status_code >= 400 and page.status_code != 424:
                page.raise_for_status()
            if time.monotonic() > deadline:
                raise NotServed(f"JupyterLab did not open within {self.patience:.0f} s")
            time.sleep(1)
            page = self.client.get("/hub/user-redirect/lab/tree/work/01-server-setup.ipynb")
        return page.raise_for_status()

    def close_lab(self) -> None:
        """Have the JupyterLab stopped."""
        self._call("DELETE", f"/hub/api/users/{self.name}/server", cookie_path="/hub/")

    def chapter(self, name: str) -> list[str]:
        """Return the code cells of the attendee's copy of the chapter `name`."""
        found = self._call("GET", f"/user/{self.name}/api/contents/work/{name}.ipynb").json()["content"]
        return [cell["source"] for cell in found["cells"] if cell["cell_type"] == "code"]

    def open_kernel(self, chapter: str = "01-server-setup") -> "Kernel":
        """Start a kernel for the chapter `chapter`, as JupyterLab does when its notebook is opened."""
        body = {"path": f"work/{chapter}.ipynb", "name": chapter, "type": "notebook", "kernel": {"name": "python3"}}
        session = self._call("POST", f"/user/{self.name}/api/sessions", json=body).json()
        address = f"{self.url.replace('http', 'ws', 1)}/user/{self.name}/api/kernels/{session['kernel']['id']}/channels"
        return Kernel(self, session["id"], address)

    def run(self, code: str) -> str:
        """Return what `code` prints in a new kernel; an error in it is raised as text."""
        with self.open_kernel() as kernel:
            outcome = kernel.execute(code)
        if outcome.error:
            raise AssertionError(outcome.error)
        return outcome.printed

    def cookies(self) -> str:
        """Return the cookies for the attendee's JupyterLab, as a header has them."""
        base = f"/user/{self.name}"
        return "; ".join(f"{c.name}={c.value}" for c in self.client.cookies.jar if base.startswith(c.path.rstrip("/")))

    def _call(self, method: str, path: str, *, cookie_path: str | None = None, **options: Any) -> httpx.Response:
        token = self._xsrf(cookie_path or f"/user/{self.name}/")
        return self.client.request(method, path, headers={"X-XSRFToken": token}, **options).raise_for_status()

    def _xsrf(self, path: str) -> str:
        found = [c.value for c in self.client.cookies.jar if c.name == "_xsrf" and c.path == path]
        return found[-1] if found else ""


class Kernel:
    """A kernel of `visitor` behind the websocket at `address`, until `close` or the end of the block."""

    def __init__(self, visitor: Visitor, session: str, address: str) -> None:
        self._visitor, self._session = visitor, session
        # As httpx does by itself.
        certificates = {"ca_certs": os.environ["SSL_CERT_FILE"]} if os.environ.get("SSL_CERT_FILE") else {}
        self._channel = websocket.create_connection(
            address, cookie=visitor.cookies(), timeout=visitor.patience, sslopt=certificates
        )

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()
        self._visitor._call("DELETE", f"/user/{self._visitor.name}/api/sessions/{self._session}")

    def execute(self, code: str, **values: str) -> Outcome:
        """Run `code` as a cell, and return its outcome; `values` are expressions to evaluate after it, by name.

        A cell that ends with an error has no values. Raises websocket.WebSocketException if the kernel is silent for
        longer than the visitor's patience, or gone.
        """
        sent = uuid.uuid4().hex
        self._channel.send(json.dumps(_request(sent, code, values)))
        printed, error, found, idle = "", "", None, False
        while found is None or not idle:
            received = json.loads(self._channel.recv())
            kind, content = received["msg_type"], received["content"]
            if received["parent_header"].get("msg_id") != sent:
                continue
            if kind == "stream":
                printed += content["text"]
            elif kind == "error":
                error = _ANSI.sub("", "\n".join(content["traceback"]))
            elif kind == "execute_reply":
                evaluated = content.get("user_expressions", {})
                found = {name: one["data"]["text/plain"] for name, one in evaluated.items() if one["status"] == "ok"}
            idle = idle or (kind == "status" and content["execution_state"] == "idle")
        return Outcome(printed, error, {name: ast.literal_eval(text) for name, text in found.items()})


def _request(id: str, code: str, values: dict[str, str]) -> dict[str, Any]:
    header = {
        "msg_id": id,
        "msg_type": "execute_request",
        "session": uuid.uuid4().hex,
        "username": "",
        "version": "5.3",
    }
    content = {
        "code": code,
        "silent": False,
        "store_history": False,
        "user_expressions": values,
        "allow_stdin": False,
        "stop_on_error": True,
    }
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
