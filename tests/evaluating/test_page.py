"""The page on evaluation shows the recorded scores and answers, and nothing else."""

import xml.etree.ElementTree as ET

import pytest
from tables import assert_table

from llamastack_workshop.evaluating import page
from llamastack_workshop.evaluating.cases import load
from llamastack_workshop.evaluating.record import RECORD, recorded
from llamastack_workshop.evaluating.rules import Answer, Call, objection
from llamastack_workshop.publishing.diagrams import THEMES
from llamastack_workshop.system import paths

PAGE = paths.ROOT / "book" / "evaluation.md"
MODELS = recorded()
NAMES = [f"`{page.name_of(model)}`" for model in MODELS]
TABLES = {
    "evaluation-measured": (["model", "date", "machine", "seconds"], page.measured_rows),
    "evaluation-kinds": (["kind", *NAMES], page.kind_rows),
    "evaluation-answers": (["request", *NAMES], page.answer_rows),
}
PHONE = 358  # of its 390 pixels, the width for a picture


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_says_what_is_recorded(name: str, rewrite_tables: bool) -> None:
    header, rows = TABLES[name]
    assert_table(PAGE, name, header, rows(MODELS), rewrite_tables)


@pytest.mark.parametrize("theme", THEMES)
def test_the_picture_shows_what_is_recorded(theme: str, rewrite_tables: bool) -> None:
    path = RECORD.with_name(f"evaluation-{theme}.svg")
    drawn = page.picture(MODELS, theme)
    if rewrite_tables:
        path.write_text(drawn, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == drawn, 'make test ARGS="tests/evaluating/test_page.py --rewrite-tables"'
    root = ET.fromstring(drawn)
    assert float(root.get("width")) <= PHONE, "its letters have 13 pixels on a phone"


def test_the_first_answer_of_each_kind_is_recorded_and_graded_as_the_rules_grade_it() -> None:
    first = {case.kind: case for case in reversed(load())}.values()
    for model, figures in MODELS.items():
        assert figures["answers"].keys() == {case.id for case in first}, model
        for case in first:
            said = figures["answers"][case.id]
            answer = Answer(said["text"], tuple(Call(**call) for call in said["calls"]))
            # The answer doesn't show whether it was cut off by the limit.
            if said["problem"] != objection(case.right, Answer(cut=True)):
                assert objection(case.right, answer) == said["problem"], (model, case.id)
