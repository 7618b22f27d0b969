"""Removing what the workshop wrote."""

import shutil

from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError


def clean(say: Say) -> None:
    """Remove state, logs, prepared models and what was built; `say` gets a line for each folder. `work/` stays.

    Raises WorkshopError if a server of this repository runs, which would lose its files.
    """
    if servers := ports.servers_of(paths.ROOT):
        pids = ", ".join(str(server.pid) for server in servers)
        raise WorkshopError(
            f"A running server (process {pids}) uses what would be removed.",
            "Stop it first, with Ctrl-C in its terminal.",
        )
    for folder in (paths.WORKSHOP_HOME, paths.BUILD, paths.PROOFS):
        if folder.exists():
            shutil.rmtree(folder)
            say(f"removed {folder.relative_to(paths.ROOT)}/")
