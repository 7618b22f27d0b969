"""The chapters as an nbgrader course: the contents of the cells, and the points that nbgrader gives."""

import csv
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from in_process import call
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from llamastack_workshop import cli
from llamastack_workshop.attending import progress
from llamastack_workshop.attending.chapters import blank, chapters
from llamastack_workshop.exercises import prompt_chaining as check
from llamastack_workshop.exercises.check import NotYet
from llamastack_workshop.publishing import nbgrader_course
from llamastack_workshop.publishing.nbgrader_course import assignment, command
from llamastack_workshop.system import own_environment, paths
from llamastack_workshop.system.errors import WorkshopError

CHAIN = "03-prompt-chaining"
FAILS = """from llamastack_workshop.exercises.check import CheckFailed

def fails(*_):
    raise CheckFailed("the database is away")

check.three_steps = fails"""
VALIDATES = """import sys
from nbgrader.nbgraderformat import read
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        read(file, as_version=4)"""


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def marked(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if "nbgrader" in cell.metadata]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_a_chapter_says_what_nbgrader_is_to_do_with_its_cells(path: Path) -> None:
    chapter, course = read(path), assignment(read(path))
    imports, parameters, *exercises = marked(course)
    for cell in (imports, parameters):
        assert cell.metadata.nbgrader == {
            **{"schema_version": 3, "grade_id": cell.id},
            **{"grade": False, "solution": False, "locked": True, "task": False},
        }
    assert "as check" in imports.source and parameters.metadata.tags == ["parameters"]

    solutions, checks = exercises[::2], exercises[1::2]
    (exercises_here,) = [one.exercises for one in progress.standings() if one.chapter == path]
    assert len(solutions) == len(checks) == len(exercises_here)
    assert [re.search(r"^check\.(\w+)", cell.source, re.MULTILINE)[1] for cell in checks] == [
        name.partition(".")[2] for name in exercises_here
    ]
    for solution, graded in zip(solutions, checks, strict=True):
        assert solution.metadata == {
            "nbgrader": {
                **{"schema_version": 3, "grade_id": solution.id},
                **{"grade": False, "solution": True, "locked": False, "task": False},
            }
        }
        assert graded.metadata.nbgrader == {
            **{"schema_version": 3, "grade_id": graded.id, "points": 1},
            **{"grade": True, "solution": False, "locked": True, "task": False},
        }
        assert course.cells[course.cells.index(solution) + 1] is graded

    # nbgrader also removes hidden tests line by line.
    hidden = re.compile(r"^### BEGIN HIDDEN TESTS\n.*?^### END HIDDEN TESTS\n", re.MULTILINE | re.DOTALL)
    assert [hidden.sub("", cell.source) for cell in course.cells] == [cell.source for cell in chapter.cells]
    assert [cell.id for cell in course.cells if hidden.search(cell.source)] == [cell.id for cell in checks]


def test_a_grade_id_is_unique_in_the_whole_course() -> None:
    ids = [cell.metadata.nbgrader.grade_id for path in chapters() for cell in marked(assignment(read(path)))]
    assert len(set(ids)) == len(ids)
    # The characters that nbgrader's schema allows.
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", one) for one in ids)


def test_a_wrong_answer_is_an_error_where_it_is_graded_and_a_message_to_the_student(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WORKSHOP_CHECKS")
    graded = next(cell for cell in marked(assignment(read(chapter(CHAIN)))) if cell.metadata.nbgrader.grade)
    names = {"check": check, "object_gate": lambda specifications, source: None}
    students = graded.source.splitlines()[-1]
    assert eval(students, names).passed is False
    with pytest.raises(NotYet):
        exec(graded.source, names)


def chapter(name: str) -> Path:
    return paths.NOTEBOOKS / f"{name}.ipynb"


def test_the_chapters_that_are_named_are_exported_with_the_commands_that_come_next(tmp_path: Path) -> None:
    course = tmp_path / "a course"
    said = call(cli.app, "export", "--nbgrader", str(course), "3", "prompt-chaining", "1")
    assert said.exit_code == 0 and f"Assignments: {CHAIN}, 01-server-setup" in said.output
    written = {path.relative_to(course).as_posix() for path in course.rglob("*") if path.is_file()}
    sources = {f"source/{name}/{name}.ipynb" for name in (CHAIN, "01-server-setup")}
    assert written == {*sources, "README.md", "nbgrader_config.py"}
    readme = (course / "README.md").read_text(encoding="utf-8")
    assert f"workshop nbgrader '{course}' autograde {CHAIN}\n" in readme


def test_without_names_all_chapters_are_exported_into_an_empty_folder(tmp_path: Path) -> None:
    assert nbgrader_course.export(tmp_path, []) == [path.stem for path in chapters()]
    assert len(list(tmp_path.glob("source/*/*.ipynb"))) == len(chapters())


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--nbgrader", "full"], "full isn't empty"),
        (["--nbgrader", "file"], "file is a file."),
        (["--nbgrader", "new", "3", "99"], "There is no chapter '99'."),
        ([], "No folder is given."),
    ],
)
def test_a_wrong_folder_or_chapter_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], problem: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("full").mkdir()
    for name in ("full/gradebook.db", "file"):
        Path(name).write_text("mine", encoding="utf-8")
    error = call(cli.app, "export", *arguments).exception
    assert problem in error.problem and error.fix
    assert {path.as_posix() for path in Path().rglob("*")} == {"full", "full/gradebook.db", "file"}


def test_an_export_that_fails_leaves_the_folder_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str) -> None:
        if path.name == "README.md":
            raise OSError(28, "No space left on device")
        path.write_text(text, encoding="utf-8")

    monkeypatch.setattr(nbgrader_course, "write_whole", full)
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(OSError, match="No space left"):
            nbgrader_course.export(tmp_path / name, ["3"])
    assert [path.name for path in tmp_path.rglob("*")] == ["empty"]


def test_nbgrader_needs_a_course_and_grading_needs_a_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Both errors are reported before anything is installed.
    monkeypatch.setattr(own_environment, "ENVIRONMENTS", tmp_path / "file")
    (tmp_path / "file").touch()
    error = call(cli.app, "nbgrader", str(tmp_path), "autograde", CHAIN).exception
    assert "nbgrader_config.py" in error.problem and f"workshop export --nbgrader {tmp_path}" in error.fix
    (tmp_path / "nbgrader_config.py").touch()
    nowhere = "http://127.0.0.1:9/v1"
    error = call(cli.app, "nbgrader", str(tmp_path), "autograde", CHAIN, LLAMA_STACK_BASE_URL=nowhere).exception
    assert isinstance(error, WorkshopError) and nowhere in error.problem


def nbgrader(course: Path, *arguments: str, status: int = 0) -> str:
    """Run nbgrader on `course` as an instructor does, and return its output."""
    # If checks always raised, nobody would notice a hidden test without effect.
    variables = {name: value for name, value in os.environ.items() if name != "WORKSHOP_CHECKS"}
    workshop = [sys.executable, "-m", "llamastack_workshop.cli", "nbgrader", str(course), *arguments]
    run = subprocess.run(workshop, capture_output=True, text=True, timeout=600, env=variables)
    assert run.returncode == status, run.stdout + run.stderr
    return run.stdout + run.stderr


def submit(course: Path, student: str, notebook: NotebookNode) -> None:
    folder = course / "submitted" / student / CHAIN
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{CHAIN}.ipynb")


@pytest.mark.nightly
def test_nbgrader_takes_the_course_and_gives_points_for_what_is_solved(base_url: str, tmp_path: Path) -> None:
    nbgrader_course.export(tmp_path, [])
    sources = sorted(tmp_path.glob("source/*/*.ipynb"))
    nbgrader(tmp_path, "generate_assignment", "*")
    subprocess.run([command.python(print), "-c", VALIDATES, *sources], check=True)

    for path in chapters():
        released = read(tmp_path / "release" / path.stem / path.name)
        assert [cell.source for cell in released.cells] == [cell.source for cell in blank(read(path)).cells]

    students = read(tmp_path / "release" / CHAIN / f"{CHAIN}.ipynb")
    submit(tmp_path, "blank", students)
    for cell, with_solution in zip(students.cells, read(chapter(CHAIN)).cells, strict=True):
        cell.source = with_solution.source
    described = next(cell for cell in students.cells if "def describe" in cell.source)
    described.source = described.source.replace("    found =", "    print('!', file=sys.stderr)\n    found =", 1)
    students.cells.insert(2, new_code_cell("import sys"))
    submit(tmp_path, "solved", students)
    students.cells.insert(students.cells.index(described), new_code_cell(FAILS))
    submit(tmp_path, "unlucky", students)

    said = nbgrader(tmp_path, "autograde", CHAIN, status=1)
    assert "the database is away" in said and "for student 'unlucky'" in said
    assert {path.parent.parent.name for path in tmp_path.glob("autograded/*/*/*.ipynb")} == {"blank", "solved"}
    nbgrader(tmp_path, "export")
    with (tmp_path / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["assignment"] == CHAIN]
    assert {row["student_id"]: (float(row["score"]), float(row["max_score"])) for row in rows} == {
        "solved": (2, 2),
        "blank": (0, 2),
        # nbgrader's table doesn't distinguish this from a wrong answer.
        "unlucky": (0, 2),
    }
    validated = nbgrader(tmp_path, "validate", f"source/{CHAIN}/{CHAIN}.ipynb")
    assert "Success! Your notebook passes all the tests." in validated
