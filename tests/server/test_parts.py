"""The processes of a stack: what they are told, and who may read what they write."""

import os
import re
import stat
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from llamastack_workshop import cli
from llamastack_workshop.patterns.run import DEFAULT_BASE_URL
from llamastack_workshop.server import upstreams
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import paths, ports

SECRETS = {"OPENAI_API_KEY": "sk-not-for-the-model", "HF_TOKEN": "hf-for-nobody", "AWS_SECRET_ACCESS_KEY": "for-nobody"}


def test_no_process_gets_a_key_that_it_has_no_use_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state, logs = tmp_path / "state", tmp_path / "logs"
    state.mkdir(mode=0o755)
    logs.mkdir(mode=0o755)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    # A folder without a mould: nobody can read the environment of a fork.
    monkeypatch.setenv("WORKSHOP_MOULD", str(tmp_path))
    with running_stack(lambda _: None, port=ports.free_port(), upstream=Choice.embedded, state=state, logs=logs):
        children = psutil.Process().children(recursive=True)
        modules = {word for child in children for word in child.cmdline() if word.startswith("llamastack_workshop.")}
        assert {"llamastack_workshop.server.run_server", "llamastack_workshop.server.embedded.serve"} <= modules
        told = {value for child in children for value in child.environ().values()}
        assert not told & set(SECRETS.values())
        written = [path for path in [state, logs, *state.rglob("*"), *logs.rglob("*")] if path.exists()]
    assert len(written) > 4
    if os.name == "posix":
        assert not [path for path in written if stat.S_IMODE(path.stat().st_mode) & 0o077]


@pytest.mark.parametrize(("command", "reads"), [("doctor", True), ("progress", False), ("clean --help", False)])
def test_env_is_read_where_a_model_is_asked(command: str, reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bool] = []
    monkeypatch.setattr(upstreams, "load_dotenv_file", lambda: read.append(True))
    CliRunner().invoke(cli.app, command.split())
    assert bool(read) == reads


def test_everybody_looks_for_the_server_on_the_port_where_it_starts() -> None:
    files = [*paths.NOTEBOOKS.glob("*.ipynb"), *(paths.ROOT / "clients").rglob("*.mjs"), paths.ROOT / "README.md"]
    named = re.compile(r"(?:LLAMA_STACK_BASE_URL|the server alone).{0,20}http://localhost:(\d+)")
    found = {number for file in files for number in named.findall(file.read_text(encoding="utf-8"))}
    found |= set(re.findall(r":(\d+)", DEFAULT_BASE_URL))
    assert found == {str(paths.DEFAULT_PORT)}
