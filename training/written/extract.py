"""Extraction into JSON: texts of business and of everyday life, each with what one can ask for."""

import random
from collections.abc import Iterator
from typing import Any

from training.example import Example, json_answer, system, user
from training.frames import choose, fill, say
from training.kinds.extract import asked
from training.written import slots
from training.written.texts import either, held, load, sloppy

TEXTS = ["business_texts", "everyday_texts", "technical_texts", "inferred_texts"]
ASK = [
    "{text}\n[-> JSON|=> json|as json pls|JSON?]",
    "[Put|Write|Store] [the essentials|the important bits|what matters] of this [into|in] a record.\n{text}",
    "[Read|Look at] the [lines|note|paragraph] and give me [its values|what it says] by key: {keys}\n---\n{text}",
    "{keys}? {text}",
    "[I need|We want|Give us] {keys} [out of|taken from] this: {text}",
    "'{text}' - [structured|as an object|as fields], please",
    "[Data entry|For our database|For the spreadsheet]: {text}",
]
SYSTEM = [
    "[Whatever comes in|Each message] becomes [a record|an object|data].",
    "You [read|receive] notes and [return|hand back] {keys}.",
    "[Copy|Take over] names and numbers exactly.",
    "You fill in [a form|a table|our records].",
]


def _messages(rng: random.Random, text: str, answer: dict[str, Any]) -> list[dict[str, Any]]:
    keys = list(answer)
    if (chance := rng.random()) < 0.3:
        return [user(text)]
    if chance < 0.65:
        return asked(rng, text, keys, "text")
    shown = ", ".join(key.replace("_", " ") for key in keys)
    messages = [user(fill(choose(rng, rng.choice(ASK)), {"text": text, "keys": shown}))]
    return [system(say(rng, rng.choice(SYSTEM), {"keys": shown})), *messages] if rng.random() < 0.3 else messages


def chosen(rng: random.Random, value: Any) -> Any:
    """Return `value` with one name for each key, in a random order in a third of the objects."""
    if isinstance(value, list):
        if not all(isinstance(item, dict) for item in value):
            return value
        # Objects of a list have the same keys.
        names = {key: either(rng, key) for item in value for key in item}
        return [{names[key]: item for key, item in one.items()} for one in value]
    if not isinstance(value, dict):
        return value
    items = [(either(rng, str(key)), chosen(rng, item)) for key, item in value.items()]
    if rng.random() < 0.35:
        rng.shuffle(items)
    return dict(items)


def one(rng: random.Random) -> Example:
    """Return a text and some of the values in it."""
    item = rng.choice([item for name in TEXTS for item in load(name)])
    values = slots.draw(rng, slots.names(item["text"], item["json"]))
    wanted = item["json"]
    if len(wanted) > 1 and rng.random() < 0.45:
        kept = set(rng.sample(list(wanted), rng.randint(1, len(wanted) - 1)))
        wanted = {key: value for key, value in wanted.items() if key in kept}
    text = sloppy(rng, item["text"])
    if held(item["text"], wanted) != held(text, wanted):
        text = choose(rng, item["text"])
    answer = chosen(rng, wanted)
    if item.get("absent") and rng.random() < 0.22:
        missing = {either(rng, str(key)): None for key in rng.sample(item["absent"], rng.randint(1, min(2, len(item["absent"]))))}
        both = [*answer.items(), *((key, value) for key, value in missing.items() if key not in answer)]
        rng.shuffle(both)
        answer = dict(both)
    # A schema that demands a text where the model expects a number would leave it only tokens that make no sense.
    answer = slots.filled(answer, slots.as_texts(values) if rng.random() < 0.4 else values)
    if rng.random() < 0.05:
        answer = {rng.choice(["result", "data", "record"]): answer}
    messages = _messages(rng, slots.said(text, values), answer)
    return Example("extract", messages, json_answer(messages, answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
