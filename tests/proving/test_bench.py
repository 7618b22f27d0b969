"""The benchmark: its committed figures fit the programs and pages, and a run measures all figures that these read."""

import json
import os
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest

from llamastack_workshop.proving import suite_record
from llamastack_workshop.proving.bench import comparison, footprint, run
from llamastack_workshop.proving.bench.figures import Plan
from llamastack_workshop.publishing.book_pages import costs
from llamastack_workshop.server.stack import Stack
from llamastack_workshop.system import paths

NAMES = ("comparison", "costs")
# One round, without warm-up, and all requests of a wave at once.
SHORT = Plan(rounds=1, warm_ups=0, at_once=(4,))


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    return {name: json.loads((paths.MEASUREMENTS / f"{name}.json").read_text(encoding="utf-8")) for name in NAMES}


def shape(value: Any) -> Any:
    """Return the keys and types in `value`; for a list, those of its first element."""
    if isinstance(value, list):
        return [shape(value[0])]
    return {key: shape(one) for key, one in value.items()} if isinstance(value, dict) else type(value).__name__


def ratios(figures: dict[str, Any], what: str) -> dict[str, float]:
    """Return the median of a figure for each program, relative to the pure one."""
    return {name: one["chain"]["ratio_to_pure"][what]["median"] for name, one in figures["programs"].items()}


def the_model_takes_most(figures: dict[str, Any]) -> bool:
    chains = [program["chain"] for program in figures["programs"].values()]
    return all(chain["model_seconds"]["median"] > 0.8 * chain["seconds"]["median"] for chain in chains)


def overhead_is_the_apis(figures: dict[str, Any]) -> bool:
    overhead = ratios(figures, "overhead_per_step")
    return overhead["without_llamastack"] < overhead["langchain_chat"] < 0.85 < overhead["hybrid"] < 1.2


def first_tokens_come_alike(figures: dict[str, Any]) -> bool:
    return all(abs(ratio - 1) < 0.1 for ratio in ratios(figures, "first_token_seconds").values())


# The chapter's claims about the committed run, and the tests for them.
CLAIMS = {
    "the model takes by far the larger share in all four bars": the_model_takes_most,
    "Pure and hybrid both use Responses, and their overhead is about the same": overhead_is_the_apis,
    "their times to the first token are within ten per cent of each other": first_tokens_come_alike,
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_committed_figures_bear_out_what_the_chapter_says_of_them(claim: str, committed: dict[str, Any]) -> None:
    chapter = nbformat.read(paths.NOTEBOOKS / "16-pure-langchain-or-hybrid.ipynb", as_version=4)
    assert claim in "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    assert CLAIMS[claim](committed["comparison"])


def test_the_page_on_costs_says_what_the_committed_figures_say(committed: dict[str, Any]) -> None:
    figures = committed["costs"]
    assert not sum(entry["errors"] for entry in figures["gateway"])
    assert all(figures["throwaway"]["ratio"][key]["median"] < 0.5 for key in ("seconds", "cpu_seconds", "mb"))
    assert figures["model"]["tokens_read_per_second"]["min"] > 2 * figures["model"]["tokens_written_per_second"]["max"]
    many = {
        (entry["api"], entry["streamed"], entry["stored"]): entry
        for entry in figures["gateway"]
        if entry["at_once"] == 40 and entry["api"] != "direct"
    }
    assert len(many) == 6
    assert 0.8 < median(entry["ratio_to_direct"]["median"] for entry in many.values()) < 1.25
    work = {side: entry["server_cpu_seconds"]["median"] for side, entry in many.items()}
    assert work["chat completions", True, None] > work["chat completions", False, None]
    for streamed in (False, True):
        assert work["responses", streamed, True] > work["responses", streamed, False]


def test_the_page_on_costs_shows_every_committed_figure_that_compares(committed: dict[str, Any]) -> None:
    figures = committed["costs"]
    page = costs.costs()
    assert f"Measured on {figures['measured']['date']} in {figures['measured']['rounds']} rounds" in page
    compared = [entry["ratio_to_direct"] for entry in figures["gateway"] if entry["api"] != "direct"]
    for ratio in [*compared, *figures["throwaway"]["ratio"].values()]:
        assert f"| {ratio['median']:.2f} ({ratio['min']:.2f}–{ratio['max']:.2f}) |" in page


def test_the_page_on_costs_says_what_was_not_measured(committed: dict[str, Any]) -> None:
    figures = committed["costs"] | {"stack": {"warm": committed["costs"]["stack"]["warm"]}, "suites": {}}
    assert "The cold start was not measured" in costs.remarks(figures)
    assert "The time of `make test` is unknown" in costs.remarks(figures)
    suites = {"test": {"date": "2026-11-27", "tests": 800, "seconds": 250.0, "model_cpu_seconds": 100.0}}
    assert "make test" not in costs.remarks(figures | {"suites": suites})
    rows = [row for section in costs.sections(figures | {"suites": suites}) for row in section.rows]
    assert [row[1:] for row in rows if "800 tests" in row[0]] == [("100 s", "total wall time, 250 s", "0.40")]


@pytest.mark.parametrize("name", comparison.PROGRAMS)
def test_the_committed_figures_are_of_these_programs(name: str, committed: dict[str, Any]) -> None:
    figures = committed["comparison"]["programs"][name]
    assert figures["lines"] == footprint.lines_of(name)
    assert figures["distributions"] == footprint.installation(footprint.INSTALLS[name])["distributions"]


def test_lines_are_those_that_do_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison" / "pure.py").write_text('"""Doc."""\n\nimport re\n\n# Why.\nx = 1\ny = (\n    2\n)\n')
    monkeypatch.setattr(footprint.paths, "ROOT", tmp_path)
    assert footprint.lines_of("pure") == 4


def stack(tmp_path: Path, **addresses: str) -> Stack:
    """Return a stack whose processes are all this one."""
    this = SimpleNamespace(pid=os.getpid())
    return Stack("http://localhost:1", ["a/b"], "0.6.1", addresses, tmp_path, [this, this])


def test_a_whole_run_that_passes_is_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_record, "_RECORD", tmp_path / "suites.json")
    embedded = [stack(tmp_path, LLAMA_CPP_URL="http://localhost:2/v1")] * 2
    assert not suite_record.options(["-k", "chaining"], embedded, "test")
    assert not suite_record.options([], [*embedded, stack(tmp_path)], "test")
    for suite in ("test", "test-all"):
        parser = pytest.Parser(_ispytest=True)
        suite_record.pytest_addoption(parser)
        chosen = parser.parse_known_args(suite_record.options([], embedded, suite)[2:])
        config = SimpleNamespace(getoption=lambda name, found=chosen: getattr(found, name[2:].replace("-", "_")))
        for status in (1, 0):
            session = suite_record._Suite(config)
            for when, passed in (("setup", True), ("call", True), ("teardown", True), ("call", False)):
                session.pytest_runtest_logreport(SimpleNamespace(when=when, passed=passed))
            session.pytest_sessionfinish(status)
            assert (suite in suite_record.recorded()) == (status == 0)
    runs = suite_record.recorded()
    assert {name: one["tests"] for name, one in runs.items()} == {"test": 1, "test-all": 1}
    assert all(one["seconds"] > 0 and one["model_cpu_seconds"] > 0 for one in runs.values())


@pytest.mark.measures
def test_a_run_measures_everything_that_the_book_reads(committed: dict[str, Any], tmp_path: Path) -> None:
    figures = run.measure(SHORT, say=lambda line: None)
    # A cold start needs a network, and the duration of the tests is unknown until they end.
    for costs_of in (figures["costs"], committed["costs"]):
        costs_of["stack"] = {"warm": costs_of["stack"]["warm"]}
        costs_of["suites"] = {}
    assert shape(figures) == shape(committed)
    for name in comparison.PROGRAMS:
        program = figures["comparison"]["programs"][name]
        assert 0 < program["chain"]["model_seconds"]["median"] < program["chain"]["seconds"]["median"]
        assert program["import"]["seconds"]["median"] > 0 and program["import"]["mb"]["median"] > 0
        failures = program["failures"]
        assert {what: failures[what]["caught_by"] for what in ("timeout", "dead")} == {
            "timeout": "openai.APITimeoutError",
            "dead": "openai.APIConnectionError",
        }
        assert failures["cut_off"]["error"] and failures["killed"]["caught_by"].startswith("httpx.")
    assert figures["comparison"]["programs"]["pure"]["chain"]["ratio_to_pure"]["seconds"]["median"] == 1
    sides = {(entry["api"], entry["streamed"], entry["stored"]) for entry in figures["costs"]["gateway"]}
    assert len(sides) == len(figures["costs"]["gateway"]) == 8
    assert not [entry for entry in figures["costs"]["gateway"] if entry["errors"]]
    assert figures["costs"]["throwaway"]["ratio"]["cpu_seconds"]["median"] < 1
    for path in run.write(figures, tmp_path):
        assert json.loads(path.read_text(encoding="utf-8")) == figures[path.stem]
