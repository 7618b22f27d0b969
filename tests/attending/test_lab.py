"""`workshop lab`: JupyterLab with the attendee's copies, next to a running server."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from in_process import call
from websocket import create_connection

from llamastack_workshop import cli
from llamastack_workshop.attending import lab as lab_module
from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.server import lines
from llamastack_workshop.system import environment, ports


def in_terminal(command: str, address: str, token: str) -> str:
    """Return the output of `command` in a JupyterLab terminal."""
    name = httpx.post(f"{address}/api/terminals", params={"token": token}, timeout=30).json()["name"]
    place = address.replace("http://", "ws://")
    terminal = create_connection(f"{place}/terminals/websocket/{name}?token={token}", timeout=30)
    terminal.send(json.dumps(["stdin", f"{command}; echo end''ed\r"]))
    shown = ""
    while "ended" not in shown:
        kind, *content = json.loads(terminal.recv())
        shown += content[0] if kind == "stdout" else ""
    terminal.close()
    # The terminal wraps long lines.
    return "".join(shown.splitlines())


def test_lab_uses_the_running_server_and_stops_cleanly(base_url: str) -> None:
    server_port = base_url.split(":")[2].split("/")[0]
    options = ["--no-browser", "--port", server_port, "--lab-port", str(ports.free_port())]
    lab = subprocess.Popen(
        [sys.executable, "-m", "llamastack_workshop.cli", "lab", *options],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        output = ""
        for line in lab.stdout:
            output += line
            if "Ctrl-C stops" in line:
                break
        assert f"Using the LlamaStack server that already runs on port {server_port}." in output
        address, token = re.search(
            r"(http://localhost:\d+)/lab/tree/work/00-welcome.ipynb\?token=(\S+)", output
        ).groups()

        welcome = httpx.get(f"{address}/api/contents/work/00-welcome.ipynb", params={"token": token}, timeout=30)
        shown = json.dumps([cell.get("outputs") for cell in welcome.json()["content"]["cells"]], ensure_ascii=False)
        assert f"✓ LlamaStack 0.6.1 answers at {base_url}" in shown
        assert "[02 The Responses API](02-responses-api.ipynb)" in shown and '"error"' not in shown

        listed = httpx.get(f"{address}/api/contents/work", params={"token": token}, timeout=30).json()["content"]
        assert {path.name for path in chapters()} <= {entry["name"] for entry in listed}
        assert httpx.get(f"{address}/api/contents/work", timeout=30).status_code == 403
        notifications = f"{address}/lab/api/settings/@jupyterlab/apputils-extension:notification"
        settings = httpx.get(notifications, params={"token": token}, timeout=30).json()["schema"]["properties"]
        assert settings["fetchNews"]["default"] == "false"

        assert str(Path(sys.executable).with_name("workshop")) in in_terminal("command -v workshop", address, token)

        processes = psutil.Process(lab.pid).children(recursive=True)
        # A plain `kill`. Ctrl-C, which all commands handle in the same way, is tested in tests/server/test_stack.py.
        lab.send_signal(signal.SIGTERM)
        assert lab.wait(60) == 0
        assert not psutil.wait_procs(processes, timeout=20)[1]
        httpx.get(f"{base_url}/health", timeout=10).raise_for_status()
    finally:
        lab.terminate()
        lab.wait(30)


def test_in_a_container_jupyterlab_answers_to_localhost_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_HOST", "0.0.0.0")
    options = ["--ServerApp.ip=0.0.0.0", "--ServerApp.allow_remote_access=False"]
    assert lab_module._where_to_listen() == options


def until(text: str, lab: subprocess.Popen) -> str:
    """Return the output of `lab` up to the line with `text`."""
    output = ""
    for line in lab.stdout:
        output += line
        if text in line:
            return output
    raise AssertionError(output)


def listener(port: int) -> psutil.Process:
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN and c.laddr.port == port]
    return psutil.Process(listening[0].pid)


@pytest.mark.other_lines
def test_a_lab_of_another_line_has_its_own_servers_and_state(tmp_path: Path) -> None:
    port, lab_port = 9480, ports.free_port()
    options = ["--stack", "ogx-1.5", "--no-browser", "--port", str(port), "--lab-port", str(lab_port)]
    variables = {**os.environ, "WORKSHOP_STATE": str(tmp_path / "state"), "WORKSHOP_LOGS": str(tmp_path / "logs")}
    lab = subprocess.Popen(
        [sys.executable, "-m", "llamastack_workshop.cli", "lab", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment.without([lines.VARIABLE], variables),
    )
    try:
        told = until("Ctrl-C stops", lab)
        assert "OGX 1.5.0 is ready" in told and (tmp_path / "state-ogx-1.5").is_dir()
        address, token = f"http://localhost:{lab_port}", re.search(r"token=(\S+)", told)[1]
        shown = in_terminal("echo $WORKSHOP_STACK $WORKSHOP_STATE", address, token)
        assert f"ogx-1.5 {tmp_path / 'state-ogx-1.5'}" in shown
    finally:
        lab.terminate()
        lab.wait(60)


@pytest.mark.dear
def test_the_server_comes_back_and_the_kernels_stay(tmp_path: Path) -> None:
    port, lab_port = 9480, ports.free_port()
    options = ["--no-browser", "--port", str(port), "--lab-port", str(lab_port)]
    variables = {**os.environ, "WORKSHOP_STATE": str(tmp_path / "state"), "WORKSHOP_LOGS": str(tmp_path / "logs")}
    lab = subprocess.Popen(
        [sys.executable, "-m", "llamastack_workshop.cli", "lab", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables,
    )
    try:
        token = re.search(r"token=(\S+)", until("Ctrl-C stops", lab))[1]
        kernels = f"http://localhost:{lab_port}/api/kernels"
        kernel = httpx.post(kernels, params={"token": token}, json={"name": "python3"}, timeout=60).json()["id"]
        for victim, name in ((port, "llama-stack"), (port + 1, "embedded")):
            listener(victim).kill()
            told = until(f"LlamaStack is back on port {port}", lab)
            assert f"{name} ended by itself; its log is {tmp_path}/logs/{port}/{name}-ended.log" in told
            httpx.get(f"http://localhost:{port}/v1/models", timeout=30).raise_for_status()
            assert httpx.get(f"{kernels}/{kernel}", params={"token": token}, timeout=30).status_code == 200
        listener(lab_port).kill()
        assert "Error: JupyterLab ended by itself, killed by signal 9." in lab.communicate(timeout=60)[0]
        assert lab.returncode == 1
        assert ports.is_free(port) and ports.is_free(port + 1)
    finally:
        lab.terminate()
        lab.wait(30)


@pytest.mark.parametrize("lab_port", [8331, 8332, 8333, 8334])
def test_the_ports_of_the_server_are_its_own(lab_port: int) -> None:
    result = call(cli.app, "lab", "--port", "8331", "--lab-port", str(lab_port))
    assert f"--lab-port {lab_port} is taken: the server and its models use 8331 to 8334." in str(result.exception)
    assert "--lab-port 8335" in result.exception.fix
