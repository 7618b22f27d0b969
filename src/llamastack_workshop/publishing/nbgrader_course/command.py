"""nbgrader's own command, in an environment with nbgrader and with all that the chapters import."""

import os
from pathlib import Path

from llamastack_workshop.publishing.nbgrader_course import SETTINGS, graded_server
from llamastack_workshop.server import upstreams
from llamastack_workshop.system import environment, own_environment
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import run_group


def run(folder: Path, arguments: list[str], say: Say) -> int:
    """Run nbgrader with `arguments` on the course in `folder`, and return its exit status.

    The first call installs it. Submissions run in processes without the keys of models.
    Raises WorkshopError if there is no course, if submissions are to be graded without a server, or if the packages
    cannot be installed.
    """
    if not (folder / SETTINGS).is_file():
        raise WorkshopError(
            f"There is no course in {folder}: it has no {SETTINGS}.",
            f"Export the chapters first: workshop export --nbgrader {folder}",
        )
    if "autograde" in arguments:
        # Here as well, because nbgrader buries what it says below a traceback for each submission.
        graded_server.require()
    program = python(say)
    variables = environment.without(upstreams.secrets())
    # For the commands that chapters run.
    variables["PATH"] = os.pathsep.join([str(program.parent), variables["PATH"]])
    return run_group([str(program), "-m", "nbgrader", *arguments], cwd=folder, env=variables)


def python(say: Say) -> Path:
    """Return the Python with nbgrader and the lab's packages, in the lab's versions; the first call installs them.

    Raises WorkshopError if they cannot be installed.
    """
    installing = "Installing nbgrader and what the chapters import into a separate environment (once, up to a minute) …"
    return own_environment.python_of("grading", ("lab", "grading"), say, installing, with_project=True)
