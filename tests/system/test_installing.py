"""The installation of packages: verified by hashes, from any index, and only if they are missing."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.staticfiles import StaticFiles
from web_servers import serving

from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.system import paths, uv
from llamastack_workshop.system.errors import WorkshopError

PIN = "tinypackage==1.0 --hash=sha256:{}\n"
posix = pytest.mark.skipif(os.name == "nt", reason="Windows cannot run scripts/install")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of an empty package, on a simple index without upload dates."""
    folder = tmp_path / "index" / "tinypackage"
    folder.mkdir(parents=True)
    path = folder / "tinypackage-1.0-py3-none-any.whl"
    info = "tinypackage-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tinypackage.py", "")
        file.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinypackage\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", f"tinypackage.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    (folder / "index.html").write_text(f'<a href="{path.name}">{path.name}</a>', encoding="utf-8")
    return path


@pytest.fixture
def python(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The Python of a new environment, which installs packages from the index with that wheel."""
    if uv.WHEELS.is_dir():
        # As in a bundle, where no index is used.
        monkeypatch.setenv("UV", str(paths.ROOT / ".uv" / "bin" / "uv"))
        monkeypatch.delenv("UV_OFFLINE", raising=False)
        monkeypatch.setattr(uv, "WHEELS", tmp_path / "no wheels")
    with serving(StaticFiles(directory=tmp_path / "index", html=True)) as index:
        monkeypatch.setenv("UV_DEFAULT_INDEX", index)
        monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setenv("UV_HTTP_RETRIES", "0")
        monkeypatch.setattr(uv, "REQUIREMENTS", tmp_path)
        uv.make_environment(tmp_path / "venv", sys.executable)
        yield tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def has_it(python: Path) -> bool:
    return subprocess.run([python, "-c", "import tinypackage"], capture_output=True).returncode == 0


def test_an_index_without_dates_of_upload_will_do(python: Path, wheel: Path, tmp_path: Path) -> None:
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "tiny.txt").write_text(PIN.format(checksum), encoding="utf-8")
    # The date in pyproject.toml, which applies if the repository is the project, excludes everything on such an index.
    options = ["--python", str(python), "--requirement", str(tmp_path / "tiny.txt")]
    dated = subprocess.run([uv.command(), "pip", "install", *options], cwd=paths.ROOT, capture_output=True, text=True)
    assert dated.returncode and "tinypackage" in dated.stderr and not has_it(python)
    uv.install(python, "tiny")
    assert has_it(python)


@pytest.mark.parametrize(("value", "compiled"), [("", False), ("1", True)])
def test_packages_are_compiled_where_python_may_not_keep_what_it_compiles(
    value: str, compiled: bool, python: Path, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "tiny.txt").write_text(PIN.format(checksum), encoding="utf-8")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", value)
    uv.install(python, "tiny")
    assert bool([*python.parents[1].rglob("tinypackage.*.pyc")]) == compiled


def test_another_file_than_the_pinned_one_is_not_installed(python: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.txt").write_text(PIN.format("0" * 64), encoding="utf-8")
    with pytest.raises(uv.NotFetched, match=r"Hash mismatch for `tinypackage==1\.0`") as error:
        uv.install(python, "tiny")
    assert "ask its administrator" in error.value.fix
    assert not has_it(python)


def test_without_a_hash_nothing_is_installed(python: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.txt").write_text("tinypackage==1.0\n", encoding="utf-8")
    with pytest.raises(WorkshopError, match="hash"):
        uv.install(python, "tiny")
    assert not has_it(python)


def test_an_index_that_does_not_answer(python: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tiny.txt").write_text(PIN.format("0" * 64), encoding="utf-8")
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    with pytest.raises(uv.NotFetched, match=r"A package could not be downloaded: .*Connection refused") as error:
        uv.install(python, "tiny")
    assert error.value.fix.startswith("Check the network")


@posix
def test_a_cache_that_uv_cannot_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    environment = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "file" / "cache")}
    command = [paths.ROOT / "scripts" / "uv", "--version"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert run.returncode == 1 and run.stderr.startswith(f"Error: uv cannot write to its cache, {tmp_path}")
    assert "export UV_CACHE_DIR=" in run.stderr


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder where scripts/install finds the lab installed; its scripts/uv reports that it was called."""
    for name in ("scripts/install", "pyproject.toml", "requirements/lab.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(paths.ROOT / name, tmp_path / name)
    (tmp_path / "scripts" / "uv").write_text('#!/bin/sh\necho "uv $*"\n', encoding="utf-8")
    (tmp_path / "scripts" / "uv").chmod(0o755)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    source = [(tmp_path / name).read_text(encoding="utf-8") for name in ("pyproject.toml", "requirements/lab.txt")]
    (tmp_path / ".venv" / "installed-lab").write_text(f"{tmp_path.resolve()}\n{''.join(source)}", encoding="utf-8")
    return tmp_path


def said(folder: Path, group: str = "lab") -> str:
    return subprocess.run([folder / "scripts" / "install", group], capture_output=True, text=True, check=True).stdout


@posix
def test_what_is_installed_is_not_installed_again(installed: Path) -> None:
    assert said(installed) == ""
    assert "scripts/install.py test" in said(installed, "test")


@posix
@pytest.mark.parametrize(
    "change", ["requirements/lab.txt", "requirements/new.txt", "pyproject.toml", ".venv/unfinished"]
)
def test_a_change_or_an_interruption_makes_it_install_again(installed: Path, change: str) -> None:
    with (installed / change).open("a") as file:
        file.write("\n")
    assert "scripts/install.py lab" in said(installed)


@posix
def test_a_lost_python_makes_it_install_again(installed: Path) -> None:
    (installed / ".venv" / "bin" / "python").unlink()
    assert "scripts/install.py lab" in said(installed)


@posix
def test_a_copied_environment_is_not_trusted(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    copy = tmp_path_factory.mktemp("copy") / "workshop"
    shutil.copytree(installed, copy, symlinks=True)
    assert "scripts/install.py lab" in said(copy)


def test_npm_gets_its_settings_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    environment = npm_packages.npm_environment()
    assert "secret" not in environment.values()
    assert {"PATH", "npm_config_registry", "https_proxy"} <= environment.keys()
