"""The quick checks: whether their questions can be guessed, their display, and their counting."""

from collections import Counter
from pathlib import Path

import pytest

from llamastack_workshop.attending import progress, questions
from llamastack_workshop.attending.questions import Question
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.system import paths

MODULES = sorted(file.stem for file in questions.FOLDER.glob("*.yaml"))
ALL = [question for module in MODULES for question in questions.of(module)]
CHECK = QuickCheck("llamastack_workshop.exercises.prompt_chaining")
RIGHT = [question.right for question in questions.of("prompt_chaining")]


def longest(question: Question) -> str:
    return max(zip(question.letters, question.options, strict=True), key=lambda one: len(one[1].text))[0]


@pytest.mark.parametrize("module", MODULES)
def test_a_chapter_has_three_questions_whose_options_are_all_explained(module: str) -> None:
    asked = questions.of(module)
    assert len(asked) == 3
    for question in asked:
        assert question.question.endswith("?") and question.right in question.letters
        assert len({option.text for option in question.options}) == len(question.options) in (3, 4)
        assert all(len(option.because) > 20 and option.because.endswith((".", "!")) for option in question.options)
    assert len({question.right for question in asked}) > 1, "not all at the same place"


def test_the_right_option_is_neither_at_one_place_nor_the_longest() -> None:
    places = Counter(question.right for question in ALL)
    # With three options each, chance gives one third.
    assert all(0.2 < places[letter] / len(ALL) < 0.45 for letter in "ABC"), places
    assert 0.2 < sum(longest(question) == question.right for question in ALL) / len(ALL) < 0.45


def test_an_attendee_gets_the_explanation_of_each_choice_and_right_ones_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "WORK", tmp_path)
    monkeypatch.chdir(tmp_path)
    first, second, _ = questions.of("prompt_chaining")
    wrong = next(letter for letter in second.letters if letter != second.right)
    said = repr(CHECK(first.right.lower(), wrong, ""))
    options = {letter: option for question in (second,) for letter, option in zip("ABC", question.options, strict=True)}
    assert f"✓ {first.right} is right" in said and f"✗ {wrong} isn't right: {options[wrong].because}" in said
    assert options[second.right].because not in said, "a wrong answer does not give the right one away"
    assert all(option.because in said for option in first.options), "a right one explains the others"
    assert "No answer yet" in said
    (standing,) = [one for one in progress.standings() if one.chapter.stem.startswith("03-")]
    assert standing.answered == ("prompt_chaining.question_1",) and len(standing.questions) == 3
    assert not standing.solved, "questions are no exercises"
    assert "| 0 of 2 | 1 of 3 |" in progress.markdown([standing])


@pytest.mark.parametrize(
    ("letters", "says"),
    [(("Z", "", ""), "Z is not an option: choose one of A, B"), ((), "Give 3 letters"), (("AB", "", ""), "AB is not")],
)
def test_what_is_no_letter_of_an_option_is_told(
    letters: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "WORK", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert says in repr(CHECK(*letters))
    assert not list(tmp_path.iterdir()), "it counts for nothing"


def test_a_reader_of_the_site_can_open_every_option_without_a_script() -> None:
    markup = CHECK("", "", "")._repr_html_()
    assert markup.count("<details><summary>") == sum(len(one.options) for one in questions.of("prompt_chaining"))
    assert markup.count("✓ Right") == 3 and "<script" not in markup
    assert "<code>temperature=0</code>" in markup
