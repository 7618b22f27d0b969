"""Reading the written texts, and small variations of them."""

import random
import re
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from training.frames import choose

FOLDER = Path(__file__).parent


class _Loader(yaml.CSafeLoader):
    """YAML as of version 1.2, in which `yes`, `no`, `on` and `off` are texts."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if first in "tTfF" or not tag.endswith(":bool")] for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


@cache
def load(name: str) -> list[dict[str, Any]]:
    """Return the items of the file `name`.yaml."""
    return yaml.load((FOLDER / f"{name}.yaml").read_text(encoding="utf-8"), _Loader)


def either(rng: random.Random, names: str) -> str:
    """Return one of several names in a text, which are separated by bars."""
    return rng.choice(names.split("|"))


def sloppy(rng: random.Random, text: str) -> str:
    """Return `text` as people type it in a hurry, sometimes: without the capital at the start or the last sign, or with a typo.

    Slots stay as they are, and so does everything that isn't a long word.
    """
    text = choose(rng, text)
    if rng.random() < 0.15:
        text = text[:1].lower() + text[1:] if text[1:2].islower() else text
        text = text.rstrip(".?!")
    if rng.random() < 0.1:
        found = [match for match in re.finditer(r"(?<![{\w'-])[a-z]{5,}(?![}\w'-])", text)]
        if found:
            at = rng.choice(found).start() + rng.randint(1, 3)
            text = rng.choice([text[:at] + text[at + 1] + text[at] + text[at + 2 :], text[:at] + text[at + 1 :]])
    return text


def sentence(text: str) -> str:
    """Return `text` with a capital first letter and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text[-1:] in ".!?" else ".")


def held(text: str, value: Any) -> set[str]:
    """Return the texts within the JSON `value` that occur in `text`."""
    if isinstance(value, str):
        return {value} if value in text else set()
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return set().union(*(held(text, item) for item in inner))
