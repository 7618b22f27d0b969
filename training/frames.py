"""A small template language: `[a|b]` is one of two texts, `{name}` a value. Brackets nest, and a side may be empty.

`say(rng, "[The|Our] {product} costs {price}[ today|].", values)` returns one of four sentences.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_INNERMOST = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Value:
    """A value as it is written in a text, and as JSON."""

    text: str
    json: Any

    def __str__(self) -> str:
        return self.text


def choose(rng: random.Random, frame: str) -> str:
    """Return `frame` with each bracket replaced by one of its sides."""
    while match := _INNERMOST.search(frame):
        frame = frame[: match.start()] + rng.choice(match[1].split("|")) + frame[match.end() :]
    return frame


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Return `text` with its slots filled."""
    return _SLOT.sub(lambda match: str(values[match[1]]), text)


def say(rng: random.Random, frame: str, values: Mapping[str, Any] | None = None) -> str:
    """Return a random sentence of `frame`, with `values` in its slots and a capital first letter."""
    text = fill(choose(rng, frame), values or {})
    return text[:1].upper() + text[1:]


def slots(frame: str) -> list[str]:
    """Return the names of the slots of `frame` in order, without duplicates."""
    return list(dict.fromkeys(_SLOT.findall(frame)))
