"""`workshop bundle`, and how scripts/uv uses the contents of a bundle. Nothing is downloaded here."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from llamastack_workshop.publishing import bundle
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

posix = pytest.mark.skipif(os.name == "nt", reason="Windows cannot run scripts/uv")
SETTINGS = [
    "UV_OFFLINE",
    "UV_NO_SYNC",
    "UV_CACHE_DIR",
    "UV_PYTHON_INSTALL_DIR",
    "UV_PYTHON",
]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A git repository with one commit, and files that users keep in it."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    for name in ("run.yaml", ".gitignore", ".env.example", "clients/package.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(paths.ROOT / ("clients/javascript/package.json" if "package" in name else name), tmp_path / name)
    for name in (".env", "work/notes.ipynb", ".workshop/state/responses.db", "node_modules/x/package.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("secret", encoding="utf-8")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "all")
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    return tmp_path


@pytest.fixture
def unpacked(tmp_path: Path) -> Path:
    """A bundle with scripts/uv, and in place of uv a program that prints its settings."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(paths.ROOT / "scripts" / "uv", tmp_path / "scripts")
    (tmp_path / ".uv" / "wheels").mkdir(parents=True)
    (tmp_path / ".uv" / "python-version").write_text("3.12\n", encoding="utf-8")
    uv = tmp_path / ".uv" / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\nenv\n", encoding="utf-8")
    uv.chmod(0o755)
    return tmp_path


def settings(folder: Path, **environment: str) -> dict[str, str]:
    """Return the settings that scripts/uv in `folder` passes to uv."""
    neutral = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    run = subprocess.run(
        [folder / "scripts" / "uv", "run"], env=neutral | environment, check=True, capture_output=True, text=True
    )
    found = dict(line.split("=", 1) for line in run.stdout.splitlines() if "=" in line)
    return {name: found[name] for name in SETTINGS if name in found}


@posix
def test_a_bundle_is_offline_and_uses_its_own_uv(unpacked: Path) -> None:
    found = settings(unpacked, UV_PYTHON="/some/python")
    assert found == {
        "UV_OFFLINE": "1",
        "UV_NO_SYNC": "1",
        "UV_CACHE_DIR": f"{unpacked}/.uv/cache",
        "UV_PYTHON": "/some/python",
    }


@posix
def test_a_bundle_with_a_python_uses_that(unpacked: Path) -> None:
    (unpacked / ".uv" / "python").mkdir()
    found = settings(unpacked)
    assert found["UV_PYTHON"] == "3.12" and found["UV_PYTHON_INSTALL_DIR"] == f"{unpacked}/.uv/python"


@posix
def test_a_bundle_without_a_python_says_which_one_the_machine_lacks(unpacked: Path) -> None:
    (unpacked / ".uv" / "python-version").write_text("3.99\n", encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError) as failed:
        settings(unpacked, UV_PYTHON="")
    assert "there is no Python 3.99 on this machine" in failed.value.stderr
    assert "Fix: install Python 3.99" in failed.value.stderr


@posix
def test_a_clone_is_not_offline(unpacked: Path) -> None:
    (unpacked / ".uv" / "wheels").rmdir()
    shutil.copy(unpacked / ".uv" / "bin" / "uv", unpacked / "uv")
    (unpacked / "uv").write_text('#!/bin/sh\n[ "$1" = --version ] && echo uv 99.0 || env\n', encoding="utf-8")
    assert settings(unpacked, PATH=f"{unpacked}{os.pathsep}{os.environ['PATH']}", UV_PYTHON="3.12") == {
        "UV_PYTHON": "3.12"
    }


def test_only_what_is_committed_is_copied(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("copy") / "workshop"
    bundle.copy_commit(folder)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {"run.yaml", ".gitignore", ".env.example", "clients/package.json"}
    assert bundle.package_files(clone) == [clone / "clients" / "package.json"]


def test_changes_that_no_commit_holds_are_an_error(clone: Path) -> None:
    said: list[str] = []
    (clone / "notes.txt").touch()
    assert bundle.commit_to_pack(said.append) and said == [
        "Not in the bundle, because git does not track them: notes.txt"
    ]
    (clone / "run.yaml").write_text("changed", encoding="utf-8")
    with pytest.raises(WorkshopError, match=r"these changes are not committed: run\.yaml"):
        bundle.make(said.append)


def test_without_git_there_is_nothing_to_pack(clone: Path, tmp_path: Path) -> None:
    shutil.rmtree(clone / ".git")
    with pytest.raises(WorkshopError, match="git rev-parse failed") as error:
        bundle.make(print)
    assert "in a clone of the repository" in error.value.fix


def test_an_archive_names_no_user_and_its_sum_is_right(tmp_path: Path) -> None:
    folder = tmp_path / "workshop"
    (folder / ".uv").mkdir(parents=True)
    (folder / ".uv" / "uv").touch(mode=0o755)
    archive = tmp_path / bundle.archive_name("Darwin", "arm64")
    assert archive.name == "llamastack-workshop-offline-darwin-arm64.tar.gz"
    archive.write_text("an older one", encoding="utf-8")
    bundle.pack(folder, archive)
    with tarfile.open(archive) as tar:
        assert {(one.uid, one.gid, one.uname, one.gname) for one in tar} == {(0, 0, "", "")}
        assert tar.getmember("workshop/.uv/uv").mode == 0o755
    checksum = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert (tmp_path / "SHA256SUMS").read_text(encoding="utf-8") == f"{checksum}  {archive.name}\n"
    assert {path.name for path in tmp_path.iterdir()} == {"workshop", archive.name, "SHA256SUMS"}


def test_a_failure_leaves_the_older_archive_and_no_half(tmp_path: Path) -> None:
    archive = tmp_path / "older.tar.gz"
    archive.write_text("older", encoding="utf-8")
    with pytest.raises(FileNotFoundError):
        bundle.pack(tmp_path / "missing", archive)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"older.tar.gz": "older"}
