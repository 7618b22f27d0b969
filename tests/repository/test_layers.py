"""The layers of the package: imports only run downwards, as in the contract in pyproject.toml."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llamastack_workshop.system import paths

LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package in `folder`, imported from there."""
    options = [str(paths.ROOT / "pyproject.toml"), "--no-cache"]
    return subprocess.run([sys.executable, "-c", LINT, *options], cwd=folder, capture_output=True, text=True)


def test_imports_run_downwards() -> None:
    run = lint(paths.ROOT / "src")
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("below", "above"), [("system/ports.py", "server.stack"), ("attending/progress.py", "exercises.check")]
)
def test_an_import_that_runs_upwards_is_found(tmp_path: Path, below: str, above: str) -> None:
    package = shutil.copytree(paths.ROOT / "src" / "llamastack_workshop", tmp_path / "llamastack_workshop")
    with (package / below).open("a", encoding="utf-8") as module:
        module.write(f"\nimport llamastack_workshop.{above}\n")
    run = lint(tmp_path)
    assert run.returncode == 1
    assert f"-> llamastack_workshop.{above}" in run.stdout
