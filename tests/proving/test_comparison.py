"""The comparison: its committed figures fit the programs, and a run measures what the chapter reads."""

import json
from pathlib import Path
from typing import Any

import pytest

from llamastack_workshop.proving import bench


@pytest.fixture(scope="module")
def committed() -> dict[str, Any]:
    return json.loads(bench.RESULTS.read_text(encoding="utf-8"))


def shape(value: Any) -> Any:
    return {key: shape(one) for key, one in value.items()} if isinstance(value, dict) else type(value).__name__


def test_the_chapter_says_what_the_committed_figures_say(committed: dict[str, Any]) -> None:
    chains = {name: program["chain"] for name, program in committed["programs"].items()}
    for chain in chains.values():
        assert chain["model_seconds"]["median"] > 0.8 * chain["seconds"]["median"]
        assert abs(chain["ratio_to_pure"]["first_token_seconds"]["median"] - 1) < 0.1
    overhead = {name: chain["ratio_to_pure"]["overhead_per_step"]["median"] for name, chain in chains.items()}
    assert overhead["without_llamastack"] < overhead["langchain_chat"] < 0.85
    assert 0.85 < overhead["hybrid"] < 1.2


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
