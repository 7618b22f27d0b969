"""Checks of chapter 19, Data sovereignty."""

from collections.abc import Callable
from typing import Any

from openai import NotFoundError, OpenAI

from llamastack_workshop.exercises.check import NotYet, exercise, given, require

# More than `conversations.items.list` returns at a time.
_ITEMS = 25


@exercise
def forgets(function: Callable[[OpenAI, str], object], client: OpenAI) -> str:
    """Check that `function(client, conversation_id)` deletes a conversation, and first each of its items."""
    conversation = client.conversations.create().id
    for start in range(0, _ITEMS, 20):
        numbers = range(start, min(start + 20, _ITEMS))
        items = [{"type": "message", "role": "user", "content": f"message {number}"} for number in numbers]
        client.conversations.items.create(conversation, items=items)
    items = client.conversations.items.list(conversation, limit=100).data
    answer = function(client, conversation)
    there = _retrievable(client.conversations.retrieve, conversation)
    left = [
        item.id
        for item in items
        if _retrievable(client.conversations.items.retrieve, item.id, conversation_id=conversation)
    ]
    if there and len(left) == _ITEMS:
        given(answer)
    require(not there, "the conversation is still there.")
    require(len(left) < _ITEMS, f"all {_ITEMS} items can still be retrieved; delete them before the conversation.")
    require(not left, f"{len(left)} of {_ITEMS} items can still be retrieved; `items.list` returns 20 at a time.")
    return f"the conversation and its {_ITEMS} items are gone"


@exercise
def finds_what_leaves(function: Callable[[dict[str, Any]], list[str]]) -> str:
    """Check that `function(configuration)` returns the ids of the providers with a base_url on another host."""
    addresses = {
        "local-name": "http://localhost:8000/v1",
        "local-address": "http://127.0.0.1:8000/v1",
        "local-ipv6": "http://[::1]:8000/v1",
        "hosted": "https://api.openai.com/v1",
        "look-alike": "https://localhost.example.com/v1",
        "neighbour": "http://192.168.1.7:11434/v1",
    }
    inference = [_provider(name, {"base_url": url}) for name, url in addresses.items()]
    elsewhere = {"elsewhere": "https://shields.example.com"}
    configuration = {
        "providers": {
            "inference": [*inference, _provider("no-address", {})],
            "tool_runtime": [{"provider_id": "no-config", "provider_type": "inline::rag-runtime"}],
            "safety": [_provider(name, {"base_url": url}) for name, url in elsewhere.items()],
        }
    }
    answer = given(function(configuration))
    require(isinstance(answer, (list, tuple, set)), f"return a list of ids, not {type(answer).__name__}.")
    wanted = {"hosted", "look-alike", "neighbour", *elsewhere}
    for name in sorted(set(answer) - wanted, key=str):
        why = f"{addresses[name]} is on this machine" if name in addresses else "it has no base_url"
        raise NotYet(f"{name!r} does not leave: {why}.")
    for name in sorted(wanted - set(answer)):
        raise NotYet(f"{name!r} is missing: its base_url, {(addresses | elsewhere)[name]}, is on another host.")
    return "four of nine providers send prompts elsewhere"


def _provider(name: str, config: dict[str, str]) -> dict[str, Any]:
    return {"provider_id": name, "provider_type": "remote::openai", "config": config}


def _retrievable(retrieve: Callable[..., Any], *arguments: str, **options: str) -> bool:
    try:
        retrieve(*arguments, **options)
    except NotFoundError:
        return False
    return True
