"""The results of `make bench` as rows of a table, for the book's page and for the terminal."""

import json
from dataclasses import dataclass
from typing import Any

from llamastack_workshop.publishing.book_pages.markdown import table
from llamastack_workshop.system import paths

RESULTS = paths.MEASUREMENTS / "costs.json"
HEADER = ("what", "median", "compared with", "ratio (least–most)")
_SUITES = {"test": "make test", "test-all": "make test-all"}
NOTHING = "–"

type Spread = dict[str, float]
type Row = tuple[str, str, str, str]


@dataclass(frozen=True)
class Section:
    """A group of rows of the table, with a title."""

    title: str
    rows: list[Row]


def costs() -> str:
    """Return the committed figures as Markdown: the circumstances, then a table for each section."""
    figures = json.loads(RESULTS.read_text(encoding="utf-8"))
    parts = ["## The figures\n", f"{circumstances(figures)}\n{remarks(figures)}\n"]
    for section in sections(figures):
        parts.append(f"### {section.title}\n")
        parts.append(table("costs", HEADER, section.rows))
    return "\n".join(parts)


def circumstances(figures: dict[str, Any]) -> str:
    """Return a sentence about the date and the environment of the measurement."""
    measured, model = figures["measured"], figures["model"]
    packages = measured["packages"]
    return (
        f"Measured on {measured['date']} in {_counted(measured['rounds'], 'round')},"
        f" on {measured['cores']} cores ({measured['processor']}) with {measured['memory_gb']} GB of memory,"
        f" {measured['system']}, Python {measured['python']}, LlamaStack {packages['llama-stack']},"
        f" openai {packages['openai']}, llama.cpp from xllamacpp {model['xllamacpp']}"
        f" with {_counted(model['threads'], 'thread')}."
    )


def sections(figures: dict[str, Any]) -> list[Section]:
    """Return the rows of the table, grouped into sections."""
    loads = list(dict.fromkeys(entry["at_once"] for entry in figures["gateway"]))
    return [
        Section("The stack, from the command to its first answer", _stack(figures["stack"])),
        Section("A throw-away server forked from the mould", _throwaway(figures["throwaway"])),
        *(Section(_at_once(at_once), _gateway(figures["gateway"], at_once)) for at_once in loads),
        Section(f"LlamaStack's own work, at {loads[-1]} at once", _work(figures["gateway"], loads[-1])),
        Section("The embedded model, and the tests", [*_model(figures["model"]), *_suites(figures["suites"])]),
    ]


def remarks(figures: dict[str, Any]) -> str:
    """Return sentences about errors, and about figures that were not measured."""
    errors = sum(entry["errors"] for entry in figures["gateway"])
    lines = [f"Failed requests: {errors or 'none'}."]
    if "cold" not in figures["stack"]:
        lines.append('The cold start was not measured: that takes `make bench ARGS="--cold"` and a network.')
    if "test" not in figures["suites"]:
        lines.append("The time of `make test` is unknown: run it to its end, and then `make bench`.")
    return "\n".join(lines)


def _stack(figures: dict[str, dict[str, Spread]]) -> list[Row]:
    warm = figures["warm"]
    rows = []
    if cold := figures.get("cold"):
        base = warm["seconds"]["median"]
        times = {key: value / base for key, value in cold["seconds"].items()}
        rows.append(("cold", _seconds(cold["seconds"]), f"warm, {_seconds(warm['seconds'])}", ratio(times)))
    rows.append(("warm", _seconds(warm["seconds"]), NOTHING, NOTHING))
    rows.append(("warm, CPU time", _seconds(warm["cpu_seconds"]), NOTHING, NOTHING))
    return rows


def _throwaway(figures: dict[str, dict[str, Spread]]) -> list[Row]:
    named = {"seconds": "time to first answer", "cpu_seconds": "CPU time", "mb": "its own memory"}
    return [
        (
            name,
            _amount(figures["forked"][key], key),
            f"started alone, {_amount(figures['by_itself'][key], key)}",
            ratio(figures["ratio"][key]),
        )
        for key, name in named.items()
    ]


def _gateway(entries: list[dict[str, Any]], at_once: int) -> list[Row]:
    here = [entry for entry in entries if entry["at_once"] == at_once]
    direct = {entry["streamed"]: entry["seconds"] for entry in here if entry["api"] == "direct"}
    return [
        (
            _side(entry),
            _seconds(entry["seconds"]),
            f"directly, {_seconds(direct[entry['streamed']])}",
            ratio(entry["ratio_to_direct"]),
        )
        for entry in here
        if entry["api"] != "direct"
    ]


def _work(entries: list[dict[str, Any]], at_once: int) -> list[Row]:
    """Return the server's CPU time per request, compared with that of the first entry."""
    here = [entry for entry in entries if entry["at_once"] == at_once and entry["api"] != "direct"]
    least = here[0]
    return [
        (
            _side(entry),
            f"{entry['server_cpu_seconds']['median'] * 1000:.0f} ms of CPU time",
            _side(least) if entry is not least else NOTHING,
            f"{entry['server_cpu_seconds']['median'] / least['server_cpu_seconds']['median']:.1f}"
            if entry is not least
            else NOTHING,
        )
        for entry in here
    ]


def _model(figures: dict[str, Any]) -> list[Row]:
    read, written = figures["tokens_read_per_second"], figures["tokens_written_per_second"]
    times = read["median"] / written["median"]
    return [
        ("reading a prompt", f"{read['median']:.0f} tokens/s", f"writing, {written['median']:.0f}", f"{times:.1f}"),
        ("writing an answer", f"{written['median']:.0f} tokens/s", NOTHING, NOTHING),
    ]


def _suites(suites: dict[str, dict[str, Any]]) -> list[Row]:
    return [
        (
            f"{_SUITES[name]}, the model's CPU time ({run['tests']} tests, {run['date']})",
            f"{run['model_cpu_seconds']:.0f} s",
            f"total wall time, {run['seconds']:.0f} s",
            f"{run['model_cpu_seconds'] / run['seconds']:.2f}",
        )
        for name, run in suites.items()
    ]


def _side(entry: dict[str, Any]) -> str:
    kept = {None: "", True: ", stored", False: ", not stored"}[entry["stored"]]
    return f"{entry['api'].capitalize()}{', streamed' if entry['streamed'] else ''}{kept}"


def _amount(spread: Spread, key: str) -> str:
    return f"{spread['median']:.0f} MB" if key == "mb" else _seconds(spread)


def _seconds(spread: Spread) -> str:
    return f"{spread['median']:.{2 if spread['median'] < 1 else 1}f} s"


def ratio(spread: Spread) -> str:
    """Return the text of a ratio: its median, and its range."""
    digits = 2 if spread["median"] < 10 else 0
    return f"{spread['median']:.{digits}f} ({spread['min']:.{digits}f}–{spread['max']:.{digits}f})"


def _at_once(number: int) -> str:
    return "1 request at a time" if number == 1 else f"{number} requests at once"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
