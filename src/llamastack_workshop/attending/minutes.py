"""How long a chapter takes: one rule for all, from its words, its lines of code, its exercises and its questions."""

import math
import re

from nbformat import NotebookNode

# Adults read 238 words of English non-fiction a minute, most of them between 175 and 300, and fewer in a second
# language: https://biblio.ugent.be/publication/8647789
WORDS_A_MINUTE = 200
# These two are ours: to read a line of code and see what it gives, and to answer a question of the quick check.
SECONDS_A_LINE = 4
MINUTES_A_QUESTION = 1
# Each exercise says its own, below its heading.
_EXERCISE = re.compile(r"^\*About (\d+) minutes\.\*$", re.MULTILINE)


def minutes(chapter: NotebookNode) -> int:
    """Return the minutes that `chapter`, with its solutions, takes to read and to solve, in whole fives, rounded up."""
    code = [cell.source for cell in chapter.cells if cell.cell_type == "code"]
    questions = sum(source.count('"') // 2 for source in code if source.startswith("check.questions("))
    shown = "\n".join(source for source in code if "### BEGIN SOLUTION" not in source)
    lines = sum(bool(line.strip()) for line in shown.splitlines())
    text = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    # Nobody reads the address of a link, and the number that stands there must not count itself.
    words = len(re.findall(r"[A-Za-z][\w'’.-]*", re.sub(r"\]\([^)]*\)", "]", text)))
    exercises = sum(int(minutes) for minutes in _EXERCISE.findall(text))
    taken = words / WORDS_A_MINUTE + lines * SECONDS_A_LINE / 60 + exercises + questions * MINUTES_A_QUESTION
    return 5 * math.ceil(taken / 5)
