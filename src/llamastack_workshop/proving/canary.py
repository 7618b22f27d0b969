"""The canary: find out what an upgrade to the newest releases would break.

It upgrades a copy of the repository: there, `make lock` pins the newest releases, and `make test-all` and `make book`
show the failures. Nothing in this repository changes. Because the newest code of hundreds of packages runs there, no
keys are passed on.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from llamastack_workshop.system import environment, paths
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import run_group

FOLDER = paths.WORKSHOP_HOME / "canary"

# Releases that are known not to work here. To try one, remove its line.
LIMITS = {
    "jupyter-book": "<2",  # version 2 does not read _config.yml
    "llama-stack": "<0.7",  # the book is about 0.6; chapter 24 and stacks/ are about the lines after it
    "llama-stack-api": "<0.7",  # it belongs to llama-stack
    "mcp": "<2",  # llama-stack 0.6 cannot be imported with version 2
    "pytest": "<10",  # nbmake reads the first digit of pytest's version
}

# The variables by which child processes find the registry. Those for our own packages, or for publishing, are removed.
_INSTALLERS = ("UV_", "PIP_", "npm_config_")
_OURS = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "UV_PUBLISH_TOKEN", "UV_PUBLISH_PASSWORD")
_PIN = re.compile(r'"([\w.-]+)(\[[\w,-]+\])?==([^"\s;]+)')
# A GitHub issue has room for 65,536 characters: the end of the output of at most two commands, and the new versions.
_LINES, _CHARACTERS, _MAX_MOVES = 80, 15_000, 400


@dataclass
class Upgrade:
    """The upgraded packages, as `NAME OLD → NEW`, the commands that ran, and the failed ones with their last output."""

    moved: list[str] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return a report in Markdown, for a terminal or an issue."""
        verdict = "they break something" if self.failed else "nothing broke"
        lines = [f"# Newest releases on {datetime.now(UTC):%Y-%m-%d}: {verdict}", ""]
        lines += [f"Ran: `{'`, `'.join(self.ran)}`.", ""]
        for command, printed in self.failed.items():
            # Indented as code, so that it mentions nobody on GitHub.
            lines += [f"## `{command}` failed", "", textwrap.indent(printed[-_CHARACTERS:], "    ", lambda _: True), ""]
        moved = [f"- {move[:60]}" for move in self.moved[:_MAX_MOVES]]
        lines += ["## Upgraded packages", "", *(moved or ["None."]), ""]
        held = ", ".join(f"{name} {limit}" for name, limit in LIMITS.items())
        return "\n".join([*lines, f"Held back by LIMITS: {held}.", ""])


def try_upgrade(arguments: list[str], say: Say) -> Upgrade:
    """Upgrade a copy of git's index to the newest releases, test it there, and return the results.

    `arguments` go to `make test-all`; without any, all tests run, followed by `make book`. If something fails, the copy
    stays in `FOLDER`. Raises WorkshopError if git, make or bash is missing, or if this is not a git clone.
    """
    missing = [program for program in ("git", "make", "bash") if not shutil.which(program)]
    if missing or not (paths.ROOT / ".git").exists():
        what = f"{', '.join(missing)} is not installed." if missing else "this folder is not a git clone."
        raise WorkshopError(f"The canary cannot run: {what}", "Run it in a git clone, with git, make and bash.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    say(f"Copying the repository into {FOLDER} …")
    copy = ["git", "checkout-index", "--all", f"--prefix={FOLDER}/"]
    subprocess.run(copy, cwd=paths.ROOT, check=True)

    pyproject = FOLDER / "pyproject.toml"
    pinned = re.sub(r"^exclude-newer = .*\n", "", pyproject.read_text(encoding="utf-8"), flags=re.MULTILINE)
    pyproject.write_text(relaxed(pinned), encoding="utf-8")
    before, upgrade = _locked(), Upgrade()
    if not _make("lock", [], upgrade, say):
        return upgrade
    newest = _locked()
    pyproject.write_text(repinned(pinned, newest), encoding="utf-8")
    upgrade.moved = [f"{name} {old} → {newest[name]}" for name, old in before.items() if newest.get(name, old) != old]
    _make("test-all", arguments, upgrade, say)
    if not arguments:
        _make("book", [], upgrade, say)
    if not upgrade.failed:
        shutil.rmtree(FOLDER)
    return upgrade


def relaxed(pyproject: str) -> str:
    """Return the text of a pyproject.toml with `>=` instead of `==`, and the upper limits in LIMITS."""
    return _rewritten(pyproject, lambda name, version: ",".join(filter(None, [f">={version}", LIMITS.get(name)])))


def repinned(pyproject: str, versions: dict[str, str]) -> str:
    """Return the text of a pyproject.toml with the pins replaced by `versions`."""
    return _rewritten(pyproject, lambda name, version: f"=={versions.get(name, version)}")


def _rewritten(pyproject: str, specifier: Callable[[str, str], str]) -> str:
    return _PIN.sub(lambda pin: f'"{pin[1]}{pin[2] or ""}{specifier(pin[1].lower(), pin[3])}', pyproject)


def _locked() -> dict[str, str]:
    """Return the versions that `make lock` has written in the copy."""
    # Separate environments have their own pins.
    own = ("stack-", "training")
    files = [file for file in (FOLDER / "requirements").glob("*.txt") if not file.name.startswith(own)]
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    return dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==([^\s;]+)", text, re.MULTILINE))


def _make(target: str, arguments: list[str], upgrade: Upgrade, say: Say) -> bool:
    """Run `make TARGET` in the copy, record in `upgrade` that it ran or failed, and return whether it passed."""
    command = ["make", target, *([f"ARGS={shlex.join(arguments)}"] if arguments else [])]
    upgrade.ran.append(shlex.join(command))
    log = FOLDER / ".workshop" / "logs" / f"make-{target}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    say(f"Running {shlex.join(command)} there …")
    # Ctrl-C is for make: tee ignores it, to write make's last output.
    piped = ["bash", "-o", "pipefail", "-c", '"${@:2}" 2>&1 | tee -i "$1"', "bash", str(log), *command]
    variables = environment.without(_OURS, environment.named(prefixes=_INSTALLERS))
    # The copy's programs are to be used, not ours.
    variables["PATH"] = variables["PATH"].replace(f"{Path(sys.executable).parent}{os.pathsep}", "")
    if status := run_group(piped, cwd=FOLDER, env=variables):
        printed = log.read_text(encoding="utf-8", errors="replace").splitlines()
        upgrade.failed[upgrade.ran[-1]] = "\n".join(printed[-_LINES:])
    return not status
