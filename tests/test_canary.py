"""The canary: pins that move and those that do not, and a report of what broke. Nothing is installed here."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from llamastack_workshop import canary, paths
from llamastack_workshop.canary import Breakage, Move, Report

PYPROJECT = (paths.ROOT / "pyproject.toml").read_text(encoding="utf-8")


def requirements(pyproject: str) -> dict[str, Requirement]:
    document = tomllib.loads(pyproject)
    groups = document["dependency-groups"].values()
    listed = [*document["project"]["dependencies"], *(line for group in groups for line in group)]
    return {requirement.name: requirement for requirement in map(Requirement, listed)}


def test_every_pin_is_relaxed_and_nothing_else_of_a_requirement_changes() -> None:
    before, after = requirements(PYPROJECT), requirements(canary.relax(PYPROJECT))
    assert after.keys() == before.keys()
    for name, requirement in after.items():
        (pin,) = before[name].specifier
        *first, last = Version(pin.version).release
        following = ".".join(map(str, [*first, last + 1]))
        assert requirement.specifier.contains(pin.version, prereleases=True), name
        assert requirement.specifier.contains(following), name
        assert (requirement.extras, requirement.marker) == (before[name].extras, before[name].marker)
    assert any(requirement.extras for requirement in after.values())
    assert any(requirement.marker for requirement in after.values())


def test_the_rest_of_pyproject_stays_but_for_the_date() -> None:
    before, after = tomllib.loads(PYPROJECT), tomllib.loads(canary.relax(PYPROJECT))
    assert after["build-system"].pop("requires") == after["dependency-groups"]["build"]
    del before["tool"]["uv"]["exclude-newer"], before["project"]["dependencies"], before["dependency-groups"]
    del after["project"]["dependencies"], after["dependency-groups"], before["build-system"]["requires"]
    assert after == before


def test_limits_hold_and_can_be_lifted_and_a_kept_package_stays() -> None:
    limited = requirements(canary.relax(PYPROJECT, keep=["OpenAI"]))
    assert limited["openai"].specifier == requirements(PYPROJECT)["openai"].specifier
    assert not limited["llama-stack"].specifier.contains("0.7.3")
    assert limited["llama-stack"].specifier.contains("0.6.99")
    lifted = requirements(canary.relax(PYPROJECT, limits=False))
    assert lifted["llama-stack"].specifier.contains("0.7.3")


@pytest.mark.parametrize("name", canary.LIMITS)
def test_a_limit_is_about_a_direct_dependency_and_above_its_pin(name: str) -> None:
    pin = canary.pins(PYPROJECT)[name]
    assert Version(canary.LIMITS[name][0].removeprefix("<")) > Version(pin)


def test_the_failures_of_a_real_run_are_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "@pytest.fixture\n"
        "def server():\n"
        "    raise RuntimeError('it does not start')\n"
        "def test_fine(): pass\n"
        "def test_wrong(): assert 'old' == 'new', '```\\n@everyone'\n"
        "def test_without(server): pass\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "pytest", "-c", "/dev/null", "-p", "no:langsmith_plugin", "--color=yes"]
    subprocess.run([*command, "--junit-xml=run.xml", "test_it.py"], cwd=tmp_path, capture_output=True, timeout=120)
    broken = canary.failures(tmp_path / "run.xml")
    assert [breakage.what for breakage in broken] == ["test_it::test_wrong", "test_it::test_without"]
    assert "it does not start" in broken[1].said

    moves = [Move("openai", "1.0", "2.0"), Move("numpy", "1.0", "1.0", newest="3.0")]
    report = Report(["workshop test"], direct=moves, held={"mcp": "<2, because"}, broken=broken)
    report.write(tmp_path / "new" / "report.md")
    text = (tmp_path / "new" / "report.md").read_text(encoding="utf-8")
    assert "2 broken" in text.splitlines()[0]
    assert "| openai | 1.0 | 2.0 |  |" in text and "| numpy | 1.0 | 1.0 | 3.0 |" in text
    assert "- mcp: <2, because" in text
    # A message cannot end its block of code, and so mentions nobody.
    assert text.count("```") == 2 * len(broken)


def test_a_report_fits_into_an_issue(tmp_path: Path) -> None:
    broken = [Breakage(f"test::{number}", "x" * 600) for number in range(500)]
    text = Report(["workshop test"], broken=broken).markdown()
    assert len(text) < 65_536 and "… and 450 more." in text


@pytest.mark.skipif(not (paths.ROOT / ".git").exists(), reason="the canary copies what git lists")
def test_what_uv_says_of_packages_that_do_not_go_together_is_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "FOLDER", tmp_path / "canary")
    impossible = PYPROJECT.replace('"httpx==', '"httpx<0.1",\n    "httpx==')
    monkeypatch.setattr(canary, "relax", lambda *_: impossible)
    report = canary.look(["tests/test_tables.py"], [], True, lambda _: None)
    assert [breakage.what for breakage in report.broken] == ["The newest releases cannot be installed together"]
    assert "httpx" in report.broken[0].said and "unsatisfiable" in report.broken[0].said
    assert (tmp_path / "canary" / "pyproject.toml").exists(), "the copy stays, to look at"
