"""The instructor's pages agree with the chapters, checks and commands that they mention."""

import re
from pathlib import Path

import nbformat
import pytest
from answers import tried

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.system import paths

TEACHING = paths.ROOT / "book" / "teaching"
PAGES = sorted(TEACHING.glob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)]+\.(?:ipynb|md))\)")

Row = tuple[int, int, str, str]  # the minute at which it begins, its minutes, its content, the exercise
Table = list[Row]


def text_of(path: Path) -> str:
    if path.suffix == ".md":
        return path.read_text(encoding="utf-8")
    return "\n\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")


def linked(markdown: str) -> list[Path]:
    return [(TEACHING / target).resolve() for target in LINK.findall(markdown)]


def minutes_of(page: Path) -> int:
    return int(re.search(r"^\*(\d+) minutes\.", text_of(page), re.MULTILINE)[1])


def sections(name: str) -> dict[str, str]:
    """Return the text below each second-level heading, by heading."""
    parts = re.split(r"^## (.+)$", text_of(TEACHING / name), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def timetables(section: str) -> list[Table]:
    found = []
    for table in re.findall(r"^\| from \|.*\n\|[-| ]+\n((?:\|.*\n)+)", section, re.MULTILINE):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        found.append([(int(row[0]), int(row[1]), row[2], row[5]) for row in rows])
    return found


PLANS = {title: tables for title, text in sections("plans.md").items() if (tables := timetables(text))}
ROWS = [row for tables in PLANS.values() for table in tables for row in table]


def test_each_chapter_has_a_note_with_every_part() -> None:
    notes = sections("notes.md")
    assert [linked(title) for title in notes] == [[chapter] for chapter in chapters()]
    for title, note in notes.items():
        parts = re.findall(r"^- \*\*([A-Za-z ]+)\*\*", note, re.MULTILINE)
        wanted = ["Idea", "Show", "Skip", "They ask", "Exercise", "Mistake", "In the room"]
        assert list(dict.fromkeys(parts)) == wanted, title
        exercise = re.search(r"^- \*\*Exercise\*\* (\d)", note, re.MULTILINE)[1]
        assert f"\n### Exercise {exercise}:" in text_of(*linked(title)), title


def test_a_mistake_in_the_notes_is_quoted_as_the_check_words_it() -> None:
    said = [answer.said for answer in tried()[1]]
    quotes = [
        quote
        for line in text_of(TEACHING / "notes.md").splitlines()
        if line.startswith("- **Mistake**")
        for quote in re.findall(r'\("([^"]+)"', line)
    ]
    assert len(quotes) > 24
    assert not [quote for quote in quotes if not any(quote in one or one in quote for one in said)]


@pytest.mark.parametrize("title", PLANS)
def test_the_rows_of_a_plan_sum_to_its_total(title: str) -> None:
    total = int(re.search(r"(\d+) minutes", title)[1])
    whole, *others = PLANS[title]
    boundaries = {0} | {begin + minutes for begin, minutes, *_ in whole}
    for table in (whole, *others):
        clock = table[0][0]
        assert clock in boundaries, "a table begins where a row of the first one does, or ends"
        for begin, minutes, what, _ in table:
            assert begin == clock, what
            clock += minutes
        # A variant replaces some rows; a part that is continued ends with the day.
        goes_on = table is not whole and table[0][0] == max(boundaries)
        assert clock == total if goes_on else clock in boundaries
    assert whole[0][0] == 0
    assert max(boundaries) == total or any(table[0][0] == max(boundaries) for table in others)


def test_a_chapter_fits_into_its_row_and_has_the_exercise() -> None:
    taught = [row for row in ROWS if linked(row[2])]
    assert len(taught) > 20
    for _, minutes, what, exercise in taught:
        (page,) = linked(what)
        assert page.exists(), what
        own = minutes_of(page)
        # A class is faster than a single reader: it solves only one exercise in two or three, and skips the quick
        # check.
        assert minutes < own if what.startswith("part of") else 0.4 * own <= minutes <= own, what
        if numbered := re.match(r"(\d): (.+)", exercise):
            assert f"### Exercise {numbered[1]}: {numbered[2]}\n" in text_of(page) + "\n", what
