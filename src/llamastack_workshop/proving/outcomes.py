"""A pytest plugin for `make test STACK=NAME`: it skips chapters that need another line, and records the outcomes.

`stacks/chapters.yaml` lists the chapters that do not run on a line, with the reasons. With `--record`, the outcomes are
written to book/measurements/stacks/NAME.json, from which the book's table of the lines is generated.
"""

import datetime
import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from llamastack_workshop.attending.stack_results import RESULTS
from llamastack_workshop.system import paths

_CHAPTERS = paths.ROOT / "stacks" / "chapters.yaml"


def differences(stack_name: str) -> dict[str, str]:
    """Return the names of the chapters that do not run on the stack, with their reasons in chapters.yaml."""
    listed = yaml.safe_load(_CHAPTERS.read_text(encoding="utf-8"))
    return {
        chapter: entry["reason"]
        for chapter, entries in listed.items()
        for entry in entries
        if stack_name in entry["stacks"]
    }


class _Outcomes:
    """The outcome of each chapter in this run; with xdist, collected in the controlling process."""

    def __init__(self, stack_name: str, record: bool) -> None:
        self.stack_name, self.record = stack_name, record
        self.skipped = differences(stack_name)
        self.chapters: dict[str, dict[str, str]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            if item.path.parent == paths.PROOFS and (reason := self.skipped.get(item.path.stem)):
                item.add_marker(pytest.mark.skip(reason=reason))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        chapter = Path(report.nodeid.split("::")[0])
        if chapter.parent.name != paths.PROOFS.name:
            return
        if report.skipped:
            self._note(chapter.stem, outcome="skipped", reason=self.skipped[chapter.stem])
        elif report.failed or report.when == "call":
            self._note(chapter.stem, outcome=report.outcome)

    def _note(self, chapter: str, **what: str) -> None:
        self.chapters[chapter] = {**what, "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat()}

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for name, chapter in sorted(self.chapters.items()):
            reason = f": {chapter['reason']}" if "reason" in chapter else ""
            terminalreporter.write_line(f"  {name:36} {chapter['outcome']}{reason}")
        if not self.record:
            return
        path = RESULTS / f"{self.stack_name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._result(path), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        terminalreporter.write_line(f"Recorded in {path.relative_to(paths.ROOT)}")

    def _result(self, earlier: Path) -> dict[str, Any]:
        """Return this run's results; chapters that it left out keep those of an earlier run with the same release."""
        base_url = os.environ["LLAMA_STACK_BASE_URL"]
        described = httpx.get(f"{base_url.removesuffix('/v1')}/openapi.json", timeout=30).raise_for_status().json()
        version = httpx.get(f"{base_url}/version", timeout=10).raise_for_status().json()["version"]
        kept = json.loads(earlier.read_text(encoding="utf-8")) if earlier.exists() else {}
        return {
            "stack": self.stack_name,
            "version": version,
            "routes": sorted(
                f"{method.upper()} {path}" for path, methods in described["paths"].items() for method in methods
            ),
            "chapters": (kept["chapters"] if kept.get("version") == version else {}) | self.chapters,
        }


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--stack", required=True, help="the stack that the chapters run against")
    parser.addoption("--record", action="store_true", help="put the outcomes into the book's measurements")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(_Outcomes(config.getoption("--stack"), config.getoption("--record")))
