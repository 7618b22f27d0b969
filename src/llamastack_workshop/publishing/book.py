"""Build the site with Jupyter Book, with its notebooks executed against a dedicated server."""

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

from llamastack_workshop.publishing import executed, one_page
from llamastack_workshop.publishing.book_pages.markdown import notebooks
from llamastack_workshop.server import upstreams
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.system import environment, kernels, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import run_group

# Where Jupyter Book looks for executed notebooks.
_CACHE = paths.BUILD / ".jupyter_cache"
# `python -m jupyter_book` does not work, and its script may not be on the PATH.
_JUPYTER_BOOK = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"
_CELL_TIMEOUT = 300  # seconds
# Each notebook has its own kernel, but they share one server.
_MAX_KERNELS = 4


def build(say: Say) -> None:
    """Build the site into `_build/html`, with the whole book for download in its folder `downloads`.

    A chapter, or a notebook in book/, is executed unless its outputs already exist, from the tests or an earlier build.
    Raises WorkshopError if a notebook fails, if Sphinx issues a warning, or if the server does not start.
    """
    wanted = notebooks()
    if missing := [notebook for notebook in wanted if executed.kept(notebook) is None]:
        with (
            tempfile.TemporaryDirectory(prefix="workshop-book-") as state,
            running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "book") as running,
        ):
            variables = environment.without(upstreams.secrets()) | running.variables() | {"WORKSHOP_CHECKS": "raise"}
            execute_chapters(missing, variables, say)
    if reused := len(wanted) - len(missing):
        say(f"Reusing the outputs of {reused} notebooks from an earlier run: nothing has changed since.")
    fill_cache(wanted)
    say("Building the site …")
    _jupyter_book("html")
    say("Building the book as one page …")
    _jupyter_book("singlehtml")
    downloads = paths.SITE / "downloads"
    downloads.mkdir()
    _zip(paths.NOTEBOOKS, downloads / "llamastack-workshop-notebooks.zip")
    one_page.write(paths.BUILD / "singlehtml", downloads / "llamastack-workshop.html")
    _zip(paths.SITE, paths.SITE_COMPLETE)


def execute_chapters(wanted: list[Path], environment: Mapping[str, str], say: Say) -> None:
    """Execute the chapters `wanted`, several at a time, into `_build/executed`.

    Raises WorkshopError if one fails; its outputs so far are in `_build/executed`.
    """
    at_once = min(os.cpu_count() or 1, _MAX_KERNELS)
    say(f"Executing {len(wanted)} notebooks, {at_once} at a time …")
    kernels.in_parallel(
        partial(_execute, environment),
        wanted,
        at_once,
        lambda chapter, seconds: say(f"  {chapter.stem}: ok, {seconds:.0f} s"),
    )


def fill_cache(wanted: list[Path]) -> None:
    """Fill Jupyter Book's cache with the executed chapters `wanted`, and nothing else."""
    shutil.rmtree(_CACHE, ignore_errors=True)
    cache = get_cache(_CACHE)
    for chapter in wanted:
        bundle = CacheBundleIn(nbformat.read(paths.EXECUTED / chapter.name, as_version=4), str(chapter))
        cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def _execute(environment: Mapping[str, str], chapter: Path) -> float:
    """Execute the chapter, and return the time that it took in seconds."""
    started = time.monotonic()
    notebook = executed.to_execute(chapter)
    try:
        kernels.execute(notebook, paths.NOTEBOOKS, environment, timeout=_CELL_TIMEOUT)
    except (CellControlSignal, RuntimeError) as error:
        file = executed.save(chapter.name, notebook, to_its_end=False)
        # The text of a cell's error is its traceback, with colour codes.
        problem = f"{error.ename}: {error.evalue}" if isinstance(error, CellExecutionError) else str(error)
        raise WorkshopError(
            f"{chapter.stem} failed: {problem.splitlines()[0]}",
            f"Look at {file.relative_to(paths.ROOT)}, and correct the chapter.",
        ) from error
    executed.save(chapter.name, notebook)
    return time.monotonic() - started


def _jupyter_book(builder: str) -> None:
    # --all: an incremental build does not repeat warnings, so -W could pass by accident.
    options = ["-W", "-n", "--keep-going", "--all", "--builder", builder]
    shutil.rmtree(paths.BUILD / builder, ignore_errors=True)
    if run_group([sys.executable, "-c", _JUPYTER_BOOK, "build", ".", *options], cwd=paths.ROOT):
        raise WorkshopError(
            "The book was not built: see the warnings and errors above.", "Fix them, and run make book again."
        )


def _zip(folder: Path, target: Path) -> None:
    """Write `folder` to the archive `target` atomically."""
    with tempfile.TemporaryDirectory(dir=paths.BUILD, prefix="zip-") as scratch:
        archive = shutil.make_archive(str(Path(scratch) / target.stem), "zip", folder.parent, folder.name)
        Path(archive).replace(target)
