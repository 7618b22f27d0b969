"""Throw-away servers end with the process that started them, however that ends."""

import socket
import subprocess
import sys
import time
from typing import Any

import httpx
import psutil
import pytest
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError


@pytest.fixture
def variables(base_url: str, model: str) -> dict[str, str]:
    """The variables with which a throw-away server uses the live one as its upstream."""
    return upstream_variables(base_url, model)


def smallest() -> dict[str, Any]:
    """Return a configuration with inference alone."""
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    configuration["apis"] = ["inference"]
    configuration["providers"] = {"inference": configuration["providers"]["inference"]}
    del configuration["registered_resources"]["tool_groups"]
    return configuration


def starting(variables: dict[str, str]) -> str:
    """Return code that starts a throw-away server, prints its address, and does not stop it."""
    return f"""
from llamastack_workshop.server.throwaway import upstream_variables, throwaway_server
running = throwaway_server({smallest()!r}, {variables!r})
server = running.__enter__()
print(server.base_url, flush=True)
"""


def assert_gone(base_url: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{base_url}/models")
        except httpx.TransportError:
            return
        time.sleep(0.1)
    pytest.fail(f"a server still answers at {base_url}")


def test_a_throwaway_server_ends_with_its_process_even_if_that_is_killed(variables: dict[str, str]) -> None:
    code = starting(variables) + "print(server.process.pid, flush=True)\nimport time\ntime.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    base_url = parent.stdout.readline().strip()
    assert httpx.get(f"{base_url}/models").status_code == 200
    server = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    gone, alive = psutil.wait_procs([server], timeout=30)
    assert gone and not alive
    assert_gone(base_url)


def test_a_throwaway_server_ends_when_a_cell_fails_halfway(variables: dict[str, str]) -> None:
    notebook = new_notebook(cells=[new_code_cell(starting(variables)), new_code_cell("1 / 0")])
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        NotebookClient(notebook, timeout=300).execute()
    assert_gone(notebook.cells[0].outputs[0]["text"].strip())


def test_a_port_that_another_program_took_meanwhile_is_replaced(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as other:
        other.bind((ports.HOST, 0))
        chosen = iter([other.getsockname()[1], ports.free_port()])
        monkeypatch.setattr(ports, "free_port", lambda: next(chosen))
        with throwaway_server(smallest(), variables) as server:
            assert server.error is None
            assert httpx.get(f"{server.base_url}/models").status_code == 200


def test_a_server_that_did_not_start_has_no_address_but_a_reason(variables: dict[str, str]) -> None:
    with throwaway_server(smallest() | {"apis": ["no-such-api"]}, variables) as server:
        assert server.error
        with pytest.raises(WorkshopError, match=r"The throw-away server did not start: ValueError"):
            _ = server.base_url
