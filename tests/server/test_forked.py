"""Servers from a mould: separate processes, like those started directly."""

import os
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import pytest
import yaml

from llamastack_workshop.server import parts
from llamastack_workshop.server.mould import IMPORTED_LATER
from llamastack_workshop.server.stacks import OURS
from llamastack_workshop.server.throwaway import throwaway_server
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.forked import Forked, Mould
from llamastack_workshop.system.processes import Child, Spawned

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="servers are forked on Linux alone")

CONFIGURATION = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))


def models(base_url: str) -> set[str]:
    return {model["id"] for model in httpx.get(f"{base_url}/models", timeout=10).json()["data"]}


def waiting_server(folder: Path, **variables: str) -> Child:
    """Return a server that waits for the first line on its input."""
    return parts.llama_stack(OURS, ports.free_port(), folder / "log", state=folder, variables=variables)


def test_servers_of_one_mould_share_nothing_but_what_it_imported(
    base_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with (
        throwaway_server(CONFIGURATION, {"VLLM_URL": base_url}) as first,
        throwaway_server(CONFIGURATION) as second,
    ):
        assert isinstance(first.process, Forked) and isinstance(second.process, Forked)
        served = [{name.split("/")[0] for name in models(one.base_url)} for one in (first, second)]
        assert "vllm" in served[0] and "vllm" not in served[1]
        processes = [psutil.Process(server.process.pid) for server in (first, second)]
        assert [os.getsid(process.pid) for process in processes] == [process.pid for process in processes]
        assert processes[0].ppid() == processes[1].ppid() and processes[0].cwd() == str(tmp_path)
        for server in (first, second):
            written = [path for path in server.process.log.parent.rglob("*") if path.name != "run.yaml"]
            assert len(written) > 2 and not [path for path in written if path.stat().st_mode & 0o077]
            assert server.process.log_text().count("Listening on 127.0.0.1") == 1

        first.kill()
        assert not psutil.wait_procs(processes[:1], timeout=10)[1] and not first.process.running()
        assert second.process.running()
    assert not psutil.wait_procs(processes, timeout=10)[1]


@pytest.mark.parametrize("variables", [{"OTEL_TRACES_EXPORTER": "otlp"}, {"LLAMA_STACK_LOGGING": "all=debug"}])
def test_a_server_with_other_values_for_what_is_read_on_import_starts_by_itself(
    variables: dict[str, str], tmp_path: Path
) -> None:
    forked, spawned = waiting_server(tmp_path / "forked"), waiting_server(tmp_path / "spawned", **variables)
    assert (type(forked), type(spawned)) == (Forked, Spawned)
    forked.stop()
    spawned.kill()


def test_no_mould_begins_with_modules_that_somebody_puts_before_a_server(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A sitecustomize.py reads variables of its server, which the mould wouldn't have."""
    monkeypatch.delenv(parts.MOULD.variable, raising=False)
    assert parts.MOULD.address({"PYTHONPATH": str(tmp_path)}) is None
    assert parts.MOULD.variable not in os.environ


def test_a_server_starts_by_itself_where_the_mould_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[Path] = []
    address = Mould.address
    monkeypatch.setattr(Mould, "address", lambda mould, variables: seen.append(address(mould, variables)))
    waiting_server(tmp_path / "first").kill()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / seen[0].name))
    monkeypatch.undo()
    monkeypatch.setenv("WORKSHOP_MOULD", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "for nobody")
    spawned = waiting_server(tmp_path / "second")
    assert isinstance(spawned, Spawned)
    assert "for nobody" not in psutil.Process(spawned.pid).environ().values()
    spawned.kill()


def test_a_mould_that_ends_before_it_forks(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "mould"))
        listener.listen()
        asked = Forked(tmp_path / "mould", [], {}, tmp_path / "log")
        # It has read nothing, so closing resets the connection.
        listener.accept()[0].close()
    assert asked.pid == 0 and not asked.running()


def test_what_the_mould_imports_is_there() -> None:
    assert not [name for name in IMPORTED_LATER if not find_spec(name)]
