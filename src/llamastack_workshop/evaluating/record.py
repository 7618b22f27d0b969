"""Figures of a run, and those that are recorded for the book, by model."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from llamastack_workshop.evaluating.figures import chance_of_drop
from llamastack_workshop.system import files, machine, paths

RECORD = paths.MEASUREMENTS / "evaluation.json"

# A drop counts where chance makes one as large less often than this.
_CHANCE = 0.05


class Result(BaseModel):
    """The outcome of a case: `problem` is what is wrong with the answer, or None.

    `source` is the server that was asked, and what tells its weights from others.
    """

    id: str
    kind: str
    digest: str
    source: str
    problem: str | None
    seconds: float
    answer: dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What became of the cases that were recorded, too: how many were right only then, and only now."""

    lost: int
    won: int

    @property
    def chance(self) -> float:
        return chance_of_drop(self.lost, self.won)


def recorded(path: Path = RECORD) -> dict[str, dict[str, Any]]:
    """Return the recorded figures by the model's name."""
    return json.loads(path.read_text(encoding="utf-8"))["models"] if path.exists() else {}


def record(model: str, results: list[Result], path: Path = RECORD) -> None:
    """Write the figures of `results` into `path`, in place of those of `model` so far.

    Of each kind, they have the first answer, for the page that shows some.
    """
    kinds = dict.fromkeys(one.kind for one in results)
    first = [next(one for one in results if one.kind == kind) for kind in kinds]
    figures = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{machine.cores()} cores ({machine.processor()})",
        "right": sum(one.problem is None for one in results),
        "of": len(results),
        "seconds": round(sum(one.seconds for one in results), 1),
        "kinds": {
            kind: {
                "right": sum(one.kind == kind and one.problem is None for one in results),
                "of": sum(one.kind == kind for one in results),
            }
            for kind in kinds
        },
        "answers": {one.id: {**one.answer, "problem": one.problem} for one in first},
        "cases": {one.id: {"digest": one.digest, "right": one.problem is None} for one in results},
    }
    # By name, so that tables and picture don't depend on who was asked first.
    models = dict(sorted((recorded(path) | {model: figures}).items()))
    files.write_whole(path, json.dumps({"models": models}, indent=1, ensure_ascii=False) + "\n")


def change(figures: dict[str, Any], results: Iterable[Result]) -> Change:
    """Return what changed from the recorded `figures` to `results`; a case that was reworded since does not count."""
    then, lost, won = figures["cases"], 0, 0
    for one in results:
        before = then.get(one.id)
        if before and before["digest"] == one.digest:
            lost += before["right"] and one.problem is not None
            won += not before["right"] and one.problem is None
    return Change(lost, won)


def drops(figures: dict[str, Any], results: list[Result]) -> list[str]:
    """Return what dropped beyond chance since `figures` were recorded: "all", or kinds.

    Several kinds are several chances to be fooled, so a kind is held to a limit divided by their number (Bonferroni's
    correction).
    """
    kinds = list(dict.fromkeys(one.kind for one in results))
    found = ["all"] if change(figures, results).chance < _CHANCE else []
    for kind in kinds:
        if change(figures, (one for one in results if one.kind == kind)).chance < _CHANCE / len(kinds):
            found.append(kind)
    return found
