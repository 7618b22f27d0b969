"""The time that a chapter takes, estimated from its words, its lines of code, its exercises and its questions."""

import math
import re

from nbformat import NotebookNode

# Adults read 238 words of English non-fiction per minute, most of them between 175 and 300, and fewer in a second
# language: https://biblio.ugent.be/publication/8647789
WORDS_A_MINUTE = 200
# Our own estimates: to read a line of code and its output, and to answer a question of the quick check.
SECONDS_A_LINE = 4
MINUTES_A_QUESTION = 1
# Each exercise states its own time, below its heading.
_EXERCISE = re.compile(r"^\*About (\d+) minutes\.\*$", re.MULTILINE)


def minutes(chapter: NotebookNode) -> int:
    """Return the minutes for reading and solving `chapter` (with its solutions), rounded up to a multiple of 5."""
    code = [cell.source for cell in chapter.cells if cell.cell_type == "code"]
    questions = sum(source.count('"') // 2 for source in code if source.startswith("check.questions("))
    shown = "\n".join(source for source in code if "### BEGIN SOLUTION" not in source)
    lines = sum(bool(line.strip()) for line in shown.splitlines())
    text = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    # Without the URLs of links, which nobody reads, and without numbers, because the stated minutes must not count.
    words = len(re.findall(r"[A-Za-z][\w'’.-]*", re.sub(r"\]\([^)]*\)", "]", text)))
    exercises = sum(int(minutes) for minutes in _EXERCISE.findall(text))
    taken = words / WORDS_A_MINUTE + lines * SECONDS_A_LINE / 60 + exercises + questions * MINUTES_A_QUESTION
    return 5 * math.ceil(taken / 5)
