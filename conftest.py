"""Settings for every test run, `pytest --nbmake notebooks/` against a server of your own included."""

import json
import os
import re
from collections.abc import Iterator

import nbmake.nb_run
import pytest
from nbclient import NotebookClient
from traitlets import Bool, Integer

# A wrong answer to an exercise is a message to an attendee and a failure here. Kernels inherit this.
os.environ["WORKSHOP_CHECKS"] = "raise"

# What may be skipped in CI: where, with which reason, and why nothing is lost by it. Whatever else is skipped there has
# not been tested anywhere, and fails.
MAY_SKIP = [
    (".proofs", ".*", "stacks/chapters.yaml says which chapters a line cannot run, and chapter 24 shows it"),
    ("tests/system/test_ports.py", "this machine has no IPv6", "then no other program can listen on it either"),
    ("tests/faults/", "this machine has no IPv6", "then no other program can listen on it either"),
    ("tests/faults/", "this system allows no namespaces", "a full disk cannot be made there; the messages have tests"),
    ("tests/classroom/", "HAProxy is not installed", "nightly.yml installs it"),
    ("tests/classroom/", "this Python or this folder is closed .*", "as root, a classroom refuses to start there"),
    ("tests/faults/", "only the superuser .*", "an ordinary user owns every clone; the messages have tests"),
]


class _Patient(NotebookClient):
    """nbmake's client, which otherwise goes on without a cell's outputs where they come 4 s after its end."""

    iopub_timeout = Integer(60)
    raise_on_iopub_timeout = Bool(True)


nbmake.nb_run.NotebookClient = _Patient


def pytest_configure(config: pytest.Config) -> None:
    """Let each worker of `make test` have a server to itself."""
    if worker := getattr(config, "workerinput", {}).get("workerid"):
        stacks = json.loads(os.environ.get("WORKSHOP_TEST_STACKS", "[{}]"))
        os.environ.update(stacks[int(worker.removeprefix("gw")) % len(stacks)])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.skipped and os.environ.get("CI"):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        if not any(item.nodeid.startswith(place) and re.fullmatch(said, reason) for place, said, _ in MAY_SKIP):
            report.outcome = "failed"
            report.longrepr = f"CI does not run this test: {reason}. Give it what it needs, or list it in MAY_SKIP."
    return report
