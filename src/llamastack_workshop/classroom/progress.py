"""The progress of a room: how many attendees have solved each exercise, counted from their folders."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from llamastack_workshop.attending import progress, record
from llamastack_workshop.classroom import folders
from llamastack_workshop.classroom.folders import NotTheirs

# Bytes; a check adds some 90.
_LARGEST = 1_000_000


@dataclass(frozen=True)
class Attendee:
    """The record of the attendee `name`: for each exercise and question that it has, whether an answer was ever right.

    `last` is the time of the latest check, or None. `problem` is the reason why the record couldn't be read, or empty.
    """

    name: str
    results: dict[str, bool]
    last: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Count:
    """The numbers of attendees who have `solved` the exercise or question `name`, or `tried` it without success."""

    name: str
    heading: str
    solved: int
    tried: int


@dataclass(frozen=True)
class Chapter:
    """The counts of a chapter: of the attendees who have `begun` it, and those of each exercise and question."""

    name: str
    title: str
    begun: int
    exercises: list[Count]
    questions: list[Count]


@dataclass(frozen=True)
class Room:
    """The `attendees`, the `chapters` that anybody has begun, and the names of all `exercises` and `questions`."""

    attendees: list[Attendee]
    chapters: list[Chapter]
    exercises: frozenset[str]
    questions: frozenset[str]

    @property
    def begun(self) -> int:
        """The number of attendees who have begun any chapter."""
        return sum(bool(one.results) for one in self.attendees)

    @property
    def unread(self) -> int:
        """The number of records that couldn't be read."""
        return sum(bool(one.problem) for one in self.attendees)


def of_room(place: Path | None = None) -> Room:
    """Return the progress of the attendees whose folders are in `place`, by default FOLDERS.

    Nothing is written there. Raises WorkshopError if there are no folders, or if they belong to somebody else.
    """
    theirs = folders.folders(place or folders.FOLDERS)
    standings = progress.standings([])
    exercises = frozenset(name for one in standings for name in one.exercises)
    questions = frozenset(name for one in standings for name in one.questions)
    attendees = [_attendee(folder, exercises | questions) for folder in theirs]
    chapters = [_chapter(standing, attendees) for standing in standings]
    return Room(attendees, [chapter for chapter in chapters if chapter.begun], exercises, questions)


def summary(room: Room) -> str:
    """Return a line with the number of attendees, and one about records that couldn't be read, if there are any."""
    everybody = _counted(len(room.attendees), "attendee")
    lines = [f"{everybody}; {room.begun or 'none'} {'have' if room.begun > 1 else 'has'} begun."]
    if room.unread:
        lines.append(f"{_counted(room.unread, 'record')} couldn't be read: --names tells whose, and why.")
    return "\n".join(lines)


def table(room: Room, *, by_exercise: bool = False) -> Table:
    """Return the counts as a table with a row for each chapter, or `by_exercise`, one for each exercise and question.

    It fits a terminal of 80 columns.
    """
    heads = ("begun", "solved", "tried") if by_exercise else ("begun", "solved", "tried", "questions")
    table = Table("chapter")
    for head in heads:
        table.add_column(head, justify="right" if by_exercise or head == "begun" else "left", no_wrap=True)
    for chapter in room.chapters:
        name, counts = f"{chapter.name[:2]} {chapter.title}", [*chapter.exercises, *chapter.questions]
        if by_exercise:
            table.add_row(name, str(chapter.begun))
            for one in counts:
                table.add_row(f"   {one.heading}", "", str(one.solved), str(one.tried))
            continue
        table.add_row(
            name,
            str(chapter.begun),
            _numbers(one.solved for one in chapter.exercises),
            _numbers(one.tried for one in chapter.exercises),
            _numbers(one.solved for one in chapter.questions),
        )
    table.caption = "tried: not right so far"
    if not by_exercise:
        table.caption = f"a number for each exercise, or for each question; {table.caption}"
    return table


def people(room: Room) -> Table:
    """Return a table of the attendees: their names, what they have solved, and the time of their latest check."""
    table = Table("name", "solved", "questions", "latest check")
    for one in room.attendees:
        solved = {name for name, right in one.results.items() if right}
        latest = f"{one.last.astimezone():%Y-%m-%d %H:%M}" if one.last else "–"
        table.add_row(
            one.name,
            f"{len(solved & room.exercises)} of {len(room.exercises)}",
            f"{len(solved & room.questions)} of {len(room.questions)}",
            one.problem or latest,
        )
    return table


def as_data(room: Room, *, names: bool = False) -> dict[str, Any]:
    """Return the progress as data for JSON; with `names`, also that of each attendee."""
    data: dict[str, Any] = {
        "attendees": len(room.attendees),
        "begun": room.begun,
        "unread": room.unread,
        "chapters": [asdict(chapter) for chapter in room.chapters],
    }
    if names:
        data["people"] = [
            {
                "name": one.name,
                "solved": sorted(name for name, right in one.results.items() if right and name in room.exercises),
                "questions": sorted(name for name, right in one.results.items() if right and name in room.questions),
                "latest_check": one.last.isoformat(timespec="seconds") if one.last else None,
                "problem": one.problem,
            }
            for one in room.attendees
        ]
    return data


def _attendee(folder: Path, known: frozenset[str]) -> Attendee:
    try:
        content, last = folders.read(folder, record.FILE, _LARGEST)
    except FileNotFoundError:
        return Attendee(folder.name, {})
    except NotTheirs as reason:
        return Attendee(folder.name, {}, problem=str(reason))
    except OSError as error:
        return Attendee(folder.name, {}, problem=error.strerror or type(error).__name__)
    results: dict[str, bool] = {}
    for name, right in record.read(content):
        if name in known:
            results[name] = right or results.get(name, False)
    return Attendee(folder.name, results, last)


def _chapter(standing: progress.Standing, attendees: Sequence[Attendee]) -> Chapter:
    names = {*standing.exercises, *standing.questions}
    return Chapter(
        standing.chapter.stem,
        standing.title,
        sum(bool(one.results.keys() & names) for one in attendees),
        [_count(name, heading, attendees) for name, heading in zip(standing.exercises, standing.headings, strict=True)],
        [_count(name, f"Question {number}", attendees) for number, name in enumerate(standing.questions, start=1)],
    )


def _count(name: str, heading: str, attendees: Sequence[Attendee]) -> Count:
    results = [one.results[name] for one in attendees if name in one.results]
    return Count(name, heading, solved=sum(results), tried=len(results) - sum(results))


def _numbers(counts: Iterable[int]) -> str:
    return " ".join(f"{count:3}" for count in counts)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"
