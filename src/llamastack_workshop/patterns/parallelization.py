"""Parallelization: questions about the sections of a text in parallel, each in several phrasings that take a vote.

Plain Python extracts the sizes and prices in a section: no other value passes, and two for a field are refused.
So the votes that pass agree, and the count changes nothing; it decides where votes have a choice, as in chapter 13.
Sectioning splits the work into independent parts; voting asks the same question more than once.
Both are variants of parallelization in https://www.anthropic.com/engineering/building-effective-agents.
"""

import asyncio
import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from openai import AsyncOpenAI
from pydantic import BaseModel

from llamastack_workshop.patterns.product_texts import flaw, prices, sections, values
from llamastack_workshop.patterns.steps import Journal, Step, StepError, answer_schema, ask_async, one_of, schema_gate

CATALOG_TEXT = """\
The Robin costs 399 euros, a bag for it 49 euros. Memory: 8 GB. Drive: 256 GB.

The Orca, at 1799 euros, offers a 2 TB drive and 32 GB of memory.

At 2199 euros, the Condor comes with 48 GB of RAM and an SSD of 2 TB."""


class Phrasing(NamedTuple):
    """One way to ask: the prompt, and the order of the fields in the answer."""

    prompt: str
    fields: tuple[str, str, str]


# A small model tends to fill in sizes in the order of the text, so the phrasings order the fields differently.
PHRASINGS = {
    "json": Phrasing(
        "Transform the following text into a JSON object with 'memory', 'drive' and 'euros' as keys:\n\n{text}",
        ("memory", "drive", "euros"),
    ),
    "give": Phrasing("Give the specifications of this laptop:\n\n{text}", ("drive", "memory", "euros")),
    "question": Phrasing(
        "{text}\n\nWhat are the drive, the memory and the price of this laptop?", ("drive", "memory", "euros")
    ),
}

APART = "there is a blank line between two"

# Concurrent requests: as many as the embedded model processes at a time.
CONCURRENCY = 4


class Vote(BaseModel, extra="forbid"):
    """The model's answer about a section to one phrasing."""

    memory: str
    drive: str
    euros: int | float


class Laptop(BaseModel):
    """The majority's answer about a section, with None for a field without a majority.

    `agreement` is the number of votes for the field with the least agreement. In a run, all votes agree, because
    `vote_schema` leaves them no choice: no field is None, and `agreement` is the number of phrasings.
    """

    section: str
    memory: str | None
    drive: str | None
    euros: int | float | None
    agreement: int


class Catalog(BaseModel):
    """One laptop per section, in the order of the text."""

    laptops: list[Laptop]


class Part(NamedTuple):
    """One request: a question about a section, in one phrasing."""

    name: str
    prompt: str
    section: str
    fields: tuple[str, str, str]


async def run_votes(client: AsyncOpenAI, model: str, text: str, journal: Journal) -> Catalog:
    """Ask about every section of `text` in every phrasing, `CONCURRENCY` requests at a time, and count the votes.

    A failed part does not stop the others: the finished ones are in `journal` when its StepError is raised.
    """
    slots = asyncio.Semaphore(CONCURRENCY)

    async def vote(part: Part) -> Step:
        async with slots:
            schema = vote_schema(part)
            # Not every upstream enforces a schema.
            gate = schema_gate(schema)
            return await ask_async(client, model, part.name, part.prompt, journal=journal, gate=gate, schema=schema)

    results = await asyncio.gather(*(vote(part) for part in parts(text)), return_exceptions=True)
    for failed in results:
        if isinstance(failed, BaseException):
            raise failed
    return count_votes(text, [Vote.model_validate_json(step.output) for step in results])


def parts(text: str) -> Iterator[Part]:
    """Yield the requests for `text`: for each section, in order, one per phrasing."""
    for number, section in enumerate(sections(text), 1):
        for name, phrasing in PHRASINGS.items():
            yield Part(f"{name} {number}", phrasing.prompt.format(text=section), section, phrasing.fields)


def vote_schema(part: Part) -> type[BaseModel]:
    """Return the schema of a vote, which allows only the section's one value for each field.

    Raises StepError if the section lacks a value, if it gives two for a field, or if it is about several laptops: the
    gate before the call.
    """
    if problem := _unfit(part.section):
        raise StepError(Step(name=part.name, prompt=part.prompt), "text", f"was not asked: {problem}")
    memories, drives = values(part.section, "memory"), values(part.section, "drive")
    types = {"memory": one_of(memories), "drive": one_of(drives), "euros": one_of(prices(part.section))}
    return answer_schema(**{name: types[name] for name in part.fields})


def count_votes(text: str, votes: list[Vote]) -> Catalog:
    """Return the majority's answer about each section; the `votes` are in the order of `parts(text)`."""
    each = len(PHRASINGS)
    return Catalog(
        laptops=[majority(section, votes[n * each : (n + 1) * each]) for n, section in enumerate(sections(text))]
    )


def majority(section: str, votes: list[Vote]) -> Laptop:
    """Return the values with more than half of the `votes` on one section, field by field.

    A vote with the same size for memory and drive is invalid for both fields, unless the section gives it for both.
    """
    equal = set(values(section, "memory")) & set(values(section, "drive"))
    valid = [vote for vote in votes if vote.memory != vote.drive or vote.memory in equal]
    counted = {"memory": valid, "drive": valid, "euros": votes}
    found = {name: most_common([getattr(vote, name) for vote in those]) for name, those in counted.items()}
    return Laptop(
        section=_short(section),
        **{name: value if 2 * number > len(votes) else None for name, (value, number) in found.items()},
        agreement=min(number for _, number in found.values()),
    )


def most_common(values: list[Any]) -> tuple[Any, int]:
    """Return the most frequent value in `values` and its count, or (None, 0) if there are none."""
    return Counter(values).most_common(1)[0] if values else (None, 0)


def _short(section: str) -> str:
    return textwrap.shorten(section, 40, placeholder=" …")


def _unfit(section: str) -> str | None:
    """Return the reason why `section` cannot be asked about, or None."""
    problem = flaw(section)
    given = (values(section, "memory"), values(section, "drive"), prices(section))
    # Two laptops may have the same memory, drive or price.
    if all(given) and sum(len(found) > 1 for found in given) > 1:
        problem = f"is about more than one laptop; {APART}"
    return f"{_short(section)!r} {problem}" if problem else None
