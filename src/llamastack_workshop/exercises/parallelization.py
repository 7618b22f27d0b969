"""Checks of chapter 13, Parallelization."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from llamastack_workshop.exercises.check import NotYet, exercise, given, require

_LIMIT = 3


class _JobError(Exception):
    """What a job of the check raises."""


@exercise
def runs_bounded(function: Callable[[list[Callable[[], Awaitable[Any]]], int], Awaitable[list[Any]]]) -> str:
    """Check a coroutine that runs jobs, a few at a time, and returns results and exceptions in order."""
    under_way: set[int] = set()
    most = 0

    def job(number: int) -> Callable[[], Awaitable[int]]:
        async def run() -> int:
            nonlocal most
            under_way.add(number)
            most = max(most, len(under_way))
            # The first ones take longest, so that they do not finish in order.
            await asyncio.sleep(0.02 * (9 - number))
            under_way.remove(number)
            if number == 1:
                raise _JobError("job 1 fails")
            return number

        return run

    # A notebook's thread runs a loop already; this one has its own.
    with ThreadPoolExecutor(1) as thread:
        jobs = [job(number) for number in range(8)]
        try:
            results = given(thread.submit(lambda: asyncio.run(function(jobs, _LIMIT))).result())
        except _JobError as error:
            raise NotYet("one job raised, and the other results are lost: `return_exceptions=True`.") from error
    require(isinstance(results, list), f"return a list of the results, not {type(results).__name__}.")
    require(len(results) == 8, f"there were 8 jobs, and you return {len(results)} results; keep the exceptions too.")
    require(
        isinstance(results[1], _JobError), "job 1 raised; leave its exception in its place: `return_exceptions=True`."
    )
    others = [result for result in results if not isinstance(result, _JobError)]
    require(others == [0, 2, 3, 4, 5, 6, 7], f"the results are {others}; return them in the order of the jobs.")
    require(most > 1, "your jobs run one after the other; start them together with `asyncio.gather`.")
    require(most <= _LIMIT, f"{most} jobs ran at once, and {_LIMIT} are allowed; let each wait for a semaphore.")
    require(most == _LIMIT, f"only {most} jobs ran at once, and {_LIMIT} are allowed; the limit is `limit`.")
    return f"8 jobs, {most} at once, and the one that failed stands in its place"


@exercise
def never_guesses(function: Callable[[list[Any], int], Any]) -> str:
    """Check a function that returns the value with enough votes, and None for a tie, too few votes, or no votes."""
    require(function(["1 TB", "2 TB", "1 TB"], 2) is not None, "there is no answer yet: two of three votes are enough.")
    _decides(function, ["1 TB", "2 TB", "1 TB"], 2, "1 TB", "two votes of three are enough")
    _decides(function, ["1 TB", "2 TB", "4 TB"], 2, None, "no value has two votes")
    _decides(function, ["1 TB", "1 TB", "2 TB"], 3, None, "three votes are needed; use `needed`")
    _decides(function, [None, None, "2 TB"], 2, None, "an abstention is no vote; leave None out before you count")
    _decides(function, [None, "2 TB", "2 TB", None, None], 2, "2 TB", "abstentions do not count against a value")
    _decides(
        function, ["1 TB", "2 TB", "1 TB", "2 TB"], 2, None, "a tie is undecided; compare the first with the second"
    )
    _decides(function, [None, None], 1, None, "without votes there is no value")
    return "a majority decides; a tie, too few votes and abstentions do not"


def _decides(function: Callable[[list[Any], int], Any], votes: list[Any], needed: int, right: Any, why: str) -> None:
    said = function(list(votes), needed)
    require(said == right, f"for {votes} with {needed} needed you return {said!r}, not {right!r}: {why}.")
