"""Settings for every test run, including `pytest --nbmake notebooks/` against your own server."""

import json
import os
import re
from collections.abc import Iterator

import nbmake.nb_run
import pytest
from nbclient import NotebookClient
from traitlets import Bool, Integer

# A wrong answer to an exercise is a message for an attendee, but a failure here. Kernels inherit this variable.
os.environ["WORKSHOP_CHECKS"] = "raise"

# Tests that may be skipped in CI: their place, the reason for skipping, and why that is acceptable. Any other skipped
# test fails in CI, because it would not run anywhere.
MAY_SKIP = [
    (".proofs", ".*", "stacks/chapters.yaml says which chapters a line cannot run, and chapter 24 shows it"),
    ("tests/system/test_ports.py", "this machine has no IPv6", "then no other program can listen on it either"),
    ("tests/faults/", "this machine has no IPv6", "then no other program can listen on it either"),
    ("tests/faults/", "this system allows no namespaces", "a full disk cannot be made there; the messages have tests"),
    ("tests/deploy/", "kustomize and kubectl are not installed", "GitHub's machines have both"),
    ("tests/deploy/", "WORKSHOP_SCHEMAS names no folder with schemas", "they are others'; deploy/README.md names them"),
    ("tests/deploy/", "Postgres and its drivers are not installed", "the lab lacks them; deploy/README.md says how"),
    ("tests/classroom/", "HAProxy is not installed", "nightly.yml installs it"),
    ("tests/classroom/", "this Python or this folder is closed .*", "as root, a classroom refuses to start there"),
    ("tests/faults/", "only the superuser .*", "an ordinary user owns every clone; the messages have tests"),
]


class _Patient(NotebookClient):
    """nbmake's client, with a longer timeout: by default, it drops outputs that arrive 4 s after a cell's end."""

    iopub_timeout = Integer(60)
    raise_on_iopub_timeout = Bool(True)


nbmake.nb_run.NotebookClient = _Patient


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker of `make test` its own server."""
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
