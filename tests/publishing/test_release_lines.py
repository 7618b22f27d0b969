"""The page on the release lines has every chapter, every difference, and what the runs said."""

import json
from dataclasses import fields

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.attending.stack_results import RESULTS
from llamastack_workshop.publishing.book_pages.markdown import cells
from llamastack_workshop.publishing.book_pages.release_lines import release_lines
from llamastack_workshop.server.lines import LINES, OGX_1_5, Line


def test_each_chapter_and_each_difference_has_a_row_with_a_cell_for_each_line() -> None:
    rows = [cells(line) for line in release_lines().splitlines() if line.startswith("|")]
    assert {len(row) for row in rows} == {1 + len(LINES)}
    assert {path.stem for path in chapters()} <= {row[0] for row in rows}
    # Three heads with a rule below each; product and series are in the heads.
    assert len(rows) == 3 * 2 + len(chapters()) + len(fields(Line)) - 2


def test_a_chapters_outcome_is_that_of_the_last_run() -> None:
    run = json.loads((RESULTS / f"{OGX_1_5.stack}.json").read_text(encoding="utf-8"))["chapters"]
    (row,) = [cells(line) for line in release_lines().splitlines() if line.startswith("| 12-routing |")]
    assert row[1 + LINES.index(OGX_1_5)] == "passed, {date}".format(**run["12-routing"])


def test_a_name_and_a_behaviour_are_those_of_the_lines() -> None:
    text = release_lines()
    assert "| `agents` | `agents` | `responses` | `responses` |" in text
    assert "cancels a background response | no | no | yes | yes |" in text
