"""Removing the files that the workshop has written."""

import shutil
from pathlib import Path

from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError


def clean(say: Say) -> None:
    """Remove state, logs, prepared models and build outputs, but not `work/`; `say` reports each folder.

    If a folder is a symbolic link, the link stays and its target is emptied.
    Raises WorkshopError if a server or a JupyterLab of this repository is running, which would lose its files.
    """
    if running := ports.processes_of(paths.ROOT):
        pids = ", ".join(str(process.pid) for process in running)
        raise WorkshopError(
            f"A running server or JupyterLab (process {pids}) uses these files.",
            "Stop it first, with Ctrl-C in its terminal.",
        )
    for folder in (paths.WORKSHOP_HOME, paths.BUILD, paths.PROOFS):
        if folder.is_symlink():
            _remove_all([*folder.iterdir()] if folder.is_dir() else [folder])
            say(f"emptied {folder.relative_to(paths.ROOT)}/, which is a link to {folder.readlink()}")
        elif folder.exists():
            _remove_all([folder])
            say(f"removed {folder.relative_to(paths.ROOT)}/")


def _remove_all(entries: list[Path]) -> None:
    for entry in entries:
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
