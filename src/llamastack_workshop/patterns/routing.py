"""Routing: one step decides where a message goes, and each destination has its own prompt and model.

The topic comes from embeddings, or from an enum answer of the model. A message between two topics goes to a person, and
so does a question that no sentence of the notes answers; the model gets only the sentences that answer it.
The product comes from an enum answer that is limited to the products named in the message.
Routing is one of the patterns of https://www.anthropic.com/engineering/building-effective-agents.
"""

import math
import re
import time
from collections.abc import Iterable
from typing import Literal

from openai import OpenAI
from pydantic import BaseModel

from llamastack_workshop.patterns.steps import Journal, Step, answer_schema, ask, one_of, schema_gate

MESSAGE = "The printer prints nothing that I send from my laptop."

# The order of the topics is the order of the vectors.
TOPICS = {
    "billing": "invoices, payments, refunds and prices",
    "shipping": "delivery, parcels, tracking and addresses",
    "technical": "a device that does not work: screen, battery, sound, keyboard, software",
}
NOTES = {
    "billing": "The invoice is in your account. A refund takes 5 days. A wrong charge is paid back within 2 days.",
    "shipping": "A delivery takes 3 days. The tracking number is in your account. A lost parcel is sent again.",
    "laptop": "A laptop that does not start needs a new battery. A slow laptop needs the latest update.",
    "phone": "A phone that does not charge needs a clean socket. A phone that gets hot needs a new battery.",
    "printer": "A printer that prints nothing needs a new cable. A printer with a paper jam needs a new roller.",
}
PRODUCTS = ["laptop", "phone", "printer"]
# The best topic's similarity must exceed the second one's by this much.
MARGIN = 0.05
# The minimum similarity between a question and a sentence of the notes that answers it.
NEAR = 0.4
# The minimum number of words in a clause.
MIN_WORDS = 3

CHOOSE_TOPIC = "Sort the message into one of: {topics}.\n\nMessage: {text}"
FIND_PRODUCT = "Extract the product from this message:\n\n{text}"
ANSWER = "Message: {text}\n\nThe rule is: {notes}\n\nSummarize the rule in one sentence."

Classifier = Literal["similarity", "model"]


class Topic(BaseModel, extra="forbid"):
    """The answer of a model that sorts a message."""

    topic: Literal["billing", "shipping", "technical"]


class Similarities(BaseModel):
    """The similarity of a message to each topic, and of each of its clauses to each sentence of the notes."""

    topics: dict[str, float]
    clauses: list[dict[str, float]]


class RoutingResult(BaseModel):
    """The route of a message, how it was chosen, and the model's answer.

    If the route is a person, there is no model, and `reason` is the reason for that route.
    """

    route: Literal["billing", "shipping", "technical", "person"]
    by: Classifier
    product: str | None = None
    model: str | None = None
    answer: str | None = None
    reason: str | None = None


def run_routing(
    client: OpenAI, cheap: str, strong: str, embedding: str, text: str, journal: Journal, by: Classifier = "similarity"
) -> RoutingResult:
    """Route the message `text` and let the model `cheap` or `strong` answer it; `strong` gets technical messages.

    `embedding` is the id of the embedding model; `by="model"` asks `cheap` for the topic instead.
    Raises StepError and the openai client's exceptions; the steps finished before are in `journal`.
    """
    found = None
    if by == "similarity":
        found = similar(client, embedding, text, journal)
        if reason := for_a_person(found):
            return RoutingResult(route="person", by=by, reason=reason)
        route = clear_winner(found.topics)
    else:
        route = chosen_topic(client, cheap, text, journal)
    product = find_product(client, cheap, text, journal) if route == "technical" else None
    notes = notes_about(product or route, found)
    if not notes:
        return RoutingResult(route="person", by=by, product=product, reason=no_note(product or route))
    model = strong if route == "technical" else cheap
    answered = ask(
        client,
        model,
        "answer",
        ANSWER.format(text=text, notes=notes),
        journal=journal,
        gate=lambda answer: notes_gate(answer, notes),
        max_output_tokens=64,
    )
    return RoutingResult(route=route, by=by, product=product, model=model, answer=answered.output.strip())


def similar(client: OpenAI, embedding: str, text: str, journal: Journal) -> Similarities:
    """Return the similarities of `text` to the topics, and of its clauses to the notes."""
    step = journal.find("similarity", text)
    if not step:
        started = time.perf_counter()
        embedded = client.embeddings.create(model=embedding, input=to_embed(text))
        step = Step(
            name="similarity",
            prompt=text,
            output=similarities(text, [item.embedding for item in embedded.data]).model_dump_json(),
            attempts=1,
            input_tokens=embedded.usage.prompt_tokens,
            seconds=time.perf_counter() - started,
        )
        journal.add(step)
    return Similarities.model_validate_json(step.output)


def chosen_topic(client: OpenAI, model: str, text: str, journal: Journal) -> str:
    """Return the topic that `model` chooses for `text`."""
    gate = schema_gate(Topic)
    chosen = ask(client, model, "topic", topic_prompt(text), journal=journal, gate=gate, schema=Topic)
    return Topic.model_validate_json(chosen.output).topic


def find_product(client: OpenAI, model: str, text: str, journal: Journal) -> str:
    """Return the product that `text` is about; the model is asked if the text does not name exactly one."""
    products = products_in(text)
    if len(products) == 1:
        return products[0]
    schema = product_schema(products)
    gate = schema_gate(schema)
    prompt = FIND_PRODUCT.format(text=text)
    found = ask(client, model, "product", prompt, journal=journal, gate=gate, schema=schema)
    return schema.model_validate_json(found.output).product


def descriptions() -> list[str]:
    """Return the texts whose embeddings represent the topics."""
    return [f"{topic}: {about}" for topic, about in TOPICS.items()]


def clauses(text: str) -> list[str]:
    """Return the parts of a message that may each ask for something different, or the whole message."""
    parts = re.split(r"(?<=[.!?;])\s+|,? and |[\n\r\x85\u2028\u2029]+", text)
    return [part for part in parts if len(part.split()) >= MIN_WORDS] or [text]


def to_embed(text: str) -> list[str]:
    """Return the texts to embed for the message `text`; `similarities` expects their vectors in this order."""
    return [text, *clauses(text), *descriptions(), *_sentences()]


def similarities(text: str, vectors: list[list[float]]) -> Similarities:
    """Return the cosines of the angles between the embeddings of `to_embed(text)`."""
    parts = len(clauses(text))
    message, asked = vectors[0], vectors[1 : 1 + parts]
    topics, notes = vectors[1 + parts :][: len(TOPICS)], vectors[1 + parts + len(TOPICS) :]
    return Similarities(
        topics=_cosines(message, TOPICS, topics), clauses=[_cosines(one, _sentences(), notes) for one in asked]
    )


def for_a_person(found: Similarities) -> str | None:
    """Return the reason why a message goes to a person, or None: the gate of the route."""
    if not clear_winner(found.topics):
        return "two topics are about equally near"
    subjects = {_sentences()[sentence] for sentence in map(_nearest, found.clauses) if sentence}
    if len(subjects) > 1:
        return f"it is about several things: {', '.join(sorted(subjects))}"
    return None


def notes_about(subject: str, found: Similarities | None) -> str:
    """Return the sentences of the notes on `subject` that answer a clause of the message; without `found`, all."""
    if found is None:
        return NOTES[subject]
    near = {sentence for clause in found.clauses for sentence, how in clause.items() if _close(how, clause, subject)}
    return " ".join(sentence for sentence, about in _sentences().items() if about == subject and sentence in near)


def no_note(subject: str) -> str:
    """Return the reason for a route to a person if the notes on `subject` do not answer a question."""
    return f"no note on {subject} is near enough to the question"


def clear_winner(found: dict[str, float]) -> str | None:
    """Return the most similar topic, or None if its lead over the second one is less than MARGIN."""
    second, best = sorted(found.values())[-2:]
    return max(found, key=found.__getitem__) if best - second >= MARGIN else None


def topic_prompt(text: str) -> str:
    """Return the prompt that asks a model for the topic."""
    topics = "; ".join(f"{topic} ({about})" for topic, about in TOPICS.items())
    return CHOOSE_TOPIC.format(topics=topics, text=text)


def products_in(text: str) -> list[str]:
    """Return the products named in `text`, or all products if none is."""
    return [name for name in PRODUCTS if re.search(rf"\b{name}s?\b", text, re.IGNORECASE)] or PRODUCTS


def product_schema(products: list[str]) -> type[BaseModel]:
    """Return the schema of an answer whose product is one of `products`."""
    return answer_schema(product=one_of(products))


def notes_gate(answer: str, notes: str) -> str | None:
    """Accept an answer that states a sentence of the notes, mostly in the notes' own words, without new numbers.

    One word of that sentence may differ, such as "costs" for "takes".
    """
    said, known = _words(answer), _words(notes)
    if not said:
        return "the answer says nothing of the notes"
    strange = [word for word in said if word not in known]
    if invented := [word for word in strange if word.isdigit()]:
        return f"{invented[0]} is not in the notes"
    if len(strange) >= len(said) / 2:
        return f"{', '.join(strange[:3])} are not in the notes"
    left_out = min((_without(_words(sentence), said) for sentence in _split(notes)), key=len)
    return f"it leaves out: {', '.join(left_out)}" if len(left_out) > 1 else None


def _without(words: list[str], said: list[str]) -> list[str]:
    return [word for word in words if word not in said]


def _split(notes: str) -> list[str]:
    return re.split(r"(?<=\.)\s+", notes)


def _words(text: str) -> list[str]:
    # "doesn't" has the words of "does not".
    return re.findall(r"\d+|[^\W\d_]{4,}", re.sub(r"n['’]t\b", " not", text.lower()))


def _sentences() -> dict[str, str]:
    """Return the sentences of the notes, each with its topic or product."""
    return {sentence: subject for subject, notes in NOTES.items() for sentence in _split(notes)}


def _nearest(clause: dict[str, float]) -> str | None:
    """Return the sentence that answers a clause best, or None if none is similar enough."""
    best = max(clause, key=clause.__getitem__)
    return best if clause[best] >= NEAR else None


def _close(how: float, clause: dict[str, float], subject: str) -> bool:
    """Return whether a sentence with the similarity `how` answers a clause about as well as the best on `subject`."""
    best = max(value for sentence, value in clause.items() if _sentences()[sentence] == subject)
    return how >= NEAR and how >= best - MARGIN


def _cosines(vector: list[float], named: Iterable[str], others: list[list[float]]) -> dict[str, float]:
    return {name: round(_cosine(vector, other), 4) for name, other in zip(named, others, strict=True)}


def _cosine(a: list[float], b: list[float]) -> float:
    return math.sumprod(a, b) / (math.hypot(*a) * math.hypot(*b))
