"""A pytest plugin that records the time of a complete run of the tests, for `make bench`.

A run counts if no tests were left out except those that the suite leaves out, if it passed, and if it used the embedded
model. `testing` only calls `options`.
"""

import json
import time
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest

from llamastack_workshop.server.stack import Stack
from llamastack_workshop.system import files, paths

_RECORD = paths.WORKSHOP_HOME / "suites.json"


def options(chosen: list[str], running: list[Stack], suite: str) -> list[str]:
    """Return the arguments that make pytest record its run as one of `suite`, or [] if it does not count.

    `chosen` are the user's arguments.
    """
    if chosen or any("LLAMA_CPP_URL" not in stack.addresses for stack in running):
        return []
    began = psutil.Process().create_time()
    models = [f"--suite-models={stack.children[1].pid}" for stack in running]
    return ["-p", __name__, f"--suite={suite}", f"--suite-began={began}", *models]


def recorded() -> dict[str, dict[str, Any]]:
    """Return the latest complete run of each suite on this machine, by the suite's name.

    `seconds` is the wall time of the command, `model_cpu_seconds` the CPU time of the embedded models.
    """
    return json.loads(_RECORD.read_text(encoding="utf-8")) if _RECORD.exists() else {}


class _Suite:
    """The run, from the point of view of xdist's controlling process."""

    def __init__(self, config: pytest.Config) -> None:
        self.name, self.began = config.getoption("--suite"), config.getoption("--suite-began")
        self.models = [psutil.Process(pid) for pid in config.getoption("--suite-models")]
        self.passed = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.passed += report.when == "call" and report.passed

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if exitstatus:
            return
        spent = [model.cpu_times() for model in self.models]
        run = {
            "date": datetime.now(UTC).date().isoformat(),
            "tests": self.passed,
            "seconds": round(time.time() - self.began, 1),
            "model_cpu_seconds": round(sum(one.user + one.system for one in spent), 1),
        }
        paths.WORKSHOP_HOME.mkdir(exist_ok=True)
        files.write_whole(_RECORD, json.dumps(recorded() | {self.name: run}, indent=1) + "\n")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--suite", help="the name of the suite to record")
    parser.addoption("--suite-began", type=float, help="the start of its command, in seconds since the epoch")
    parser.addoption("--suite-models", type=int, action="append", help="the id of a process with embedded models")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Suite(config))
