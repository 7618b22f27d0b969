"""The figures of a run for a terminal: a table by kind, with the changes since they were recorded."""

from typing import Any

from rich.table import Table

from llamastack_workshop.evaluating.figures import interval
from llamastack_workshop.evaluating.record import Result, change


def table(model: str, results: list[Result], figures: dict[str, Any] | None) -> Table:
    """Return the table of `results`, next to the recorded `figures` of the model, if there are any.

    Gains and losses count only cases that are also recorded.
    """
    shown = Table("Kind", "Right", "Share", "95% interval", "Seconds", "Recorded", "Changed", title=model)
    for column in shown.columns[1:]:
        column.justify = "right"
    for kind in dict.fromkeys(one.kind for one in results):
        of_kind = [one for one in results if one.kind == kind]
        shown.add_row(kind, *_cells(of_kind, figures, (figures or {}).get("kinds", {}).get(kind)))
    shown.add_section()
    whole = figures if figures and len(results) == figures["of"] else None
    shown.add_row("all", *_cells(results, figures, whole))
    return shown


def _cells(results: list[Result], figures: dict[str, Any] | None, counts: dict[str, Any] | None) -> list[str]:
    right = sum(one.problem is None for one in results)
    low, high = interval(right, len(results))
    changed = change(figures, results) if figures else None
    return [
        f"{right} of {len(results)}",
        f"{right / len(results):.0%}",
        f"{low:.0%} to {high:.0%}",
        f"{sum(one.seconds for one in results):.0f}",
        f"{counts['right']} of {counts['of']}" if counts else "–",
        f"+{changed.won} −{changed.lost}" if changed else "–",
    ]


def wrong_answer(result: Result) -> str:
    """Return two lines about a wrong answer: the case with the objection, and the answer."""
    said = result.answer["text"].strip() or "; ".join(map(str, result.answer["calls"])) or "nothing"
    return f"{result.id}: {result.problem}\n  {said[:300]!r}"
