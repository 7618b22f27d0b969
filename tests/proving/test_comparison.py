"""The comparison: its committed figures fit the programs, and a run measures what the chapter reads."""

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from llamastack_workshop.proving import bench
from llamastack_workshop.system import paths


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    return json.loads(bench.RESULTS.read_text(encoding="utf-8"))


def shape(value: Any) -> Any:
    return {key: shape(one) for key, one in value.items()} if isinstance(value, dict) else type(value).__name__


def ratios(committed: dict[str, Any], what: str) -> dict[str, float]:
    """Return the median of a figure for each program, where 1 is the pure one."""
    return {name: one["chain"]["ratio_to_pure"][what]["median"] for name, one in committed["programs"].items()}


def the_model_takes_most(committed: dict[str, Any]) -> bool:
    chains = [program["chain"] for program in committed["programs"].values()]
    return all(chain["model_seconds"]["median"] > 0.8 * chain["seconds"]["median"] for chain in chains)


def overhead_is_the_apis(committed: dict[str, Any]) -> bool:
    overhead = ratios(committed, "overhead_per_step")
    return overhead["without_llamastack"] < overhead["langchain_chat"] < 0.85 < overhead["hybrid"] < 1.2


def first_tokens_come_alike(committed: dict[str, Any]) -> bool:
    return all(abs(ratio - 1) < 0.1 for ratio in ratios(committed, "first_token_seconds").values())


# What the chapter says of the committed run, and what this takes.
CLAIMS = {
    "the model's share is by far the larger one in all of them": the_model_takes_most,
    "Pure and hybrid both use Responses, and take about the same; chat completions take less": overhead_is_the_apis,
    "they are within ten per cent of each other": first_tokens_come_alike,
}


@pytest.mark.parametrize("claim", CLAIMS)
def test_the_committed_figures_bear_out_what_the_chapter_says_of_them(claim: str, committed: dict[str, Any]) -> None:
    chapter = nbformat.read(paths.NOTEBOOKS / "16-pure-langchain-or-hybrid.ipynb", as_version=4)
    assert claim in "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    assert CLAIMS[claim](committed)


@pytest.mark.parametrize("name", bench.PROGRAMS)
def test_the_committed_figures_are_of_these_programs(name: str, committed: dict[str, Any]) -> None:
    figures = committed["programs"][name]
    assert figures["lines"] == bench.lines_of(name)
    assert figures["distributions"] == bench.installation(bench.INSTALLS[name])["distributions"]


def test_lines_are_those_that_do_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "comparison").mkdir()
    (tmp_path / "comparison" / "pure.py").write_text('"""Doc."""\n\nimport re\n\n# Why.\nx = 1\ny = (\n    2\n)\n')
    monkeypatch.setattr(bench.paths, "ROOT", tmp_path)
    assert bench.lines_of("pure") == 4


@pytest.mark.measures
def test_a_run_measures_everything_that_the_chapter_reads(committed: dict[str, Any], tmp_path: Path) -> None:
    figures = bench.measure(rounds=1, say=lambda line: None)
    assert shape(figures) == shape(committed)
    for name in bench.PROGRAMS:
        program = figures["programs"][name]
        assert 0 < program["chain"]["model_seconds"]["median"] < program["chain"]["seconds"]["median"]
        assert program["import"]["seconds"]["median"] > 0 and program["import"]["mb"]["median"] > 0
        failures = program["failures"]
        assert {what: failures[what]["caught_by"] for what in ("timeout", "dead")} == {
            "timeout": "openai.APITimeoutError",
            "dead": "openai.APIConnectionError",
        }
        assert failures["cut_off"]["error"] and failures["killed"]["caught_by"].startswith("httpx.")
    assert figures["programs"]["pure"]["chain"]["ratio_to_pure"]["seconds"]["median"] == 1
    bench.write(figures, tmp_path / "figures.json")
    assert json.loads((tmp_path / "figures.json").read_text(encoding="utf-8")) == figures
