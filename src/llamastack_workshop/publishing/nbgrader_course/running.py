"""nbgrader's step that runs a submission. Only nbgrader imports this, in the environment of `workshop nbgrader`."""

import os
import tempfile
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade
from traitlets.config import Config

from llamastack_workshop.publishing.nbgrader_course import graded_server
from llamastack_workshop.system import kernels, paths
from llamastack_workshop.system.errors import WorkshopError


class RunChapter(Execute):
    """Runs a submission next to notebooks/, where a chapter finds its files, and grades only by its checks."""

    def preprocess(self, nb: NotebookNode, resources: Any, **options: Any) -> tuple[NotebookNode, Any]:
        """Run `nb` as Execute does.

        Raises WorkshopError, so that nbgrader records no points, if the server doesn't answer before or after the run,
        or if a check itself failed.
        """
        graded_server.require()
        with (
            tempfile.TemporaryDirectory(prefix=".grading-", dir=paths.ROOT) as folder,
            tempfile.TemporaryDirectory(prefix="kernel-") as sockets,
        ):
            resources["metadata"]["path"] = folder
            self.config.merge(_private(sockets))
            nb, resources = super().preprocess(nb, resources, **options)
        graded_server.require()
        for cell in filter(is_grade, nb.cells):
            cell.outputs = [_as_the_check_says(output) for output in cell.outputs]
        return nb, resources


def _private(sockets: str) -> Config:
    """Return the settings of a kernel to which other users of this machine can't connect."""
    config = Config({"KernelManager": {"ip": f"{sockets}/kernel"}} if os.name == "posix" else {})
    config.merge(kernels.CONFIG)
    return config


def _as_the_check_says(output: NotebookNode) -> NotebookNode:
    """Return `output` of a check, changed so that nbgrader only counts a wrong answer as an error."""
    if output.output_type == "error" and output.ename == "CheckFailed":
        raise WorkshopError(output.evalue, "Grade again.")
    if output.output_type == "stream":
        # nbgrader counts output on standard error as a failure, even a library's warning.
        output.name = "stdout"
    elif output.output_type == "execute_result":
        # nbgrader looks for points here, and warns if it finds praise instead of a number.
        output.output_type = "display_data"
        del output["execution_count"]
    return output
