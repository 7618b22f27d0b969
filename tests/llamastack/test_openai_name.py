"""The second program on the book's first page, verbatim, with OpenAI's model name `openai/gpt-4o-mini`.

It needs neither a key nor a call to OpenAI: the `openai` provider's base URL points to the embedded model, which
accepts the name gpt-4o-mini in this test. It tests the path from the program through LlamaStack's openai provider to an
OpenAI-compatible upstream, not the answer of OpenAI's model.
"""

import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from llamastack_workshop.server.embedded.serve import serve_chat_model
from llamastack_workshop.server.stack import Stack, running_stack
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import paths, ports


@pytest.fixture(scope="module")
def openai_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A server with `openai` as its only chat provider."""
    port = ports.free_port()
    upstream = serve_chat_model(port, alias="gpt-4o-mini")
    folder = tmp_path_factory.mktemp("openai")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "not-a-real-key")
        patch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{port}/v1")
        patch.delenv("OPENAI_MODEL", raising=False)
        options = {"port": ports.free_port(), "upstream": Choice.openai, "state": folder / "state", "logs": folder}
        with running_stack(lambda line: None, **options) as running:
            yield running
    del upstream


def test_the_first_pages_program(openai_stack: Stack) -> None:
    page = (paths.ROOT / "book" / "index.md").read_text(encoding="utf-8")
    _, program = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert 'model="openai/gpt-4o-mini"' in program
    address = '"http://localhost:8321/v1"'
    assert address in program
    # The only change: a port for this test, because 8321 may belong to an attendee's server.
    program = program.replace(address, repr(openai_stack.base_url))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip()


def test_the_openai_model_is_the_only_language_model(openai_stack: Stack) -> None:
    assert openai_stack.models == ["openai/gpt-4o-mini"]


def test_the_chain_command_with_the_openai_model(openai_stack: Stack) -> None:
    options = ["--base-url", openai_stack.base_url, "--model", "openai/gpt-4o-mini"]
    run = subprocess.run(
        [Path(sysconfig.get_path("scripts"), "llamastack-prompt-chaining"), *options],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert '"memory": "16' in run.stdout


def test_the_key_is_in_no_file_that_the_stack_wrote(openai_stack: Stack) -> None:
    written = [path for path in openai_stack.children[0].log.parent.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if b"not-a-real-key" in path.read_bytes()]
