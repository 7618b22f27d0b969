"""What the tests of a classroom share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can enter, as those have to that programs run as where we are root."""
    with tempfile.TemporaryDirectory(prefix="classroom-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)
