"""Finding uv, and installing the packages pinned in requirements/ with it.

`scripts/install.py` imports this before anything is installed, so it uses only the standard library.
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
# The groups of packages, in the order of their installation: each needs those before it.
GROUPS = ("lab", "book", "test", "browser")
# The packages in an archive from `make bundle`. If this folder exists, nothing is downloaded.
WHEELS = paths.ROOT / ".uv" / "wheels"

# A package that a group adds to those before it.
_SIGN = {"book": "sphinx", "test": "pytest"}

# How uv marks a failure and its causes; older versions use box-drawing characters.
_ERROR = re.compile(r"(error:|  ×) ")
_CAUSE = re.compile(r"\s*(cause:|Caused by:|[├╰]─▶) ")


class NotFetched(WorkshopError):
    """A package was not downloaded, or it is not the pinned file. The environment is unchanged."""


def command() -> str:
    """Return the command that runs uv."""
    # `uv run` sets UV. Otherwise, as under conda, our script finds or downloads uv; Windows cannot run the script.
    return os.environ.get("UV") or ("uv" if os.name == "nt" else str(paths.ROOT / "scripts" / "uv"))


def require(group: str, target: str) -> None:
    """Raise WorkshopError unless the packages of `group` are installed; `target` is the command that needs them."""
    if importlib.util.find_spec(_SIGN[group]) is None:
        groups = " ".join(GROUPS[1 : GROUPS.index(group) + 1])
        raise WorkshopError(
            f"`workshop {target}` needs the packages of requirements/{group}.txt, which are not installed.",
            f"Run: make {target} (or: uv run workshop {target}; under conda, first: bash postBuild {groups})",
        )


def install(python: Path, *names: str) -> None:
    """Install requirements/NAME.txt for each of `names` into the environment of `python`, checked against the hashes.

    uv's progress lines go to standard error.
    Raises NotFetched if a package cannot be downloaded, and WorkshopError for any other failure.
    """
    files = [word for name in names for word in ("--requirement", str(REQUIREMENTS / f"{name}.txt"))]
    # If Python may not write bytecode, as in many containers, each process would compile everything again.
    compiled = ["--compile-bytecode"] if os.environ.get("PYTHONDONTWRITEBYTECODE") else []
    # A source distribution would be built with unpinned packages.
    _pip_install(python, "--no-deps", "--require-hashes", "--no-build", *compiled, *files)


def install_project(python: Path) -> None:
    """Install the project itself, editable, into the environment of `python`, which has its build backend.

    Raises WorkshopError if that fails.
    """
    _pip_install(python, "--no-deps", "--no-build-isolation", "--editable", str(paths.ROOT))


def make_environment(folder: Path, python: str) -> None:
    """Create an environment in `folder` for the interpreter `python`; in an existing one, correct the paths.

    Raises WorkshopError if uv fails.
    """
    options = ["--quiet", "--allow-existing", "--python", python]
    run = subprocess.run(
        [command(), "--project", paths.ROOT.anchor, "venv", *options, str(folder)],
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    if run.returncode:
        reason = " ".join(run.stderr.split())[:250]
        raise WorkshopError(f"The environment {folder} was not created: {reason}", "Fix that, and try again.")


def _pip_install(python: Path, *options: str) -> None:
    # From the root of the disk, because in our folder uv would apply the cut-off date in pyproject.toml, and reject
    # every file of an index that reports no upload times.
    command_line = [command(), "--project", paths.ROOT.anchor, "pip", "install", "--python", str(python), *options]
    if WHEELS.is_dir():
        command_line += ["--offline", "--no-index", "--find-links", str(WHEELS)]
    process = subprocess.Popen(command_line, stderr=subprocess.PIPE, encoding="utf-8", errors="replace")
    error: list[str] = []
    try:
        for line in process.stderr:
            if error or _ERROR.match(line):
                error.append(line)
            # Leave out the line for each of some 200 packages.
            if verbose() or not (error or line.startswith((" + ", " - ", " ~ ", "Using Python"))):
                print(line, end="", file=sys.stderr, flush=True)
    finally:
        process.stderr.close()
        process.wait()
    if process.returncode:
        raise _failure(error)


def _failure(error: list[str]) -> WorkshopError:
    """Return the exception for the lines of uv's error message: the failure and its causes."""
    messages: list[str] = []
    for line in error:
        if line.startswith("hint"):
            break
        if _ERROR.match(line) or _CAUSE.match(line) or not messages:
            messages.append("")
        # Older versions of uv wrap a long message.
        text = _CAUSE.sub("", _ERROR.sub("", line)).strip(" \n│")
        messages[-1] = f"{messages[-1]} {text}".strip()
    failed, *causes = messages or ["uv gave no reason."]
    cause = causes[-1] if causes else ""
    if mismatch := re.search(r"Hash mismatch for `[^`]+`", f"{failed} {cause}"):
        fix = "Try again. If this persists, an index or a proxy serves a different file: ask its administrator."
        return NotFetched(f"A package is not the file that requirements/ pins: {mismatch[0]}", fix)
    if failed.startswith("No solution found"):
        fix = "Set UV_DEFAULT_INDEX to an index that has it, and try again."
        return NotFetched(f"A package is not in the index: {cause[:250]}", fix)
    reason = f"{failed[:200]} ({cause[:100]})" if cause else failed[:250]
    if failed.startswith(("Failed to fetch", "Failed to download", "Request failed")):
        fix = "Check the network, your proxy (HTTPS_PROXY) and your index (UV_DEFAULT_INDEX), and try again."
        return NotFetched(f"A package could not be downloaded: {reason}", fix)
    return WorkshopError(f"The packages were not installed: {reason}", "VERBOSE=true shows all of uv's output.")
