"""Prompt chaining: two calls of the Responses API, the second working on what the first returned.

Between the steps stands a gate, plain Python that accepts an answer or says what is wrong with it. A step whose
answer fails its gate is asked once more, with the objection; a second failure ends the chain.
Prompt chaining with gates is one of the patterns of https://www.anthropic.com/engineering/building-effective-agents.
"""

import re
import time
from collections.abc import Callable

from openai import OpenAI
from pydantic import BaseModel, Field, ValidationError

PRODUCT_TEXT = "The new UltraBook laptop features a 3.5 GHz octa-core processor, 16GB of RAM, and a 1TB NVMe SSD."

EXTRACT = "Extract the technical specifications from the following text:\n\n{text}"
TRANSFORM = (
    "Transform the following specifications into a JSON object with 'cpu', 'memory' and 'storage' as keys:\n\n{text}"
)

Gate = Callable[[str], str | None]


class Specifications(BaseModel, extra="forbid"):
    """The technical specifications of a product."""

    # The patterns go to the server with the schema and constrain what the model can write.
    cpu: str = Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})? GHz( [a-z0-9-]{1,16})?$")
    memory: str = Field(pattern=r"^[0-9]{1,4} ?[GT]B$")
    storage: str = Field(pattern=r"^[0-9]{1,4} ?[GT]B$")


class Step(BaseModel):
    """One finished step: what was asked, what came back, and what it took, over all attempts."""

    name: str
    prompt: str
    output: str
    attempts: int
    input_tokens: int
    output_tokens: int
    seconds: float


class ChainError(Exception):
    """A step failed its gate twice: `failed` is that step, `finished` those before it, so that nothing is lost."""

    def __init__(self, problem: str, failed: Step, finished: list[Step]) -> None:
        super().__init__(f"Step {failed.name!r} failed its gate twice: {problem}")
        self.problem = problem
        self.failed = failed
        self.finished = finished


def run_chain(
    client: OpenAI, model: str, text: str, on_step: Callable[[Step], None] = lambda step: None
) -> tuple[Specifications, list[Step]]:
    """Extract the specifications from `text` and return them as an object, with the steps that led there.

    `on_step` is called after each step, the failed one included. Raises ChainError, and what the openai client raises.
    """
    steps: list[Step] = []

    def run_step(name: str, prompt: str, gate: Gate, **options: object) -> str:
        step, problem = _attempt_twice(client, model, name, prompt, gate, options)
        on_step(step)
        if problem:
            raise ChainError(problem, step, steps)
        steps.append(step)
        return step.output

    extracted = run_step("extract", EXTRACT.format(text=text), lambda output: numbers_gate(output, text))
    transformed = run_step(
        "transform", TRANSFORM.format(text=extracted), lambda output: json_gate(output, text), text=_json_format()
    )
    return Specifications.model_validate_json(transformed), steps


def numbers_gate(output: str, text: str) -> str | None:
    """Accept an answer that has numbers, all of them out of the text."""
    if not _numbers(output):
        return "the answer has no numbers"
    invented = set(_numbers(output)) - set(_numbers(text))
    return f"{', '.join(sorted(invented))} is not in the text" if invented else None


def json_gate(output: str, text: str) -> str | None:
    """Accept a JSON object with exactly cpu, memory and storage, whose numbers come from the text."""
    try:
        specifications = Specifications.model_validate_json(output)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the answer"
        return f"{place}: {first['msg']}"
    for name, value in specifications:
        if problem := numbers_gate(value, text):
            return f"{name}: {problem}"
    return None


def _attempt_twice(
    client: OpenAI, model: str, name: str, prompt: str, gate: Gate, options: dict[str, object]
) -> tuple[Step, str | None]:
    """Return the step and what its gate still objects to."""
    step = Step(name=name, prompt=prompt, output="", attempts=0, input_tokens=0, output_tokens=0, seconds=0)
    problem = None
    for attempt in (1, 2):
        asked = prompt if problem is None else f"{prompt}\n\nYour last answer was not accepted: {problem}. Try again."
        started = time.perf_counter()
        response = client.responses.create(model=model, input=asked, temperature=0, **options)
        step.seconds += time.perf_counter() - started
        step.input_tokens += response.usage.input_tokens
        step.output_tokens += response.usage.output_tokens
        step.attempts = attempt
        step.output = response.output_text
        if (problem := gate(step.output)) is None:
            break
    return step, problem


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text)


def _json_format() -> dict[str, object]:
    schema = Specifications.model_json_schema()
    return {"format": {"type": "json_schema", "name": "specifications", "schema": schema, "strict": True}}
