"""Answers to chapter 13, Parallelization."""

import asyncio
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched
from typing import Any

from answers import Answer
from llamastack_workshop.exercises.parallelization import never_guesses, runs_bounded

Jobs = list[Callable[[], Awaitable[Any]]]


def bounded(style: str, function: Any, said: str = "") -> Answer:
    return Answer(runs_bounded, style, lambda s: [function], said)


async def or_exception(job: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await job()
    except Exception as error:
        return error


async def with_a_queue(jobs: Jobs, limit: int) -> list[Any]:
    queue, results = list(enumerate(jobs))[::-1], [None] * len(jobs)

    async def worker() -> None:
        while queue:
            place, job = queue.pop()
            results[place] = await or_exception(job)

    async with asyncio.TaskGroup() as group:
        for _ in range(limit):
            group.create_task(worker())
    return results


async def in_batches(jobs: Jobs, limit: int) -> tuple[Any, ...]:
    results = []
    for some in batched(jobs, limit):
        results += await asyncio.gather(*map(or_exception, some))
    return tuple(results)


def gathers_at_once(jobs: Jobs, limit: int) -> Awaitable[list[Any]]:
    """Return an awaitable from a function that isn't `async`."""
    return with_semaphore(limit)(jobs, limit)


def with_semaphore(places: int | None = None, **options: Any) -> Callable[[Jobs, int], Awaitable[list[Any]]]:
    """Return an answer with a semaphore of `places` slots, or of `limit`."""

    async def run_all(jobs: Jobs, limit: int) -> list[Any]:
        free = asyncio.Semaphore(places or limit)

        async def run(job: Callable[[], Awaitable[Any]]) -> Any:
            async with free:
                return await job()

        return await asyncio.gather(*map(run, jobs), **{"return_exceptions": True, **options})

    return run_all


class Runner:
    async def __call__(self, jobs: Jobs, limit: int) -> list[Any]:
        tasks, free = [], asyncio.Semaphore(limit)
        for job in jobs:
            await free.acquire()
            task = asyncio.create_task(job())
            task.add_done_callback(lambda _: free.release())
            tasks.append(task)
        return await asyncio.gather(*tasks, return_exceptions=True)


async def one_by_one(jobs: Jobs, limit: int) -> list[Any]:
    return [await or_exception(job) for job in jobs]


async def with_a_group(jobs: Jobs, limit: int) -> list[Any]:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(job()) for job in jobs]
    return [task.result() for task in tasks]


async def with_wait(jobs: Jobs, limit: int) -> list[Any]:
    free = asyncio.Semaphore(limit)

    async def run(job: Callable[[], Awaitable[Any]]) -> Any:
        async with free:
            return await or_exception(job)

    tasks = [asyncio.create_task(run(job)) for job in jobs]
    await asyncio.wait(tasks)
    return [task.result() for task in tasks]


async def twice_at_once(jobs: Jobs, limit: int) -> list[Any]:
    async def run() -> list[Any]:
        return await with_semaphore()(jobs, limit)

    return (await asyncio.gather(run(), run()))[0]


async def in_threads(jobs: Jobs, limit: int) -> list[Any]:
    def run(job: Callable[[], Awaitable[Any]]) -> Any:
        return asyncio.run(or_exception(job))

    with ThreadPoolExecutor(limit) as pool:
        loop = asyncio.get_running_loop()
        return await asyncio.gather(*(loop.run_in_executor(pool, run, job) for job in jobs))


async def as_they_end(jobs: Jobs, limit: int) -> list[Any]:
    results, free = [], asyncio.Semaphore(limit)

    async def run(job: Callable[[], Awaitable[Any]]) -> None:
        async with free:
            results.append(await or_exception(job))

    await asyncio.gather(*map(run, jobs))
    return results


async def waits_for_ever(jobs: Jobs, limit: int) -> list[Any]:
    await asyncio.Event().wait()
    return []


def changed(change: Callable[[list[Any]], Any]) -> Callable[[Jobs, int], Awaitable[Any]]:
    async def run_all(jobs: Jobs, limit: int) -> Any:
        return change(await with_semaphore()(jobs, limit))

    return run_all


def voted(style: str, function: Any, said: str = "") -> Answer:
    return Answer(never_guesses, style, lambda s: [function], said)


def by_sorting(votes: list[Any], needed: int) -> Any:
    cast = [vote for vote in votes if vote is not None]
    numbers = sorted(((cast.count(value), value) for value in set(cast)), reverse=True)
    if not numbers or numbers[0][0] < needed:
        return None
    if len(numbers) > 1 and numbers[0][0] == numbers[1][0]:
        return None
    return numbers[0][1]


def by_modes(votes: list[Any], needed: int) -> Any:
    counted = Counter(votes)
    del counted[None]
    most = max(counted.values(), default=0)
    strongest = [value for value, number in counted.items() if number == most]
    return strongest[0] if len(strongest) == 1 and most >= needed else None


def counted(
    votes: list[Any],
    needed: int,
    vote: Callable[[Any], bool] = lambda one: one is not None,
    enough: Callable[[int, int], bool] = lambda number, needed: number >= needed,
    tie: Callable[[list[int]], bool] = lambda numbers: numbers[:1] == numbers[1:2],
) -> Any:
    """A right answer, unless the changes make it wrong."""
    ranked = Counter(filter(vote, votes)).most_common()
    if not ranked or not enough(ranked[0][1], needed) or tie([number for _, number in ranked]):
        return None
    return ranked[0][0]


def exactly(votes: list[Any], needed: int) -> Any:
    """Return the right verdict only for the ballots of an earlier version of the check."""
    known = {
        ("1 TB", "2 TB", "1 TB"): "1 TB",
        ("2 TB", "4 TB", "4 TB", "4 TB"): "4 TB",
        (None, "2 TB", "2 TB", None, None): "2 TB",
        (999, 999, 799, 799, 799): 799,
        (899, 799, 799, 999, 899, 799, 999): 799,
        (0, 0, 999): 0,
    }
    return known.get(tuple(votes)) if needed == 2 else None


def by_multimode(votes: list[Any], needed: int) -> Any:
    while None in votes:
        votes.remove(None)
    strongest = statistics.multimode(votes)
    return strongest[0] if len(strongest) == 1 and votes.count(strongest[0]) >= needed else None


def only_one_reaches(votes: list[Any], needed: int) -> Any:
    reached = [value for value, number in Counter(votes).items() if value is not None and number >= needed]
    return reached[0] if len(reached) == 1 else None


RIGHT = [
    bounded("workers and a queue", with_a_queue),
    bounded("in batches, as a tuple", in_batches),
    bounded("a function that returns an awaitable", gathers_at_once),
    bounded("a class with __call__, and a task for each", Runner()),
    bounded("a partial", partial(with_semaphore())),
    bounded("threads", in_threads),
    voted("by sorting", by_sorting),
    voted("by the largest number", by_modes),
    voted("a partial", partial(counted)),
    voted("by multimode, with the list changed", by_multimode),
]

WRONG = [
    bounded("no bound", with_semaphore(99), "8 jobs ran at once, but only 3 are allowed"),
    bounded("one after the other", one_by_one, "one after the other"),
    bounded("one exception for all", with_semaphore(return_exceptions=False), "the others' results are lost"),
    bounded("always three", with_semaphore(3), "3 jobs ran at once, but only 2 are allowed"),
    bounded(
        "a limit for each number of jobs",
        lambda jobs, limit: with_semaphore({8: 3, 7: 2}.get(len(jobs), 4))(jobs, limit),
        "of 8 jobs, only 3 ran at once, although 5 are allowed",
    ),
    bounded(
        "three at the most",
        lambda jobs, limit: with_semaphore(min(limit, 3))(jobs, limit),
        "of 8 jobs, only 3 ran at once, although 5 are allowed",
    ),
    bounded(
        "two at the least",
        lambda jobs, limit: with_semaphore(max(limit, 2))(jobs, limit),
        "2 jobs ran at once, but only 1 is allowed",
    ),
    bounded("a group of tasks", with_a_group, "the others' results are lost"),
    bounded("each twice, at the same time", twice_at_once, "a job ran more than once"),
    bounded("a wait for nothing", with_wait, "for an empty list of jobs, running your code raised ValueError"),
    bounded("always two", with_semaphore(2), "only 2 ran at once, although 3 are allowed"),
    bounded("one more", lambda jobs, limit: with_semaphore(limit + 1)(jobs, limit), "4 jobs ran at once"),
    bounded("as they end", as_they_end, "keep the order of the jobs"),
    bounded("exceptions left out", changed(lambda all_: [one for one in all_ if isinstance(one, str)]), "return 6"),
    bounded("exceptions as texts", changed(lambda all_: list(map(str, all_))), "put the exception there"),
    bounded(
        "None for exceptions",
        changed(lambda a: [one if isinstance(one, str) else None for one in a]),
        "put the exception there",
    ),
    bounded("a dictionary", changed(lambda all_: dict(enumerate(all_))), "return a list of the results, not a dict"),
    bounded("the jobs' numbers", changed(lambda all_: list(range(len(all_)))), "which job 0 did not return"),
    bounded("nothing comes back", changed(lambda all_: None), "return a list of the results, not a NoneType"),
    bounded("no coroutine", lambda jobs, limit: [1, 2, 3], "your return value cannot be awaited"),
    voted("the most common", lambda votes, needed: Counter(votes).most_common(1)[0][0], "no value has two votes"),
    voted("a tie is won", partial(counted, tie=lambda numbers: False), "several values have one each"),
    voted("any two that are equal", partial(counted, tie=lambda n: len(set(n)) < len(n)), "and the next one has two"),
    voted(
        "exactly so many", partial(counted, enough=lambda number, needed: number == needed), "two or more are enough"
    ),
    voted(
        "more than needed", partial(counted, enough=lambda number, needed: number > needed), "two or more are enough"
    ),
    voted("two are always enough", partial(counted, enough=lambda number, needed: number >= 2), "no value has three"),
    voted("abstentions count", partial(counted, vote=lambda one: True), "abstentions don't count"),
    voted("0 abstains", partial(counted, vote=bool), "only None is an abstention"),
    voted("only one may reach it", only_one_reaches, "799 has three, and the next one has two"),
    voted(
        "more than half",
        partial(counted, enough=lambda number, needed: number > 2),
        "'1 TB' has two, and the next one has one",
    ),
    voted("a table", exactly, "for [799] with 1 needed, you return None, not 799"),
    voted("half of the ballot", lambda votes, n: counted(votes, max(n, len(votes) // 2)), "[799, None, None, None]"),
    voted("one alone never", lambda votes, needed: counted(votes, max(needed, 2)), "799 has one; one or more are"),
    voted(
        "the value as a text", lambda v, n: (lambda one: one and str(one))(counted(v, n)), "with its type in the votes"
    ),
    voted("an exception without votes", lambda votes, needed: counted(votes, needed) if votes else votes[0], "raised"),
    voted("a text for None", lambda votes, needed: counted(votes, needed) or "undecided", "you return 'undecided'"),
    voted("the number too", lambda votes, needed: (counted(votes, needed), 2), "you return ('1 TB', 2), not '1 TB'"),
]
