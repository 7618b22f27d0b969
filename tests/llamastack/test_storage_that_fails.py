"""The answers of a server that can't write, as described in run-yaml.md and chapters 7 and 19."""

import copy
import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from llamastack_workshop.server.throwaway import Throwaway, throwaway_server, upstream_variables
from llamastack_workshop.system import paths, ports

FULL = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))


@pytest.fixture
def variables(base_url: str, model: str) -> dict[str, str]:
    return upstream_variables(base_url, model)


def answered(server: Throwaway, model: str) -> tuple[int, bool, int]:
    """Create a response. Returns its status, whether it claims to be stored, and the status of its retrieval."""
    request = {"model": f"openai/{model}", "input": "Hi", "max_output_tokens": 16}
    made = httpx.post(f"{server.base_url}/responses", json=request, timeout=60)
    body = made.json()
    return made.status_code, body.get("store"), httpx.get(f"{server.base_url}/responses/{body.get('id')}").status_code


def test_a_database_that_is_down_stores_nothing_and_says_nothing(variables: dict[str, str], model: str) -> None:
    configuration: dict[str, Any] = copy.deepcopy(FULL)
    nobody = {"host": "127.0.0.1", "port": ports.free_port(), "db": "x", "user": "x", "password": "x"}
    configuration["storage"]["backends"]["sql_default"] = {"type": "sql_postgres", **nobody}
    with throwaway_server(configuration, variables) as server:
        assert server.error is None
        assert httpx.get(f"{server.base_url}/health").json() == {"status": "OK"}
        status, stored, retrieved = answered(server, model)
        # 502 with Postgres's driver installed, 500 without.
        assert (status, stored) == (200, True) and retrieved >= 500


@pytest.fixture
def full(variables: dict[str, str], tmp_path: Path) -> Iterator[Throwaway]:
    """A server whose files can't grow, as on a full disk. Its uploads go to `tmp_path`."""
    if sys.platform != "linux":
        pytest.skip("only Linux limits the files of a process that runs")
    configuration: dict[str, Any] = copy.deepcopy(FULL)
    configuration["providers"]["files"][0]["config"]["storage_dir"] = str(tmp_path)
    with throwaway_server(configuration, variables) as server:
        assert server.error is None, server.error
        yield server


def limit(server: Throwaway, size: int) -> None:
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, size))


def test_on_a_full_disk_a_response_is_not_stored_and_does_not_say_so(full: Throwaway, model: str) -> None:
    assert answered(full, model) == (200, True, 200)
    limit(full, 0)
    assert answered(full, model) == (200, True, 404)


def test_a_failed_upload_leaves_bytes_that_nobody_lists(full: Throwaway, tmp_path: Path) -> None:
    limit(full, 100_000)
    body: dict[str, Any] = {"files": {"file": ("large.txt", b"x" * 500_000)}, "data": {"purpose": "assistants"}}
    assert httpx.post(f"{full.base_url}/files", **body).status_code >= 400
    assert httpx.get(f"{full.base_url}/files").json()["data"] == []
    (left,) = tmp_path.iterdir()
    assert left.name.startswith("file-") and left.stat().st_size == 100_000
