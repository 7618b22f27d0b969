"""`make clean`: the files that it deletes, those it keeps, and those that a running program needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from llamastack_workshop.attending import cleaning
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "clone"
    for name, folder in {"ROOT": "", "WORKSHOP_HOME": ".workshop", "BUILD": "_build", "PROOFS": ".proofs"}.items():
        monkeypatch.setattr(paths, name, root / folder)
    (root / "work").mkdir(parents=True)
    (root / ".workshop" / "logs").mkdir(parents=True)
    return root


def test_a_folder_that_is_a_link_stays_and_is_emptied(repository: Path, tmp_path: Path) -> None:
    (repository / ".workshop").rename(tmp_path / "disk")
    (tmp_path / "disk" / "link").symlink_to(repository / "work")
    (repository / ".workshop").symlink_to(tmp_path / "disk")
    (repository / "_build").mkdir()
    said: list[str] = []
    cleaning.clean(said.append)
    assert said == [f"emptied .workshop/, which is a link to {tmp_path / 'disk'}", "removed _build/"]
    assert not list((tmp_path / "disk").iterdir()) and (repository / "work").exists()
    cleaning.clean(said.append)


@pytest.mark.parametrize("module", ["attending.lab", "server.mould", "server.run_server"])
def test_nothing_goes_while_a_program_uses_it(repository: Path, module: str) -> None:
    # A process with the command line of such a program, in this clone and in one whose name begins with this one's
    # name.
    def running(folder: Path) -> subprocess.Popen:
        words = [f"llamastack_workshop.{module}", f"--ServerApp.root_dir={folder}"]
        return subprocess.Popen([sys.executable, "-c", "input()", *words], stdin=subprocess.PIPE)

    with running(repository.with_name("clone2")), running(repository) as ours:
        assert [process.pid for process in ports.processes_of(repository)] == [ours.pid]
        with pytest.raises(WorkshopError, match=rf"\(process {ours.pid}\) uses these files"):
            cleaning.clean(print)
    assert (repository / ".workshop").exists()
