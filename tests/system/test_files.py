"""Files are written whole or not at all."""

from pathlib import Path

import pytest

from llamastack_workshop.system.files import write_whole


def test_a_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    write_whole(file, "old\n")
    write_whole(file, "new ✓\n")
    assert file.read_bytes() == "new ✓\n".encode()
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_stays_as_it_was_if_writing_fails(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    write_whole(file, "old\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "half of it, and then \ud800")
    assert file.read_text(encoding="utf-8") == "old\n"
    assert list(tmp_path.iterdir()) == [file]
