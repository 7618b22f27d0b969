"""What the clients in this folder do, each with a library of its own: the same small task.

    OPENAI_API_KEY=… uv run python clients/python/openai_sdk.py

runs one of them against OpenAI. With the first of these variables set as well, and for LlamaIndex the second,
it runs against a LlamaStack server; the third names one of that server's models.

    OPENAI_BASE_URL=http://localhost:8321/v1
    OPENAI_API_BASE=http://localhost:8321/v1
    MODEL=llama-cpp/smollm2-135m-workshop

The names of steps as arguments run these alone. Each step prints one line of JSON.

A comment `was: …` says what stood in the place of its line in a program for OpenAI alone, and `new` that nothing did.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

from pydantic import BaseModel

QUESTION = "What is the capital of France?"
FOLLOW_UP = "Which country did I ask about?"
PRODUCT_TEXT = "The UltraBook costs 1299 euros."
WEATHER_QUESTION = "What is the weather in Oslo?"


class Product(BaseModel):
    name: str
    price: int


def get_weather(city: str) -> str:
    """Get the weather for a city."""
    return f"It is 18 degrees and sunny in {city}."


def perform(*steps: Callable[[], Any]) -> None:
    """Call each step, or those that the command line names, and print its result or its error as a line of JSON.

    A step may be a coroutine function. The program ends with status 1 if a step raised.
    """
    chosen = [step for step in steps if step.__name__ in (sys.argv[1:] or [step.__name__])]
    sys.exit(not asyncio.run(_perform(chosen)))


async def _perform(steps: list[Callable[[], Any]]) -> bool:
    """Return whether every step worked."""
    worked = True
    for step in steps:
        try:
            result = step()
            outcome = {"result": await result if isawaitable(result) else result}
        except Exception as error:
            outcome, worked = {"error": f"{type(error).__name__}: {error}"}, False
        print(json.dumps({"step": step.__name__, **outcome}), flush=True)
    return worked
