"""Judging a text: whether it does what a rule demands, or says what somebody asks for."""

import random
from collections.abc import Iterator

from training.example import Example, json_answer, plain, system, user
from training.frames import choose
from training.written import slots
from training.written.texts import load, sloppy

SYSTEM = ["You [check|review] [texts|drafts|what people write].", "[Judge|Decide] [fairly|by the rule alone]."]
KEYS = "passes ok passed met correct fulfilled answer_found valid result".split()
VERDICTS = "verdict answer result grade".split()


def one(rng: random.Random) -> Example:
    """Return a text, a question about it or a rule, and yes or no."""
    item = rng.choice(load("checks"))
    values = slots.draw(rng, slots.names(item))
    truth = rng.random() < 0.5
    asks = item["yes" if truth else "no"] or item["no" if truth else "yes"]
    truth = asks is item["yes"]
    ask = slots.said(sloppy(rng, rng.choice(asks)), values)
    text = slots.said(choose(rng, item["text"]), values)
    form = rng.choice(["{t}\n\n{a}", "{a}\n\n{t}", "{t} {a}", "{a} {t}", "{a}\n{t}", "Text: {t}\n{a}", "{a}\n---\n{t}"])
    messages = [user(form.format(a=ask, t=text))]
    if rng.random() < 0.15:
        messages.insert(0, system(choose(rng, rng.choice(SYSTEM))))
    word = "yes" if truth else "no"
    if (style := rng.random()) < 0.2:
        return Example("checks", messages, plain(rng.choice([word.capitalize(), f"{word.capitalize()}."])))
    answer = {rng.choice(KEYS): truth} if style < 0.6 else {rng.choice(VERDICTS): rng.choice([word, word, "pass" if truth else "fail"])}
    return Example("checks", messages, json_answer(messages, answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
