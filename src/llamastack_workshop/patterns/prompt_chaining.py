"""Prompt chaining: calls of the Responses API, each working on what the one before returned, with gates between them.

A gate decides whether an answer passes; another decides which step comes next: a text that lacks a value does not
become JSON, it becomes a question to whoever wrote it.
Prompt chaining is one of the patterns of https://www.anthropic.com/engineering/building-effective-agents.
"""

import re

from openai import OpenAI
from pydantic import BaseModel

from llamastack_workshop.patterns.product_texts import (
    EXAMPLE,
    UnclearText,
    check_sizes,
    numbers,
    processors,
    values,
)
from llamastack_workshop.patterns.steps import Gate, Journal, answer_schema, ask, one_of, schema_gate

PRODUCT_TEXT = "The new UltraBook laptop features a 3.5 GHz octa-core processor, 16GB of RAM, and a 1TB NVMe SSD."

EXTRACT = "Extract the technical specifications from the following text:\n\n{text}"
TRANSFORM = (
    "Transform the following specifications into a JSON object with 'cpu', 'memory' and 'storage' as keys:\n\n{text}"
)
INQUIRE = "{text}\n\nWrite one short question that asks for the {missing} of this product."

# The words of a question that asks for a value.
_ASKED_BY = {
    "processor": "processor|CPU|chip|GHz|clock|speed",
    "memory": r"memory|RAM\b|GB",
    "storage": "storage|drive|SSD|disk|capacity|space|store",
}
# What the text calls each value, in a question and in the result.
_KEYS = {"processor": "cpu", "memory": "memory", "storage": "storage"}


class Specifications(BaseModel, extra="forbid"):
    """The technical specifications of a product."""

    cpu: str
    memory: str
    storage: str


class Inquiry(BaseModel):
    """What a text does not say, and a question that asks for it."""

    missing: list[str]
    question: str


def run_chain(client: OpenAI, model: str, text: str, journal: Journal) -> Specifications | Inquiry:
    """Extract the specifications from `text`; return them as an object, or a question if the text lacks one of them.

    Raises UnclearText if there is nothing to extract, or more than one product, before any model is asked. Raises
    StepError; the steps that finished before are in `journal`.
    """
    missing = missing_values(text)
    extracted = ask(
        client,
        model,
        "extract",
        EXTRACT.format(text=text),
        journal=journal,
        gate=lambda answer: numbers_gate(answer, text),
    )
    if missing:
        prompt = inquiry_prompt(text, missing)
        gate = question_gate(missing)
        inquiry = ask(client, model, "inquire", prompt, journal=journal, gate=gate, max_output_tokens=64)
        return Inquiry(missing=missing, question=inquiry.output)
    transformed = ask(
        client,
        model,
        "transform",
        TRANSFORM.format(text=extracted.output),
        journal=journal,
        gate=schema_gate(specifications_schema(text)),
        schema=specifications_schema(text),
    )
    return Specifications.model_validate_json(transformed.output)


def numbers_gate(answer: str, text: str) -> str | None:
    """Accept an answer that has numbers, all of them out of the text, but for those that count the lines of a list."""
    said = numbers(re.sub(r"^\s*\d+[.)]\s", "", answer, flags=re.MULTILINE))
    if not said:
        return "the answer has no numbers"
    invented = sorted(set(said) - set(numbers(text)))
    return f"{', '.join(invented[:3])} is not in the text" if invented else None


def specifications_schema(text: str) -> type[BaseModel]:
    """Return the schema of the specifications in `text`: each value is one that the text gives for this part."""
    return answer_schema(**{_KEYS[name]: one_of(given) for name, given in _given(text).items()})


def question_gate(missing: list[str]) -> Gate:
    """Return a gate that accepts one question, about all that is `missing`."""

    def gate(answer: str) -> str | None:
        if not (answer.strip().endswith("?") and answer.count("?") == 1):
            return "the answer is not one question"
        left_out = [name for name in missing if not re.search(_ASKED_BY[name], answer, re.IGNORECASE)]
        return f"the question is not about the {left_out[0]}" if left_out else None

    return gate


def missing_values(text: str) -> list[str]:
    """Return which of processor, memory and storage the text gives no value for: the gate that branches.

    Raises UnclearText if it gives none at all, says nothing about what a size is, or is about several products.
    """
    given = _given(text)
    missing = [name for name, found in given.items() if not found]
    if {"memory", "storage"} & set(missing):
        check_sizes(text)
    if len(missing) == len(given):
        raise UnclearText(
            "The text names no processor, memory or storage, in numbers and in English.", f"Give one like {EXAMPLE!r}."
        )
    for name in ("memory", "storage"):
        if len(given[name]) > 1:
            raise UnclearText(
                f"The text names more than one {name}: {', '.join(given[name][:4])}.",
                "Give a text about one product, with one memory and one storage.",
            )
    return missing


def _given(text: str) -> dict[str, list[str]]:
    return {"processor": processors(text), "memory": values(text, "memory"), "storage": values(text, "drive")}


def inquiry_prompt(text: str, missing: list[str]) -> str:
    """Return the prompt that asks for a question about what is `missing`."""
    return INQUIRE.format(text=text, missing=" and the ".join(missing))
