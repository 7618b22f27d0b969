"""The plan of a measurement, and the statistics over its rounds."""

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
    """The number of rounds that count, of warm-up rounds before them, and the numbers of concurrent requests.

    Warm-up rounds read files from the disk and open connections.
    """

    rounds: int
    warm_ups: int = 1
    at_once: tuple[int, ...] = (1, 8, 40)

    def numbers(self, say: Say) -> Iterator[int]:
        """Yield the number of each round; those of warm-ups are below 1. `say` reports slow rounds."""
        yield from self._told(range(1 - self.warm_ups, self.rounds + 1), say)

    def counted(self, say: Say) -> Iterator[int]:
        """Yield the number of each round that counts; `say` reports slow rounds."""
        yield from self._told(range(1, self.rounds + 1), say)

    def _told(self, numbers: range, say: Say) -> Iterator[int]:
        last = time.monotonic()
        for number in numbers:
            if time.monotonic() - last > _SILENCE:
                say(f"  round {number} of {self.rounds}")
                last = time.monotonic()
            yield number


def in_turn[T](sides: Mapping[str, T], number: int) -> list[tuple[str, T]]:
    """Return the sides of a comparison, starting with another one in each round."""
    items = list(sides.items())
    first = number % len(items)
    return items[first:] + items[:first]


def spread(values: Iterable[float]) -> dict[str, float]:
    """Return the median, the minimum and the maximum of `values`."""
    ordered = sorted(values)
    return {"median": round(median(ordered), 4), "min": round(ordered[0], 4), "max": round(ordered[-1], 4)}


def ratio(values: Iterable[float], base: Iterable[float]) -> dict[str, float]:
    """Return the spread of the ratios of `values` to `base`, round by round."""
    return spread(value / other for value, other in zip(values, base, strict=True))


def circumstances(plan: Plan, model: str) -> dict[str, Any]:
    """Return the circumstances of the measurement: date, machine, versions and rounds."""
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
