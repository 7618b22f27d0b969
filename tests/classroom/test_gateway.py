"""The gateway of a classroom: HAProxy, in front of services that say what reaches them."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from web_servers import AppServer

from llamastack_workshop.classroom import gateway
from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import WorkshopError

NAMES = [f"attendee-{n}" for n in range(8)]
AT_ONCE = 2


class Service(AppServer):
    """A service that tells what it got. It answers nobody while `held`, and breaks off where `broken`."""

    def __init__(self, name: str) -> None:
        self.name, self.held, self.broken = name, threading.Event(), False
        super().__init__(self._app)
        self.start()

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        message = await receive()
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        if scope["path"] != "/v1/health":
            while self.held.is_set():
                await asyncio.sleep(0.02)
            if self.broken:
                for connection in self._server.server_state.connections:
                    connection.transport.abort()
                return
        told = {"server": self.name, "path": scope["path"], "headers": headers, "size": len(message["body"])}
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


class Site:
    """A gateway with two servers and a hub behind it."""

    def __init__(self, folder: Path) -> None:
        self.servers = {name: Service(name) for name in ("one", "two")}
        self.hub = Service("hub")
        self.states = dict.fromkeys(self.servers, "up ready")
        attendees = [gateway.Attendee(name, f"key-{name}", f"token-of-{name}") for name in NAMES]
        plan = gateway.Plan(
            port=ports.free_port(),
            servers={name: server.port for name, server in self.servers.items()},
            hub_port=self.hub.port,
            attendees=attendees,
            jwks='{"keys": []}',
            at_once=AT_ONCE,
        )
        self.gateway = gateway.Gateway(plan, folder / "gateway", folder / "haproxy.log", self.states.__getitem__)
        self.url = f"http://{ports.HOST}:{plan.port}"
        self.gateway.start()

    def ask(self, name: str, path: str = "/v1/models", **request: Any) -> httpx.Response:
        method = "POST" if request else "GET"
        return httpx.request(method, f"{self.url}/t/key-{name}{path}", timeout=20, **request)

    def server_of(self, name: str) -> str:
        return self.ask(name).raise_for_status().json()["server"]

    def stop(self) -> None:
        self.gateway.stop()
        for service in (*self.servers.values(), self.hub):
            service.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        gateway.program()
    except WorkshopError:
        pytest.skip("HAProxy is not installed")
    site = Site(tmp_path_factory.mktemp("gateway"))
    yield site
    site.stop()


def test_a_key_in_the_path_or_as_a_bearer_token_becomes_the_token_of_its_owner(site: Site) -> None:
    bearer = {"Authorization": "Bearer key-attendee-3", "X-Attendee": "attendee-1", "Origin": "https://elsewhere"}
    for answer in (site.ask("attendee-3"), httpx.get(f"{site.url}/v1/models", headers=bearer)):
        told = answer.json()
        assert told["path"] == "/v1/models"
        assert told["headers"]["authorization"] == "Bearer token-of-attendee-3"
        # The name is the gateway's to say.
        assert told["headers"]["x-attendee"] == "attendee-3"
        assert told["headers"]["host"] == "127.0.0.1" and "origin" not in told["headers"]


@pytest.mark.parametrize("path", ["/v1/models", "/t/wrong/v1/models", "/t//v1/models", "/openapi.json"])
def test_who_has_no_key_gets_nothing(site: Site, path: str) -> None:
    answer = httpx.get(site.url + path, headers={"Authorization": "Bearer token-of-attendee-1"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (401, "unauthorized")


@pytest.mark.parametrize("path", ["/responses", "/openapi.json", "/hub/login"])
def test_whatever_follows_a_key_is_for_the_servers(site: Site, path: str) -> None:
    # A wrong address gets the answer that the chapters talk about.
    told = site.ask("attendee-1", path).json()
    assert told["server"] in site.servers and told["path"] == path


def test_everything_else_is_for_the_hub(site: Site) -> None:
    assert httpx.get(f"{site.url}/hub/login").json()["server"] == "hub"


def test_an_attendee_stays_on_one_server_until_that_is_gone(site: Site) -> None:
    before = {name: site.server_of(name) for name in NAMES}
    assert set(before.values()) == {"one", "two"}
    assert {name: site.server_of(name) for name in NAMES} == before
    site.states["one"] = "down"
    wait_until(lambda: not site.gateway.standing("one").up)
    assert {site.server_of(name) for name in NAMES} == {"two"}
    site.states["one"] = "up ready"
    wait_until(lambda: site.gateway.standing("one").up)
    assert {name: site.server_of(name) for name in NAMES} == before


def test_a_request_whose_server_breaks_off_goes_to_the_other(site: Site) -> None:
    name = next(name for name in NAMES if site.server_of(name) == "one")
    site.servers["one"].broken = True
    try:
        answer = site.ask(name, "/v1/responses", json={"input": "Hello"})
        assert (answer.status_code, answer.json()["server"]) == (200, "two")
        # An upload is not sent twice.
        wait_until(lambda: site.gateway.standing("one").up)
        assert site.ask(name, "/v1/files", content=b"text").status_code == 502
    finally:
        site.servers["one"].broken = False
    wait_until(lambda: site.gateway.standing("one").up)


def test_more_requests_at_a_time_than_the_limit_are_refused_and_disturb_nobody_else(site: Site) -> None:
    for server in site.servers.values():
        server.held.set()
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(site.ask("attendee-1").status_code)) for _ in range(5)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(statuses) == 5 - AT_ONCE)
    refused = site.ask("attendee-1")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    for server in site.servers.values():
        server.held.clear()
    for thread in threads:
        thread.join(20)
    assert sorted(statuses) == [200] * AT_ONCE + [429] * (5 - AT_ONCE)
    assert site.ask("attendee-1").status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"background": true}', 400),
        ('{"background"\t:\n"yes"}', 400),
        ('{"background": false, "background": 1}', 400),
        (r'{"b\u0061ckground": true}', 400),
        ('{"background": false}', 200),
        ('{"background": null, "input": "\\u00e9 \\"background\\": true"}', 200),
        ('{"tools": [{"parameters": {"properties": {"background": {"type": "string"}}}}]}', 200),
        (f'{{"input": "{"x" * 500_001}"}}', 413),
    ],
)
def test_a_background_response_is_refused_however_it_is_written(site: Site, body: str, status: int) -> None:
    assert site.ask("attendee-1", "/v1/responses", content=body.encode()).status_code == status
    # An iterator is sent in chunks, without its length.
    assert site.ask("attendee-1", "/v1//responses", content=iter([body.encode()])).status_code == status


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_request_in_another_encoding_is_refused(site: Site, encoding: str) -> None:
    body = '{"background": true}'.encode(encoding)
    assert site.ask("attendee-1", "/v1/responses", content=body).status_code == 400


def test_what_it_writes_is_for_nobody_else(site: Site) -> None:
    folder = site.gateway._folder
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.stat().st_mode & 0o077 == 0 for file in folder.iterdir())


def wait_until(condition: Any) -> None:
    """Return once `condition` holds; HAProxy asks its agent four times a second."""
    asyncio.run(asyncio.wait_for(_poll(condition), 20))


async def _poll(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.1)
