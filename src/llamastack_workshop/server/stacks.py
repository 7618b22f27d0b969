"""The configurations in stacks/, and the environments of those that need another server than the installed one.

`stacks/NAME.yaml` is a configuration. Where `stacks/NAME.txt` stands beside it, that pins the packages of its server.
`requirements/stack-NAME.txt` has these and all that they need, and is installed into an environment of their own.
"""

import hashlib
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from llamastack_workshop.system import paths, uv
from llamastack_workshop.system.errors import Say, WorkshopError

FOLDER = paths.ROOT / "stacks"
ENVIRONMENTS = paths.WORKSHOP_HOME / "environments"


@dataclass(frozen=True)
class Server:
    """What a server is started with: its configuration, and the Python whose environment holds it."""

    run_yaml: Path
    python: Path = Path(sys.executable)

    def variables(self) -> set[str]:
        """Return the environment variables that the configuration names, as `${env.NAME…}`."""
        return set(re.findall(r"\$\{env\.(\w+)", self.run_yaml.read_text(encoding="utf-8")))


OURS = Server(paths.RUN_YAML)


def names() -> list[str]:
    """Return what `--stack` accepts."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if "providers:" in path.read_text(encoding="utf-8"))


def server(name: str, say: Say) -> Server:
    """Return the server of stacks/`name`.yaml, its environment installed; `say` gets a line before that.

    Raises WorkshopError if there is no such stack, or if its packages cannot be installed.
    """
    if name not in names():
        raise WorkshopError(f"There is no stack {name}.", f"Choose one of: {', '.join(names())}")
    run_yaml = FOLDER / f"{name}.yaml"
    return Server(run_yaml, _environment(name, say)) if _requirements(name).exists() else Server(run_yaml)


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
    with FileLock(folder.with_suffix(".lock")):
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            uv.make_environment(folder, sys.executable)
            uv.install(python, f"stack-{name}")
            complete.touch()
    return python


def _requirements(name: str) -> Path:
    return uv.REQUIREMENTS / f"stack-{name}.txt"
