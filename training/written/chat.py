"""Short questions and small tasks, with answers of a word or a sentence."""

import random
from collections.abc import Iterator

from training.example import Example, assistant, plain, system, user
from training.frames import choose, fill
from training.written import slots
from training.written.texts import load, sloppy

SYSTEM = [
    "[Answer|Reply] [in few words|shortly|briefly].",
    "You [are|work as] a [kind|patient|helpful] assistant.",
    "[Short answers|Few words], please.",
    "You help [people|attendees|beginners] at a workshop.",
]


def question(rng: random.Random) -> tuple[str, str]:
    """Return a question or a small task, with its answer."""
    if (kind := rng.random()) < 0.27:
        return rewriting(rng)
    if kind < 0.34:
        return arithmetic(rng)
    pairs = [group for group in load("questions") if "pairs" in group]
    if kind < 0.67:
        group = rng.choices(pairs, [len(group["pairs"]) ** 0.5 for group in pairs])[0]
        a, b = rng.choice(list(group["pairs"].items()))
        values = {"a": str(a), "b": str(b)}
        return fill(sloppy(rng, rng.choice(group["asks"])), values), fill(choose(rng, rng.choice(group["answers"])), values)
    return known(rng)


def known(rng: random.Random) -> tuple[str, str]:
    """Return a question of those with one answer each, with its answer."""
    entries = [entry for group in load("questions") if "qa" in group for entry in group["qa"]]
    entry = rng.choice(entries)
    asks = [entry[0], *entry[2:]]
    values = slots.draw(rng, slots.names(entry))
    return slots.said(sloppy(rng, str(rng.choice(asks))), values), slots.said(choose(rng, str(entry[1])), values)


def rewriting(rng: random.Random) -> tuple[str, str]:
    """Return a small task on a given text, with its result."""
    item = rng.choice(load("rewriting"))
    values = slots.draw(rng, slots.names(item))
    ask = choose(rng, rng.choice([item["ask"], *item.get("more", [])]))
    return slots.said(ask, values), slots.said(str(item["answer"]), values)


_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_THINGS = "pears|eggs|stamps|chairs|cards|pencils|cups|socks|tickets|coins|boxes|keys".split("|")


def arithmetic(rng: random.Random) -> tuple[str, str]:
    """Return a small sum, written or told, with its result."""
    a, b = rng.randint(1, 12), rng.randint(1, 12)
    if rng.random() < 0.35:
        a, b = rng.randint(10, 60), rng.randint(1, 40)
    spelled = rng.random() < 0.3 and max(a, b) <= 12
    x, y = (_WORDS[a], _WORDS[b]) if spelled else (str(a), str(b))
    thing = rng.choice(_THINGS)
    plus, low, high = a + b, *sorted((a, b))
    asks = [
        (f"{x}+{y}", plus, ""), (f"{x} + {y} =", plus, ""), (f"add {x} and {y}", plus, ""), (f"Sum of {x} and {y}?", plus, ""),
        (f"I have {x} {thing} and get {y} more. How many now?", plus, thing), (f"{x} {thing} here, {y} {thing} there: how many in all?", plus, thing),
        (f"{high} - {low}", high - low, ""), (f"take {low} from {high}", high - low, ""), (f"{high} {thing}, {low} of them sold. How many remain?", high - low, thing),
        (f"{high} minus {low} makes?", high - low, ""), (f"Which is larger, {low} or {high}?", high, ""), (f"the smaller of {high} and {low}?", low, ""),
    ]  # fmt: skip
    if a <= 12 and b <= 12:
        asks += [
            (f"{x} times {y}?", a * b, ""),
            (f"{a}x{b}", a * b, ""),
            (f"{a} boxes with {b} {thing} each: how many {thing}?", a * b, thing),
            (f"{a * b} / {a}", b, ""),
            (f"Divide {a * b} by {b}.", a, ""),
        ]
        asks += [(f"half of {2 * a}", a, ""), (f"What's double {b}?", 2 * b, "")]
    ask, result, of = rng.choice(asks)
    return ask, rng.choice([str(result), f"{result}.", f"{result} {of}." if of else f"That is {result}."])


def one(rng: random.Random) -> Example:
    """Return one question and its answer, or a short conversation of several."""
    turns = [question(rng) for _ in range(rng.choices([1, 2, 3], [0.8, 0.13, 0.07])[0])]
    messages = [system(choose(rng, rng.choice(SYSTEM)))] if rng.random() < 0.15 else []
    for ask, answer in turns[:-1]:
        messages += [user(ask), assistant(answer)]
    return Example("chat", [*messages, user(turns[-1][0])], plain(turns[-1][1]), learn_earlier=True)


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
