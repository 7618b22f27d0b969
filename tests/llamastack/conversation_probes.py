"""Probes of conversations: the contents of their lists, and the items that the model reads."""

import time
import uuid
from functools import cache
from typing import Any

from findings import IGNORED, IMPLEMENTED, NOT_PROBED, PARTLY, Finding, Probe, effect, outcome, refusal, yes
from list_probes import Listing, lists, next_second
from responses_live import Json, Live
from tables import probes

PAGE = 20
_ATTEMPTS = 5

METHODS: dict[str, Probe] = {}
READ: dict[str, Probe] = {}


def message(text: str, role: str = "user") -> Json:
    return {"type": "message", "role": role, "content": text}


def new(live: Live, *texts: str) -> str:
    """Return the id of a conversation with these messages."""
    made = live.http.post("/conversations", json={"items": [message(text) for text in texts]} if texts else {})
    return made.raise_for_status().json()["id"]


def add(live: Live, conversation: str, *items: Json) -> list[str]:
    reply = live.http.post(f"/conversations/{conversation}/items", json={"items": list(items)})
    return [item["id"] for item in reply.raise_for_status().json()["data"]]


def texts(live: Live, conversation: str) -> list[str]:
    """Return the texts of a conversation's messages, the oldest first."""
    page = live.http.get(f"/conversations/{conversation}/items", params={"order": "asc", "limit": 100})
    return [_said(item) for item in page.raise_for_status().json()["data"]]


def read(live: Live, conversation: str, question: str) -> list[str]:
    """Send a request, and return the messages that the model received, from the response's stored chat completion."""
    asked = f"{question} ({uuid.uuid4()})"
    live.answer(conversation=conversation, input=asked, max_output_tokens=16)
    # The server stores them with a short delay.
    for _ in range(50):
        kept = live.http.get("/chat/completions", params={"limit": 100}).raise_for_status().json()["data"]
        for prompt in ([_said(one) for one in completion["input_messages"]] for completion in kept):
            if prompt[-1] == asked:
                return [*prompt[:-1], question]
        time.sleep(0.1)
    raise AssertionError(f"the server keeps no chat completion for {asked!r}")


def _said(part: Json) -> str:
    content = part["content"]
    return content if isinstance(content, str) else "".join(each.get("text", "") for each in content)


@cache
def long(live: Live) -> tuple[str, list[str]]:
    """Return a conversation with more items than fit on a page, and their ids: a request takes up to PAGE of them."""
    conversation = new(live)
    ids = add(live, conversation, *(message(f"item {number}") for number in range(PAGE)))
    next_second()
    return conversation, ids + add(live, conversation, *(message(f"later {number}") for number in range(5)))


def _listing(live: Live) -> Listing:
    conversation, ids = long(live)
    return Listing(lambda **query: live.client.conversations.items.list(conversation, **query), ids)


METHODS |= lists("conversations.items.list", _listing, "after", "limit")


@probes(METHODS, "conversations.items.list(order)")
def items_order(live: Live) -> Finding:
    up, down = (_listing(live).found(order=order, limit=100) for order in ("asc", "desc"))
    arrived = up == long(live)[1]
    verdict = IMPLEMENTED if arrived else PARTLY
    said = f"`desc` is `asc` turned: {yes(down == up[::-1])}; `asc` is the order of arrival: {yes(arrived)}"
    return Finding(verdict if up != down else IGNORED, f"{said}; `sideways`: {_listing(live).status(order='sideways')}")


@probes(METHODS, "conversations.items.list")
def items_list(live: Live) -> Finding:
    page = _listing(live).call()
    said = f"{len(page.data)} of {PAGE + 5} items, and `has_more` says so: {yes(page.has_more)}"
    return Finding(IMPLEMENTED if page.has_more else PARTLY, said)


def _include(sent: Any) -> Probe:
    def probe(live: Live) -> Finding:
        nonsense = sent(live, "nonsense")
        return Finding(NOT_PROBED, f"these items have nothing that it adds; a value that is none: {outcome(nonsense)}")

    return probe


def _list_including(live: Live, value: str) -> Any:
    return live.http.get(f"/conversations/{new(live, 'Hello')}/items", params={"include": value})


def _create_including(live: Live, value: str) -> Any:
    body = {"items": [message("Hello")]}
    return live.http.post(f"/conversations/{new(live)}/items", params={"include": value}, json=body)


def _retrieve_including(live: Live, value: str) -> Any:
    conversation = new(live)
    (item,) = add(live, conversation, message("Hello"))
    return live.http.get(f"/conversations/{conversation}/items/{item}", params={"include": value})


METHODS |= {
    "conversations.items.list(include)": _include(_list_including),
    "conversations.items.create(include)": _include(_create_including),
    "conversations.items.retrieve(include)": _include(_retrieve_including),
}


@probes(METHODS, "conversations.create")
def create(live: Live) -> Finding:
    reply = live.http.get("/conversations")
    return Finding(PARTLY, f"comes back with an id; no list of conversations to find it again: {outcome(reply)}")


@probes(METHODS, "conversations.create(items)")
def create_items(live: Live) -> Finding:
    many = [message(str(number)) for number in range(PAGE + 5)]
    reply = live.http.post("/conversations", json={"items": many})
    if refused := refusal(reply):
        return refused
    kept = len(texts(live, reply.json()["id"]))
    return Finding(IMPLEMENTED if kept == len(many) else PARTLY, f"{kept} items are kept; OpenAI allows {PAGE}")


@probes(METHODS, "conversations.create(metadata)")
def create_metadata(live: Live) -> Finding:
    return _limits_of_metadata(live, "/conversations")


@probes(METHODS, "conversations.update")
def update(live: Live) -> Finding:
    path = f"/conversations/{new(live)}"
    live.http.post(path, json={"metadata": {"topic": "prices"}}).raise_for_status()
    return effect(live.http.get(path).json()["metadata"] == {"topic": "prices"}, "retrieve shows the change")


@probes(METHODS, "conversations.update(metadata)")
def update_metadata(live: Live) -> Finding:
    return _limits_of_metadata(live, f"/conversations/{new(live)}")


def _limits_of_metadata(live: Live, path: str) -> Finding:
    kept = live.http.post(path, json={"metadata": {"topic": "prices"}}).json()["metadata"] == {"topic": "prices"}
    many = live.http.post(path, json={"metadata": {f"key {number}": "x" for number in range(17)}})
    long_value = live.http.post(path, json={"metadata": {"topic": "x" * 600}})
    a_number = live.http.post(path, json={"metadata": {"topic": 1}})
    said = f"17 pairs: {many.status_code}; 600 letters: {long_value.status_code}; a number: {outcome(a_number)}"
    return Finding(IMPLEMENTED if kept else IGNORED, f"replaces what was there; {said}")


@probes(METHODS, "conversations.retrieve")
def retrieve(live: Live) -> Finding:
    unknown = live.http.get("/conversations/conv_none")
    found = live.http.get(f"/conversations/{new(live, 'Hello')}").json()
    return effect(
        "metadata" in found, f"comes back; its key `items` is {found['items']}; unknown: {unknown.status_code}"
    )


@probes(METHODS, "conversations.delete")
def delete(live: Live) -> Finding:
    conversation = new(live)
    (item,) = add(live, conversation, message("Hello"))
    live.http.delete(f"/conversations/{conversation}").raise_for_status()
    gone = live.http.get(f"/conversations/{conversation}").status_code
    listed = live.http.get(f"/conversations/{conversation}/items").status_code
    single = live.http.get(f"/conversations/{conversation}/items/{item}").status_code
    said = f"retrieve afterwards {gone}, the list of its items {listed}, a single item {single}"
    return Finding(PARTLY if single == 200 else IMPLEMENTED, said)


@probes(METHODS, "conversations.items.create")
def items_create(live: Live) -> Finding:
    conversation = new(live)
    many = [message(str(number)) for number in range(PAGE + 1)]
    refused = live.http.post(f"/conversations/{conversation}/items", json={"items": many})
    made = add(live, conversation, *many[:PAGE])
    return effect(len(made) == PAGE, f"{PAGE} items at once; {PAGE + 1}: {outcome(refused)}")


@probes(METHODS, "conversations.items.create(items)")
def items_create_items(live: Live) -> Finding:
    call = {"type": "function_call", "call_id": "call_1", "name": "get_price", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "call_1", "output": "1299 euros"}
    made = add(live, new(live), message("Hello"), message("Hello", "assistant"), call, output)
    nonsense = live.http.post(f"/conversations/{new(live)}/items", json={"items": [{"type": "nonsense"}]})
    return effect(len(made) == 4, f"messages, a call and its output; a type that is none: {outcome(nonsense)}")


@probes(METHODS, "conversations.items.retrieve")
def items_retrieve(live: Live) -> Finding:
    conversation = new(live)
    (item,) = add(live, conversation, message("Hello"))
    found = live.http.get(f"/conversations/{conversation}/items/{item}").json()
    elsewhere = live.http.get(f"/conversations/{new(live)}/items/{item}").status_code
    return effect(_said(found) == "Hello", f"comes back; out of another conversation: {elsewhere}")


@probes(METHODS, "conversations.items.delete")
def items_delete(live: Live) -> Finding:
    conversation = new(live)
    first, _ = add(live, conversation, message("Hello"), message("Goodbye"))
    live.http.delete(f"/conversations/{conversation}/items/{first}").raise_for_status()
    return effect(
        texts(live, conversation) == ["Goodbye"], "it is gone from the list; see below for what the model reads"
    )


# What the model reads of a conversation


@probes(READ, "items that were there before the first response")
def reads_items(live: Live) -> Finding:
    prompt = read(live, new(live, "Hello", "How are you?"), "Still there?")
    return effect(prompt == ["Hello", "How are you?", "Still there?"], "are in the prompt")


@probes(READ, "more than 20 of them")
def reads_the_first(live: Live) -> Finding:
    prompt = read(live, new(live, *(str(number) for number in range(PAGE + 5))), "How many?")
    said = f"of {PAGE + 5} items the model reads {len(prompt) - 1}, the last of them: {prompt[-2]} (they count from 0)"
    return Finding(IMPLEMENTED if len(prompt) == PAGE + 6 else PARTLY, said)


@probes(READ, "several requests within one second")
def reads_in_order(live: Live) -> Finding:
    for _ in range(_ATTEMPTS):
        conversation = new(live)
        add(live, conversation, message("first"), message("second", "assistant"))
        add(live, conversation, message("third"), message("fourth", "assistant"))
        prompt = read(live, conversation, "In which order?")[:-1]
        if prompt != ["first", "second", "third", "fourth"]:
            return Finding(PARTLY, f"two items and two more are read as {', '.join(prompt)}")
    return Finding(IMPLEMENTED, "are read in the order in which they came")


@probes(READ, "an item that is added after a response")
def reads_a_later_item(live: Live) -> Finding:
    conversation = new(live, "Hello")
    read(live, conversation, "First question")
    next_second()
    add(live, conversation, message("The gate is blue."))
    listed = "The gate is blue." in texts(live, conversation)
    prompt = read(live, conversation, "Second question")
    seen = "The gate is blue." in prompt
    return Finding(IMPLEMENTED if seen else IGNORED, f"is in the list: {yes(listed)}; the model reads it: {yes(seen)}")


@probes(READ, "an item that is deleted after a response")
def reads_a_deleted_item(live: Live) -> Finding:
    conversation = new(live)
    (item,) = add(live, conversation, message("The code is 9911."))
    read(live, conversation, "First question")
    next_second()
    live.http.delete(f"/conversations/{conversation}/items/{item}").raise_for_status()
    seen = "The code is 9911." in read(live, conversation, "Second question")
    return Finding(IGNORED if seen else IMPLEMENTED, f"the model reads it: {yes(seen)}")


@probes(READ, "an item with an id of one's own that another conversation has")
def reads_a_taken_id(live: Live) -> Finding:
    first, second = new(live), new(live)
    (item,) = add(live, first, message("Hello"))
    add(live, second, message("Goodbye") | {"id": item})
    left, moved = texts(live, first), texts(live, second)
    said = f"the other conversation keeps its item: {yes(left == ['Hello'])}; this one has: {', '.join(moved)}"
    return Finding(IMPLEMENTED if left == ["Hello"] else PARTLY, said)
