"""The task of the clients in this folder, each of which uses a different library.

    OPENAI_API_KEY=… uv run python clients/python/openai_sdk.py

runs one of them against OpenAI. To run it against a LlamaStack server, set the first of these variables as well
(for LlamaIndex, the second), and the third to one of the server's models.

    OPENAI_BASE_URL=http://localhost:8321/v1
    OPENAI_API_BASE=http://localhost:8321/v1
    MODEL=llama-cpp/smollm2-135m-workshop

To run only some steps, give their names as arguments. Each step prints one line of JSON.

A comment `was: …` shows the line as it is in a program for OpenAI alone; `new` marks a line that such a program lacks.
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
    """Call each step, or those named on the command line, and print its result or error as a line of JSON.

    A step may be a coroutine function. The program exits with status 1 if a step raised an exception.
    """
    chosen = [step for step in steps if step.__name__ in (sys.argv[1:] or [step.__name__])]
    sys.exit(not asyncio.run(_perform(chosen)))


async def _perform(steps: list[Callable[[], Any]]) -> bool:
    """Return whether every step succeeded."""
    worked = True
    for step in steps:
        try:
            result = step()
            outcome = {"result": await result if isawaitable(result) else result}
        except Exception as error:
            outcome, worked = {"error": f"{type(error).__name__}: {error}"}, False
        print(json.dumps({"step": step.__name__, **outcome}), flush=True)
    return worked
