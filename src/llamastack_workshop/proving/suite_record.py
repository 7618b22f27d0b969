"""A pytest plugin that keeps how long a whole run of the tests took, for `make bench` to show.

A run counts if nothing was left out beyond what `make test` leaves out, if it passed, and if the embedded model
answered. `testing` takes part with `options` alone.
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
    """Return the arguments with which pytest records its run as that of `suite`, or none if it should not.

    `chosen` are the arguments of whoever runs the tests.
    """
    if chosen or any("LLAMA_CPP_URL" not in stack.addresses for stack in running):
        return []
    began = psutil.Process().create_time()
    models = [f"--suite-models={stack.children[1].pid}" for stack in running]
    return ["-p", __name__, f"--suite={suite}", f"--suite-began={began}", *models]


def recorded() -> dict[str, dict[str, Any]]:
    """Return the latest whole run of each suite on this machine, by the suite's name.

    `seconds` is the wall time of the command, `model_cpu_seconds` what the embedded models took of the processor.
    """
    return json.loads(_RECORD.read_text(encoding="utf-8")) if _RECORD.exists() else {}


class _Suite:
    """The run as the controlling process of xdist sees it."""

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
    parser.addoption("--suite", help="the name of the whole run that is recorded")
    parser.addoption("--suite-began", type=float, help="when its command started, in seconds since the epoch")
    parser.addoption("--suite-models", type=int, action="append", help="a process of embedded models")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Suite(config))
