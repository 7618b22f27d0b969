"""Orchestrator and workers: a model plans how a job splits, one worker does each part, and a synthesis joins them.

The plan names the laptops of a review. Each worker sees what the text says about one of them, and at most CONCURRENCY
workers run at a time. Python compares what they found; a model phrases the outcome.
Orchestrator-workers is one of the patterns of https://www.anthropic.com/engineering/building-effective-agents.
"""

import asyncio
import re
from typing import Annotated, Any

from openai import AsyncOpenAI
from pydantic import BaseModel, Field

from llamastack_workshop.patterns.steps import Journal, answer_schema, ask_async, one_of, schema_gate

REVIEW = (
    "Our test had three laptops. The UltraBook has 16 GB of memory and a 1 TB drive, and costs 1299 euros. "
    "The Pebble comes with 8 GB of memory and a 256 GB drive for 499 euros. "
    "The Titan has 64 GB of memory, a 4 TB drive, and a price of 2899 euros."
)

CONCURRENCY = 2

PLAN = "{text}\n\nWhich laptops does the text name?"
WORK = "Give the specifications of the {laptop}:\n\n{part}"
# With two sentences instead of `while`, the small model is undecided how to go on, and may say it of the wrong laptop.
ADVISE = (
    "Rewrite the following text in one sentence:\n\n"
    "The {cheapest} is the cheapest laptop at {euros} euros, while the {largest} has the most memory with {memory}."
)

_NAME = r"[A-Z][a-z][A-Za-z0-9]*(?: (?:[A-Z][a-z][A-Za-z0-9]*|[0-9]+)\b(?! [GT]B| euros))*"
# The 299 in 1,299 euros is not a number of its own.
_SIZE = r"(?<![0-9.,])[0-9]+(?:\.[0-9]+)? [GT]B"
_VALUES = {
    "memory": _SIZE + r"(?= (?:of )?(?:memory|RAM)\b)",
    "drive": _SIZE + r"(?= (?:of )?(?:drive|SSD|storage)\b)",
    "price": r"(?<![0-9.,])[0-9]+ euros",
}


class Plan(BaseModel, extra="forbid"):
    """What the planner returns: a worker for each laptop."""

    laptops: list[str]


class Specifications(BaseModel, extra="forbid"):
    """What a worker returns."""

    memory: str
    drive: str
    price: str


class Row(BaseModel):
    """What a worker found about a laptop."""

    laptop: str
    memory: str
    drive: str
    price: str


class Comparison(BaseModel):
    """The laptops of a text in the order in which it names them, what the workers found, and the advice."""

    plan: list[str]
    rows: list[Row]
    advice: str


async def run_workers(
    client: AsyncOpenAI, model: str, text: str, journal: Journal, concurrency: int = CONCURRENCY
) -> Comparison:
    """Plan which laptops of `text` to look at, let at most `concurrency` workers at a time do that, and advise.

    A worker that fails does not stop the others. Raises the StepError of the first that failed, in the order of the
    plan; the steps that finished are in `journal`.
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
        part = part_of(text, laptop)
        async with slots:
            step = await ask_async(
                client,
                model,
                step_name(laptop),
                WORK.format(laptop=laptop, part=part),
                journal=journal,
                gate=lambda answer: worker_gate(answer, part),
                schema=worker_schema(part),
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
    """Return the names that a plan may use: the capitalised words of `text` that do not just start a sentence."""
    return list(dict.fromkeys(re.findall(rf"(?:\b[Tt]he |[a-z,] )({_NAME})", text)))


def part_of(text: str, name: str) -> str:
    """Return the sentences with a number that are about `name`: they name it, or follow one that does."""
    about: list[str] = []
    part = []
    for sentence in re.split(r"(?<=[.!?])\s+", text):
        about = _named(candidates(text), sentence) or about
        if name in about and re.search(r"\d", sentence):
            part.append(sentence)
    return " ".join(part)


def plan_schema(text: str) -> type[BaseModel]:
    """Return the schema of a plan for `text`: it can only use names from there."""
    names = candidates(text)
    return answer_schema(laptops=Annotated[list[_choice(names)], Field(min_length=1, max_length=max(len(names), 1))])


def worker_schema(part: str) -> type[BaseModel]:
    """Return the schema of the specifications in `part`: it can only use values from there, if there are any."""
    return answer_schema(**{name: _choice(re.findall(pattern, part)) for name, pattern in _VALUES.items()})


def plan_gate(answer: str, text: str) -> str | None:
    """Accept a plan whose every laptop has a number to be found, and that leaves out no price."""
    if problem := schema_gate(Plan)(answer):
        return problem
    laptops = Plan.model_validate_json(answer).laptops
    for laptop in laptops:
        if not part_of(text, laptop):
            return f"the text has no specifications of {laptop!r}"
    covered = re.findall(_VALUES["price"], " ".join(part_of(text, laptop) for laptop in laptops))
    left_out = [price for price in re.findall(_VALUES["price"], text) if price not in covered]
    return f"the laptop for {left_out[0]} is missing" if left_out else None


def worker_gate(answer: str, part: str) -> str | None:
    """Accept specifications whose every value stands in `part` as what it is: a memory, a drive or a price."""
    if problem := schema_gate(Specifications)(answer):
        return problem
    for name, value in Specifications.model_validate_json(answer):
        there = re.findall(_VALUES[name], part)
        if not there:
            return f"the text gives no {name}"
        if value not in there:
            return f"{value} is not the {name} in the text"
    return None


def planned_laptops(plan: Plan, text: str) -> list[str]:
    """Return the laptops of `plan`, each once, in the order of `text`: a schema cannot forbid repetitions."""
    return sorted(set(plan.laptops), key=candidates(text).index)


def step_name(laptop: str) -> str:
    """Return the name of the step in which the worker for `laptop` works."""
    return f"work {laptop}"


def cheapest(rows: list[Row]) -> Row:
    """Return the row with the lowest price; the first one, if there are several."""
    return min(rows, key=lambda row: int(row.price.split()[0]))


def most_memory(rows: list[Row]) -> Row:
    """Return the row with the most memory; the first one, if there are several."""
    return max(rows, key=lambda row: _gigabytes(row.memory))


def advice_prompt(rows: list[Row]) -> str:
    """Return the prompt that has the outcome of the comparison phrased."""
    low, high = cheapest(rows), most_memory(rows)
    return ADVISE.format(cheapest=low.laptop, euros=low.price.split()[0], largest=high.laptop, memory=high.memory)


def advice_gate(answer: str, rows: list[Row]) -> str | None:
    """Accept an answer that names the cheapest laptop with its price, then the one with the most memory, and no other.

    Between a laptop and its number stands the word that says why it is named.
    """
    low, high = cheapest(rows), most_memory(rows)
    for name in _named([row.laptop for row in rows], answer):
        if name not in (low.laptop, high.laptop):
            return f"the {name} is neither the cheapest nor has it the most memory"
    rest = answer
    for fact in (low.laptop, "cheapest", low.price.split()[0], high.laptop, "most memory", high.memory):
        _, found, rest = rest.partition(fact)
        if not found:
            return f"{fact} is missing, or not in its place"
    return None


def _named(names: list[str], sentence: str) -> list[str]:
    """Return which of `names` stand in `sentence`; the Titan Pro is not the Titan."""
    found = []
    for name in sorted(names, key=len, reverse=True):
        sentence, times = re.subn(rf"\b{re.escape(name)}\b", "", sentence)
        if times:
            found.append(name)
    return found


def _gigabytes(size: str) -> float:
    number, unit = size.split()
    return float(number) * (1024 if unit == "TB" else 1)


def _choice(values: list[str]) -> Any:
    """Return the type of these values, or of any short text: without values, the gate says what the text lacks."""
    return one_of(values) if values else Annotated[str, Field(pattern="^[A-Za-z0-9 ]{1,24}$")]
