"""Answers to chapter 16, Pure, LangChain or hybrid."""

import importlib
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from functools import partial, reduce
from typing import Any

import openai
from pydantic import ValidationError

from answers import Answer, Server
from llamastack_workshop.exercises.comparison import one_handler, times_as_long
from llamastack_workshop.system import paths


def figures() -> dict[str, Any]:
    return json.loads((paths.ROOT / "book" / "measurements" / "comparison.json").read_text(encoding="utf-8"))


def ratio(style: str, function: Any, said: str = "") -> Answer:
    return Answer(times_as_long, style, lambda s: [function, figures()], said)


def seconds(
    given: dict[str, Any], program: str, of: str = "import", which: str = "median", what: str = "seconds"
) -> Any:
    return given["programs"][program][of][what][which]


def walked(given: dict[str, Any], program: str) -> Decimal:
    path = ("import", "seconds", "median")
    both = [reduce(dict.__getitem__, ("programs", name, *path), given) for name in (program, "pure")]
    return Decimal(both[0]) / Decimal(both[1])


def rounded(given: dict[str, Any], program: str) -> float:
    pure = given["programs"]["pure"]
    other = given["programs"][program]
    return round(other["import"]["seconds"]["median"] / pure["import"]["seconds"]["median"], 2)


def handled(style: str, function: Any, said: str = "", programs: tuple[str, ...] = ("pure",)) -> Answer:
    def arguments(server: Server) -> list[Any]:
        with suppress(ValueError):
            sys.path.remove(str(paths.ROOT / "comparison"))
        sys.path.insert(0, str(paths.ROOT / "comparison"))
        return [function, [importlib.import_module(name).Chain for name in programs], server.base_url, server.model]

    return Answer(one_handler, style, arguments, said)


def by_match(run: Callable[[], Any]) -> Any:
    try:
        result = run()
    except Exception as error:
        match error:
            case openai.APITimeoutError():
                return "timeout"
            case openai.APIConnectionError():
                return "no connection"
            case ValidationError() | openai.LengthFinishReasonError():
                return "cut off"
        raise
    else:
        return result


NAMES = {
    openai.APITimeoutError: "timeout",
    openai.APIConnectionError: "no connection",
    ValidationError: "cut off",
    openai.LengthFinishReasonError: "cut off",
}


def named(run: Callable[[], Any], names: dict[type[Exception], str] = NAMES) -> Any:
    """A right answer, unless the names make it wrong."""
    try:
        return run()
    except tuple(names) as error:
        return next(name for kind, name in names.items() if isinstance(error, kind))


class Handler:
    def __call__(self, run: Callable[[], Any]) -> Any:
        return named(run)


def without(*gone: type[Exception], **more: Any) -> dict[type[Exception], str]:
    return {kind: name for kind, name in NAMES.items() if kind not in gone}


RIGHT = [
    ratio("walks the keys, and returns a Decimal", walked),
    ratio("rounded to two places", rounded),
    handled("match, and raise", by_match, programs=("pure", "hybrid")),
    handled("a table, in a class with __call__", Handler(), programs=("langchain_chat",)),
]

WRONG = [
    ratio("a text", lambda given, program: "4.0", "should return a number, not a str"),
    ratio(
        "the wrong way round",
        lambda given, program: seconds(given, "pure") / seconds(given, program),
        "you divide the wrong way round",
    ),
    ratio(
        "the largest",
        lambda given, program: seconds(given, program, which="max") / seconds(given, "pure", which="max"),
        "for median import times of 2.0 s and 0.5 s, you return 1.0, not 4.0",
    ),
    ratio(
        "the smallest",
        lambda given, program: seconds(given, program, which="min") / seconds(given, "pure", which="min"),
        "for median import times of 2.0 s and 0.5 s, you return 1.0, not 4.0",
    ),
    ratio(
        "the chain",
        lambda given, program: seconds(given, program, of="chain") / seconds(given, "pure", of="chain"),
        "0.5 s, you return",
    ),
    ratio(
        "the memory",
        lambda given, program: seconds(given, program, what="mb") / seconds(given, "pure", what="mb"),
        "0.5 s, you return",
    ),
    ratio("always the hybrid", lambda given, _: seconds(given, "hybrid") / seconds(given, "pure"), "you return 2.5"),
    ratio(
        "global figures", lambda _, program: rounded(figures(), program), "for median import times of 2.0 s and 0.5 s"
    ),
    ratio("the difference", lambda given, program: seconds(given, program) - seconds(given, "pure"), "return 1.5"),
    ratio("per cent", lambda given, program: 100 * rounded(given, program), "you return 400.0, not 4.0"),
    ratio("how much longer", lambda given, program: rounded(given, program) - 1, "you return 3.0, not 4.0"),
    ratio("whole numbers", lambda given, program: int(rounded(given, program)), "you return 2.0, not 2.5"),
    ratio("not divided", seconds, "you return 2.0, not 4.0"),
    handled("a constant", lambda run: "timeout", "you do not call the function that is passed to you"),
    handled("the name in any case", lambda run: [run(), "cut off"][1], "return that; you return 'cut off'"),
    handled("nothing for nothing", lambda run: named(run) or "no result", "if the call returns 0, return that"),
    handled("twice", lambda run: [named(run), named(run)][1], "you call the function that is passed to you 2 times"),
    handled("as a text", lambda run: str(named(run)), "if the call returns 0, return that; you return '0'"),
    handled(
        "a connection first",
        partial(named, names={openai.APIConnectionError: "no connection"} | NAMES),
        "A timeout is a subclass of the connection error: catch it first.",
    ),
    handled("nothing cut off", partial(named, names=without(ValidationError)), "lets ValidationError through"),
    handled(
        "for the pure program alone",
        partial(named, names=without(openai.LengthFinishReasonError)),
        "a truncated answer in langchain_chat, your function lets LengthFinishReasonError through",
        programs=("langchain_chat",),
    ),
    handled("no timeout", partial(named, names=without(openai.APITimeoutError)), "for a timeout in pure, you"),
    handled("everything else", partial(named, names=NAMES | {Exception: "cut off"}), "let other exceptions through"),
    handled("every ValueError", partial(named, names=NAMES | {ValueError: "cut off"}), "a ValueError, which a gate"),
    handled(
        "every error of openai's",
        partial(named, names=NAMES | {openai.APIError: "no connection"}),
        "an unknown model in pure is none of the three failures",
    ),
    handled(
        "other words",
        partial(named, names=NAMES | {openai.APITimeoutError: "late"}),
        "you return 'late', not 'timeout'",
    ),
]
