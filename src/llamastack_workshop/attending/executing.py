"""Execute chapters from top to bottom with papermill, with a model of your choice."""

import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from llamastack_workshop.attending import chapters
from llamastack_workshop.server import stack, upstreams
from llamastack_workshop.system import files, kernels, paths
from llamastack_workshop.system.errors import Say, WorkshopError


def execute(names: list[str], model: str | None, port: int, upstream: upstreams.Choice, say: Say) -> list[Path]:
    """Execute the chapters in `names` (all, if it is empty), and return the paths of the executed notebooks.

    A server that is running on `port` is used; otherwise, one is started for the duration. `model` is passed to the
    chapters as a parameter; without it, they use the server's first model.
    Raises WorkshopError if the model is not served, or if chapters failed, after all have been executed.
    """
    wanted = [chapters.find(name) for name in names] or chapters.chapters()
    with _server(port, upstream, say) as base_url:
        model = stack.chosen_model(base_url, model)
        folder = paths.WORKSHOP_HOME / "executed" / re.sub(r"[^\w.-]+", "_", model)
        files.private_folder(folder)
        say(f"Executing {len(wanted)} chapters with {model}, into {folder.relative_to(paths.ROOT)}/")
        outcomes = {chapter: _execute_one(chapter, folder, base_url, model, say) for chapter in wanted}
    if failed := [chapter.stem for chapter, passed in outcomes.items() if not passed]:
        raise WorkshopError(
            f"{len(failed)} of {len(wanted)} chapters failed with {model}: {', '.join(failed)}",
            f"Open them in {folder.relative_to(paths.ROOT)}/: the failed cell is marked. The others are there, too.",
        )
    return [folder / chapter.name for chapter in wanted]


def _execute_one(chapter: Path, folder: Path, base_url: str, model: str, say: Say) -> bool:
    """Execute one chapter, report its outcome, and return whether it ran to its end."""
    started, problem = time.monotonic(), ""
    try:
        papermill.execute_notebook(
            chapter,
            folder / chapter.name,
            parameters={"base_url": base_url, "model": model},
            cwd=paths.NOTEBOOKS,
            progress_bar=False,
            config=kernels.CONFIG,
        )
    except KeyboardInterrupt:
        # The interrupted client would log at length that its kernel is gone.
        logging.disable()
        raise
    except PapermillExecutionError as error:
        # A bare assert has no text.
        first_line = (error.evalue.splitlines() or [""])[0][:80]
        problem = f"failed in cell {error.exec_count}: {error.ename}: {first_line}"
    except DeadKernelError:
        problem = "failed: its kernel died"
    say(f"  {chapter.stem}: {problem or 'ok'}, {time.monotonic() - started:.0f} s")
    return not problem


@contextmanager
def _server(port: int, upstream: upstreams.Choice, say: Say) -> Iterator[str]:
    """Yield the base URL of the server on `port`, or of one started for the block."""
    base_url = stack.reusable_server(port)
    if base_url:
        say(f"Using the LlamaStack server that already runs on port {port}.")
        os.environ["LLAMA_STACK_BASE_URL"] = base_url
        yield base_url
        return
    with stack.running_stack(say, port=port, upstream=upstream, logs=paths.LOGS / "run") as running:
        os.environ.update(running.variables())
        # papermill's kernels inherit our environment, and only the server needs the secrets.
        for name in upstreams.secrets():
            os.environ.pop(name, None)
        yield running.base_url
