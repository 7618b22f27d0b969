"""nbgrader's own command, in an environment with nbgrader and all packages that the chapters import."""

import os
from pathlib import Path

from llamastack_workshop.publishing.nbgrader_course import SETTINGS, graded_server
from llamastack_workshop.server import upstreams
from llamastack_workshop.system import environment, own_environment
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import run_group


def run(folder: Path, arguments: list[str], say: Say) -> int:
    """Run nbgrader with `arguments` on the course in `folder`, and return its exit status.

    The first call installs it. Submissions run in processes without API keys. Raises WorkshopError if there is no
    course, if grading lacks a server, or if the packages can't be installed.
    """
    if not (folder / SETTINGS).is_file():
        raise WorkshopError(
            f"There is no course in {folder}: it has no {SETTINGS}.",
            f"Export the chapters first: workshop export --nbgrader {folder}",
        )
    if "autograde" in arguments:
        # Checked here as well, because nbgrader hides the message below a traceback for each submission.
        graded_server.require()
    program = python(say)
    variables = environment.without(upstreams.secrets())
    # For the commands in the chapters.
    variables["PATH"] = os.pathsep.join([str(program.parent), variables["PATH"]])
    return run_group([str(program), "-m", "nbgrader", *arguments], cwd=folder, env=variables)


def python(say: Say) -> Path:
    """Return the Python with nbgrader and the lab's packages, in the lab's versions; the first call installs them.

    Raises WorkshopError if they can't be installed.
    """
    installing = "Installing nbgrader and the chapters' packages into a separate environment (once, up to a minute) …"
    return own_environment.python_of("grading", ("lab", "grading"), say, installing, with_project=True)
