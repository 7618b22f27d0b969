"""Atomic writes, and private files and folders."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError


def write_whole(path: Path, text: str) -> None:
    """Write `text` to the file `path` atomically, as UTF-8 with Unix line endings.

    If writing fails, an existing file stays as it was; otherwise it keeps its mode.

    Raises OSError if the folder is not writable.
    """
    # The process id in the name keeps concurrent writers apart.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with naming(path):
            if path.exists():
                open_private(part).close()
                shutil.copymode(path, part)
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Set the file name of an OSError raised in the block to `path`: on a full disk, a failed write has none."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def require_space(folder: Path, needed: int) -> None:
    """Raise WorkshopError if the disk that holds `folder`, or will hold it, has less than `needed` bytes free."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise WorkshopError(
            f"No space left in {folder}: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free.",
            "Make room on that disk, and run the same command again.",
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of the file `path`, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def private_folder(folder: Path) -> Path:
    """Create `folder` unless it exists, make it readable by its owner only, and return it.

    A shared folder (/tmp, a home directory, the repository) keeps its mode; the files that we write there are private.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if os.name == "posix":
        found = folder.stat()
        is_shared = found.st_mode & stat.S_ISVTX or any(p.is_relative_to(folder) for p in (paths.ROOT, Path.home()))
        if found.st_uid == os.geteuid() and not is_shared:
            folder.chmod(stat.S_IMODE(found.st_mode) & ~0o077)
    return folder


def closed_to_others(path: Path) -> Path | None:
    """Return the first folder on the way to `path` that only its owner and group may enter, or None."""
    way = [*reversed(path.resolve().parents), path.resolve()]
    return next((place for place in way if place.is_dir() and not place.stat().st_mode & stat.S_IXOTH), None)


def open_private(path: Path) -> IO[bytes]:
    """Open the file `path` for writing, readable by its owner only; an existing file is replaced."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def open_log(path: Path) -> IO[bytes]:
    """Open the file `path` for writing, emptied, and create its folder if necessary; both are private."""
    private_folder(path.parent)
    return open_private(path)
