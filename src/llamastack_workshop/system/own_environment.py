"""Environments separate from the workshop's own, for packages that it lacks or needs in other versions."""

import hashlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from llamastack_workshop.system import locks, paths, uv
from llamastack_workshop.system.errors import Say

ENVIRONMENTS = paths.WORKSHOP_HOME / "environments"
_COMPLETE = "complete"


def python_of(name: str, pins: Sequence[str], say: Say, installing: str, *, with_project: bool = False) -> Path:
    """Return the Python of the environment `name`, with the pins of requirements/PINS.txt for each of `pins`.

    There is one for each version of these files and each Python, because another one's may be gone. If it has to be
    installed, `say(installing)` is called first; `with_project` also installs this package, whose build backend is in
    requirements/lab.txt. Raises WorkshopError if the packages can't be installed.
    """
    folder, python = _place(name, pins)
    complete = folder / _COMPLETE
    if complete.exists():
        return python
    say(installing)
    # Two commands may need the same environment at the same time.
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    waiting = "Waiting for another command that is installing it …"
    with locks.one_at_a_time(ENVIRONMENTS / f"{folder.name}.lock", say, waiting):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv.make_environment(folder, sys.executable)
            uv.install(python, *pins)
            if with_project:
                uv.install_project(python)
            complete.touch()
    return python


def installed_python(name: str, pins: Sequence[str]) -> Path | None:
    """Return what `python_of` would, or None if that environment would have to be installed."""
    folder, python = _place(name, pins)
    return python if (folder / _COMPLETE).exists() else None


def _place(name: str, pins: Sequence[str]) -> tuple[Path, Path]:
    """Return the folder of an environment, and its Python."""
    files = b"".join((uv.REQUIREMENTS / f"{pinned}.txt").read_bytes() for pinned in pins)
    folder = ENVIRONMENTS / f"{name}-{hashlib.sha256(files + sys.base_prefix.encode()).hexdigest()[:8]}"
    return folder, folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
