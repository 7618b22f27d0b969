"""The claims of chapter 19: no other machine is needed or contacted; the contents of telemetry, logs and disks."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from openai import OpenAI

from llamastack_workshop.server.throwaway import Throwaway, throwaway_server, upstream_variables
from llamastack_workshop.system import paths

RUN_YAML = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
KEEP_NOTHING = yaml.safe_load((paths.ROOT / "stacks" / "keep-nothing.yaml").read_text(encoding="utf-8"))

NAMESPACE = ["unshare", "--user", "--map-root-user", "--net"]
# Enable loopback, try to reach a public address, and exec the command in the arguments.
SEALED = """
import errno, fcntl, os, socket, struct, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
    fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh", b"lo", 1))
for family, address in ((socket.AF_INET, "1.1.1.1"), (socket.AF_INET6, "2606:4700:4700::1111")):
    with socket.socket(family) as one:
        print(address, errno.errorcode[one.connect_ex((address, 443))], flush=True)
os.execvp(sys.argv[1], sys.argv[1:])
"""
STRACE = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"]


@dataclass(frozen=True)
class SealedRun:
    """A run of a chapter without a network: its output, and each attempt to connect if strace is available."""

    status: int
    output: str
    attempts: str | None


def sealed(*command: str) -> list[str]:
    return [*NAMESPACE, sys.executable, "-c", SEALED, *command]


def works(*command: str) -> bool:
    return bool(shutil.which(command[0])) and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture(scope="module")
def sealed_run(tmp_path_factory: pytest.TempPathFactory) -> SealedRun:
    """`workshop test` on chapter 1, with its own server, models and kernel, in a network namespace."""
    if not works(*sealed("true")):
        pytest.skip("this system lets nobody make a network namespace: it has no unshare, or does not allow it")
    folder = tmp_path_factory.mktemp("sealed")
    log = folder / "strace.log"
    strace = [*STRACE, str(log)] if works(*sealed(*STRACE, os.devnull, "true")) else []
    chapter = ["test", "notebooks/01-server-setup.ipynb", "--numprocesses=0", "-p", "no:cacheprovider"]
    # The variables that `make test` sets contain addresses that don't exist in the namespace.
    ours = re.compile("PYTEST_|LLAMA_|EMBEDDINGS_|WORKSHOP_")
    environment = {name: value for name, value in os.environ.items() if not ours.match(name)}
    process = subprocess.Popen(
        sealed(*strace, sys.executable, "-m", "llamastack_workshop.cli", *chapter),
        cwd=paths.ROOT,
        env={**environment, "WORKSHOP_UPSTREAM": "embedded", "WORKSHOP_LOGS": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=280)
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate()
        raise
    return SealedRun(process.returncode, output, log.read_text(errors="replace") if strace else None)


def test_a_chapter_runs_where_there_is_no_way_out(sealed_run: SealedRun) -> None:
    assert re.search(r"^1\.1\.1\.1 ENETUNREACH$", sealed_run.output, re.MULTILINE)
    assert re.search(r"^2606:\S+ ENETUNREACH$", sealed_run.output, re.MULTILINE)
    assert sealed_run.status == 0 and "1 passed" in sealed_run.output, sealed_run.output[-3000:]


def test_nothing_in_that_run_tries_to_reach_another_host_or_a_name_server(sealed_run: SealedRun) -> None:
    if sealed_run.attempts is None:
        pytest.skip("strace is not here, or may not trace")
    addresses = set(re.findall(r'inet_addr\("(.*?)"\)|inet_pton\(AF_INET6, "(.*?)"', sealed_run.attempts))
    hosts = {v4 or v6.removeprefix("::ffff:") for v4, v6 in addresses}
    assert "127.0.0.1" in hosts
    assert all(host.startswith("127.") or host == "::1" for host in hosts), hosts
    assert "htons(53)" not in sealed_run.attempts
    # A local name service listens on a Unix socket, which a network namespace doesn't hide.
    sockets = re.findall(r'connect\(.*sun_path="(.*?)".*= 0$', sealed_run.attempts, re.MULTILINE)
    assert not [path for path in sockets if "resolve" in path or "nscd" in path]


@pytest.fixture(scope="module")
def through_live(base_url: str, model: str) -> dict[str, str]:
    return upstream_variables(base_url, model)


def test_the_server_has_no_event_loop_that_an_audit_hook_does_not_see() -> None:
    assert find_spec("uvloop") is None


def ask(server: Throwaway, model: str, word: str, **options: Any) -> dict[str, Any]:
    # The question makes the answer long enough to search for.
    text = f"The code word is {word}. What is the capital of France?"
    body = {"model": f"openai/{model}", "input": text, "temperature": 0, "max_output_tokens": 16}
    answer = httpx.post(f"{server.base_url}/responses", json=body | options, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.json()


def log_with(server: Throwaway, *texts: str) -> str:
    """Return the server's log once it contains all `texts`; rich wraps its lines at a fixed width."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        log = re.sub(r"\s*\n\s+", " ", server.process.log_text())
        if all(text in log for text in texts):
            return log
        time.sleep(0.2)
    pytest.fail(f"not in the log: {[text for text in texts if text not in log]}")


@pytest.fixture(scope="module")
def traced(through_live: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Throwaway, Path]]:
    """A server with a shield that writes its spans to its log, and the folder of its state."""
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    configuration["apis"].append("safety")
    configuration["providers"]["safety"] = [{"provider_id": "scanner", "provider_type": "inline::code-scanner"}]
    shield = {"shield_id": "scanner", "provider_id": "scanner", "provider_shield_id": "code-scanner"}
    configuration["registered_resources"]["shields"] = [shield]
    state = tmp_path_factory.mktemp("state")
    variables = {
        **through_live,
        "WORKSHOP_STATE": str(state),
        "OTEL_TRACES_EXPORTER": "console",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with throwaway_server(configuration, variables) as server:
        assert server.error is None, server.error
        yield server, state


def test_spans_and_log_of_an_ordinary_call_hold_neither_prompt_nor_answer(
    traced: tuple[Throwaway, Path], model: str
) -> None:
    server, _ = traced
    answer = ask(server, model, "plainfinch")
    log = log_with(server, '"name": "POST /v1/responses"')
    assert "plainfinch" not in log
    text = answer["output"][0]["content"][0]["text"]
    assert len(text) > 10
    assert text not in log


def test_the_span_of_a_shield_holds_the_messages(traced: tuple[Throwaway, Path]) -> None:
    pytest.importorskip("codeshield")
    server, _ = traced
    body = {"shield_id": "scanner", "messages": [{"role": "user", "content": "shieldfinch"}]}
    httpx.post(f"{server.base_url}/safety/run-shield", json=body, timeout=60).raise_for_status()
    log = log_with(server, "shieldfinch")
    assert re.search(r'"llama_stack\.safety\.request\.messages": ".*shieldfinch', log)


def test_the_code_scanner_writes_what_it_moderates_into_the_log(traced: tuple[Throwaway, Path]) -> None:
    pytest.importorskip("codeshield")
    server, _ = traced
    body = {"model": "code-scanner", "input": f"moderatedfinch {'x' * 100} tail"}
    httpx.post(f"{server.base_url}/moderations", json=body, timeout=60).raise_for_status()
    log = log_with(server, "moderation on input: moderatedfinch")
    assert "tail" not in log.split("moderatedfinch")[1][:200]


def test_a_file_that_has_expired_is_still_handed_out(traced: tuple[Throwaway, Path]) -> None:
    server, state = traced
    client = OpenAI(base_url=server.base_url, api_key="none")
    file = client.files.create(file=("old.txt", b"oldfinch"), purpose="assistants")
    assert file.expires_at - file.created_at == 365 * 24 * 60 * 60
    with closing(sqlite3.connect(state / "sql.db")) as database:
        database.execute("UPDATE openai_files SET expires_at = 1 WHERE id = ?", (file.id,))
        database.commit()
    assert client.files.retrieve(file.id).expires_at == 1
    assert client.files.content(file.id).read() == b"oldfinch"


@pytest.fixture(scope="module")
def forgetful(
    through_live: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Throwaway, Path]]:
    """The server of keep-nothing.yaml with a verbose log, and the folder of its state."""
    state = tmp_path_factory.mktemp("state")
    variables = {**through_live, "WORKSHOP_STATE": str(state), "LLAMA_STACK_LOGGING": "all=debug"}
    with throwaway_server(KEEP_NOTHING, variables) as server:
        assert server.error is None, server.error
        yield server, state


def test_keep_nothing_takes_first_requests_that_come_together_and_writes_no_database(
    forgetful: tuple[Throwaway, Path], model: str
) -> None:
    server, state = forgetful
    with ThreadPoolExecutor(max_workers=8) as pool:
        responses = list(pool.map(lambda number: ask(server, model, f"quietfinch-{number}"), range(8)))
    client = OpenAI(base_url=server.base_url, api_key="none")
    assert {client.responses.retrieve(response["id"]).id for response in responses} == {r["id"] for r in responses}
    assert client.conversations.create().id
    assert list(state.rglob("*")) == [state / "files"]
    opened = psutil.Process(server.process.pid).open_files()
    assert not [one.path for one in opened if one.path.endswith((".db", "-wal", "-journal"))]


def test_a_debug_log_holds_prompts(forgetful: tuple[Throwaway, Path], model: str) -> None:
    server, _ = forgetful
    ask(server, model, "talkfinch")
    log_with(server, "talkfinch")


def test_no_store_can_be_left_out(through_live: dict[str, str]) -> None:
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    configuration["storage"]["stores"]["inference"] = None
    with throwaway_server(configuration, through_live) as server:
        assert server.error == "ValueError: storage.stores.inference must be configured in run config"
