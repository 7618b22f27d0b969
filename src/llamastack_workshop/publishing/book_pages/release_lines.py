"""The release lines side by side, as Markdown: the chapters that ran on each, its names, and its behaviour."""

import ast
import inspect
import json
from collections.abc import Mapping
from typing import Any, get_type_hints

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.attending.stack_results import RESULTS
from llamastack_workshop.publishing.book_pages.markdown import table
from llamastack_workshop.server import lines
from llamastack_workshop.server.lines import LINES, Line

NOTHING = "–"
# They are in the heads of the columns.
_IN_HEADS = ("product", "series")


def release_lines() -> str:
    """Return three tables with a column for each line: the chapters, the names, and the behaviour."""
    columns = tuple(line.name for line in LINES)
    meanings = {name: text for name, text in _meanings().items() if name not in _IN_HEADS}
    behaviour = [name for name, kind in get_type_hints(Line).items() if kind is bool]
    names = [name for name in meanings if name not in behaviour]
    return "\n".join(
        [
            "## The chapters\n",
            "The table shows the last run of each chapter on each line, or the reason why the line skips it.\n",
            table("release-lines", ("chapter", *columns), _chapters()),
            "## The names\n",
            "The same parts have different names in configurations, metrics and commands.\n",
            table("release-lines", ("name", *columns), _rows(meanings, names)),
            "## The behaviour\n",
            "The lines also behave differently; the chapter on each subject shows it.\n",
            table("release-lines", ("behaviour", *columns), _rows(meanings, behaviour)),
        ]
    )


def _chapters() -> list[tuple[str, ...]]:
    results = [json.loads((RESULTS / f"{line.stack}.json").read_text(encoding="utf-8"))["chapters"] for line in LINES]
    return [(path.stem, *(_outcome(result.get(path.stem, {})) for result in results)) for path in chapters()]


def _outcome(result: Mapping[str, Any]) -> str:
    if not result:
        return NOTHING
    return (
        f"{result['outcome']}: {result['reason']}" if result.get("reason") else f"{result['outcome']}, {result['date']}"
    )


def _rows(meanings: Mapping[str, str], names: list[str]) -> list[tuple[str, ...]]:
    return [(meanings[name], *(_shown(getattr(line, name)) for line in LINES)) for name in names]


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(f"`{one}`" for one in value)
    return f"`{value}`" if value else NOTHING


def _meanings() -> dict[str, str]:
    """Return the text below each field of `Line`, by the field's name."""
    (declared,) = ast.parse(inspect.getsource(lines.Line)).body
    texts: dict[str, str] = {}
    for field, text in zip(declared.body, declared.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            words = " ".join(str(text.value.value).split()).removesuffix(".").removeprefix("Whether ")
            texts[field.target.id] = words[0].upper() + words[1:]
    return texts
