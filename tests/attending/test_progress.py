"""An attendee's progress: what counts, what does not, and where it stands."""

from pathlib import Path

import pytest

from llamastack_workshop.attending import progress
from llamastack_workshop.exercises.check import exercise, require
from llamastack_workshop.system import paths


@exercise
def short_answer(answer: str) -> str:
    require(answer == "Paris", "that is not it.")
    return "Paris."


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an attendee's copies, which is where their kernels run."""
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
