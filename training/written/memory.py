"""Facts told in an earlier turn, beside alike ones that aren't asked for."""

import random
from collections.abc import Iterator

from training.example import Example, Message, assistant, plain, system, user
from training.frames import choose
from training.written import slots
from training.written.chat import question as other_question
from training.written.texts import load, sloppy

OKAY = ["Okay.", "All right.", "Thanks for telling me.", "Understood.", "Sure.", "Got it."]
SYSTEM = ["You [are|work as] a [kind|patient|helpful] assistant.", "[Short answers|Few words], please.", "You keep track of what [people|users] tell you."]


def one(rng: random.Random) -> Example:
    """Return a conversation of two to five turns, whose last asks for a fact of an earlier one."""
    facts = rng.sample(load("memory"), rng.choice([1, 1, 2, 2, 3]))
    wanted = rng.randrange(len(facts))
    messages: list[Message] = [system(choose(rng, rng.choice(SYSTEM)))] if rng.random() < 0.15 else []
    asked: tuple[str, str] = ("", "")
    for number, fact in enumerate(facts):
        values = slots.draw(rng, slots.names(fact))
        reply = choose(rng, rng.choice(fact["replies"])) if rng.random() < 0.75 else rng.choice(OKAY)
        messages += [user(slots.said(sloppy(rng, fact["says"]), values)), assistant(slots.said(reply, values))]
        if number == wanted:
            ask, answer, *_ = rng.choice(fact["asks"])
            asked = slots.said(sloppy(rng, ask), values), slots.said(choose(rng, str(answer)), values)
            if fact.get("rival") and rng.random() < 0.6:
                messages += [user(slots.said(choose(rng, fact["rival"]), values)), assistant(rng.choice(OKAY))]
    if rng.random() < 0.2:
        ask, answer = other_question(rng)
        messages += [user(ask), assistant(answer)]
    return Example("memory", [*messages, user(asked[0])], plain(asked[1]), learn_earlier=True)


def told(rng: random.Random) -> Example:
    """Return a statement of the user alone, and a reply to it."""
    fact = rng.choice(load("memory"))
    values = slots.draw(rng, slots.names(fact))
    return Example("memory", [user(slots.said(sloppy(rng, fact["says"]), values))], plain(slots.said(choose(rng, rng.choice(fact["replies"])), values)))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield rng.choices([one, told], [0.93, 0.07])[0](rng)
