"""Checks of chapter 13, Parallelization."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable
from typing import Any

from llamastack_workshop.exercises.check import NotYet, call, exercise, require, require_function, your_code

# How many jobs, and how many of them at once.
_ROUNDS = ((8, 3), (7, 2), (2, 4), (0, 3))


class _JobError(Exception):
    """What a job of the check raises."""


@exercise
def runs_bounded(function: Callable[[list[Callable[[], Awaitable[Any]]], int], Awaitable[list[Any]]]) -> str:
    """Check a coroutine that runs jobs, so many at a time, and returns results and exceptions in order."""
    for number, limit in _ROUNDS:
        _run_bounded(function, number, limit)
    return "each round had as many jobs at once as are allowed, and those that failed stand in their places"


def _run_bounded(function: Callable[..., Any], number: int, limit: int) -> None:
    started: list[int] = []
    under_way: set[int] = set()
    most = 0
    # Nobody can know these results without running the jobs; the second and the last but one fail.
    ends: list[Any] = [
        _JobError(f"job {place} fails") if place in (1, number - 2) else f"result of {object()!r}"
        for place in range(number)
    ]

    def job(place: int) -> Callable[[], Awaitable[Any]]:
        async def run() -> Any:
            nonlocal most
            started.append(place)
            under_way.add(place)
            most = max(most, len(under_way))
            # The first ones take longest, so that they do not finish in order.
            await asyncio.sleep(0.015 * (9 - place))
            under_way.remove(place)
            if isinstance(ends[place], _JobError):
                raise ends[place]
            return ends[place]

        return run

    async def run_all() -> Any:
        # Called here, because `asyncio.gather` wants a loop that runs.
        require_function(function)
        with your_code():
            results = function([job(place) for place in range(number)], limit)
        require(isawaitable(results), "write a coroutine, with `async def`: what you return cannot be awaited.")
        try:
            with your_code():
                return await asyncio.wait_for(results, 20)
        except NotYet as error:
            if isinstance(error.__cause__, _JobError):
                raise NotYet("one job raised, and the others' results are lost: `return_exceptions=True`.") from error
            if isinstance(error.__cause__, TimeoutError):
                raise NotYet(f"{number} short jobs were not finished after 20 s: does one wait for ever?") from error
            raise

    # A notebook's thread runs a loop already; this one has its own.
    with ThreadPoolExecutor(1) as thread:
        results = thread.submit(lambda: asyncio.run(run_all())).result()
    require(isinstance(results, list | tuple), f"return a list of the results, not a {type(results).__name__}.")
    require(len(started) == len(set(started)), "a job ran more than once.")
    require(
        len(results) == number,
        f"there were {number} jobs, and you return {len(results)} results; keep the exceptions too.",
    )
    for place, (result, end) in enumerate(zip(results, ends, strict=True)):
        if isinstance(end, _JobError):
            said = f"in the place of a job that raised stands {result!r}; leave the exception there."
        else:
            said = f"result {place} is {result!r}, which job {place} did not return; keep the order of the jobs."
        require(result is end, said)
    right = min(limit, number)
    require(most > 1 or right < 2, "your jobs run one after the other; start them together with `asyncio.gather`.")
    require(most <= limit, f"{most} jobs ran at once, and {limit} are allowed; let each wait for a semaphore.")
    require(most == right, f"of {number} jobs only {most} ran at once, and {limit} are allowed; the limit is `limit`.")


@exercise
def never_guesses(function: Callable[[list[Any], int], Any]) -> str:
    """Check a function that returns the value with enough votes, and None for a tie, too few votes, or no votes."""
    cases: list[tuple[list[Any], int, Any, str]] = [
        (["1 TB", "2 TB", "1 TB"], 2, "1 TB", "two of the three votes name it"),
        (["1 TB", "2 TB", "4 TB"], 2, None, "no value has two votes"),
        (["2 TB", "4 TB", "4 TB", "4 TB"], 2, "4 TB", "three votes are at least two"),
        (["1 TB", "1 TB", "2 TB"], 3, None, "no value has three votes"),
        ([None, None, "2 TB"], 2, None, "one vote is left without the abstentions"),
        ([None, "2 TB", "2 TB", None, None], 2, "2 TB", "two votes name it, and an abstention is none"),
        ([799, None, 999], 1, None, "both values have one vote, and an abstention is none"),
        ([799, 999, 799, 999], 2, None, "both values have two votes"),
        ([999, 999, 799, 799, 799], 2, 799, "it has more votes than the other one"),
        ([899, 799, 799, 999, 899, 799, 999], 2, 799, "it has three votes, and the two that are equal have two each"),
        ([899, 799, 799, 999, 899], 2, None, "two values have two votes each"),
        ([0, 0, 999], 2, 0, "two of the three votes name it; only None is an abstention"),
        (["1 TB"], 1, "1 TB", "one vote is needed, and one names it"),
        ([None, None], 1, None, "nobody voted"),
        ([], 1, None, "nobody voted"),
    ]
    for votes, needed, right, why in cases:
        said = call(function, list(votes), needed, or_none=True)
        same = said == right and (said is None) == (right is None)
        require(same, f"for {votes} with {needed} needed you return {said!r}, not {right!r}: {why}.")
    return f"right for {len(cases)} ballots: enough votes decide; a tie, too few votes and abstentions do not"
