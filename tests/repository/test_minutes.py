"""All minutes in the book follow from one rule."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.attending.minutes import minutes
from llamastack_workshop.system import paths

BOOK = paths.ROOT / "book"
INDEX = BOOK / "index.md"
STATED = re.compile(r"\*(\d+) minutes\.")


def change(page: Path, pattern: str, minutes: int) -> None:
    """Put `minutes` at the first group of `pattern` in `page`, where a number follows."""
    text = page.read_text(encoding="utf-8")
    page.write_text(re.sub(rf"({pattern})\d+", rf"\g<1>{minutes}", text), encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def rewritten(request: pytest.FixtureRequest) -> None:
    """With `--rewrite-tables`, write the minutes of the rule into the chapters, the landing page and the diagram."""
    if not request.config.getoption("--rewrite-tables"):
        return
    for chapter in chapters():
        taken = minutes(nbformat.read(chapter, as_version=4))
        change(chapter, r'"\*(?=\d+ minutes\.)', taken)
        change(INDEX, rf"{re.escape(chapter.name)}\) \| ", taken)
    for part in yaml.safe_load((paths.ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]:
        pages = [paths.ROOT / f"{page['file']}.ipynb" for page in part["chapters"]]
        if not all(page in chapters() for page in pages):
            continue
        first, last = (int(page.stem[:2]) for page in (pages[0], pages[-1]))
        total = sum(minutes(nbformat.read(page, as_version=4)) for page in pages)
        for page in (INDEX, BOOK / "diagrams" / "the-way.dot"):
            change(page, rf"\b{first} to {last}\b[^\d]*(?=\d+ minutes)", total)


@pytest.mark.parametrize("chapter", chapters(), ids=lambda chapter: chapter.stem)
def test_a_chapter_states_the_minutes_of_the_rule(chapter: Path) -> None:
    notebook = nbformat.read(chapter, as_version=4)
    stated = int(STATED.search(notebook.cells[0].source)[1])
    assert stated == minutes(notebook), 'make test ARGS="tests/repository/test_minutes.py --rewrite-tables"'


def test_words_lines_and_exercises_take_time() -> None:
    def taken(words: int = 0, lines: int = 0, exercise: int = 0, questions: int = 0) -> int:
        texts = ["word [it](https://a.b/c) " * (words // 2), f"*About {exercise} minutes.*" if exercise else ""]
        asked = new_code_cell(f"check.questions({', '.join(['""'] * questions)})")
        code = new_code_cell("x = 1\n\n" * lines)
        return minutes(new_notebook(cells=[*map(new_markdown_cell, texts), code, *([asked] if questions else [])]))

    assert (taken(words=1000), taken(words=1002)) == (5, 10)
    assert (taken(lines=75), taken(lines=76)) == (5, 10)
    assert (taken(exercise=5), taken(exercise=10), taken(questions=3, lines=15)) == (10, 15, 5)
