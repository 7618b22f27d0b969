"""Files are written atomically."""

import os
from pathlib import Path

import pytest

from llamastack_workshop.system import files
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_disk_that_is_full_is_an_error_about_the_file(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    (tmp_path / f"notes.md.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_whole(file, "new\n")
    assert caught.value.filename == str(file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_a_folder_and_a_file_become_their_owners_alone(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir(mode=0o755)
    log = tmp_path / "old" / "log"
    log.touch(mode=0o644)
    files.private_folder(tmp_path / "old")
    files.private_folder(tmp_path / "new" / "deep")
    with files.open_private(log) as opened:
        opened.write(b"a prompt")
    assert [oct(path.stat().st_mode & 0o777) for path in (tmp_path / "old", tmp_path / "new" / "deep", log)] == [
        "0o700",
        "0o700",
        "0o600",
    ]
    # Like /tmp, a folder shared by all users, whose permissions must not change.
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    assert files.private_folder(shared).stat().st_mode & 0o777 == 0o777
