"""How often something is measured, and how the figures of several rounds become one."""

import platform
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from statistics import median
from typing import Any

import psutil

from llamastack_workshop.system import machine
from llamastack_workshop.system.errors import Say

_PACKAGES = ("llama-stack", "openai", "langchain-core", "langchain-openai", "langgraph", "pydantic")
_SILENCE = 2  # seconds


@dataclass(frozen=True)
class Plan:
    """How many rounds count, how many go before them that do not, and how many requests come at once.

    A first round reads files from the disk and opens connections.
    """

    rounds: int
    warm_ups: int = 1
    at_once: tuple[int, ...] = (1, 8, 40)

    def numbers(self, say: Say) -> Iterator[int]:
        """Yield the number of each round; those that do not count are below 1. `say` hears of it when it takes long."""
        yield from self._told(range(1 - self.warm_ups, self.rounds + 1), say)

    def counted(self, say: Say) -> Iterator[int]:
        """Yield the number of each round that counts; `say` hears of it when it takes long."""
        yield from self._told(range(1, self.rounds + 1), say)

    def _told(self, numbers: range, say: Say) -> Iterator[int]:
        last = time.monotonic()
        for number in numbers:
            if time.monotonic() - last > _SILENCE:
                say(f"  round {number} of {self.rounds}")
                last = time.monotonic()
            yield number


def in_turn[T](sides: Mapping[str, T], number: int) -> list[tuple[str, T]]:
    """Return the sides of a comparison, another one first in each round."""
    items = list(sides.items())
    first = number % len(items)
    return items[first:] + items[:first]


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return the median, the least and the largest of `values`."""
    ordered = sorted(values)
    return {"median": round(median(ordered), 4), "min": round(ordered[0], 4), "max": round(ordered[-1], 4)}


def ratio(values: Iterable[float], base: Iterable[float]) -> dict[str, float]:
    """Return the spread of `values` divided by `base`, taken round by round."""
    return spread(value / other for value, other in zip(values, base, strict=True))


def circumstances(plan: Plan, model: str) -> dict[str, Any]:
    """Return what the figures depend on: the day, the machine, the versions, the rounds."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": plan.rounds,
        "model": model,
        "cores": machine.cores(),
        "processor": machine.processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }
