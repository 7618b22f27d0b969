"""Writing files, whole or not at all, and folders that nobody else reads."""

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
    """Put `text` into the file `path`, as UTF-8 with Unix line ends; if that fails, the file stays as it was.

    A file that existed keeps its mode.

    Raises OSError if the folder cannot be written to.
    """
    # A name of its own: two processes that write at once never see half a file.
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
    """Give an OSError of the block the name `path`: on a full disk, writing fails without one."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise


def require_space(folder: Path, needed: int) -> None:
    """Raise WorkshopError if less than `needed` bytes are free where `folder` is, or will be."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free < needed:
        raise WorkshopError(
            f"No space left in {folder}: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free.",
            "Make room on that disk, and run the same command again.",
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of what `path` holds, as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def private_folder(folder: Path) -> Path:
    """Make `folder`, or take it as it is, and let its owner alone read it; return it.

    A folder that holds more than ours keeps its mode: /tmp, a home, the repository. What we write there is private.
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
    """Open the file `path` for writing, empty, so that its owner alone may read it, also where it existed already."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def open_log(path: Path) -> IO[bytes]:
    """Return the file `path`, empty and open for writing, in a folder that is made if need be; both are private."""
    private_folder(path.parent)
    return open_private(path)
