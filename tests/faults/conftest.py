"""Fixtures of the fault tests: clones, and the book's table with the message for each fault."""

import re
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clones import Clone, Run
from tables import assert_row, put_row

from llamastack_workshop.system import paths

PAGE = paths.ROOT / "book" / "faults.md"
_LONGEST = 300  # characters
HEADER = ["what happens", "status", "what you see"]


@pytest.fixture(scope="session", autouse=True)
def usual_signals() -> None:
    """Restore the signals that our parent ignored, such as nohup or a shell script with `&`, for our children."""
    for name in ("SIGHUP", "SIGQUIT"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
            signal.signal(getattr(signal, name), signal.SIG_DFL)


@pytest.fixture
def scratch() -> Iterator[Path]:
    """A folder with a short path, because the sockets in it have a limit on their addresses."""
    folder = Path(tempfile.mkdtemp(prefix="f-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def clone(scratch: Path) -> Iterator[Clone]:
    """A clone with prepared models, which must not leave anything behind."""
    made = Clone(scratch / "clone", scratch / "t")
    made.give_models()
    yield made
    remains = made.remains()
    for process in made.processes():
        process.kill()
    assert not remains


@pytest.fixture
def row(request: pytest.FixtureRequest, scratch: Path) -> Callable[..., None]:
    """Return a function that compares a row of the table of faults with the outcome; --rewrite-tables writes it.

    The table has the name of the test file: tests/faults/test_disk_faults.py measures `disk-faults`.
    """
    table = request.path.stem.removeprefix("test_").replace("_", "-")

    def hold(name: str, seen: Run | tuple[object, str]) -> None:
        status, said = (seen.status, seen.said) if isinstance(seen, Run) else seen
        text = _plain(said, scratch)
        cells = [name, str(status), f"`{text}`" if text else "nothing"]
        if request.config.getoption("--rewrite-tables"):
            put_row(PAGE, table, HEADER, cells)
        else:
            assert_row(PAGE, table, cells)

    return hold


def _plain(text: str, scratch: Path) -> str:
    """Return a message without the parts that vary between runs: paths, process numbers, ports, free space."""
    text = text.replace(str(scratch / "clone"), "FOLDER").replace(str(scratch), "…")
    text = re.sub(r"process \d+( \(\S+?\))?", "process PID", text)
    text = re.sub(r"kill \d+", "kill PID", text)
    text = re.sub(r"-[\d-]+\.jsonl\b", "-….jsonl", text)
    text = re.sub(r"\.\d+\.part\b", ".PID.part", text)
    text = re.sub(r"\b[\d.]+ (?=MB are free|GB free)", "N ", text)
    text = re.sub(r"\btmp\w{8}\b", "…", re.sub(r"[\w.-]+\.gguf(\.sha256)?", "FILE", text))
    text = re.sub(r"(?<=[ :/=-])\d{4,5}\b", "PORT", text)
    text = re.sub(r"(\S)\1{20,}", r"\1…", re.sub(r"\s+", " ", text.replace("`", "")).strip())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
