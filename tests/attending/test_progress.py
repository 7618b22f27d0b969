"""An attendee's progress: which exercises count, and where it is stored."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from llamastack_workshop.attending import progress
from llamastack_workshop.exercises.check import exercise, given, require
from llamastack_workshop.system import paths


@exercise
def short_answer(answer: str | None) -> str:
    require(given(answer) == "Paris", "that is not it.")
    return "Paris."


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an attendee's copies, in which their kernels run."""
    monkeypatch.setattr(paths, "WORK", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORKSHOP_CHECKS", raising=False)
    monkeypatch.setattr(short_answer.__wrapped__, "__module__", "llamastack_workshop.exercises.server_setup")
    return tmp_path


def test_a_right_answer_counts_once_and_a_wrong_one_never(work: Path) -> None:
    short_answer("London")
    assert progress.totals(progress.standings())[0] == 0
    short_answer("Paris")
    short_answer("Paris")
    first, *others = progress.standings()
    assert first.solved == ("server_setup.short_answer",)
    assert set(first.solved) < set(first.exercises) and not any(other.solved for other in others)
    assert f"[01 Server setup](01-server-setup.ipynb) | {first.minutes} | 1 of 2 |" in progress.markdown([first])


def test_an_exercise_that_fails_after_it_was_solved_says_so_until_it_is_right_again(work: Path) -> None:
    for answer, failing in (("Paris", 0), (None, 0), ("London", 1), ("Paris", 0), ("Rome", 1)):
        short_answer(answer)
        first, *_ = progress.standings()
        assert (len(first.solved), len(first.failing)) == (1, failing)
    assert "| 1 of 2, 1 now failing |" in progress.markdown([first])
    console = Console(file=StringIO(), width=100)
    console.print(progress.table([first]))
    assert "◐○" in console.file.getvalue() and "solved, now failing" in console.file.getvalue()


def test_what_was_noted_before_wrong_answers_were_counts_as_right(work: Path) -> None:
    (work / ".progress.jsonl").write_text('{"exercise": "server_setup.short_answer", "at": "2026-11-01T10:00:00"}\n')
    first, *_ = progress.standings()
    assert first.solved == ("server_setup.short_answer",) and not first.failing


def test_the_solutions_of_the_repository_are_nobodys_progress(
    work: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("notebooks"))
    short_answer("Paris")
    assert not list(work.iterdir())


def test_a_line_that_was_cut_off_costs_only_itself(work: Path) -> None:
    short_answer("Paris")
    record = next(work.iterdir())
    damaged = [b'{"exercise": "server_se', b"\xff\xfe", b"[]", b'{"exercise": ["a"]}', b"[" * 100_000, b"9" * 5000]
    record.write_bytes(b"\n".join(damaged))
    assert progress.totals(progress.standings())[0] == 0
    short_answer("Paris")
    assert progress.totals(progress.standings())[0] == 1


def test_every_exercise_of_every_chapter_counts() -> None:
    assert all(len(standing.exercises) >= 2 and standing.minutes > 0 for standing in progress.standings())
