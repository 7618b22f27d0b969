"""Orchestrator-workers: a model plans how to split a job, a worker does each part, and a synthesis combines them.

The plan lists the laptops in a review. Each worker gets the part of the text about one of them, and at most CONCURRENCY
workers run at a time. Python compares their findings; a model phrases the result.
Orchestrator-workers is one of the patterns of https://www.anthropic.com/engineering/building-effective-agents.
"""

import asyncio
import re
import textwrap
from collections.abc import Callable
from typing import Annotated

from openai import AsyncOpenAI
from pydantic import BaseModel, Field

from llamastack_workshop.patterns.product_texts import (
    EXAMPLE,
    UnclearText,
    check_sizes,
    flaw,
    gigabytes,
    names,
    part_about,
    prices,
    quantities,
    values,
    written_prices,
)
from llamastack_workshop.patterns.steps import Journal, Step, StepError, answer_schema, ask_async, one_of, schema_gate

REVIEW = (
    "Our test had three laptops. The UltraBook has 16 GB of memory and a 1 TB drive, and costs 1299 euros. "
    "The Pebble comes with 8 GB of memory and a 256 GB drive for 499 euros. "
    "The Titan has 64 GB of memory, a 4 TB drive, and a price of 2899 euros."
)

CONCURRENCY = 2

PLAN = "List the names of the laptops.\n\n{text}"
WORK = "Give the specifications of the {laptop}:\n\n{part}"
ADVISE = (
    "Write one sentence about the laptops: the {cheapest} the cheapest at {euros} euros, "
    "the {largest} the most memory with {memory}."
)


class Plan(BaseModel, extra="forbid"):
    """The planner's answer: the names of the laptops, each of which gets a worker."""

    laptops: list[str]


class Specifications(BaseModel, extra="forbid"):
    """A worker's answer."""

    memory: str
    drive: str
    price: str


class Row(BaseModel):
    """A laptop with its worker's findings."""

    laptop: str
    memory: str
    drive: str
    price: str


class Comparison(BaseModel):
    """The laptops of a text in its order, the workers' findings, and the advice."""

    plan: list[str]
    rows: list[Row]
    advice: str


async def run_workers(
    client: AsyncOpenAI, model: str, text: str, journal: Journal, concurrency: int = CONCURRENCY
) -> Comparison:
    """Plan which laptops in `text` to look up, run at most `concurrency` workers at a time, and phrase the advice.

    A worker that fails does not stop the others. Raises the StepError of the first failed worker, in the order of the
    plan; the finished steps are in `journal`.
    """
    planned = await ask_async(
        client,
        model,
        "plan",
        PLAN.format(text=text),
        journal=journal,
        gate=lambda answer: plan_gate(answer, text),
        schema=plan_schema(text),
    )
    plan = planned_laptops(Plan.model_validate_json(planned.output), text)
    slots = asyncio.Semaphore(concurrency)

    async def work(laptop: str) -> Row:
        part = part_about(text, laptop)
        schema = worker_schema(laptop, part)
        async with slots:
            step = await ask_async(
                client,
                model,
                step_name(laptop),
                WORK.format(laptop=laptop, part=part),
                journal=journal,
                gate=schema_gate(schema),
                schema=schema,
            )
        return Row(laptop=laptop, **Specifications.model_validate_json(step.output).model_dump())

    results = await asyncio.gather(*(work(laptop) for laptop in plan), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    advised = await ask_async(
        client,
        model,
        "advise",
        advice_prompt(results),
        journal=journal,
        gate=lambda answer: advice_gate(answer, results),
        max_output_tokens=64,
    )
    return Comparison(plan=plan, rows=results, advice=advised.output.strip())


def candidates(text: str) -> list[str]:
    """Return the names that a plan may use: those in `text` that come with a memory, a drive or a price.

    Raises UnclearText if there are none, or if no memory and no drive is in the text.
    """
    sized = values(text, "memory") or values(text, "drive")
    if not sized:
        check_sizes(text)
    found = [name for name in names(text) if _has_values(part_about(text, name))]
    if not (sized and found):
        why = ": a name begins with a capital letter" if sized else " with a memory or a drive in GB or TB"
        raise UnclearText(
            f"The text names no laptop{why}.",
            f"Write it like this: The {EXAMPLE.split(':')[0]} has 16 GB of memory, a 1 TB drive, and costs 1299 euros.",
        )
    return found


def plan_schema(text: str) -> type[BaseModel]:
    """Return the schema of a plan for `text`: a list of names from the text, at least as many as have a price.

    A model may repeat a name: no schema that can be enforced here prevents that.
    """
    names = candidates(text)
    fewest = max(1, len(_with_a_price(text)))
    return answer_schema(laptops=Annotated[list[one_of(names)], Field(min_length=fewest, max_length=len(names))])


def worker_schema(laptop: str, part: str) -> type[BaseModel]:
    """Return the schema of the specifications of `laptop` in `part`, which allows only values from that text.

    Raises StepError if a value is missing from the text, or if there are two: the gate before the call.
    """
    if unfit := flaw(part):
        problem = f"was not asked: the text {unfit}, in {textwrap.shorten(part, 80, placeholder=' …')!r}"
        raise StepError(Step(name=step_name(laptop), prompt=part), "text", problem)
    return answer_schema(
        memory=one_of(values(part, "memory")),
        drive=one_of(values(part, "drive")),
        price=one_of(written_prices(part)),
    )


def plan_gate(answer: str, text: str) -> str | None:
    """Accept a plan if each of its laptops has specifications in `text`, and no laptop with a price is missing."""
    if problem := schema_gate(Plan)(answer):
        return problem
    laptops = Plan.model_validate_json(answer).laptops
    if not laptops:
        return "the plan is empty"
    for laptop in laptops:
        if laptop not in candidates(text):
            return f"the text has no specifications of {laptop!r}"
    left_out = [name for name in _with_a_price(text) if name not in laptops]
    return f"the {left_out[0]} is missing" if left_out else None


def _with_a_price(text: str) -> list[str]:
    return [name for name in candidates(text) if prices(part_about(text, name))]


def planned_laptops(plan: Plan, text: str) -> list[str]:
    """Return the laptops of `plan` in the order of `text`, without duplicates."""
    return sorted(set(plan.laptops), key=candidates(text).index)


def step_name(laptop: str) -> str:
    """Return the name of the step of the worker for `laptop`."""
    return f"work {laptop}"


def cheapest(rows: list[Row]) -> list[Row]:
    """Return the rows with the lowest price."""
    return _all_with(min, rows, lambda row: float(row.price.split()[0]))


def most_memory(rows: list[Row]) -> list[Row]:
    """Return the rows with the most memory."""
    return _all_with(max, rows, lambda row: gigabytes(row.memory))


def _all_with(extreme: Callable[..., float], rows: list[Row], key: Callable[[Row], float]) -> list[Row]:
    wanted = extreme(map(key, rows))
    return [row for row in rows if key(row) == wanted]


def advice_prompt(rows: list[Row]) -> str:
    """Return the prompt for phrasing the result of the comparison."""
    low, high = cheapest(rows), most_memory(rows)
    return ADVISE.format(
        cheapest=_joined(low, "is", "are"),
        euros=low[0].price.split()[0],
        largest=_joined(high, "has", "have"),
        memory=high[0].memory,
    )


def _joined(rows: list[Row], one: str, several: str) -> str:
    return f"{' and '.join(row.laptop for row in rows)} {one if len(rows) == 1 else several}"


def advice_gate(answer: str, rows: list[Row]) -> str | None:
    """Accept an answer that names the cheapest laptop with its price, then the one with the most memory, and no other.

    If several are equal, it has to name them all. "cheapest" or "most memory" has to stand between the laptops and
    their number. Laptops that are both need no second name.
    """
    low, high = ([row.laptop for row in found] for found in (cheapest(rows), most_memory(rows)))
    for name in _named([row.laptop for row in rows], answer):
        if name not in (*low, *high):
            return f"the {name} is neither the cheapest nor has it the most memory"
    euros, memory = cheapest(rows)[0].price.split()[0], most_memory(rows)[0].memory
    rest = answer
    for fact in (*low, "cheapest", euros, *(high if high != low else []), "most memory", memory):
        _, found, rest = rest.partition(fact)
        if not found:
            return f"{fact} is missing, or not in its place"
    return None


def _named(names: list[str], sentence: str) -> list[str]:
    """Return those of `names` that are in `sentence`; the Titan Pro is not the Titan."""
    found = []
    for name in sorted(names, key=len, reverse=True):
        sentence, times = re.subn(rf"\b{re.escape(name)}\b", "", sentence)
        if times:
            found.append(name)
    return found


def _has_values(text: str) -> bool:
    return bool(prices(text)) or any(quantity.kind != "processor" for quantity in quantities(text))
