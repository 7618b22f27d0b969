"""Full disks, folders without write permission, and workshop files that have changed."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from clones import (
    Clone,
    Run,
    ended,
    full_disk,
    given_to_another_user,
    mounted,
    ordinary_user,
    read_only,
)

from llamastack_workshop.system import ports

pytestmark = pytest.mark.dear

Row = Callable[..., None]


@pytest.mark.parametrize(
    ("what", "command"),
    [("the models are prepared", "setup"), ("the server starts", "llama-server"), ("JupyterLab starts", "lab")],
)
def test_the_disk_is_full(what: str, command: str, clone: Clone, row: Row) -> None:
    run = clone.run(command, before=full_disk(clone.folder / ".workshop"))
    row(f"The disk with `.workshop/` is full while {what}", run)
    assert run.status == 1 and "No space left" in run.said


@pytest.mark.parametrize(
    ("what", "folder", "variable"),
    [("state", "state", "WORKSHOP_STATE"), ("logs", "logs", "WORKSHOP_LOGS"), ("temporary files", "tmp", "TMPDIR")],
)
def test_another_disk_is_full(what: str, folder: str, variable: str, clone: Clone, scratch: Path, row: Row) -> None:
    place = scratch / folder
    run = clone.serve(before=full_disk(place), **{variable: str(place)})
    row(f"The disk with the {what} is full at the start (`{variable}`)", run)
    # Python then uses /tmp.
    assert (run.status, "No space left" in run.said) == ((0, False) if folder == "tmp" else (1, True))


def test_the_home_is_on_a_full_disk(clone: Clone, row: Row) -> None:
    run = clone.run("doctor", "--port", str(ports.free_port()), before=full_disk(clone.home))
    row("The home folder is on a full disk, and you run `doctor`", run)
    assert run.status == 0


def test_the_home_is_on_a_full_disk_while_uv_is_fetched(clone: Clone, row: Row) -> None:
    (clone.folder / ".venv" / "unfinished").touch()
    run = ended(clone.program("make", "doctor", before=full_disk(clone.home)))
    row("The home folder is on a full disk, and packages are to be installed", run)
    assert run.status == 2 and "UV_CACHE_DIR" in run.said


def test_work_is_on_a_full_disk(clone: Clone, row: Row) -> None:
    run = clone.run("lab", "--port", str(ports.free_port()), "--no-browser", before=full_disk(clone.folder / "work"))
    row("The disk with `work/` is full while the chapters are handed out", run)
    assert run.status == 1 and "No space left" in run.said


def test_a_reset_on_a_full_disk(clone: Clone, row: Row) -> None:
    work = clone.folder / "work"
    fill = (
        'mount -t tmpfs -o size=200k none "$1"; echo mine > "$1/02-responses-api.ipynb"; '
        'head -c 1000000 /dev/zero > "$1/filler" 2>/dev/null || true; trap \'cat "$1/02-responses-api.ipynb"\' EXIT'
    )
    work.mkdir()
    listing = 'set +e; "$0" reset 2; status=$?; ls; cat 02-*; exit $status'
    before = [*mounted(fill, str(work)), "sh", "-c", f'cd "{work}"; {listing}']
    run = clone.run("reset", "2", before=before)
    row("The disk with `work/` is full while a chapter is reset", run)
    assert run.status == 1 and "No space left" in run.said
    assert run.output.endswith("mine\n") and ".part" not in run.output


def test_a_run_is_kept_on_a_full_disk(clone: Clone, base_url: str, row: Row) -> None:
    command = str(clone.folder / ".venv/bin/llamastack-prompt-chaining")
    before = full_disk(clone.folder / ".workshop" / "runs")
    run = ended(clone.program(command, before=before, LLAMA_STACK_BASE_URL=base_url))
    row("The disk is full while a command of a pattern keeps its steps", run)
    assert run.status == 1 and "No space left" in run.said


@pytest.mark.parametrize("command", ["doctor", "setup", "llama-server", "lab", "progress", "reset 2", "clean", "run 1"])
def test_a_read_only_clone(command: str, clone: Clone, row: Row) -> None:
    words = [*command.split(), *(["--port", str(ports.free_port())] if command in ("llama-server", "lab") else [])]
    run = clone.run(*words, before=read_only(clone.folder))
    row(f"The clone is on a read-only disk: `{command}`", run)
    assert run.status == (0 if command in ("setup", "progress") else 1)
    assert "Traceback" not in run.errors


@pytest.mark.parametrize("command", ["doctor", "llama-server", "lab", "clean"])
def test_a_clone_of_another_user(command: str, clone: Clone, row: Row) -> None:
    words = [command, *(["--port", str(ports.free_port())] if command != "clean" else [])]
    with given_to_another_user(clone.folder):
        run = clone.run(*words, before=ordinary_user())
    row(f"The clone belongs to another user: `{command}`", run)
    assert run.status == 1 and "that you own" in run.said


def test_an_ordinary_user_with_a_strict_umask(clone: Clone, row: Row) -> None:
    before = [*ordinary_user(), "sh", "-c", 'umask 077; exec "$@"', "sh"]
    run = clone.serve(before=before)
    written = [path for path in (clone.folder / ".workshop").rglob("*") if "models" not in str(path)]
    assert not [path for path in written if stat.S_IMODE(path.stat().st_mode) & 0o077]
    row("An ordinary user with `umask 077` starts the server, and ends it with Ctrl-C", run)
    assert run.status == 0


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("cut short", lambda whole: whole[: len(whole) // 2]),
        ("has one byte flipped", lambda whole: whole[:9_000_000] + bytes([whole[9_000_000] ^ 255]) + whole[9_000_001:]),
        ("is empty", lambda whole: b""),
    ],
)
def test_a_prepared_model_is_damaged(what: str, damage: Callable, clone: Clone, row: Row) -> None:
    for file in (clone.folder / ".workshop" / "models").iterdir():
        file.unlink()
    embedding, *_ = clone.give_models(linked=False)
    embedding.write_bytes(damage(embedding.read_bytes()))
    told = clone.run("doctor", "--port", str(ports.free_port()))
    assert "is damaged" in told.output
    run = clone.run("setup")
    row(f"A prepared model {what}: `setup`", Run(run.status, run.output.splitlines()[0], ""))
    assert run.status == 0 and "because the file is damaged" in run.output
    assert "is damaged" not in clone.run("doctor", "--port", str(ports.free_port())).output


@pytest.mark.parametrize(
    ("what", "make"),
    [
        ("`.workshop` is a file", lambda folder: (folder / ".workshop").write_text("mine")),
        ("`.workshop` is a link that leads nowhere", lambda folder: (folder / ".workshop").symlink_to("/nowhere")),
        ("`.workshop/state` is a file", lambda folder: (folder / ".workshop/state").write_text("mine")),
        ("`sql.db` is no database", lambda folder: damaged_state(folder, "sql.db")),
        ("`kv.db` is no database", lambda folder: damaged_state(folder, "kv.db")),
        ("`sql.db` is a folder", lambda folder: (folder / ".workshop/state/sql.db").mkdir(parents=True)),
    ],
)
def test_what_we_store_is_something_else(what: str, make: Callable, clone: Clone, row: Row) -> None:
    place = clone.folder / ".workshop"
    if "`.workshop` is" in what:
        for file in (place / "models").iterdir():
            file.unlink()
        (place / "models").rmdir()
        place.rmdir()
    make(clone.folder)
    run = clone.serve(WORKSHOP_STATE=str(place / "state"))
    row(what, run)
    assert run.status == 1 and "Traceback" not in run.errors
    assert str(place) in run.said


def damaged_state(folder: Path, name: str) -> None:
    (folder / ".workshop/state").mkdir(parents=True)
    (folder / ".workshop/state" / name).write_bytes(os.urandom(20_000))
