"""Prompt chaining: calls of the Responses API, each working on the output of the previous one, with gates in between.

One kind of gate decides whether an answer passes; another decides which step comes next: for a text that lacks a value,
the result is not JSON, but a question to its author.
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
INQUIRE = "Write a question that asks for the {missing} of the product.\n\n{text}"

# The words that identify a question about each value.
_ASKED_BY = {
    "processor": "processor|CPU|chip|GHz|clock|speed",
    "memory": r"memory|RAM\b",
    "storage": "storage|drive|SSD|disk|capacity|space|store",
}
# The names of the values in a question, and their keys in the result.
_KEYS = {"processor": "cpu", "memory": "memory", "storage": "storage"}


class Specifications(BaseModel, extra="forbid"):
    """The technical specifications of a product."""

    cpu: str
    memory: str
    storage: str


class Inquiry(BaseModel):
    """The values that a text lacks, and a question that asks for them."""

    missing: list[str]
    question: str


def run_chain(client: OpenAI, model: str, text: str, journal: Journal) -> Specifications | Inquiry:
    """Extract the specifications from `text`; return them as an object, or a question if the text lacks one of them.

    Before any call, raises UnclearText if there is nothing to extract, or more than one product. Raises StepError if a
    step fails; the steps finished before are in `journal`.
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
    """Accept an answer if it contains numbers, and all of them are in the text (list numbering is ignored)."""
    said = numbers(re.sub(r"^\s*\d+[.)]\s", "", answer, flags=re.MULTILINE))
    if not said:
        return "the answer has no numbers"
    invented = sorted(set(said) - set(numbers(text)))
    return f"{', '.join(invented[:3])} is not in the text" if invented else None


def specifications_schema(text: str) -> type[BaseModel]:
    """Return the schema of the specifications in `text`, which allows only the text's values for each part."""
    return answer_schema(**{_KEYS[name]: one_of(given) for name, given in _given(text).items()})


def question_gate(missing: list[str]) -> Gate:
    """Return a gate that accepts a single question about everything in `missing`, and nothing else."""

    def gate(answer: str) -> str | None:
        if not (answer.strip().endswith("?") and answer.count("?") == 1):
            return "the answer is not one question"
        left_out = [name for name in missing if not re.search(_ASKED_BY[name], answer, re.IGNORECASE)]
        if left_out:
            return f"the question is not about the {left_out[0]}"
        # "The laptop with 16 GB of memory" does not ask for it.
        asked = [name for name, found in _given(answer).items() if name in answer.lower() and not found]
        known = [name for name in asked if name not in missing]
        return f"the {known[0]} is in the text" if known else None

    return gate


def missing_values(text: str) -> list[str]:
    """Return those of processor, memory and storage for which the text has no value: the gate that branches.

    Raises UnclearText if it has no value at all, does not state the kind of a size, or is about several products.
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
