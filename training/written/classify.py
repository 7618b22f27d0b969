"""Classification with sets of labels from many fields."""

import random
from collections.abc import Iterator

from training.example import Example, json_answer, plain, system, user
from training.frames import choose, fill
from training.written import slots
from training.written.texts import either, load, sloppy

ASK = [
    "{ask} {labels}: {text}",
    "{ask}\n{text}",
    "{ask} ({labels})\n\n{text}",
    "{text}\n\n{ask} [Options|Choices|Possible answers]: {labels}",
    "{text}\n{ask}",
    "{ask}: {text}",
    '{ask} "{text}"',
    "{labels}[?|:] {text}",
    "[One of|Pick from] {labels}. {text}",
]
SYSTEM = ["{ask} [Use|The options are|Choose from] {labels}.", "{ask}", "[You tag|You sort|You judge] [what comes in|messages]: {labels}."]
_JOINTS = [", ", " / ", " | ", "; ", ", "]


def shown(rng: random.Random, labels: list[str]) -> str:
    """Return labels as an enumeration."""
    *rest, last = labels
    return f"{', '.join(rest)} {rng.choice(['or', 'or', 'and'])} {last}" if rest and rng.random() < 0.6 else rng.choice(_JOINTS).join(labels)


def one(rng: random.Random) -> Example:
    """Return a text and its label."""
    item = rng.choice(load("label_sets"))
    count = rng.randint(2, len(item["labels"])) if rng.random() < 0.4 else len(item["labels"])
    groups = rng.sample(list(item["labels"]), count)
    right = rng.choice(groups)
    if rng.random() < 0.6:
        groups.sort(key=list(item["labels"]).index)
    names = {group: either(rng, str(group)) for group in groups}
    if rng.random() < 0.1:
        change = rng.choice([str.upper, str.capitalize, lambda label: label.replace(" ", "_")])
        names = {group: change(name) for group, name in names.items()}
    frame = rng.choice(item["labels"][right])
    text = slots.said(sloppy(rng, frame), slots.draw(rng, slots.names(frame)))
    ask = sloppy(rng, rng.choice(item["asks"])).rstrip(":")
    values = {"ask": ask, "labels": shown(rng, list(names.values())), "text": text}
    if (style := rng.random()) < 0.14:
        messages = [user(text)]
    elif style < 0.36:
        messages = [system(fill(choose(rng, rng.choice(SYSTEM)), values)), user(text)]
    else:
        messages = [user(fill(choose(rng, rng.choice(ASK)), values))]
    if values["labels"] in str(messages) and rng.random() < 0.2:
        return Example("classify", messages, plain(names[right]))
    return Example("classify", messages, json_answer(messages, {either(rng, item["key"]): names[right]}))


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
