"""A small language for sentences: `[a|b]` is one of two texts, `{name}` a value. Brackets nest; an empty side is allowed.

`say(rng, "[The|Our] {product} costs {price}[ today|].", values)` gives one of four sentences.
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
    """What stands in a text, and what it means as JSON."""

    text: str
    json: Any

    def __str__(self) -> str:
        return self.text


def choose(rng: random.Random, frame: str) -> str:
    """Return `frame` with one side of each bracket."""
    while match := _INNERMOST.search(frame):
        frame = frame[: match.start()] + rng.choice(match[1].split("|")) + frame[match.end() :]
    return frame


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Return `text` with its slots filled."""
    return _SLOT.sub(lambda match: str(values[match[1]]), text)


def say(rng: random.Random, frame: str, values: Mapping[str, Any] | None = None) -> str:
    """Return one of the sentences of `frame`, with `values` in its slots and a capital letter at its beginning."""
    text = fill(choose(rng, frame), values or {})
    return text[:1].upper() + text[1:]


def slots(frame: str) -> list[str]:
    """Return the names of the slots of `frame`, in their order, each once."""
    return list(dict.fromkeys(_SLOT.findall(frame)))
