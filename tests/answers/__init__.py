"""Answers that were tried on the checks: one module a chapter, named like the module of its checks.

Each has a list RIGHT of answers in several styles, and a list WRONG of answers with a part of what the check says.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from openai import OpenAI

from llamastack_workshop.exercises.check import Result


@dataclass(frozen=True)
class Server:
    """The live server that an answer may ask; `base_url` ends in /v1, `embedding` is its embedding model's id."""

    client: OpenAI
    model: str
    base_url: str
    embedding: str


@dataclass(frozen=True)
class Answer:
    """An answer to the exercise of `check`; `arguments` makes what the notebook hands to the check.

    `style` tells right answers apart; a wrong one has in `said` a part of the check's message. One that is `dear` takes
    seconds, and is tried with all other dear tests.
    """

    check: Callable[..., Result]
    style: str
    arguments: Callable[[Server], Sequence[Any]]
    said: str = ""
    dear: bool = False

    def __str__(self) -> str:
        chapter = self.check.__module__.rpartition(".")[2]
        return f"{chapter}.{self.check.__name__}: {self.style}"


def dear(answer: Answer) -> Answer:
    """Return `answer`, marked as dear. Each exercise keeps a right answer and a wrong one that are not."""
    return replace(answer, dear=True)


def tried() -> tuple[list[Answer], list[Answer]]:
    """Return the right and the wrong answers of all chapters."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return [one for module in modules for one in module.RIGHT], [one for module in modules for one in module.WRONG]
