"""The environment variables that a command reads, and those that a child process gets."""

import pytest
from in_process import call

from llamastack_workshop import cli
from llamastack_workshop.server import upstreams
from llamastack_workshop.system import environment


def test_a_child_gets_what_any_program_needs_and_what_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "HF_TOKEN", "SSL_CERT_FILE", "OTEL_TRACES_EXPORTER", "MY_OWN"):
        monkeypatch.setenv(name, "x")
    given = environment.named(["MY_OWN"], ["OTEL_"])
    assert {"PATH", "HOME", "SSL_CERT_FILE", "MY_OWN", "OTEL_TRACES_EXPORTER"} <= given.keys()
    assert not {"OPENAI_API_KEY", "HF_TOKEN"} & given.keys()
    assert "OPENAI_API_KEY" not in environment.without(["OPENAI_API_KEY"])


@pytest.mark.parametrize(("command", "reads"), [("doctor", True), ("progress", False), ("clean --help", False)])
def test_env_is_read_where_a_model_is_asked(command: str, reads: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bool] = []
    monkeypatch.setattr(upstreams, "load_dotenv_file", lambda: read.append(True))
    call(cli.app, *command.split())
    assert bool(read) == reads
