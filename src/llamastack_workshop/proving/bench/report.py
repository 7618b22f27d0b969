"""The figures of a bench run for the terminal: the rows that the book shows, as one table."""

from typing import Any

from rich.table import Table
from rich.text import Text

from llamastack_workshop.publishing.book_pages.costs import HEADER, NOTHING, ratio, sections

_NAMES = {
    "pure": "pure",
    "langchain_chat": "LangChain",
    "hybrid": "hybrid",
    "without_llamastack": "LangChain, the model directly",
}


def report(figures: dict[str, Any]) -> Table:
    """Return the table of `costs`, preceded by the comparison of the programs."""
    table = Table(*HEADER, title="Ratios of one run")
    for name, *rest in _programs(figures["comparison"]["programs"]):
        table.add_row(name, *rest)
    for section in sections(figures["costs"]):
        table.add_section()
        table.add_row(Text(section.title, style="bold"))
        for row in section.rows:
            table.add_row(*row)
    return table


def _programs(programs: dict[str, dict[str, Any]]) -> list[tuple[Any, str, str, str]]:
    rows: list[tuple[Any, str, str, str]] = [(Text("The comparison: one chain of two calls", style="bold"), "", "", "")]
    for name, program in programs.items():
        seconds, times = program["chain"]["seconds"], program["chain"]["ratio_to_pure"]["seconds"]
        compared = (NOTHING, NOTHING) if name == "pure" else ("pure", ratio(times))
        rows.append((_NAMES[name], f"{seconds['median']:.2f} s", *compared))
    return rows
