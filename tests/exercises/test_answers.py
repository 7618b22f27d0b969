"""The checks are correct: they accept right answers in several styles, and name the problem in wrong ones."""

import os
import re
from collections import Counter
from collections.abc import Iterator

import nbformat
import pytest
import yaml
from answers import DEAR, Answer, Server, tried
from openai import OpenAI
from remembering import remembering

from llamastack_workshop.attending import chapters
from llamastack_workshop.exercises import langchain_hybrid
from llamastack_workshop.exercises.check import CheckFailed, NotYet, call, exercise, given
from llamastack_workshop.server.throwaway import throwaway_server
from llamastack_workshop.system import paths

RIGHT, WRONG = tried()


def each(answers: list[Answer]) -> pytest.MarkDecorator:
    """Return a parametrization over `answers`.

    `make test` leaves out those to the exercises in DEAR: a chapter passes its solutions and its blanks to the checks.
    """
    return pytest.mark.parametrize(
        "answer",
        [pytest.param(one, id=str(one), marks=[pytest.mark.dear] if one.exercise in DEAR else []) for one in answers],
    )


@pytest.fixture(scope="session")
def server(client: OpenAI, model: str, base_url: str) -> Iterator[Server]:
    """A server with run.yaml and the embedded model behind a cache, so that no request runs twice."""
    listed = client.models.list().data
    embedding = next(m.id for m in listed if m.custom_metadata["model_type"] == "embedding")
    embedded = os.environ.get("LLAMA_CPP_URL")
    if not embedded:
        yield Server(client, model, base_url, embedding)
        return
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    with remembering(embedded) as model_url:
        variables = {"LLAMA_CPP_URL": model_url, "EMBEDDINGS_URL": os.environ["EMBEDDINGS_URL"]}
        with throwaway_server(configuration, variables) as running:
            assert running.error is None
            own = client.with_options(base_url=running.base_url)
            yield Server(own, model, running.base_url, embedding)


@each(RIGHT)
def test_a_right_answer_passes(answer: Answer, server: Server) -> None:
    assert answer.check(*answer.arguments(server)).passed


@each(WRONG)
def test_a_wrong_answer_is_told_what_is_wrong(answer: Answer, server: Server) -> None:
    with pytest.raises(NotYet, match=re.escape(answer.said)):
        answer.check(*answer.arguments(server))


def exercises() -> set[str]:
    """Return each exercise of the chapters, as `module.check`."""
    found = set()
    for path in chapters.chapters():
        code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")
        module = re.search(r"exercises import (\w+) as check", code)[1]
        found |= {f"{module}.{check}" for check in re.findall(r"^check\.(?!questions)(\w+)", code, re.MULTILINE)}
    return found


def test_each_exercise_was_tried_with_two_right_and_three_wrong_answers() -> None:
    right, wrong = (Counter(answer.exercise for answer in answers) for answers in (RIGHT, WRONG))
    assert exercises() >= DEAR
    assert not {name: (right[name], wrong[name]) for name in exercises() if right[name] < 2 or wrong[name] < 3}
    assert all(answer.said for answer in WRONG)


@exercise
def doubled(function) -> str:
    """A check with a bug: it calls len() on the attendee's number."""
    number = call(function, 2, kind=int, wanted="a number")
    return f"{len(number)} digits"


def test_an_exception_of_the_answer_is_told_apart_from_one_of_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_CHECKS", "")
    assert repr(doubled(lambda n: n / 0)) == "✗ Not yet: running your code raised ZeroDivisionError: division by zero"
    assert repr(doubled(lambda n: 2 * n)).startswith("! The check itself failed")
    assert "Please report it" in repr(doubled(lambda n: 2 * n))
    assert "make reset CHAPTER=N" in repr(doubled())
    assert "make reset CHAPTER=4 " in repr(langchain_hybrid.batch_results([], []))
    monkeypatch.setenv("WORKSHOP_CHECKS", "raise")
    with pytest.raises(CheckFailed, match=r"a bug in test_answers\.doubled"):
        doubled(lambda n: 2 * n)


def test_a_blank_is_told_apart_from_a_branch_that_returns_nothing() -> None:
    def blank(text: str) -> str:
        """Return the text."""

    def some(text: str) -> str | None:
        return text if text == "known" else None

    for nothing in (None, blank):
        with pytest.raises(NotYet, match="there is no answer yet"):
            call(nothing, "x")
    with pytest.raises(NotYet, match="`some` returns None here, not a text: does every branch `return`"):
        call(some, "x", wanted="a text")
    assert call(some, "x", or_none=True) is None
    with pytest.raises(NotYet, match="give a list of texts, not a str"):
        given("x", list, "a list of texts")
    with pytest.raises(NotYet, match="`some` should return a number, not a str"):
        call(some, "known", kind=int, wanted="a number")
