"""The folders of a classroom's attendees: where they are, and how to read a file that belongs to an attendee."""

import errno
import os
import stat
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

FOLDERS = paths.ROOT / "work" / "classroom"
# In each of them, the folder with the chapters.
WORK = "work"


class NotTheirs(Exception):
    """A file that isn't read; the message is the reason."""


def folders(place: Path) -> list[Path]:
    """Return the folder of each attendee in `place`, in the order of their numbers.

    Raises WorkshopError if there are none, or if they belong to somebody else.
    """
    try:
        with os.scandir(place) as entries:
            names = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        names = []
    except PermissionError:
        raise WorkshopError(
            f"{place} belongs to the user who started the classroom.",
            "Run the same command as that user: for root, with sudo in front.",
        ) from None
    if not names:
        raise WorkshopError("There is no classroom here.", "Start one: make classroom USERS=40")
    # attendee-100 comes after attendee-99.
    return [place / name for name in sorted(names, key=lambda name: (len(name), name))]


def read(folder: Path, name: str, largest: int) -> tuple[bytes, datetime | None]:
    """Return the content of the file `name` in the chapters' folder of an attendee's `folder`, and its time.

    Attendees can put anything there, and we may be root: no link is followed, and only a regular file is read, of the
    owner of `folder` and of at most `largest` bytes.
    Raises FileNotFoundError if there is none, NotTheirs if it's something else, and OSError if it can't be read.
    """
    directory = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    with ExitStack() as opened:

        def enter(path: Path | str, flags: int, inside: int | None = None) -> int:
            number = os.open(path, flags, dir_fd=inside)
            opened.callback(os.close, number)
            return number

        try:
            theirs = enter(folder, directory)
            # Without O_NONBLOCK, a named pipe would keep us waiting.
            file = enter(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, enter(WORK, directory, theirs))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise NotTheirs("a link, or no folder") from None
            raise
        found = os.fstat(file)
        # A hard link can lead to the file of another user.
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.fstat(theirs).st_uid:
            raise NotTheirs("no file of this attendee")
        if found.st_size > largest:
            raise NotTheirs(f"larger than {largest / 1e6:.0f} MB")
        with open(file, "rb", closefd=False) as content:
            return content.read(largest), _time(found.st_mtime)


def _time(seconds: float) -> datetime | None:
    # Attendees can set any time, also one that Python can't represent.
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
