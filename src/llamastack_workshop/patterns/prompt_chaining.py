"""Prompt chaining: calls of the Responses API, each working on what the one before returned, with gates between them.

A gate decides whether an answer passes; another decides which step comes next: a text that lacks a value does not
become JSON, it becomes a question to whoever wrote it.
Prompt chaining is one of the patterns of https://www.anthropic.com/engineering/building-effective-agents.
"""

import re

from openai import OpenAI
from pydantic import BaseModel, Field

from llamastack_workshop.patterns.steps import Journal, ask, schema_gate

PRODUCT_TEXT = "The new UltraBook laptop features a 3.5 GHz octa-core processor, 16GB of RAM, and a 1TB NVMe SSD."

EXTRACT = "Extract the technical specifications from the following text:\n\n{text}"
TRANSFORM = (
    "Transform the following specifications into a JSON object with 'cpu', 'memory' and 'storage' as keys:\n\n{text}"
)
INQUIRE = "{text}\n\nThe text does not name the {missing}. Write one short question that asks for it."

_SIGNS = {
    "processor": r"\d GHz",
    "memory": r"\d ?[GT]B (of )?(RAM|memory)\b",
    "storage": r"\d ?[GT]B (of )?(\w+ )?(SSD|drive|disk|storage)\b",
}


class Specifications(BaseModel, extra="forbid"):
    """The technical specifications of a product."""

    # The patterns go to the server with the schema and constrain what the model can write.
    cpu: str = Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})? GHz( [a-z0-9-]{1,16})?$")
    memory: str = Field(pattern=r"^[0-9]{1,4} ?[GT]B$")
    storage: str = Field(pattern=r"^[0-9]{1,4} ?[GT]B$")


class Inquiry(BaseModel):
    """What a text does not say, and a question that asks for it."""

    missing: list[str]
    question: str


def run_chain(client: OpenAI, model: str, text: str, journal: Journal) -> Specifications | Inquiry:
    """Extract the specifications from `text`; return them as an object, or a question if the text lacks one of them.

    Raises StepError; the steps that finished before are in `journal`.
    """
    extracted = ask(
        client,
        model,
        "extract",
        EXTRACT.format(text=text),
        journal=journal,
        gate=lambda answer: numbers_gate(answer, text),
    )
    if missing := missing_values(text):
        prompt = inquiry_prompt(text, missing)
        inquiry = ask(client, model, "inquire", prompt, journal=journal, gate=question_gate, max_output_tokens=64)
        return Inquiry(missing=missing, question=inquiry.output)
    transformed = ask(
        client,
        model,
        "transform",
        TRANSFORM.format(text=extracted.output),
        journal=journal,
        gate=lambda answer: json_gate(answer, text),
        schema=Specifications,
    )
    return Specifications.model_validate_json(transformed.output)


def numbers_gate(answer: str, text: str) -> str | None:
    """Accept an answer that has numbers, all of them out of the text."""
    if not _numbers(answer):
        return "the answer has no numbers"
    invented = sorted(set(_numbers(answer)) - set(_numbers(text)))
    return f"{', '.join(invented[:3])} is not in the text" if invented else None


def json_gate(answer: str, text: str) -> str | None:
    """Accept a JSON object with exactly cpu, memory and storage, whose numbers come from the text."""
    if problem := schema_gate(Specifications)(answer):
        return problem
    for name, value in Specifications.model_validate_json(answer):
        if problem := numbers_gate(value, text):
            return f"{name}: {problem}"
    return None


def question_gate(answer: str) -> str | None:
    """Accept one question."""
    return None if answer.strip().endswith("?") and answer.count("?") == 1 else "the answer is not one question"


def missing_values(text: str) -> list[str]:
    """Return which of processor, memory and storage the text gives no value for: the gate that branches."""
    return [name for name, sign in _SIGNS.items() if not re.search(sign, text)]


def inquiry_prompt(text: str, missing: list[str]) -> str:
    """Return the prompt that asks for a question about what is `missing`."""
    return INQUIRE.format(text=text, missing=" and the ".join(missing))


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d+(?:\.\d+)?", text)
