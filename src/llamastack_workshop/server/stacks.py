"""The configurations in stacks/, and separate environments for those that need another release of the server.

`stacks/NAME.yaml` is a configuration for the installed server. `stacks/LINE.yaml` and the files in `stacks/LINE/`
are for another line, whose packages are pinned in `stacks/LINE.txt`. `requirements/stack-LINE.txt` adds their
dependencies, and is installed into a separate environment.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.server import lines
from llamastack_workshop.server.lines import Line
from llamastack_workshop.system import own_environment, paths, uv
from llamastack_workshop.system.errors import Say, WorkshopError

FOLDER = paths.ROOT / "stacks"


@dataclass(frozen=True)
class Server:
    """A server to start: its configuration, its line, and the Python of the environment with that line's packages."""

    run_yaml: Path
    python: Path = Path(sys.executable)
    line: Line = lines.OURS

    @property
    def name(self) -> str:
        """The value of --stack for a configuration in stacks/, such as vllm, ogx-1.5 or ogx-1.5/access."""
        return self.run_yaml.relative_to(FOLDER).with_suffix("").as_posix()

    @property
    def is_whole_line(self) -> bool:
        """Whether the configuration is its line's main one, not one for a single topic."""
        return self.run_yaml in (self.line.file("run"), FOLDER / f"{self.line.stack}.yaml")

    def variables(self) -> set[str]:
        """Return the environment variables that the configuration refers to, as `${env.NAME…}`."""
        return set(re.findall(r"\$\{env\.(\w+)", self.run_yaml.read_text(encoding="utf-8")))


OURS = Server(paths.RUN_YAML)


def names() -> list[str]:
    """Return the values that `--stack` accepts, such as vllm, ogx-1.5 and ogx-1.5/access."""
    found = [path for path in FOLDER.rglob("*.yaml") if "providers:" in path.read_text(encoding="utf-8")]
    return sorted(path.relative_to(FOLDER).with_suffix("").as_posix() for path in found)


def server(name: str, say: Say) -> Server:
    """Return the server of stacks/`name`.yaml; if its environment has to be installed, call `say` first.

    Raises WorkshopError if there is no such stack, or if its packages cannot be installed.
    """
    if name not in names():
        raise WorkshopError(f"There is no stack {name}.", f"Choose one of: {', '.join(names())}")
    return of_line(lines.of_stack(name), FOLDER / f"{name}.yaml", say)


def of_line(line: Line, run_yaml: Path, say: Say) -> Server:
    """Return a server of `line` with the configuration `run_yaml`, after installing its environment; see `server`."""
    if not _requirements(line.stack).exists():
        return Server(run_yaml)
    return Server(run_yaml, _environment(line.stack, say), line)


def python_of(line: Line) -> Path:
    """Return the Python of the environment with the server of `line`, for a look inside that server.

    Raises WorkshopError if its packages cannot be installed.
    """
    return of_line(line, paths.RUN_YAML, print).python


def state(port: int, line: Line) -> Path:
    """Return the state folder of a server on `port`; each line has its own, because their tables differ."""
    folder = paths.state(port)
    return folder if line is lines.OURS else folder.with_name(f"{folder.name}-{line.stack}")


def _environment(name: str, say: Say) -> Path:
    installing = f"Installing the server of {name} into a separate environment (once, up to a minute) …"
    return own_environment.python_of(name, (f"stack-{name}",), say, installing)


def _requirements(name: str) -> Path:
    return uv.REQUIREMENTS / f"stack-{name}.txt"
