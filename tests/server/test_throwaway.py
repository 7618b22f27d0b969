"""Throw-away servers end with the process that started them, however that ends."""

import subprocess
import sys
import time

import httpx
import psutil
import pytest
import yaml
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook

from llamastack_workshop.server.throwaway import upstream_variables
from llamastack_workshop.system import paths


@pytest.fixture
def variables(base_url: str, model: str) -> dict[str, str]:
    """The variables with which a throw-away server uses the live one as its upstream."""
    return upstream_variables(base_url, model)


def starting(variables: dict[str, str]) -> str:
    """Return code that starts a throw-away server, prints its address, and does not stop it."""
    smallest = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    smallest["apis"] = ["inference"]
    smallest["providers"] = {"inference": smallest["providers"]["inference"]}
    del smallest["registered_resources"]["tool_groups"]
    return f"""
from llamastack_workshop.server.throwaway import upstream_variables, throwaway_server
running = throwaway_server({smallest!r}, {variables!r})
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
