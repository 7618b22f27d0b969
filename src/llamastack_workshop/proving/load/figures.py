"""The figures of a run, from the events that Locust's attendees have written."""

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_REFUSALS = (429, 503)

type Event = dict[str, Any]


def read(file: Path) -> list[Event]:
    """Return the events in `file`, without a last line that isn't whole; none if there is no such file."""
    if not file.exists():
        return []
    lines = file.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def figures(people: int, events: Sequence[Event]) -> dict[str, Any]:
    """Return what `people` attendees have got in the time between the events `ready` and `over`; times in seconds.

    An answer counts if it was asked for in that time, however long it took.
    """
    begin, end = (next(one["at"] for one in events if one["kind"] == kind) for kind in ("ready", "over"))
    of_kind = {kind: [one for one in events if one["kind"] == kind] for kind in ("open", "cell", "answer", "together")}
    asked = [one for one in of_kind["answer"] if begin <= one["started"] < end]
    answered = [one for one in asked if not one["error"]]
    failed = [one for one in asked if one["error"]]
    # The chapters ask for some refusals themselves, such as that of an unknown response.
    wrong = [one for one in failed if not 400 <= one["status"] < 500 and one["status"] not in _REFUSALS]
    cells = [one for one in of_kind["cell"] if begin <= one["started"] < end]
    return {
        "people": people,
        "minutes": round((end - begin) / 60, 1),
        "open": _opening(people, of_kind["open"]),
        "cells": {"run": len(cells), "failed": dict(Counter(one["error"] for one in cells if one["error"]))},
        "answers": len(answered),
        "wait": spread([one["seconds"] for one in answered]),
        "tokens_per_second": round(sum(one["tokens"] for one in answered) / (end - begin), 1),
        "refused": dict(Counter(str(one["status"]) for one in failed if one["status"] in _REFUSALS)),
        "errors": dict(Counter(one["error"] for one in wrong)),
        "together": _together(of_kind["together"]),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the maximum of `values`; nothing if there are none."""
    if not values:
        return {}
    ordered = sorted(values)
    rank = max(0, -(-95 * len(ordered) // 100) - 1)
    named = {"p50": statistics.median(ordered), "p95": ordered[rank], "longest": ordered[-1]}
    return {name: round(value, 2) for name, value in named.items()}


def _opening(people: int, events: Sequence[Event]) -> dict[str, Any]:
    """Return how long people waited until their first chapter was open, and how many didn't get there."""
    waited: dict[str, list[float]] = {}
    for one in events:
        if not one["error"]:
            waited.setdefault(one["name"], []).append(one["seconds"])
    return {
        "failed": people - len(waited.get("kernel", [])),
        "errors": dict(Counter(one["error"] for one in events if one["error"])),
        "steps": {name: spread(seconds) for name, seconds in waited.items()},
    }


def _together(events: Sequence[Event]) -> dict[str, Any]:
    whole = [one["seconds"] for one in events if not one["error"]]
    return {"answered": len(whole), "errors": dict(Counter(one["error"] for one in events if one["error"]))} | (
        {"wait": spread(whole)} if whole else {}
    )
