"""The figures of a run, and the recorded figures for the book, by model."""

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

# The significance level for a drop.
_CHANCE = 0.05


class Result(BaseModel):
    """The result of a case: `problem` is the objection to the answer, or None.

    `source` identifies the server and the model's weights.
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
    """The change in cases that are also recorded: the number that were right only then, and only now."""

    lost: int
    won: int

    @property
    def chance(self) -> float:
        return chance_of_drop(self.lost, self.won)


def recorded(path: Path = RECORD) -> dict[str, dict[str, Any]]:
    """Return the recorded figures, by model name."""
    return json.loads(path.read_text(encoding="utf-8"))["models"] if path.exists() else {}


def record(model: str, results: list[Result], path: Path = RECORD) -> None:
    """Write the figures of `results` to `path`, replacing those of `model`.

    They include the first answer of each kind, as examples for the book's page.
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
    # Sorted by name, so that tables and picture do not depend on the order of the runs.
    models = dict(sorted((recorded(path) | {model: figures}).items()))
    files.write_whole(path, json.dumps({"models": models}, indent=1, ensure_ascii=False) + "\n")


def change(figures: dict[str, Any], results: Iterable[Result]) -> Change:
    """Return the change from the recorded `figures` to `results`; cases whose wording has changed do not count."""
    then, lost, won = figures["cases"], 0, 0
    for one in results:
        before = then.get(one.id)
        if before and before["digest"] == one.digest:
            lost += before["right"] and one.problem is not None
            won += not before["right"] and one.problem is None
    return Change(lost, won)


def drops(figures: dict[str, Any], results: list[Result]) -> list[str]:
    """Return the significant drops since `figures` were recorded: "all", or kinds.

    Because there are several comparisons, the level for a single kind is divided by the number of kinds (Bonferroni
    correction).
    """
    kinds = list(dict.fromkeys(one.kind for one in results))
    found = ["all"] if change(figures, results).chance < _CHANCE else []
    for kind in kinds:
        if change(figures, (one for one in results if one.kind == kind)).chance < _CHANCE / len(kinds):
            found.append(kind)
    return found
