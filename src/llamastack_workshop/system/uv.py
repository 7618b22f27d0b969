"""Where uv is, which installs everything else, and how it installs what requirements/ pins.

`scripts/install.py` imports this before anything is installed: the standard library is all there is.
"""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError, verbose

REQUIREMENTS = paths.ROOT / "requirements"
# What `make` installs, in this order: who needs one of these needs those before it.
GROUPS = ("lab", "book", "test", "browser")
# Where a bundle of `make bundle` has every package. Then nothing is fetched.
WHEELS = paths.ROOT / ".uv" / "wheels"

# Something that a group brings and those before it do not.
_SIGN = {"book": "sphinx", "test": "pytest"}

# How uv begins what failed and what caused it; older versions draw.
_ERROR = re.compile(r"(error:|  ×) ")
_CAUSE = re.compile(r"\s*(cause:|Caused by:|[├╰]─▶) ")


class NotFetched(WorkshopError):
    """Not every package was fetched, or one is not what was pinned. The environment is as it was before."""


def command() -> str:
    """Return the command that runs uv."""
    # `uv run` names itself. Without it, as under conda, our script finds or fetches one; Windows cannot run the script.
    return os.environ.get("UV") or ("uv" if os.name == "nt" else str(paths.ROOT / "scripts" / "uv"))


def require(group: str, target: str) -> None:
    """Raise WorkshopError unless the packages of `group` are installed; `target` is the command that needs them."""
    if importlib.util.find_spec(_SIGN[group]) is None:
        groups = " ".join(GROUPS[1 : GROUPS.index(group) + 1])
        raise WorkshopError(
            f"`workshop {target}` needs the packages of requirements/{group}.txt, and they are not installed.",
            f"Run: make {target} (or: uv run workshop {target}; under conda, first: bash postBuild {groups})",
        )


def install(python: Path, *names: str) -> None:
    """Install requirements/NAME.txt for each of `names` into the environment of `python`, checked against the hashes.

    uv's lines of progress go to standard error.
    Raises NotFetched or, for any other reason, WorkshopError if it does not install all of them.
    """
    files = [word for name in names for word in ("--requirement", str(REQUIREMENTS / f"{name}.txt"))]
    # Where Python may not keep what it compiles, as in many containers, each process would compile it all anew.
    compiled = ["--compile-bytecode"] if os.environ.get("PYTHONDONTWRITEBYTECODE") else []
    # A source distribution would be built with packages that no file pins.
    _pip_install(python, "--no-deps", "--require-hashes", "--no-build", *compiled, *files)


def install_project(python: Path) -> None:
    """Install the project itself into the environment of `python`, to be edited; its build backend is there already.

    Raises WorkshopError if that fails.
    """
    _pip_install(python, "--no-deps", "--no-build-isolation", "--editable", str(paths.ROOT))


def make_environment(folder: Path, python: str) -> None:
    """Make an environment in `folder` for the interpreter `python`, or mend what names other folders in it.

    Raises WorkshopError if uv cannot.
    """
    options = ["--quiet", "--allow-existing", "--python", python]
    run = subprocess.run(
        [command(), "--project", paths.ROOT.anchor, "venv", *options, str(folder)],
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    if run.returncode:
        reason = " ".join(run.stderr.split())[:250]
        raise WorkshopError(f"The environment {folder} was not made: {reason}", "Correct it, and try again.")


def _pip_install(python: Path, *options: str) -> None:
    # From the root of the disk, because in our folder the date in pyproject.toml would count. An index that does not
    # say when a file was uploaded has nothing that is old enough for it.
    command_line = [command(), "--project", paths.ROOT.anchor, "pip", "install", "--python", str(python), *options]
    if WHEELS.is_dir():
        command_line += ["--offline", "--no-index", "--find-links", str(WHEELS)]
    process = subprocess.Popen(command_line, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    error: list[str] = []
    try:
        for line in process.stderr:
            if error or _ERROR.match(line):
                error.append(line)
            # One line for each of some 200 packages helps nobody.
            if verbose() or not (error or line.startswith((" + ", " - ", " ~ ", "Using Python"))):
                print(line, end="", file=sys.stderr, flush=True)
    finally:
        process.stderr.close()
        process.wait()
    if process.returncode:
        raise _failure(error)


def _failure(error: list[str]) -> WorkshopError:
    """Return the exception for the lines of an error of uv's: what failed, and its causes."""
    messages: list[str] = []
    for line in error:
        if line.startswith("hint"):
            break
        if _ERROR.match(line) or _CAUSE.match(line) or not messages:
            messages.append("")
        # Older versions of uv wrap a long message.
        text = _CAUSE.sub("", _ERROR.sub("", line)).strip(" \n│")
        messages[-1] = f"{messages[-1]} {text}".strip()
    failed, *causes = messages or ["uv says nothing."]
    cause = causes[-1] if causes else ""
    if mismatch := re.search(r"Hash mismatch for `[^`]+`", f"{failed} {cause}"):
        fix = "Try again. If it stays, an index or a proxy serves another file: ask whoever runs it."
        return NotFetched(f"A package is not the file that requirements/ pins: {mismatch[0]}", fix)
    if failed.startswith("No solution found"):
        fix = "Use an index that has it (UV_DEFAULT_INDEX), and try again."
        return NotFetched(f"A package is not in the index: {cause[:250]}", fix)
    reason = f"{failed[:200]} ({cause[:100]})" if cause else failed[:250]
    if failed.startswith(("Failed to fetch", "Failed to download", "Request failed")):
        fix = "Check the network, your proxy (HTTPS_PROXY) and your index (UV_DEFAULT_INDEX), and try again."
        return NotFetched(f"A package was not fetched: {reason}", fix)
    return WorkshopError(f"The packages were not installed: {reason}", "VERBOSE=true shows all that uv says.")
