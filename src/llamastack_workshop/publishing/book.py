"""Build the site with Jupyter Book, its notebooks executed against a server of their own."""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import nbformat
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient.exceptions import CellControlSignal, CellExecutionError
from nbformat import NotebookNode

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.publishing import one_page
from llamastack_workshop.server import upstreams
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.system import environment, kernels, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import run_group

# Where Jupyter Book looks for executed notebooks.
_CACHE = paths.BUILD / ".jupyter_cache"
# `python -m jupyter_book` does not work, and its script need not be on the PATH.
_JUPYTER_BOOK = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
_CELL_TIMEOUT = 300  # seconds
# Each notebook has a kernel of its own, and the one server answers them all.
_MAX_KERNELS = 4


def build(say: Say) -> None:
    """Build the site into `_build/html`, with the whole book to take along in its folder `downloads`.

    Raises WorkshopError if a notebook fails or Sphinx warns of anything, or if the server does not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="workshop-book-") as state,
        running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "book") as running,
    ):
        execute_chapters(
            environment.without(upstreams.secrets()) | running.variables() | {"WORKSHOP_CHECKS": "raise"}, say
        )
    say("Building the site …")
    _jupyter_book("html")
    say("Building the book as one page …")
    _jupyter_book("singlehtml")
    downloads = paths.SITE / "downloads"
    downloads.mkdir()
    _zip(paths.NOTEBOOKS, downloads / "llamastack-workshop-notebooks.zip")
    one_page.write(paths.BUILD / "singlehtml", downloads / "llamastack-workshop.html")
    _zip(paths.SITE, paths.SITE_COMPLETE)


def execute_chapters(environment: Mapping[str, str], say: Say) -> None:
    """Execute the chapters, several at a time, into `_build/executed` and into the cache of Jupyter Book.

    Raises WorkshopError if one fails; what it got to is in `_build/executed`.
    """
    shutil.rmtree(paths.EXECUTED, ignore_errors=True)
    # A cached notebook would hide that something which it imports has changed.
    shutil.rmtree(_CACHE, ignore_errors=True)
    paths.EXECUTED.mkdir(parents=True)
    cache = get_cache(_CACHE)
    wanted = chapters()
    at_once = min(os.cpu_count() or 1, _MAX_KERNELS)
    say(f"Executing {len(wanted)} chapters, {at_once} at a time …")

    def keep(chapter: Path, executed: tuple[NotebookNode, float]) -> None:
        notebook, seconds = executed
        cached = CacheBundleIn(notebook, str(chapter), data={"execution_seconds": seconds})
        cache.cache_notebook_bundle(cached, check_validity=False, overwrite=True)
        say(f"  {chapter.stem}: ok, {seconds:.0f} s")

    kernels.in_parallel(partial(_execute, environment), wanted, at_once, keep)


def _execute(environment: Mapping[str, str], chapter: Path) -> tuple[NotebookNode, float]:
    """Return the executed chapter and the seconds that it took."""
    started = time.monotonic()
    notebook = nbformat.read(chapter, as_version=4)
    executed = paths.EXECUTED / chapter.name
    try:
        kernels.execute(notebook, paths.NOTEBOOKS, environment, timeout=_CELL_TIMEOUT)
    except (CellControlSignal, RuntimeError) as error:
        # The text of a cell's error is its traceback, in colours.
        problem = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
        raise WorkshopError(
            f"{chapter.stem} failed: {problem.splitlines()[0]}",
            f"Look at {executed.relative_to(paths.ROOT)}, and correct the chapter.",
        ) from error
    finally:
        nbformat.write(notebook, executed)
    return notebook, time.monotonic() - started


def _jupyter_book(builder: str) -> None:
    # --all: a warm build would not repeat its warnings, so that -W could pass by accident.
    options = ["-W", "-n", "--keep-going", "--all", "--builder", builder]
    shutil.rmtree(paths.BUILD / builder, ignore_errors=True)
    if run_group([sys.executable, "-c", _JUPYTER_BOOK, "build", ".", *options], cwd=paths.ROOT):
        raise WorkshopError(
            "The book was not built: see the warnings and errors above.", "Correct them and run make book again."
        )


def _zip(folder: Path, target: Path) -> None:
    """Write `folder` into the archive `target`, complete or not at all."""
    with tempfile.TemporaryDirectory(dir=paths.BUILD, prefix="zip-") as scratch:
        archive = shutil.make_archive(str(Path(scratch) / target.stem), "zip", folder.parent, folder.name)
        Path(archive).replace(target)
