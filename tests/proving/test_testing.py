"""The selection of tests: the small suite, all tests, or a user's choice; and the tests that CI may skip."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llamastack_workshop.proving import testing
from llamastack_workshop.system import paths

LEFT_OUT = f"not (nightly or {' or '.join(testing.ONLY_IN_ALL)})"


@pytest.mark.parametrize(
    ("arguments", "all_of_them"),
    [
        ([], False),
        (["--durations=5", "-x", "--maxfail", "3"], False),
        (["tests/llamastack/test_mcp.py"], True),
        (["tests/llamastack/test_mcp.py::test_it", "-x"], True),
        (["-k", "mcp"], True),
        (["-m", "measures"], True),
        (["-mmeasures"], True),
    ],
)
def test_dear_tests_are_left_out_unless_somebody_chooses_tests(arguments: list[str], all_of_them: bool) -> None:
    assert testing.selection(arguments, everything=False) == ([] if all_of_them else ["-m", LEFT_OUT])
    assert testing.selection(arguments, everything=True) == ([] if all_of_them else ["-m", "not (nightly)"])


def test_each_marker_that_is_left_out_is_explained_and_used(pytestconfig: pytest.Config) -> None:
    explained = {line.split(":")[0]: line.split(": ")[1] for line in pytestconfig.getini("markers")}
    tests = "".join(file.read_text(encoding="utf-8") for file in (paths.ROOT / "tests").rglob("*.py"))
    for name in [*testing.ONLY_IN_ALL, testing.NIGHTLY]:
        assert len(explained[name].split()) > 4
        assert f"pytest.mark.{name}" in tests or f'add_marker("{name}")' in tests


SKIPPED = """
import pytest

@pytest.mark.skipif(True, reason="this machine has no strace")
def test_that_is_skipped():
    raise AssertionError
"""


@pytest.mark.parametrize(("folder", "ci", "status"), [("tests", "", 0), ("tests", "true", 1), (".proofs", "true", 0)])
def test_ci_skips_what_is_listed_and_nothing_else(tmp_path: Path, folder: str, ci: str, status: int) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "test_it.py").write_text(SKIPPED, encoding="utf-8")
    shutil.copy(paths.ROOT / "conftest.py", tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:langsmith_plugin", "-p"]
    environment = {**os.environ, "CI": ci, "PYTEST_ADDOPTS": ""}
    run = subprocess.run([*command, "no:xdist", folder], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert run.returncode == status, run.stdout
    assert ("CI does not run this test: this machine has no strace" in run.stdout) == bool(status)
