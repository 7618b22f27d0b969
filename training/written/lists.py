"""Lists of things out of a text, copied word for word: steps, files, questions, names."""

import random
from collections.abc import Iterator

from training.example import Example, json_answer, plain, system, user
from training.written import slots
from training.written.extract import chosen
from training.written.texts import held, load, sloppy


def one(rng: random.Random) -> Example:
    """Return a text, the request for a list, and the list: as JSON, or as lines in a tenth of the cases."""
    item = rng.choice(load("lists"))
    values = slots.draw(rng, slots.names(item))
    text = sloppy(rng, item["text"])
    if held(item["text"], item["json"]) != held(text, item["json"]):
        text = item["text"]
    text, ask = slots.said(text, values), slots.said(sloppy(rng, rng.choice(item["asks"])), values)
    answer = slots.filled(chosen(rng, item["json"]), values)
    form = rng.choice(["{a}\n\n{t}", "{a} {t}", "{t}\n\n{a}", "{a}\n{t}", "{t} {a}", "{a}: {t}" if ask[-1:].isalpha() else "{a} {t}"])
    messages = [user(form.format(a=ask, t=text))]
    if rng.random() < 0.12:
        messages = [system(ask), user(text)]
    only = next(iter(answer.values()))
    if len(answer) == 1 and isinstance(only, list) and all(isinstance(member, str) for member in only) and rng.random() < 0.08:
        return Example("lists", messages, plain("\n".join(f"- {member}" for member in only)))
    return Example("lists", messages, json_answer(messages, answer))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
