"""The canary: which pins it upgrades, and its report of failures. Nothing is installed here."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from llamastack_workshop.proving import canary
from llamastack_workshop.proving.canary import Upgrade
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

PYPROJECT = (paths.ROOT / "pyproject.toml").read_text(encoding="utf-8")
# A stub of the repository: its `make lock` finds newer releases, and its `make test-all` fails.
FILES = {
    "pyproject.toml": """\
[project]
dependencies = [
    "kept[all]==1.0 ; python_version > '3'",
    "moved==1.0",
]
[tool.uv]
exclude-newer = "2026-01-01T00:00:00Z"
""",
    "requirements/lab.txt": """\
kept==1.0 ; python_version > '3' \\
    --hash=sha256:0
moved==1.0
brought==1.0
""",
    "newest.txt": """\
kept==1.0 ; python_version > '3' \\
    --hash=sha256:0
moved==2.0
brought==1.5
""",
    "Makefile": """\
lock:
	grep -q 'moved>=1.0"' pyproject.toml && ! grep exclude-newer pyproject.toml
	cp newest.txt requirements/lab.txt
book:
	@echo the book is built
test-all:
	@env
	@echo "FAILED" $(ARGS)
	@exit 1
""",
}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git clone with FILES, which the canary uses in this test."""
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(canary, "FOLDER", tmp_path / ".workshop" / "canary")
    return tmp_path


def requirements(pyproject: str) -> dict[str, Requirement]:
    document = tomllib.loads(pyproject)
    groups = document["dependency-groups"].values()
    listed = [*document["project"]["dependencies"], *(line for group in groups for line in group)]
    return {requirement.name: requirement for requirement in map(Requirement, listed)}


def test_every_pin_is_relaxed_within_its_limit_and_nothing_else_changes() -> None:
    before, after = requirements(PYPROJECT), requirements(canary.relaxed(PYPROJECT))
    assert after.keys() == before.keys() and canary.LIMITS.keys() <= after.keys()
    for name, requirement in after.items():
        (pin,) = before[name].specifier
        wanted = [f">={pin.version}", canary.LIMITS.get(name)]
        assert {str(specifier) for specifier in requirement.specifier} == set(filter(None, wanted))
        assert (requirement.extras, requirement.marker) == (before[name].extras, before[name].marker)
    assert any(requirement.extras for requirement in after.values())
    assert any(requirement.marker for requirement in after.values())
    versions = {name: next(iter(requirement.specifier)).version for name, requirement in before.items()}
    assert canary.repinned(PYPROJECT, versions) == PYPROJECT


@pytest.mark.parametrize("name", canary.LIMITS)
def test_a_limit_is_above_the_pin(name: str) -> None:
    (pin,) = requirements(PYPROJECT)[name].specifier
    assert Version(canary.LIMITS[name].removeprefix("<")) > Version(pin.version)


def test_an_upgrade_that_fails_says_what_moved_and_what_was_printed(repository: Path) -> None:
    upgrade = canary.try_upgrade([], print)
    assert upgrade.moved == ["moved 1.0 → 2.0", "brought 1.0 → 1.5"]
    assert upgrade.ran == ["make lock", "make test-all", "make book"]
    assert list(upgrade.failed) == ["make test-all"] and "FAILED" in upgrade.failed["make test-all"]
    copied = (canary.FOLDER / "pyproject.toml").read_text(encoding="utf-8")
    assert '"moved==2.0"' in copied and "\"kept[all]==1.0 ; python_version > '3'\"" in copied
    assert "exclude-newer" not in copied
    assert (repository / "pyproject.toml").read_text(encoding="utf-8") == FILES["pyproject.toml"]
    text = upgrade.markdown()
    assert "they break something" in text.splitlines()[0]
    assert "`make test-all` failed" in text and "    FAILED" in text and "- moved 1.0 → 2.0" in text


def test_arguments_choose_tests_and_no_key_reaches_them(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = ("OPENAI_API_KEY", "HF_TOKEN", "GITHUB_TOKEN", "UV_PUBLISH_TOKEN", "NPM_TOKEN", "AWS_SECRET_ACCESS_KEY")
    for name in keys:
        monkeypatch.setenv(name, f"the value of {name}")
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", str(repository))
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    upgrade = canary.try_upgrade(["tests/test_it.py", "-k", "one or two"], print)
    assert upgrade.ran[1:] == ["make test-all 'ARGS=tests/test_it.py -k '\"'\"'one or two'\"'\"''"]
    (printed,) = upgrade.failed.values()
    assert "FAILED tests/test_it.py -k one or two" in printed
    assert "https_proxy=http://proxy.example" in printed
    assert not [name for name in (*keys, "UV_PROJECT_ENVIRONMENT") if name in printed]
    assert not [line for line in printed.splitlines() if line.startswith(f"PATH={Path(sys.executable).parent}:")]


def test_an_upgrade_that_passes_leaves_no_copy(repository: Path) -> None:
    (repository / "Makefile").write_text("lock test-all:\n\t@true\n", encoding="utf-8")
    subprocess.run(["git", "add", "Makefile"], cwd=repository, check=True)
    upgrade = canary.try_upgrade(["tests"], print)
    assert (upgrade.moved, upgrade.failed) == ([], {})
    assert not canary.FOLDER.exists()


def test_releases_that_do_not_go_together_are_the_report(repository: Path) -> None:
    (repository / "Makefile").write_text("lock:\n\t@echo 'they are unsatisfiable'; exit 1\n", encoding="utf-8")
    subprocess.run(["git", "add", "Makefile"], cwd=repository, check=True)
    upgrade = canary.try_upgrade([], print)
    assert upgrade.ran == ["make lock"] and "unsatisfiable" in upgrade.failed["make lock"]


def test_a_folder_without_git_is_named(repository: Path) -> None:
    (repository / ".git").rename(repository / "git")
    with pytest.raises(WorkshopError, match="this folder is not a git clone"):
        canary.try_upgrade([], print)


def test_a_report_fits_into_an_issue() -> None:
    printed = "\n".join(["x" * 1000] * 80)
    upgrade = Upgrade(
        [f"{'package' * 20} {n} → 2" for n in range(900)], [], {"make test-all": printed, "make book": printed}
    )
    assert len(upgrade.markdown()) < 65_536
