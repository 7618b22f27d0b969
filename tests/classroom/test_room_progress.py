"""The progress of a room: counted from the folders of attendees, who can put anything there."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from llamastack_workshop import cli
from llamastack_workshop.attending import record
from llamastack_workshop.classroom import folders, people, progress
from llamastack_workshop.system import paths
from llamastack_workshop.system.console import PlainConsole
from llamastack_workshop.system.errors import WorkshopError

type Results = list[tuple[str, bool]]
FIRST, SECOND, QUESTION = "server_setup.language_models", "server_setup.short_answer", "server_setup.question_1"


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Results], Path]:
    """A function that makes an attendee's folder, with the results of checks as their kernels record them."""

    def results_of(name: str, results: Results) -> Path:
        work = tmp_path / name / folders.WORK
        work.mkdir(parents=True, exist_ok=True)
        with monkeypatch.context() as kernel:
            kernel.setattr(paths, "WORK", work)
            kernel.chdir(work)
            for exercise, right in results:
                record.note(exercise, right)
        return work / record.FILE

    return results_of


def printed(*things: object) -> str:
    console = PlainConsole(width=80)
    with console.capture() as captured:
        for thing in things:
            console.print(thing)
    return captured.get()


def test_each_attendee_counts_once_and_success_lasts(note: Callable[[str, Results], Path], tmp_path: Path) -> None:
    note("attendee-01", [(FIRST, False), (FIRST, True), (FIRST, False), (QUESTION, True)])
    note("attendee-02", [(FIRST, False), (FIRST, False), (SECOND, True), (QUESTION, False)])
    note("attendee-03", [("an_older_chapter.exercise", True)])
    note("attendee-04", [])
    (tmp_path / "people.json").write_text(people.written([]))
    room = progress.of_room(tmp_path)
    (chapter,) = room.chapters
    assert (chapter.name, chapter.begun) == ("01-server-setup", 2)
    counts = {one.name: (one.solved, one.tried) for one in [*chapter.exercises, *chapter.questions]}
    assert counts[FIRST] == (1, 1) and counts[SECOND] == (1, 0) and counts[QUESTION] == (1, 1)
    assert progress.summary(room) == "4 attendees; 2 have begun."
    assert "attendee-" not in printed(progress.table(room), progress.table(room, by_exercise=True))
    assert "Exercise 2: a short answer" in printed(progress.table(room, by_exercise=True))


def test_a_full_room_fits_a_terminal(note: Callable[[str, Results], Path], tmp_path: Path) -> None:
    everything = progress.progress.standings([])
    done = [(name, True) for one in everything for name in (*one.exercises, *one.questions)]
    content = note("attendee-001", done).read_bytes()
    for number in range(2, 401):
        note(f"attendee-{number:03}", []).write_bytes(content)
    room = progress.of_room(tmp_path)
    shown = printed(progress.table(room), progress.table(room, by_exercise=True), progress.people(room))
    assert max(map(len, shown.splitlines())) <= 80 and "…" not in shown and "400 400 400" in shown
    assert len(room.chapters) == len(everything)


def test_hostile_files_are_neither_followed_nor_waited_for(
    note: Callable[[str, Results], Path], tmp_path: Path
) -> None:
    good = note("attendee-01", [(FIRST, True)])
    names = iter(f"attendee-{number:02}" for number in range(2, 99))
    wanted: dict[str, str] = {}

    def hostile(put: Callable[[Path], object], problem: str) -> None:
        name = next(names)
        file = note(name, [])
        put(file)
        wanted[name] = problem

    def linked_folder(file: Path) -> None:
        file.parent.rmdir()
        file.parent.symlink_to(good.parent)

    hostile(lambda file: file.symlink_to(good), "a link, or no folder")
    hostile(linked_folder, "a link, or no folder")
    hostile(lambda file: os.mkfifo(file), "no file of this attendee")
    hostile(lambda file: file.mkdir(), "no file of this attendee")
    hostile(lambda file: file.write_bytes(b"\n" * 1_000_001), "larger than 1 MB")
    hostile(lambda file: file.write_bytes(b"[" * 100_000 + b"\n\xff\n{}\n"), "")
    hostile(lambda file: (file.touch(), os.utime(file, (2**40, 2**40))), "")
    if os.geteuid() == 0:
        # As when an attendee has made a hard link to the file of somebody else.
        hostile(
            lambda file: (os.link(good, file), os.chown(file.parents[1], 60_706, 60_706)), "no file of this attendee"
        )
    (tmp_path / "attendee-98").symlink_to(good.parents[1])
    note("\x1b[31mred", [])

    before = {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")}
    room = progress.of_room(tmp_path)
    assert {path: path.lstat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    found = {one.name: one.problem for one in room.attendees}
    assert found == {"attendee-01": "", **wanted, "\x1b[31mred": ""}
    assert room.begun == 1 and "couldn't be read" in progress.summary(room)
    shown = printed(progress.people(room)) + json.dumps(progress.as_data(room, names=True))
    assert "\x1b" not in shown and "[31mred" in shown


def test_without_a_classroom_or_anybody_who_has_begun(
    note: Callable[[str, Results], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(WorkshopError, match=r"There is no classroom.*\n.*make classroom"):
            progress.of_room(place)
    note("attendee-01", [])
    monkeypatch.setattr(folders, "FOLDERS", tmp_path)
    assert CliRunner().invoke(cli.app, ["progress", "--room"]).output == "1 attendee; none has begun.\n"
    given = json.loads(CliRunner().invoke(cli.app, ["progress", "--room", "--json", "--names"]).output)
    assert given["chapters"] == [] and given["people"][0]["name"] == "attendee-01"
    assert CliRunner().invoke(cli.app, ["progress", "--names"]).exit_code == 2
