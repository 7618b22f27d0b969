"""The recorded figures for the book's page: the rows of its tables, and a picture for light and dark pages."""

import json
from typing import Any

from llamastack_workshop.evaluating.cases import Case, load
from llamastack_workshop.evaluating.figures import interval
from llamastack_workshop.publishing.diagrams import THEMES

type Models = dict[str, dict[str, Any]]

_SHOWN = 160  # characters of an answer

# The dimensions of the picture in pixels, for a phone's screen.
_WIDTH, _LEFT, _RIGHT = 350, 72, 328
_LINE, _ROW = 20, 34
# The fill of each model's mark, in the order of the record, and its offset from the middle of a row.
_MARKS = (("paper", -6), ("ink", 6), ("blue", 0))


def name_of(model: str) -> str:
    """Return a model's name without its provider."""
    return model.rpartition("/")[2]


def measured_rows(models: Models) -> list[list[str]]:
    """Return a row for each model: the date, the machine, and the time for all requests."""
    return [
        [f"`{name_of(model)}`", one["date"], one["machine"], f"{one['seconds']:.0f}"] for model, one in models.items()
    ]


def kind_rows(models: Models) -> list[list[str]]:
    """Return a row for each kind, and one for all: the share of right answers of each model, with its interval."""
    return [[kind, *(_share(counts) for counts in of_models)] for kind, of_models in _counts(models).items()]


def answer_rows(models: Models) -> list[list[str]]:
    """Return a row for each request whose answers are recorded: the request, and each model's answer."""
    cases = {case.id: case for case in load()}
    ids = dict.fromkeys(id for one in models.values() for id in one["answers"])
    return [[_request(cases[id]), *(_answer(one, id) for one in models.values())] for id in ids]


def picture(models: Models, theme: str) -> str:
    """Return an SVG with the intervals of the first three models for each kind, in the colours of `theme`."""
    colours = THEMES[theme]
    counts = _counts(models)
    top = _LINE * (len(models) + 1)
    bottom = top + _ROW * len(counts)
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{bottom + _LINE}">',
        "<title>Right answers by kind and model, with 95% intervals.</title>",
        f"<style>text {{ fill: {colours['ink']}; font: 13px Helvetica, Arial, 'Liberation Sans', sans-serif }}"
        f" line, circle {{ stroke: {colours['ink']}; stroke-width: 2 }} .grid {{ stroke-width: 0.3 }}</style>",
        f'<rect width="100%" height="100%" fill="{colours["paper"]}"/>',
    ]
    for number, (model, (fill, _)) in enumerate(zip(models, _MARKS, strict=False)):
        y = _LINE * (number + 0.6)
        drawn.append(f'<circle cx="{_LEFT}" cy="{y}" r="5" fill="{colours[fill]}"/>')
        drawn.append(f'<text x="{_LEFT + 12}" y="{y + 4}">{name_of(model)}</text>')
    for percent in (0, 25, 50, 75, 100):
        x = _place(percent / 100)
        drawn.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{top - 6}" y2="{bottom}"/>')
        drawn.append(f'<text x="{x}" y="{bottom + 14}" text-anchor="middle">{percent}%</text>')
    for number, (kind, of_models) in enumerate(counts.items()):
        middle = top + _ROW * (number + 0.5)
        drawn.append(f'<text x="4" y="{middle + 4}">{kind}</text>')
        for (right, of), (fill, distance) in zip(of_models, _MARKS, strict=False):
            low, high = (_place(end) for end in interval(right, of))
            y = middle + distance
            drawn.append(f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>')
            drawn.append(f'<circle cx="{_place(right / of)}" cy="{y}" r="5" fill="{colours[fill]}"/>')
    return "\n".join([*drawn, "</svg>"]) + "\n"


def _counts(models: Models) -> dict[str, list[tuple[int, int]]]:
    """Return the pairs (right, of) of each model, by kind and for all."""
    kinds = dict.fromkeys(kind for one in models.values() for kind in one["kinds"])
    found = {kind: [_pair(one["kinds"][kind]) for one in models.values()] for kind in kinds}
    return found | {"all": [_pair(one) for one in models.values()]}


def _pair(counts: dict[str, Any]) -> tuple[int, int]:
    return counts["right"], counts["of"]


def _share(counts: tuple[int, int]) -> str:
    right, of = counts
    low, high = interval(right, of)
    return f"{right} of {of}: {right / of:.0%} ({low:.0%} to {high:.0%})"


def _place(share: float) -> float:
    return round(_LEFT + share * (_RIGHT - _LEFT), 1)


def _request(case: Case) -> str:
    """Return the user's text, with a summary of schema, tools and documents."""
    besides = []
    if case.answer_schema:
        besides.append(f"JSON with {', '.join(case.answer_schema['properties'])}")
    if case.tools:
        besides.append(f"tools: {', '.join(tool['name'] for tool in case.tools)}")
    if case.documents:
        besides.append(f"file: {', '.join(case.documents)}")
    said = " → ".join(_code(turn) for turn in case.turns)
    return f"{said} ({'; '.join(besides)})" if besides else said


def _answer(figures: dict[str, Any], id: str) -> str:
    answer = figures["answers"][id]
    calls = [f"{call['name']}({json.dumps(call['arguments'], ensure_ascii=False)})" for call in answer["calls"]]
    verdict = f"wrong ({answer['problem'].removeprefix('wrong: ')})" if answer["problem"] else "right"
    return f"{verdict}: {_code(' '.join([answer['text'], *calls]) or 'nothing')}"


def _code(text: str) -> str:
    """Return `text` as code on one line, shortened if it is long."""
    text = " ".join(text.split()).replace("`", "'")
    return f"`{text if len(text) <= _SHOWN else text[:_SHOWN].rstrip() + ' …'}`"
