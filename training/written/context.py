"""Answers from a passage with several alike facts, from passages that the server found, or that the answer isn't there."""

import random
from collections.abc import Iterator
from typing import Any

from training.example import Example, json_answer, plain, system, user
from training.frames import choose, fill
from training.kinds.patterns import searched
from training.written import slots
from training.written.texts import load, sentence, sloppy

ASK = [
    "{text}\n\n{question}",
    "{text} {question}",
    "{text}\n{question}",
    "{question}\n\n{text}",
    "Context: {text}\n\nQuestion: {question}",
    "[From our|Out of the|The] [handbook|notes|website|notice|manual]: {text}\n\n{question}",
    '"{text}" {question}',
    "{question}\n---\n{text}",
    "[Someone wrote|This came in|I have this note]: {text} [My question:|Now:|] {question}",
    "{text}\n\n[Going by this,|Now,|So:] {question}",
]
SYSTEM = [
    "[Use|Go by] nothing but the text[ you get|].",
    "[Answer|Reply] from what you're given[, and say so if it isn't there|].",
    "[Short answers|Be brief].",
    "You answer readers' questions about [a notice|documents|our pages].",
]
NOWHERE = ["The text does not say.", "That isn't in the text.", "The text doesn't mention that.", "There's no word on that in the text.", "I can't find that in the text."]
_TOLD = [
    " [If it isn't there, say: {x}|Should the text be silent, reply with: {x}|No answer in it? Then write: {x}]",
    " [Say so if it's missing.|If you can't find it, tell me.]",
]


def passage(rng: random.Random) -> tuple[str, list[tuple[str, str]], list[str]]:
    """Return a passage, its questions with their answers, and questions that it doesn't answer."""
    item = rng.choice(load("passages"))
    values = slots.draw(rng, slots.names(item))
    known = []
    for one in item["questions"]:
        short, whole = one["answer"], one.get("sentence")
        answer = str(whole if whole and rng.random() < 0.35 else short)
        answer = slots.said(choose(rng, answer), values)
        known.append((slots.said(sloppy(rng, one["ask"]), values), sentence(answer) if rng.random() < 0.6 else answer))
    unknown = [slots.said(sloppy(rng, ask), values) for ask in item.get("unanswered", [])]
    return slots.said(choose(rng, item["text"]), values), known, unknown


def one(rng: random.Random) -> Example:
    """Return a passage, sometimes with another, and a question."""
    text, known, unknown = passage(rng)
    if rng.random() < 0.25:
        other, _, _ = passage(rng)
        text = rng.choice([" ", "\n\n"]).join(rng.sample([text, other], 2))
    question, answer = rng.choice(known)
    lacking = unknown and rng.random() < 0.22
    if lacking:
        question, answer = rng.choice(unknown), rng.choice(NOWHERE)
    told = ""
    if rng.random() < (0.4 if lacking else 0.1):
        phrase = answer if lacking else rng.choice(NOWHERE)
        told = fill(choose(rng, rng.choice(_TOLD)), {"x": phrase})
    messages: list[dict[str, Any]] = [user(fill(choose(rng, rng.choice(ASK)), {"text": text, "question": question}))]
    if told and rng.random() < 0.5:
        messages.insert(0, system(told.strip()))
    elif told:
        messages[0]["content"] += told
    elif rng.random() < 0.2:
        messages.insert(0, system(choose(rng, rng.choice(SYSTEM))))
    if not lacking and rng.random() < 0.06:
        return Example("context", messages, json_answer(messages, {rng.choice(["answer", "result", "reply"]): answer}))
    return Example("context", messages, plain(answer))


def found(rng: random.Random) -> Example:
    """Return a question, passages of the server's search, and the answer with its source."""
    drawn = [passage(rng) for _ in range(rng.randint(1, 4))]
    _, known, unknown = drawn[at := rng.randrange(len(drawn))]
    question, answer = rng.choice(known)
    if unknown and rng.random() < 0.08:
        return searched(rng, [text for text, _, _ in drawn], rng.choice(unknown), rng.choice(NOWHERE), None)
    return searched(rng, [text for text, _, _ in drawn], question, sentence(answer), at)


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield rng.choices([one, found], [0.72, 0.28])[0](rng)
