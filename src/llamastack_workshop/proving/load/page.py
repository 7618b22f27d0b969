"""The recorded figures for the book's page: its tables, and a picture for light and dark pages."""

import math
from collections.abc import Sequence
from typing import Any

from llamastack_workshop.proving.load.report import Stage, cores, gigabytes, memory, shared, waits
from llamastack_workshop.proving.load.sampling import OTHERS, PEOPLE
from llamastack_workshop.publishing.diagrams import THEMES

HEADER = [
    "people",
    "chapter open (s)",
    "answers",
    "wait: half (s)",
    "95% (s)",
    "all at once (s)",
    "refused",
    "errors",
    "tokens/s",
    "shared (GB)",
    "each (MB)",
    "cores",
    "others' cores",
]
NEEDS_HEADER = ["people", "memory (GB)", "cores with the embedded model", "cores with an upstream"]
_NEEDS = (10, 20, 40, 80)
_MODEL = "The model"
# Of the cores, the share that may be busy on average: above it, waiting times grow fast.
_BUSY = 0.7
_SYSTEM = 2e9  # bytes for the system itself, and a browser

# The dimensions of the picture in pixels, for a phone's screen.
_WIDTH, _LEFT, _RIGHT = 350, 46, 330
_TOP, _BOTTOM = 66, 240
# Each line's label, figure, fill and dashes, so that none depends on its colour.
_LINES = (
    ("half of the answers", "p50", "ink", "none"),
    ("95 of 100", "p95", "blue", "7 3"),
    ("all at once, the last", "burst", "sand", "2 3"),
)


def rows(recorded: dict[str, Any]) -> list[list[str]]:
    """Return a row for each stage."""
    return [
        [
            *waits(one),
            gigabytes(shared(memory(one))),
            f"{memory(one)[PEOPLE] / one['people'] / 1e6:.0f}",
            f"{sum(cores(one).values()):.1f}",
            f"{one['cores'][OTHERS]:.1f}",
        ]
        for one in recorded["stages"]
    ]


def needs(recorded: dict[str, Any]) -> list[list[str]]:
    """Return the memory and the cores that numbers of people need, as the largest stage suggests.

    The cores are those that keep up with the pace of the run, with a share of idle time.
    """
    largest = max(recorded["stages"], key=lambda one: one["people"])
    fixed, each = shared(memory(largest)) + _SYSTEM, memory(largest)[PEOPLE] / largest["people"]
    per_cell = 60 * largest["minutes"] / largest["cells"]["run"]
    rate = 1 / recorded["think_seconds"] / _BUSY
    all_parts = sum(cores(largest).values()) * per_cell * rate
    without = all_parts - cores(largest).get(_MODEL, 0.0) * per_cell * rate
    return [
        [
            str(people),
            str(math.ceil((fixed + people * each) / 1e9)),
            str(max(2, math.ceil(people * all_parts))),
            str(max(2, math.ceil(people * without))),
        ]
        for people in _NEEDS
    ]


def picture(recorded: dict[str, Any], theme: str) -> str:
    """Return an SVG with the waiting times by the number of people, in the colours of `theme`."""
    colours, stages = THEMES[theme], recorded["stages"]
    most = max(one["people"] for one in stages)
    points = {name: [(one["people"], _waited(one, name)) for one in stages] for _, name, _, _ in _LINES}
    highest = max(1.0, *(waited or 0.0 for of_line in points.values() for _, waited in of_line))
    step = _step(highest)
    top = step * math.ceil(highest / step)

    def x(people: float) -> float:
        return round(_LEFT + people / most * (_RIGHT - _LEFT), 1)

    def y(waited: float) -> float:
        return round(_BOTTOM - waited / top * (_BOTTOM - _TOP), 1)

    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{_BOTTOM + 42}">',
        "<title>Seconds that attendees wait for an answer, by their number.</title>",
        f"<style>text {{ fill: {colours['ink']}; font: 13px Helvetica, Arial, 'Liberation Sans', sans-serif }}"
        f" line, polyline, circle, rect.mark {{ stroke: {colours['ink']}; stroke-width: 2 }}"
        " polyline { fill: none } .grid { stroke-width: 0.3 }</style>",
        f'<rect width="100%" height="100%" fill="{colours["paper"]}"/>',
    ]
    for number in range(round(top / step) + 1):
        height = y(number * step)
        drawn.append(f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{height}" y2="{height}"/>')
        drawn.append(f'<text x="{_LEFT - 6}" y="{height + 4}" text-anchor="end">{number * step:g} s</text>')
    for one in stages:
        drawn.append(f'<text x="{x(one["people"])}" y="{_BOTTOM + 17}" text-anchor="middle">{one["people"]}</text>')
    drawn.append(f'<text x="{(_LEFT + _RIGHT) / 2}" y="{_BOTTOM + 35}" text-anchor="middle">people</text>')
    for number, (label, name, fill, dashes) in enumerate(_LINES):
        known = [(x(people), y(waited)) for people, waited in points[name] if waited is not None]
        line = " ".join(f"{left},{height}" for left, height in known)
        drawn.append(f'<polyline stroke-dasharray="{dashes}" points="{line}"/>')
        drawn += [f'<circle cx="{left}" cy="{height}" r="4" fill="{colours[fill]}"/>' for left, height in known]
        height = 16 + 18 * number
        line = f"{_LEFT},{height - 4} {_LEFT + 30},{height - 4}"
        drawn.append(f'<polyline stroke-dasharray="{dashes}" points="{line}"/>')
        drawn.append(f'<circle cx="{_LEFT + 15}" cy="{height - 4}" r="4" fill="{colours[fill]}"/>')
        drawn.append(f'<text x="{_LEFT + 40}" y="{height}">{label}</text>')
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _waited(stage: Stage, name: str) -> float | None:
    if name == "burst":
        return stage["together"].get("wait", {}).get("longest")
    return stage["wait"].get(name)


def _step(highest: float) -> float:
    """Return the distance between lines, so that there are at most six."""
    steps: Sequence[float] = (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
    return next((step for step in steps if highest / step <= 6), highest)
