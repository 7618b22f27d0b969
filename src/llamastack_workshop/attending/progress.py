"""An attendee's progress: the exercises solved and the questions answered in each chapter."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import nbformat
from rich.table import Table

from llamastack_workshop.attending import chapters, questions, record


@dataclass(frozen=True)
class Standing:
    """An attendee's progress in a chapter: the `solved` ones of its `exercises`, each named `module.check`.

    `headings` has the chapter's heading of each exercise: "Exercise 1: read a stream".

    A solved exercise stays solved; `failing` are those of `solved` whose latest check said "Not yet". `answered` are
    those `questions` of its quick check that have been answered correctly.
    """

    chapter: Path
    title: str
    minutes: int
    exercises: tuple[str, ...]
    headings: tuple[str, ...]
    solved: tuple[str, ...]
    failing: tuple[str, ...]
    questions: tuple[str, ...]
    answered: tuple[str, ...]


def standings(noted: Iterable[tuple[str, bool]] | None = None) -> list[Standing]:
    """Return the progress in each chapter, in reading order: the attendee's own, or that of the results `noted`.

    Each result is the name of an exercise or question, and whether the answer was right, oldest first.
    """
    noted = list(record.noted() if noted is None else noted)
    solved = {exercise for exercise, right in noted if right}
    last = dict(noted)
    failing = {exercise for exercise in solved if not last[exercise]}
    return [_standing(chapter, solved, failing) for chapter in chapters.chapters()]


def table(standings: list[Standing]) -> Table:
    """Return the standings as a table for a terminal, with totals in its last row."""
    table = Table("chapter", show_footer=True)
    table.add_column("solved", justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("questions", justify="right")
    for standing in standings:
        solved, failing, exercises = len(standing.solved), len(standing.failing), len(standing.exercises)
        # Different shapes, so that the meaning does not depend on colour.
        marks = "●" * (solved - failing) + "◐" * failing + "○" * (exercises - solved)
        name, asked = f"{standing.chapter.stem[:2]} {standing.title}", _questions(standing)
        table.add_row(name, f"{solved} of {exercises}", marks, asked)
    table.columns[0].footer = "all chapters"
    table.columns[1].footer = "{} of {}".format(*totals(standings))
    answered = sum(len(standing.answered) for standing in standings)
    table.columns[3].footer = f"{answered} of {sum(len(standing.questions) for standing in standings)}"
    if any(standing.failing for standing in standings):
        table.caption = "◐ solved, now failing: its check has said “Not yet” since"
    return table


def markdown(standings: list[Standing]) -> str:
    """Return the standings as a Markdown table whose titles link to the notebooks in the same folder."""
    rows = [
        f"| [{standing.chapter.stem[:2]} {standing.title}]({standing.chapter.name}) | {standing.minutes} "
        f"| {len(standing.solved)} of {len(standing.exercises)}{_failing(standing)} | {_questions(standing)} |"
        for standing in standings
    ]
    return "\n".join(["| chapter | minutes | solved | questions |", "|---|---:|---:|---:|", *rows])


def totals(standings: list[Standing]) -> tuple[int, int]:
    """Return the number of solved exercises, and of all exercises."""
    return sum(len(s.solved) for s in standings), sum(len(s.exercises) for s in standings)


def _failing(standing: Standing) -> str:
    return f", {len(standing.failing)} now failing" if standing.failing else ""


def _questions(standing: Standing) -> str:
    return f"{len(standing.answered)} of {len(standing.questions)}"


def _standing(chapter: Path, solved: set[str], failing: set[str]) -> Standing:
    notebook = nbformat.read(chapter, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    code = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    module = re.search(r"exercises import (\w+) as check", code)[1]
    checks = [check for check in re.findall(r"^check\.(\w+)", code, re.MULTILINE) if check != "questions"]
    exercises = tuple(f"{module}.{check}" for check in checks)
    asked = questions.names(module)
    return Standing(
        chapter,
        title=re.search(r"^# (.+)$", text, re.MULTILINE)[1],
        minutes=int(re.search(r"^\*(\d+) minutes\.", text, re.MULTILINE)[1]),
        exercises=exercises,
        headings=tuple(re.findall(r"^### (Exercise .+)$", text, re.MULTILINE)),
        solved=tuple(exercise for exercise in exercises if exercise in solved),
        failing=tuple(exercise for exercise in exercises if exercise in failing),
        questions=asked,
        answered=tuple(question for question in asked if question in solved),
    )
