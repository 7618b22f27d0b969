"""The questions of the chapters' quick checks.

`quick_checks/MODULE.yaml` holds those of the chapter whose checks are in `exercises/MODULE.py`.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import ascii_uppercase

import yaml

FOLDER = Path(__file__).with_name("quick_checks")


@dataclass(frozen=True)
class Option:
    """One answer to choose: its `text`, and an explanation (`because`), each one line of Markdown."""

    text: str
    because: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A question with its options, lettered A, B, C, … in order; exactly one is right."""

    question: str
    options: tuple[Option, ...]

    @property
    def letters(self) -> str:
        """The letters of the options, such as ABC."""
        return ascii_uppercase[: len(self.options)]

    @property
    def right(self) -> str:
        """The letter of the right option."""
        (letter,) = [letter for letter, option in zip(self.letters, self.options, strict=True) if option.right]
        return letter


@cache
def of(module: str) -> tuple[Question, ...]:
    """Return the questions of the chapter whose checks are in `module`, such as prompt_chaining."""
    read = yaml.safe_load((FOLDER / f"{module}.yaml").read_text(encoding="utf-8"))
    return tuple(Question(one["question"], tuple(Option(**option) for option in one["options"])) for one in read)


def names(module: str) -> tuple[str, ...]:
    """Return the name of each question of `module` in the progress record."""
    return tuple(name(module, number) for number in range(1, len(of(module)) + 1))


def name(module: str, number: int) -> str:
    """Return the name of question `number` of `module`, counted from 1, in the progress record."""
    return f"{module}.question_{number}"
