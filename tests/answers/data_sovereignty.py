"""Answers to the exercises of chapter 19, Data sovereignty."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import httpx
from openai import OpenAI

from answers import Answer
from llamastack_workshop.exercises import data_sovereignty as check


def by_hand(client: OpenAI, conversation: str) -> None:
    """Delete with plain HTTP, page by page."""
    with httpx.Client(base_url=client.base_url, timeout=60) as http:
        while page := http.get(f"conversations/{conversation}/items").json()["data"]:
            for item in page:
                http.delete(f"conversations/{conversation}/items/{item['id']}").raise_for_status()
        http.delete(f"conversations/{conversation}").raise_for_status()


class Forgetting:
    """Lists everything at once, and deletes two at a time."""

    def __call__(self, client: OpenAI, conversation: str) -> str:
        found = client.conversations.items.list(conversation, limit=1000).data
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda item: client.conversations.items.delete(item.id, conversation_id=conversation), found))
        return client.conversations.delete(conversation).id


def delete_items(client: OpenAI, conversation: str, **options: Any) -> None:
    for item in client.conversations.items.list(conversation, **options):
        client.conversations.items.delete(str(item.id), conversation_id=conversation)


def first_page(client: OpenAI, conversation: str, limit: int = 20) -> None:
    delete_items(client, conversation, limit=limit)
    client.conversations.delete(conversation)


def items_alone(client: OpenAI, conversation: str) -> None:
    delete_items(client, conversation, limit=200)


def too_late(client: OpenAI, conversation: str) -> None:
    client.conversations.delete(conversation)
    delete_items(client, conversation)


def needs_an_item(client: OpenAI, conversation: str) -> None:
    first = client.conversations.items.list(conversation, limit=200).data[0]
    first_page(client, conversation, 200)
    assert first


def asked(change: Callable[[dict[str, Any]], Any]) -> Any:
    """Return an answer to exercise 2 that replaces each provider by the result of `change`, or leaves it out."""
    return lambda configuration: [
        found
        for providers in configuration["providers"].values()
        for provider in providers
        if (found := change(provider))
    ]


def where(outside: Callable[[str], bool]) -> Any:
    """Return an answer that selects the providers whose base_url is on another machine according to `outside`."""

    def id_of(provider: dict[str, Any]) -> str | None:
        url = provider.get("config", {}).get("base_url")
        return provider["provider_id"] if url and outside(url) else None

    return asked(id_of)


def yielding(configuration: dict[str, Any]) -> Iterator[str]:
    """Yield the ids, checking each address."""
    for provider in chain.from_iterable(configuration["providers"].values()):
        match provider:
            case {"provider_id": id, "config": {"base_url": str(url)}}:
                host = urlsplit(url).hostname
                try:
                    here = ip_address(host or "").is_loopback
                except ValueError:
                    here = host == "localhost"
                if not here:
                    yield id


def on_this_machine(url: str) -> bool:
    return httpx.URL(url).host in ("localhost", "127.0.0.1", "::1")


def elsewhere(url: str) -> bool:
    return not on_this_machine(url)


def in_one_api(configuration: dict[str, Any]) -> Any:
    return where(elsewhere)({"providers": {"inference": configuration["providers"]["inference"]}})


def forget(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.forgets, style, lambda server: [function, server.client], said)


def leave(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.finds_what_leaves, style, lambda server: [function], said)


RIGHT = [
    forget("plain HTTP, until a page is empty", by_hand),
    forget("a class that lists first, and deletes in threads", Forgetting()),
    leave("a generator with ipaddress", yielding),
    leave("a set", lambda configuration: set(where(elsewhere)(configuration))),
    leave("keys of a dictionary, backwards", lambda c: dict.fromkeys(reversed(where(elsewhere)(c))).keys()),
]

WRONG = [
    forget("a blank", lambda client, conversation: None, "there is no answer yet"),
    forget(
        "the conversation alone",
        lambda client, conversation: client.conversations.delete(conversation),
        "all 105 items can still be retrieved",
    ),
    forget("the first page", first_page, "85 of 105 items can still be retrieved"),
    forget("a hundred", lambda client, conversation: first_page(client, conversation, 100), "5 of 105 items"),
    forget("the items alone", items_alone, "the conversation is still there"),
    forget("too late", too_late, "NotFoundError"),
    forget("a conversation that has items", needs_an_item, "IndexError"),
    Answer(
        check.forgets,
        "another client",
        lambda server: [lambda client, conversation: by_hand(server.client, conversation), server.client],
        "not through the `client`",
    ),
    leave("a text", lambda configuration: "hosted", "return a list of ids, not a str"),
    leave("a dictionary", lambda configuration: {"hosted": "https://api.openai.com"}, "a list of ids, not a dict"),
    leave("the addresses", asked(lambda one: one.get("config", {}).get("base_url")), "has no such provider"),
    leave(
        "the providers",
        asked(lambda one: one if one.get("config") else None),
        "the list should contain ids, as strings",
    ),
    leave(
        "all with an address",
        where(bool),
        "'local-name' does not send data to another host: http://localhost:8000/v1 is on",
    ),
    leave(
        "the name alone",
        where(lambda url: urlsplit(url).hostname != "localhost"),
        "'local-address' does not send data to another host",
    ),
    leave(
        "up to a colon",
        where(lambda url: urlsplit(url).netloc.split(":")[0] not in ("localhost", "127.0.0.1", "::1")),
        "'local-ipv6' does not send data to another host",
    ),
    leave(
        "a word in the address",
        where(lambda url: not any(name in url for name in ("localhost", "127.0.0.1", "[::1]"))),
        "'look-alike' is missing: its base_url, https://localhost.example.com/v1",
    ),
    leave(
        "the remote ones",
        asked(lambda one: one["provider_id"] if "remote" in one["provider_type"] else None),
        "not send data to another host",
    ),
    leave("one API", in_one_api, "'elsewhere' is missing"),
    leave("local turned round", where(on_this_machine), "'local-name' does not send data to another host"),
    leave(
        "what it knows",
        lambda configuration: ["hosted", "look-alike", "neighbour", "path-alike", "elsewhere"],
        "'hosted' does not send data to another host: http://localhost:8000/v1 is on this machine",
    ),
    leave("twice", lambda c: [id for id in where(elsewhere)(c) for _ in range(2)], "in your list 2 times"),
    leave("a config for each", asked(lambda one: one["config"].get("base_url") and one["provider_id"]), "KeyError"),
]
