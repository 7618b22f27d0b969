"""The training's prompts equal those that llama.cpp gives to the model, character by character."""

import os
import random
from itertools import islice
from typing import Any

import httpx
import pytest

from llamastack_workshop.server.embedded.weights import CHAT_MODEL
from training import data, render
from training.example import Message, assistant, system, user

CHAT = render.template()
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the current weather for a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "The city's name, as in “Malmö”"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
                "days": {"type": "array", "items": {"type": "integer"}},
            },
            "required": ["city"],
        },
    },
}
BARE = {"type": "function", "function": {"name": "ping", "parameters": {"type": "object", "properties": {}}}}


def parts(*texts: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": text} for text in texts]


def called(arguments: str) -> Message:
    function = {"name": "get_weather", "arguments": arguments}
    return {"role": "assistant", "content": "", "tool_calls": [{"id": "a", "type": "function", "function": function}]}


def result(content: Any) -> Message:
    return {"role": "tool", "tool_call_id": "a", "content": content}


@pytest.fixture(scope="module")
def engine() -> str:
    """Return the address of llama.cpp with the trained model."""
    url = os.environ.get("LLAMA_CPP_URL")
    if not url or CHAT_MODEL not in httpx.get(f"{url}/models").text:
        pytest.skip("LLAMA_CPP_URL does not serve the trained model")
    return url.removesuffix("/v1")


def prompt_of(engine: str, messages: list[Message], tools: list[dict[str, Any]]) -> str:
    asked = {"messages": messages} | ({"tools": tools} if tools else {})
    answer = httpx.post(f"{engine}/apply-template", json=asked, timeout=30).raise_for_status()
    return answer.json()["prompt"]


@pytest.mark.parametrize(
    ("messages", "tools"),
    [
        ([user("Hi")], []),
        ([user("  Hi,\n\n<b>you</b> & “me” {{ x }}\n")], []),
        ([system("You label mails."), user("Hi")], []),
        ([{"role": "developer", "content": "You label mails."}, user("Hi")], [WEATHER]),
        ([user(parts("One.", "Two."))], []),
        ([user("Hi"), assistant("Hello!"), system("Now be brief."), user("Who are you?")], []),
        ([user("Weather in Malmö?")], [WEATHER, BARE]),
        ([user("Weather?"), called('{"city": "Malmö"}'), result("4 degrees")], [WEATHER]),
        ([user("Weather?"), called("{}"), result(parts("4 degrees")), result(parts("wind", "rain"))], [WEATHER]),
        ([user("Weather?"), called("{}"), result("4 degrees"), assistant("4."), user("And now?")], [WEATHER]),
    ],
)
def test_a_prompt_is_what_llama_cpp_makes_of_the_messages(
    engine: str, messages: list[Message], tools: list[dict[str, Any]]
) -> None:
    assert render.prompt(CHAT, messages, tools) == prompt_of(engine, messages, tools)


@pytest.mark.parametrize("kind", data.SHARES)
def test_so_are_the_prompts_of_examples(engine: str, kind: str) -> None:
    for example in islice(data.SHARES[kind][0].examples(random.Random(7)), 12):
        asked = render.prompt(CHAT, example.messages, example.tools)
        assert asked == prompt_of(engine, example.messages, example.tools)
        assert "".join(text for text, _ in render.spans(CHAT, example)) == asked + example.text() + render.END
