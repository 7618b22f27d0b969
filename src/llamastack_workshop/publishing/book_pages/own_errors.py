"""The messages of the workshop's own commands: every WorkshopError that the source raises."""

import ast
import re
from collections.abc import Iterator

from llamastack_workshop.publishing.book_pages.markdown import options_as_code, table
from llamastack_workshop.system import paths

# The placeholder for values that are known only at run time.
_LATER = "…"
_NO_FIX = "follow the line below the message, which depends on the situation"

# The expressions assigned to each variable of a function.
type Values = dict[str, list[ast.expr]]


def own_errors() -> str:
    """Return a Markdown table, sorted by message; `…` stands for values that are known only at run time."""
    source = paths.ROOT / "src" / "llamastack_workshop"
    found = {error for file in source.rglob("*.py") for error in errors_in(file.read_text(encoding="utf-8"))}
    # Two places may raise the same problem: one line is enough.
    errors = sorted(dict(sorted(found)).items(), key=lambda error: re.sub(r"\W", "", error[0]).casefold())
    return table(
        "own-errors",
        ("the message", "what to do"),
        [(f"`{_plain(problem)}`", options_as_code(_plain(fix))) for problem, fix in errors],
    )


def errors_in(source: str) -> Iterator[tuple[str, str]]:
    """Yield problem and fix of each WorkshopError in a module's functions, unless the problem has no fixed words."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        values = _values(function)
        for call in ast.walk(function):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "WorkshopError" and len(call.args) == 2:
                problems, fixes = (_wordings(argument, values) for argument in call.args)
                for problem in problems:
                    yield problem, " Or: ".join(fixes) or _NO_FIX


def _values(function: ast.FunctionDef) -> Values:
    found: Values = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _wordings(node: ast.expr, values: Values) -> list[str]:
    """Return the possible texts of the expression, as far as the source shows them."""
    if isinstance(node, ast.IfExp):
        return _wordings(node.body, values) + _wordings(node.orelse, values)
    # If a variable is assigned in several places, its value is unknown.
    if isinstance(node, ast.Name) and len(values.get(node.id, [])) == 1:
        return _wordings(values[node.id][0], {})
    return [_text(node, values)] if re.search(r"\w{3}", _text(node, {})) else []


def _text(node: ast.expr, values: Values) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.IfExp):
        return _text(node.body, values)
    if isinstance(node, ast.Name) and len(values.get(node.id, [])) == 1:
        # Without `values`: a variable may be defined in terms of itself.
        return _text(values[node.id][0], {})
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, values) for part in node.values)
    return _text(node.value, values) if isinstance(node, ast.FormattedValue) else _LATER


def _plain(text: str) -> str:
    """Return a message for a table cell: on one line, without code spans."""
    return re.sub(r"\s+", " ", text).replace("`", "").replace("|", r"\|")
