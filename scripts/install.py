"""Install a group of packages into .venv/, each checked against its hash in requirements/: `install.py lab`.

`scripts/install`, which make calls, runs this with uv, but only if packages have to be installed. To run it yourself:

    uv run --no-project scripts/install.py test
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from llamastack_workshop.system import paths, uv
from llamastack_workshop.system.errors import WorkshopError, clear_errors

VENV = paths.ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
# Exists during an installation. If it exists before one, an earlier installation was interrupted.
UNFINISHED = VENV / "unfinished"
LOCK = paths.ROOT / ".uv" / "install.lock"

_PLACE = f"{paths.ROOT}\n".encode()


def main() -> None:
    """Install the group on the command line, and those before it.

    Raises WorkshopError if there is no such group, or if the installation fails.
    """
    group = sys.argv[1] if len(sys.argv) == 2 else ""
    if group not in uv.GROUPS:
        problem = f"There is no group {group}." if group else "No group is given."
        raise WorkshopError(problem, f"Choose one of: {', '.join(uv.GROUPS)}")
    wanted = uv.GROUPS[: uv.GROUPS.index(group) + 1]
    with _alone():
        # Another process may have installed them while we waited.
        if not all(_is_installed(name) for name in wanted):
            _install(wanted)


@contextmanager
def _alone() -> Iterator[None]:
    """Lock this folder against other installations during the block; the lock ends with this process."""
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("w") as file:
        if not _lock(file.fileno(), wait=False):
            print("Waiting for another installation in this folder …", file=sys.stderr)
            _lock(file.fileno(), wait=True)
        yield


def _lock(descriptor: int, *, wait: bool) -> bool:
    """Lock a file until it is closed, and return whether that succeeded."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        if not wait:
            return False
        # On Windows, a call waits for at most 10 s.
        time.sleep(1)
        return _lock(descriptor, wait=True)
    return True


def _install(groups: tuple[str, ...]) -> None:
    print(f"Installing into .venv/: {', '.join(groups)} …", file=sys.stderr)
    if UNFINISHED.exists() or _is_a_copy():
        shutil.rmtree(VENV)
    # `uv run` may have put us into a temporary environment, so use the base interpreter.
    uv.make_environment(VENV, getattr(sys, "_base_executable", sys.executable))
    UNFINISHED.touch()
    try:
        uv.install(PYTHON, *groups)
    except uv.NotFetched:
        # The earlier installation is unchanged.
        UNFINISHED.unlink()
        raise
    uv.install_project(PYTHON)
    # Including those of other groups, which may be for other versions.
    for name in uv.GROUPS:
        _stamp(name).unlink(missing_ok=True)
    for name in groups:
        _stamp(name).write_bytes(_source())
    UNFINISHED.unlink()


def _is_a_copy() -> bool:
    """Whether .venv/ was copied with the folder: its programs would then run the code in the old folder."""
    stamps = [_stamp(name) for name in uv.GROUPS]
    return any(stamp.exists() and not stamp.read_bytes().startswith(_PLACE) for stamp in stamps)


def _stamp(group: str) -> Path:
    return VENV / f"installed-{group}"


def _source() -> bytes:
    """Return everything that an installation depends on, in the same form as `scripts/install`."""
    files = [paths.ROOT / "pyproject.toml", *sorted(uv.REQUIREMENTS.glob("*.txt"))]
    return b"".join([_PLACE, *(file.read_bytes() for file in files)])


def _is_installed(group: str) -> bool:
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    return _stamp(group).exists() and _stamp(group).read_bytes() == _source()


if __name__ == "__main__":
    with clear_errors():
        main()
