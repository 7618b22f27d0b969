"""Checks of chapter 13, Parallelization."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable
from itertools import product
from typing import Any

from llamastack_workshop.exercises.check import NotYet, call, exercise, require, require_function, your_code
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

# Numbers of jobs, and limits: the same number of jobs with two limits, and unusual limits.
_ROUNDS = ((8, 3), (7, 2), (8, 5), (3, 1), (2, 4), (0, 3))

# Hand-picked ballots, each with the number of votes needed, followed by all short ballots.
_BALLOTS: list[tuple[list[Any], int]] = [
    (["1 TB", "2 TB", "1 TB"], 2),
    (["1 TB", "2 TB", "4 TB"], 2),
    (["2 TB", "4 TB", "4 TB", "4 TB"], 2),
    (["1 TB", "1 TB", "2 TB"], 3),
    ([None, "2 TB", "2 TB", None, None], 2),
    ([799, None, 999], 1),
    ([999, 999, 799, 799, 799], 2),
    ([899, 799, 799, 999, 899, 799, 999], 2),
    ([899, 799, 799, 999, 899], 2),
    ([0, 0, 999], 2),
    *(
        (list(votes), needed)
        for size in range(5)
        for votes in product((799, 899, 0, None), repeat=size)
        for needed in (1, 2, 3)
    ),
]
_NUMBERS = ("no", "one", "two", "three", "four")


class _JobError(Exception):
    """The exception that the check's jobs raise."""


@exercise
def runs_bounded(function: Callable[[list[Callable[[], Awaitable[Any]]], int], Awaitable[list[Any]]]) -> str:
    """Check a coroutine that runs jobs with limited concurrency, and returns results and exceptions in order."""
    for number, limit in _ROUNDS:
        _run_bounded(function, number, limit)
    return "each round ran as many jobs at once as allowed, and the exceptions of failed jobs are in their places"


def _run_bounded(function: Callable[..., Any], number: int, limit: int) -> None:
    started: list[int] = []
    under_way: set[int] = set()
    most = 0
    # These results can only come from running the jobs; the second job and the last but one fail.
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
            # The first jobs take longest, so that they do not finish in order.
            await asyncio.sleep(0.015 * (9 - place))
            under_way.discard(place)
            if isinstance(ends[place], _JobError):
                raise ends[place]
            return ends[place]

        return run

    async def run_all() -> Any:
        # Called here, because `asyncio.gather` needs a running event loop.
        require_function(function)
        with your_code():
            results = function([job(place) for place in range(number)], limit)
        require(isawaitable(results), "write a coroutine, with `async def`: your return value cannot be awaited.")
        try:
            with your_code():
                return await asyncio.wait_for(results, 20)
        except NotYet as error:
            if isinstance(error.__cause__, _JobError | ExceptionGroup):
                raise NotYet("one job raised, and the others' results are lost: `return_exceptions=True`.") from error
            if isinstance(error.__cause__, TimeoutError):
                raise NotYet(f"{number} short jobs were not finished after 20 s: does one wait forever?") from error
            if not number:
                raise NotYet(f"for an empty list of jobs, {error}") from error
            raise

    # The notebook's thread already runs an event loop; this thread has its own.
    with ThreadPoolExecutor(1) as thread:
        results = thread.submit(lambda: asyncio.run(run_all())).result()
    require(isinstance(results, list | tuple), f"return a list of the results, not a {type(results).__name__}.")
    require(len(started) == len(set(started)), "a job ran more than once.")
    require(
        len(results) == number,
        f"there were {number} jobs, but you return {len(results)} results; keep the exceptions, too.",
    )
    for place, (result, end) in enumerate(zip(results, ends, strict=True)):
        if isinstance(end, _JobError):
            said = f"in the place of a job that raised, there is {result!r}; put the exception there."
        else:
            said = f"result {place} is {result!r}, which job {place} did not return; keep the order of the jobs."
        require(result is end, said)
    right = min(limit, number)
    require(most > 1 or right < 2, "your jobs run one after the other; start them together with `asyncio.gather`.")
    allowed = f"{limit} {'is' if limit == 1 else 'are'} allowed"
    require(most <= limit, f"{most} jobs ran at once, but only {allowed}; let each wait for a semaphore.")
    require(most == right, f"of {number} jobs, only {most} ran at once, although {allowed}; use `limit`.")


@exercise
def never_guesses(function: Callable[[list[Any], int], Any]) -> str:
    """Check a function that returns the value with enough votes, and None for a tie, too few votes, or no votes."""
    for votes, needed in _BALLOTS:
        right, why = _verdict(votes, needed)
        said = call(function, list(votes), needed, or_none=True)
        told = f"for {votes} with {needed} needed, you return {said!r}, not {right!r}"
        require(said != str(right) or said == right, f"{told}: return the value with its type in the votes.")
        require(said == right and (said is None) == (right is None), f"{told}: {why}.")
    return f"right for {len(_BALLOTS)} ballots: enough votes decide; a tie, too few votes and abstentions do not"


def _verdict(votes: list[Any], needed: int) -> tuple[Any, str]:
    """Return the right verdict on `votes`, and the reason."""
    cast = Counter(vote for vote in votes if vote is not None)
    abstention = ", and abstentions don't count" if None in votes else ""
    if not cast:
        return None, f"nobody voted{abstention}"
    (value, number), *others = cast.most_common()
    if number < needed:
        return None, f"no value has {_NUMBERS[needed]} vote{'s' if needed > 1 else ''}{abstention}"
    if others and others[0][1] == number:
        return None, f"several values have {_NUMBERS[number]} each, and none has more{abstention}"
    only = "; only None is an abstention" if not value else abstention
    second = f", and the next one has {_NUMBERS[others[0][1]]}" if others else ""
    return value, f"{value!r} has {_NUMBERS[number]}{second}; {_NUMBERS[needed]} or more are enough{only}"
