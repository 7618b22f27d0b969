"""Build the site with Jupyter Book, its notebooks executed against a server of their own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from llamastack_workshop import paths, ports
from llamastack_workshop.errors import WorkshopError
from llamastack_workshop.stack import Say, running_stack

# The package has no `python -m` door, and its script need not be on the PATH.
_JUPYTER_BOOK = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"


def build(say: Say) -> None:
    """Build the site into `_build/html`.

    Raises WorkshopError if a notebook fails or Sphinx warns of anything, or if the server does not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="workshop-book-") as state,
        running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "book") as running,
    ):
        # --all: a warm build would not repeat its warnings, so that -W could pass by accident.
        build = subprocess.run(
            [sys.executable, "-c", _JUPYTER_BOOK, "build", ".", "-W", "-n", "--keep-going", "--all"],
            cwd=paths.ROOT,
            env={**os.environ, **running.variables(), "WORKSHOP_CHECKS": "raise"},
            check=False,
        )
    if build.returncode:
        raise WorkshopError(
            "The book was not built: see the warnings and errors above.", "Correct them and run make book again."
        )
