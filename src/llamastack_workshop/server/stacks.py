"""The configurations in stacks/, and the environments of those that need another server than the installed one.

`stacks/NAME.yaml` is a configuration for the installed server. `stacks/LINE.yaml` and those in the folder `stacks/LINE`
are for another line, whose packages `stacks/LINE.txt` pins. `requirements/stack-LINE.txt` has these and all that they
need, and is installed into an environment of their own.
"""

import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.server import lines
from llamastack_workshop.server.lines import Line
from llamastack_workshop.system import locks, paths, uv
from llamastack_workshop.system.errors import Say, WorkshopError

FOLDER = paths.ROOT / "stacks"
ENVIRONMENTS = paths.WORKSHOP_HOME / "environments"


@dataclass(frozen=True)
class Server:
    """What a server is started with: its configuration, its line, and the Python whose environment holds that."""

    run_yaml: Path
    python: Path = Path(sys.executable)
    line: Line = lines.OURS

    @property
    def name(self) -> str:
        """What --stack calls it, where its configuration lies in stacks/: vllm, ogx-1.5 or ogx-1.5/access."""
        return self.run_yaml.relative_to(FOLDER).with_suffix("").as_posix()

    @property
    def is_whole_line(self) -> bool:
        """Whether the configuration is the one that its line starts with, and none that shows something else."""
        return self.run_yaml in (self.line.file("run"), FOLDER / f"{self.line.stack}.yaml")

    def variables(self) -> set[str]:
        """Return the environment variables that the configuration names, as `${env.NAME…}`."""
        return set(re.findall(r"\$\{env\.(\w+)", self.run_yaml.read_text(encoding="utf-8")))


OURS = Server(paths.RUN_YAML)


def names() -> list[str]:
    """Return what `--stack` accepts, such as vllm, ogx-1.5 and ogx-1.5/access."""
    found = [path for path in FOLDER.rglob("*.yaml") if "providers:" in path.read_text(encoding="utf-8")]
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in found)


def server(name: str, say: Say) -> Server:
    """Return the server of stacks/`name`.yaml, its environment installed; `say` gets a line before that.

    Raises WorkshopError if there is no such stack, or if its packages cannot be installed.
    """
    if name not in names():
        raise WorkshopError(f"There is no stack {name}.", f"Choose one of: {', '.join(names())}")
    return of_line(lines.of_stack(name), FOLDER / f"{name}.yaml", say)


def of_line(line: Line, run_yaml: Path, say: Say) -> Server:
    """Return a server of `line` with the configuration `run_yaml`, its environment installed; see `server`."""
    if not _requirements(line.stack).exists():
        return Server(run_yaml)
    return Server(run_yaml, _environment(line.stack, say), line)


def python_of(line: Line) -> Path:
    """Return the Python of the environment that holds the server of `line`; for what is inside of that server.

    Raises WorkshopError if its packages have to be installed and cannot be.
    """
    return of_line(line, paths.RUN_YAML, print).python


def state(port: int, line: Line) -> Path:
    """Return the folder for the state of a server on `port`: lines have other tables, so that each has its own."""
    folder = paths.state(port)
    return folder if line is lines.OURS else folder.with_name(f"{folder.name}-{line.stack}")


def _environment(name: str, say: Say) -> Path:
    """Return the Python of the environment with what requirements/stack-`name`.txt pins; other pins make another."""
    version = hashlib.sha256(_requirements(name).read_bytes()).hexdigest()[:8]
    folder = ENVIRONMENTS / f"{name}-{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    complete = folder / "complete"
    if complete.exists():
        return python
    say(f"Installing the server of {name} into an environment of its own (once, up to a minute) …")
    # Two commands may come for the same environment at once.
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    waiting = "Another command installs it: waiting …"
    with locks.one_at_a_time(ENVIRONMENTS / f"{folder.name}.lock", say, waiting):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv.make_environment(folder, sys.executable)
            uv.install(python, f"stack-{name}")
            complete.touch()
    return python


def _requirements(name: str) -> Path:
    return uv.REQUIREMENTS / f"stack-{name}.txt"
