"""An attendee as the hub sees one: logs in, opens JupyterLab, and runs code in a kernel there."""

import json
import re
import time
import uuid

import httpx
import websocket


class Visitor:
    """Somebody with a name and a password, at the classroom at `url`."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self.url, self.name = url, name
        self.client = httpx.Client(base_url=url, follow_redirects=True, timeout=60)
        self.login = self._log_in(password)

    def _log_in(self, password: str) -> httpx.Response:
        self.client.get("/hub/login").raise_for_status()
        form = {"username": self.name, "password": password, "_xsrf": self._xsrf("/hub/")}
        return self.client.post("/hub/login?next=/hub/home", data=form)

    def open_lab(self) -> httpx.Response:
        """Have a JupyterLab started, and return its first page."""
        deadline = time.monotonic() + 120
        page = self.client.get("/hub/spawn")
        while not page.url.path.startswith(f"/user/{self.name}/lab"):
            assert time.monotonic() < deadline, page.text
            time.sleep(0.5)
            page = self.client.get("/hub/user-redirect/lab/tree/work/01-server-setup.ipynb")
        return page.raise_for_status()

    def run(self, code: str) -> str:
        """Return what `code` prints in a new kernel; an error in it is raised as text."""
        base = f"/user/{self.name}"
        headers = {"X-XSRFToken": self._xsrf(f"{base}/")}
        kernel = self.client.post(f"{base}/api/kernels", json={}, headers=headers).raise_for_status().json()["id"]
        cookies = "; ".join(
            f"{c.name}={c.value}" for c in self.client.cookies.jar if base.startswith(c.path.rstrip("/"))
        )
        address = f"{self.url.replace('http', 'ws', 1)}{base}/api/kernels/{kernel}/channels"
        channel = websocket.create_connection(address, cookie=cookies, timeout=120)
        try:
            return _executed(channel, code)
        finally:
            channel.close()
            self.client.delete(f"{base}/api/kernels/{kernel}", headers=headers)

    def _xsrf(self, path: str) -> str:
        found = [c.value for c in self.client.cookies.jar if c.name == "_xsrf" and c.path == path]
        return found[-1] if found else ""


def _executed(channel: websocket.WebSocket, code: str) -> str:
    sent = uuid.uuid4().hex
    header = {
        "msg_id": sent,
        "msg_type": "execute_request",
        "session": uuid.uuid4().hex,
        "username": "",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False, "stop_on_error": True}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    channel.send(json.dumps(message))
    printed = ""
    while True:
        received = json.loads(channel.recv())
        kind, content = received["msg_type"], received["content"]
        if received["parent_header"].get("msg_id") != sent:
            continue
        if kind == "stream":
            printed += content["text"]
        elif kind == "error":
            raise AssertionError(re.sub(r"\x1b\[[\d;]*m", "", "\n".join(content["traceback"])))
        elif kind == "status" and content["execution_state"] == "idle":
            return printed
