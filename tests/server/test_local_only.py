"""A web page in the user's browser has no access to our servers on loopback."""

import os
from pathlib import Path

import httpx
import pytest

from llamastack_workshop.server import run_server
from llamastack_workshop.system import paths

PAGE = "https://page.example"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "page.example:8321"},
        {"Host": "127.0.0.1.page.example"},
        {"Host": "localhost.page.example"},
        {"Host": "localhost@page.example"},
        {"Host": "[::1"},
        {"Origin": PAGE},
        {"Origin": "http://localhost.page.example:8321"},
        {"Origin": "null"},
        {"Host": "localhost", "Origin": "http://127.0.0.1:8888@page.example"},
    ],
)
def test_a_foreign_page_reads_nothing_and_leaves_nothing(headers: dict[str, str], base_url: str) -> None:
    before = httpx.get(f"{base_url}/files").json()["data"]
    for answer in (
        httpx.get(f"{base_url}/responses", headers=headers),
        httpx.post(f"{base_url}/files", headers=headers, files={"file": b"x"}, data={"purpose": "assistants"}),
    ):
        assert answer.status_code == 403
        assert "accepts requests from its own machine" in answer.json()["error"]["message"]
        assert "access-control-allow-origin" not in answer.headers
    assert httpx.get(f"{base_url}/files").json()["data"] == before


@pytest.mark.parametrize("origin", [None, "http://localhost:8888", "http://127.0.0.1:3000", "http://[::1]:3000"])
def test_programs_and_pages_of_this_machine_are_let_in(origin: str | None, base_url: str) -> None:
    headers = {"Origin": origin} if origin else {}
    for address in (base_url, base_url.replace("localhost", "127.0.0.1")):
        assert httpx.get(f"{address}/models", headers=headers).status_code == 200


def test_no_page_may_read_the_answers_of_the_embedded_model() -> None:
    address = os.environ["LLAMA_CPP_URL"]
    for path in (f"{address}/models", f"{address.removesuffix('/v1')}/props"):
        answer = httpx.get(path, headers={"Origin": PAGE})
        assert answer.headers.get("access-control-allow-origin") not in ("*", PAGE)


@pytest.mark.parametrize(
    ("settings", "guarded"),
    [
        (None, True),  # the unchanged run.yaml, in a container as well
        ("{host: 127.0.0.1}", True),
        ("{host: '::1'}", True),
        ("{host: 127.0.0.1, cors: true}", False),
        ("{host: 0.0.0.0}", False),
        ("{host: '${env.MY_HOST:=127.0.0.1}'}", False),
        ("{}", False),
        ("", False),
    ],
)
def test_the_check_is_before_servers_for_one_machine(settings: str | None, guarded: bool, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    ours = paths.RUN_YAML.read_text(encoding="utf-8")
    file.write_text(ours if settings is None else f"server: {settings}\n", encoding="utf-8")
    assert run_server._is_for_this_machine(file) is guarded
