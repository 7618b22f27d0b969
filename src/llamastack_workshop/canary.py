"""The canary: install the newest releases of everything into a copy of the repository, and see what breaks.

The copy is what an upgrade would be: its pins name the newest releases, and so does its requirements/. What runs there
are the copy's own commands, in an environment of its own. Nothing in this repository changes.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import deque
from collections.abc import Callable, Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from xml.etree import ElementTree

from filelock import FileLock, Timeout
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from llamastack_workshop import files, paths, uv
from llamastack_workshop.errors import WorkshopError
from llamastack_workshop.reporting import Say

FOLDER = paths.WORKSHOP_HOME / "canary"

# Releases that are known not to work here, and why. Up to them, these packages move as well.
LIMITS = {
    "jupyter-book": ("<2", "version 2 does not read _config.yml"),
    "llama-stack": ("<0.7", "the book is about 0.6; chapter 24 and stacks/ are about the lines after it"),
    "llama-stack-api": ("<0.7", "it belongs to llama-stack"),
    "mcp": ("<2", "llama-stack 0.6 cannot be imported with version 2"),
    "pytest": ("<10", "nbmake reads the first digit of pytest's version"),
}

# What the report shows, of the 65,536 characters that GitHub takes in an issue.
_FAILURES = 50
_FAILURE_CHARACTERS = 600
_EXPLANATION_CHARACTERS = 6000
_OUTPUT_LINES = 40


@dataclass(frozen=True)
class Move:
    """What became of a package's pin; `newest` is the release that it could not reach, if any, and `why` the reason."""

    name: str
    pinned: str
    installed: str
    newest: str = ""
    why: str = ""


@dataclass(frozen=True)
class Breakage:
    """`what` does not work with the newest releases; `said` is its message."""

    what: str
    said: str


@dataclass
class Report:
    """What moved and what broke: `direct` are the packages that pyproject.toml names, `others` what these bring."""

    ran: list[str]
    direct: list[Move] = field(default_factory=list)
    others: list[Move] = field(default_factory=list)
    held: dict[str, str] = field(default_factory=dict)
    broken: list[Breakage] = field(default_factory=list)

    def markdown(self) -> str:
        """Return the report as text for a terminal or an issue."""
        verdict = f"{len(self.broken)} broken" if self.broken else "nothing broke"
        lines = [f"# Newest releases on {datetime.now(UTC):%Y-%m-%d}: {verdict}", ""]
        lines += [f"Python {sys.version.split()[0]} on {sys.platform}.", f"Ran: `{'`, `'.join(self.ran)}`.", ""]
        lines += ["## What broke", "", *(_broken(self.broken) or ["Nothing."]), ""]
        lines += ["## What moved, and what could not", ""]
        lines += [*(_table(self.direct) or ["Every pin in pyproject.toml is the newest release."]), ""]
        if reasons := [f"- {move.name} {move.newest}: {move.why}" for move in self.direct if move.why]:
            lines += [*reasons, ""]
        if self.others:
            others = ", ".join(f"{move.name} {move.pinned} → {move.installed}" for move in self.others)
            lines += [f"And what these bring: {others}.", ""]
        held = [f"- {name}: {why}" for name, why in self.held.items()]
        lines += ["## What the canary holds", "", *(held or ["Nothing."])]
        return "\n".join(lines).rstrip() + "\n"

    def write(self, path: Path) -> None:
        """Put the report into the file `path`, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_whole(path, self.markdown())


class _Failed(Exception):
    """A command failed; the message is what it said."""


def look(arguments: list[str], keep: Collection[str], limits: bool, say: Say) -> Report:
    """Install the newest releases into a copy of the repository, run the tests there, and return what broke.

    `arguments` go to `workshop test`; without any, the book is built as well and all tests run. `keep` and `limits` are
    those of `relax`. Where something broke, the copy stays in `FOLDER`.
    Raises WorkshopError if `keep` names no direct dependency, outside a git clone, or if another canary runs.
    """
    pyproject = (paths.ROOT / "pyproject.toml").read_text(encoding="utf-8")
    if unknown := sorted({canonicalize_name(name) for name in keep} - pins(pyproject).keys()):
        raise WorkshopError(f"pyproject.toml does not name {', '.join(unknown)}.", "Give --keep a name from there.")
    FOLDER.parent.mkdir(exist_ok=True)
    try:
        with FileLock(FOLDER.with_suffix(".lock"), timeout=0), ExitStack() as cleanup:
            cleanup.callback(shutil.rmtree, FOLDER, ignore_errors=True)
            report = _look(pyproject, arguments, keep, limits, say)
            if report.broken:
                cleanup.pop_all()
            return report
    except Timeout:
        raise WorkshopError("Another canary is at work in this folder.", "Wait until it has ended.") from None


def pins(pyproject: str) -> dict[str, str]:
    """Return the version of each package that the text of a pyproject.toml pins with `==`."""
    return {canonicalize_name(requirement.name): version for _, requirement, version in _pinned(pyproject)}


def relax(pyproject: str, keep: Collection[str] = (), limits: bool = True) -> str:
    """Return the text of `pyproject` with `>=` for `==`, and without the date that limits what is resolved.

    The packages in `keep` stay as they are; those in LIMITS get their upper limit, unless `limits` is false.
    """
    kept = {canonicalize_name(name) for name in keep}

    def choose(name: str, version: str) -> str:
        if name in kept:
            return f"=={version}"
        limit = LIMITS[name][0] if limits and name in LIMITS else ""
        return f">={version}{',' if limit else ''}{limit}"

    return _rewrite(pyproject, choose)


def failures(junit: Path) -> list[Breakage]:
    """Return the tests that failed, from the XML file that pytest writes."""
    found = []
    for case in ElementTree.parse(junit).iter("testcase"):
        name = case.get("name")
        what = name if name.endswith(".ipynb") else f"{case.get('classname')}::{name}".removeprefix("::")
        for failure in case.findall("failure"):
            found.append(Breakage(what, _plain(failure.get("message"))[:_FAILURE_CHARACTERS]))
        # Of a fixture or a module that cannot be imported, the message says only that; the traceback says why.
        for error in case.findall("error"):
            found.append(Breakage(what, _plain(error.text)[-_FAILURE_CHARACTERS:]))
    return found


def _look(pyproject: str, arguments: list[str], keep: Collection[str], limits: bool, say: Say) -> Report:
    held = {name: f"{limit}, because {reason}" for name, (limit, reason) in LIMITS.items()} if limits else {}
    held |= {name: "at its pin, as --keep says" for name in keep}
    junit = FOLDER / ".workshop" / "canary.xml"
    tests = ["test", *arguments]
    commands = [tests] if arguments else [["book"], tests]
    report = Report([f"workshop {' '.join(command)}" for command in commands], held=held)

    say(f"Copying the repository into {FOLDER} …")
    _copy()
    say("Installing the newest releases there (a minute or more) …")
    try:
        versions = _install(pyproject, relax(pyproject, keep, limits), held, say)
    except _Failed as error:
        report.broken.append(Breakage("The newest releases cannot be installed together", str(error)))
        return report
    _compare(report, pyproject, versions)
    for command in commands:
        say(f"Running workshop {' '.join(command)} …")
        status, output = _run([*command, f"--junit-xml={junit}"] if command is tests else command)
        if status:
            failed = failures(junit) if command is tests and junit.exists() else []
            report.broken.extend(failed or [Breakage(f"workshop {' '.join(command)}", output)])
    return report


def _copy() -> None:
    """Copy what git tracks, or would if it were added, into FOLDER."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    if not shutil.which("git") or not (paths.ROOT / ".git").exists():
        raise WorkshopError("git does not list this repository's files.", "Run the canary in a git clone.")
    listed = subprocess.run(command, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        target = FOLDER / name
        # A file that is deleted, and not yet for git.
        if (paths.ROOT / name).is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(paths.ROOT / name, target)


def _install(pyproject: str, relaxed: str, held: Collection[str], say: Say) -> dict[str, dict[str, str]]:
    """Install what `relaxed` asks for, pin the copy to it, and return uv's entry for each package by its name.

    An entry has a `why` where a package is not the newest, though it is not in `held`.
    Raises _Failed with uv's explanation.
    """
    file = FOLDER / "pyproject.toml"
    file.write_text(relaxed, encoding="utf-8")
    _uv("sync", "--quiet", "--all-groups", "--python", sys.executable)
    listing = ["pip", "list", "--python", str(_python()), "--format", "json"]
    # The second answer has only the packages for which there is something newer, and says what.
    entries = json.loads(_uv(*listing)) + json.loads(_uv(*listing, "--outdated"))
    versions = {canonicalize_name(entry["name"]): entry for entry in entries}
    for name in pins(pyproject).keys() - set(held):
        if newest := versions.get(name, {}).get("latest_version"):
            say(f"Asking why {name} {newest} is out of reach …")
            versions[name]["why"] = _why(name, newest)

    def installed(name: str, version: str) -> str:
        return f"=={versions[name]['version'] if name in versions else version}"

    file.write_text(_rewrite(pyproject, installed), encoding="utf-8")
    _uv("sync", "--quiet", "--all-groups")
    _lock()
    return versions


def _lock() -> None:
    """Write the copy's requirements/, as `make lock` does. Raises _Failed with what uv says."""
    environment = _environment()
    # The script takes a uv that it finds.
    environment["PATH"] = f"{paths.ROOT / '.uv' / 'bin'}{os.pathsep}{environment['PATH']}"
    run = subprocess.run([FOLDER / "scripts" / "lock"], capture_output=True, text=True, env=environment)
    if run.returncode:
        raise _Failed(run.stderr.strip()[-_EXPLANATION_CHARACTERS:] or "uv says nothing.")


def _why(name: str, version: str) -> str:
    """Return uv's explanation of why `version` does not go with the rest, in one line."""
    try:
        _uv("lock", "--quiet", "--dry-run", "--upgrade", "--upgrade-package", f"{name}=={version}")
    except _Failed as error:
        said = " ".join(re.split(r"^hint: ", str(error), flags=re.MULTILINE)[0].split())
        return said.partition("cause: ")[2][:_FAILURE_CHARACTERS] or said[:_FAILURE_CHARACTERS]
    return "it would go, but then another one has to stay older"


def _compare(report: Report, pyproject: str, versions: dict[str, dict[str, str]]) -> None:
    direct = pins(pyproject)
    exported = [(uv.REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").splitlines() for name in uv.GROUPS]
    pinned = [Requirement(line.rstrip(" \\")) for line in chain(*exported) if re.match(r"\w.*==", line)]
    all_pins = direct | {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement in pinned
        if requirement.marker is None or requirement.marker.evaluate()
    }
    for name in sorted(versions.keys() & all_pins.keys()):
        entry = versions[name]
        move = Move(name, all_pins[name], entry["version"], entry.get("latest_version", ""), entry.get("why", ""))
        if name in direct and (move.newest or move.pinned != move.installed):
            report.direct.append(move)
        elif move.pinned != move.installed:
            report.others.append(move)


def _uv(*arguments: str) -> str:
    # --directory, because the script that runs uv begins with going to the repository's folder.
    command = [uv.command(), "--directory", str(FOLDER), *arguments]
    run = subprocess.run(command, capture_output=True, text=True, env=_environment())
    if run.returncode:
        raise _Failed(run.stderr.strip()[-_EXPLANATION_CHARACTERS:] or "uv says nothing.")
    return run.stdout


def _python() -> Path:
    return FOLDER / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(arguments: list[str]) -> tuple[int, str]:
    """Run the copy's `workshop`, show what it prints, and return its exit status and the last lines."""
    process = subprocess.Popen(
        [str(_python()), "-m", "llamastack_workshop.cli", *arguments],
        cwd=FOLDER,
        env=_environment() | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        # Ctrl-C reaches it through us, once: a second one would interrupt its cleaning up.
        start_new_session=True,
    )
    last: deque[str] = deque(maxlen=_OUTPUT_LINES)
    try:
        for line in process.stdout:
            print(line, end="", flush=True)
            last.append(line)
        return process.wait(), "".join(last)
    except KeyboardInterrupt:
        # `workshop` takes this like a Ctrl-C, also where a shell has it ignore a real one, as in the background.
        process.terminate()
        process.communicate()
        raise


def _environment() -> dict[str, str]:
    """Return our environment without the variables that would lead uv to our own packages."""
    return {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT")}


def _pinned(pyproject: str) -> list[tuple[str, Requirement, str]]:
    """Return each requirement that is pinned with `==`: as it is written, parsed, and its version."""
    document = tomllib.loads(pyproject)
    groups = document.get("dependency-groups", {}).values()
    written = [*document["project"]["dependencies"], *(line for group in groups for line in group)]
    parsed = [(line, Requirement(line)) for line in written]
    return [
        (line, requirement, specifier.version)
        for line, requirement in parsed
        for specifier in requirement.specifier
        if specifier.operator == "=="
    ]


def _rewrite(pyproject: str, choose: Callable[[str, str], str]) -> str:
    """Return `pyproject` without its date, and with what `choose` says for a package and version for `==VERSION`."""
    for line, requirement, version in _pinned(pyproject):
        chosen = choose(canonicalize_name(requirement.name), version)
        pyproject = pyproject.replace(f'"{line}"', f'"{line.replace(f"=={version}", chosen, 1)}"')
    return re.sub(r"^exclude-newer = .*\n", "", pyproject, flags=re.MULTILINE)


def _plain(text: str | None) -> str:
    """Return `text` without the colours of the terminal, which pytest writes into its XML like this."""
    return re.sub(r"#x1B\[[\d;]*m", "", text or "").strip()


def _broken(broken: list[Breakage]) -> list[str]:
    lines: list[str] = []
    for breakage in broken[:_FAILURES]:
        # In a block of code, what others wrote can mention nobody.
        said = breakage.said.replace("```", "` ` `").splitlines()
        lines += [f"- `{breakage.what}`", "", "  ```text", *(f"  {line}" for line in said), "  ```", ""]
    if len(broken) > _FAILURES:
        lines.append(f"… and {len(broken) - _FAILURES} more.")
    return lines


def _table(moves: list[Move]) -> list[str]:
    if not moves:
        return []
    rows = [f"| {move.name} | {move.pinned} | {move.installed} | {move.newest} |" for move in moves]
    return ["| package | pinned | installed | newest, if out of reach |", "|---|---|---|---|", *rows]
