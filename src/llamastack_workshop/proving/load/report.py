"""The figures of a run for the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from llamastack_workshop.proving.load.sampling import GENERATOR, OTHERS, PEOPLE

NOTHING = "–"

type Stage = dict[str, Any]


def table(stages: Sequence[Stage]) -> Table:
    """Return a table of at most 80 columns with a row for each stage."""
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("people", "open", "answers", "p50", "p95", "burst", "refused", "errors", "tok/s", "GB", "cores"):
        shown.add_column(name, justify="right")
    for one in stages:
        shown.add_row(
            *waits(one),
            gigabytes(sum(memory(one).values())) if "memory" in one else NOTHING,
            f"{sum(cores(one).values()):.1f}" if "cores" in one else NOTHING,
        )
    return shown


def waits(stage: Stage) -> list[str]:
    """Return the cells on a stage's people and answers, from their number to the tokens per second."""
    return [
        str(stage["people"]),
        seconds(opened(stage), "p95"),
        str(stage["answers"]),
        seconds(stage["wait"], "p50"),
        seconds(stage["wait"], "p95"),
        seconds(stage["together"].get("wait", {}), "longest"),
        str(sum(stage["refused"].values())),
        str(failures(stage)),
        f"{stage['tokens_per_second']:.0f}",
    ]


def remarks(stages: Sequence[Stage]) -> list[str]:
    """Return what the columns mean, and each error once."""
    lines = [
        "In seconds: open, for the login, JupyterLab and the first kernel of 95 of 100 people; p50 and p95, until an",
        "answer is complete; burst, until the last one has an answer when all ask in the same second.",
    ]
    errors = {error for one in stages for error in (*one["errors"], *one["open"]["errors"], *one["together"]["errors"])}
    return lines + [f"An error: {error}" for error in sorted(errors)]


def opened(stage: Stage) -> dict[str, float]:
    """Return the seconds from the login to the first open chapter, as the sum of its steps."""
    steps = [spread for name, spread in stage["open"]["steps"].items() if name != "next kernel"]
    return {name: sum(one[name] for one in steps) for name in steps[0]} if steps else {}


def failures(stage: Stage) -> int:
    """Return how many people did not get into their chapter, or had no answer because something was wrong."""
    return stage["open"]["failed"] + sum(stage["errors"].values()) + sum(stage["together"]["errors"].values())


def memory(stage: Stage) -> dict[str, float]:
    """Return the bytes of each part of the classroom, and of the attendees."""
    return {part: size for part, size in stage["memory"].items() if part != GENERATOR}


def cores(stage: Stage) -> dict[str, float]:
    """Return the cores that each part of the classroom, and the attendees, have kept busy."""
    return {part: busy for part, busy in stage["cores"].items() if part not in (GENERATOR, OTHERS)}


def shared(parts: dict[str, float]) -> float:
    """Return the sum of what all share: everything but the attendees' part."""
    return sum(parts.values()) - parts.get(PEOPLE, 0.0)


def seconds(spread: dict[str, float], name: str) -> str:
    return f"{spread[name]:.1f}" if name in spread else NOTHING


def gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f}"
