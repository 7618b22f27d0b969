"""Checks of chapter 19, Data sovereignty."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from openai import NotFoundError, OpenAI

from llamastack_workshop.exercises.check import call, exercise, of_type, require, your_code
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.relay import relay

questions = QuickCheck(__name__)

# More than `conversations.items.list` returns at a time, even with the largest `limit` of OpenAI's API, 100.
_ITEMS = 105


@exercise
def forgets(function: Callable[[OpenAI, str], object], client: OpenAI) -> str:
    """Check that `function(client, conversation_id)` deletes a conversation, after each of its items."""
    # Through a relay, to catch functions that use another client than their argument.
    with relay(str(client.base_url)) as server:
        relayed = client.with_options(base_url=server.base_url)
        empty, kept = _conversation(client, 0), _conversation(client, 1)
        call(function, relayed, empty, or_none=True)
        there = _retrievable(client.conversations.retrieve, empty)
        require(not there, "the conversation is still there: delete it too, after its items.")
        require(server.asked, "it is gone, but not through the `client` that your function is given: use that one.")

        conversation = _conversation(client, _ITEMS)
        items = client.conversations.items.list(conversation, limit=_ITEMS).data
        call(function, relayed, conversation, or_none=True)
    left = [
        item.id
        for item in items
        if _retrievable(client.conversations.items.retrieve, item.id, conversation_id=conversation)
    ]
    require(len(left) < _ITEMS, f"all {_ITEMS} items can still be retrieved; delete them before the conversation.")
    require(
        not left,
        f"{len(left)} of {_ITEMS} items can still be retrieved: `items.list` returns 20 at a time, or `limit`, "
        "so repeat the call until it returns none.",
    )
    there = _retrievable(client.conversations.retrieve, conversation)
    require(not there, "the items are gone, but the conversation is still there.")
    require(_retrievable(client.conversations.retrieve, kept), "another conversation is gone, too.")
    client.conversations.delete(kept)
    return f"a conversation with its {_ITEMS} items and an empty one are gone, and another one is still there"


@exercise
def finds_what_leaves(function: Callable[[dict[str, Any]], list[str]]) -> str:
    """Check that `function(configuration)` returns the ids of the providers with a base_url on another host."""
    _finds(
        function,
        inference={
            "local-name": "http://localhost:8000/v1",
            "hosted": "https://api.openai.com/v1",
            "local-address": "http://127.0.0.1:8000/v1",
            "local-ipv6": "http://[::1]:8000/v1",
            "local-tls": "https://localhost/v1",
            "look-alike": "https://localhost.example.com/v1",
            "neighbour": "http://192.168.1.7:11434/v1",
            "path-alike": "http://10.0.0.5:8000/localhost/v1",
            "no-address": None,
        },
        safety={"elsewhere": "https://shields.example.com"},
    )
    # The same ids in other places, to catch answers with those of the first configuration hard-coded.
    _finds(
        function,
        inference={"hosted": "http://localhost:8000/v1", "local-name": "https://api.openai.com/v1"},
        vector_io={"neighbour": None},
        files={},
    )
    _finds(function, inference={"at-home": "http://127.0.0.1:11434/v1"})
    return "you find the six providers in three configurations that send prompts to other hosts"


_HERE = ("http://localhost:", "http://127.0.0.1:", "http://[::1]:", "https://localhost/")


def _finds(function: Callable[[dict[str, Any]], Any], **apis: dict[str, str | None]) -> None:
    """Raise NotYet unless `function` finds the providers in `apis` (ids with base_url) that are on other hosts."""
    addresses = {id: url for providers in apis.values() for id, url in providers.items()}
    wanted = {id for id, url in addresses.items() if url and not url.startswith(_HERE)}
    configuration = {
        "providers": {
            api: [_provider(api, id, url) for id, url in providers.items()] for api, providers in apis.items()
        }
        | {"tool_runtime": [{"provider_id": "no-config", "provider_type": "inline::rag-runtime"}]}
    }
    answer = call(function, configuration, kind=Iterable, wanted="a list of ids")
    require(not isinstance(answer, (str, bytes, dict)), f"return a list of ids, not a {type(answer).__name__}.")
    with your_code():
        answer = list(answer)
    for id in answer:
        of_type(id, str, "the list should contain ids, as strings")
        why = f"{addresses[id]} is on this machine" if addresses.get(id) else "it has no base_url"
        why = why if id in addresses or id == "no-config" else "this configuration has no such provider"
        require(id in wanted, f"{id!r} does not send data to another host: {why}.")
    for id in sorted(wanted):
        require(id in answer, f"{id!r} is missing: its base_url, {addresses[id]}, is on another host.")
    (often, count), *_ = [*Counter(answer).most_common(1), ("", 0)]
    require(count < 2, f"{often!r} is in your list {count} times; once is enough.")


def _provider(api: str, id: str, url: str | None) -> dict[str, Any]:
    config = {"base_url": url} if url else {"persistence": {"namespace": id}}
    return {"provider_id": id, "provider_type": f"remote::{api}", "config": config}


def _retrievable(retrieve: Callable[..., Any], *arguments: str, **options: str) -> bool:
    try:
        retrieve(*arguments, **options)
    except NotFoundError:
        return False
    return True


def _conversation(client: OpenAI, length: int) -> str:
    """Create a conversation of `length` items, and return its id."""
    id = client.conversations.create().id
    # One request takes no more than 20.
    for start in range(0, length, 20):
        numbers = range(start, min(start + 20, length))
        items: Any = [{"type": "message", "role": "user", "content": f"message {number}"} for number in numbers]
        client.conversations.items.create(id, items=items)
    return id
