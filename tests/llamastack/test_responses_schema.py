"""Real responses and events, compared strictly with the openai SDK's own types.

Each difference has a row in a table of book/responses-reference.md: a new difference fails, and so does one that has
disappeared.
"""

from collections import defaultdict
from typing import Any

import pytest
from openai import APIError
from openai.types.conversations import Conversation, ConversationDeletedResource, ConversationItem, ConversationItemList
from openai.types.responses import Response, ResponseAudioDeltaEvent, ResponseItemList, ResponseStreamEvent
from responses_live import CITY, FACTS, QUESTION, STREAMS, Live, items, skip_other_upstreams
from sdk_types import deviations, valid
from tables import assert_table

from llamastack_workshop.system import paths

PAGE = paths.ROOT / "book" / "responses-reference.md"
Case = tuple[str, Any, Any]


def response_cases(live: Live) -> list[Case]:
    """Return (name, SDK type, JSON) for the results of the calls that don't stream."""
    text = live.whole_answer()
    (call,) = items(live.called, "function_call")
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": FACTS}
    continued = live.whole_answer(**live.function_call | {"input": [output]}, previous_response_id=live.called["id"])
    queued = live.answer(background=True, max_output_tokens=200)
    responses = {
        "text": text,
        "logprobs": live.whole_answer(top_logprobs=2),
        "incomplete": live.answer(input="Write a long story about a lighthouse."),
        "JSON schema": live.whole_answer(text={"format": CITY}, max_output_tokens=200),
        "verbosity": live.whole_answer(text={"verbosity": "low"}),
        "instructions": live.whole_answer(instructions="Answer in English.", max_output_tokens=200),
        "metadata": live.whole_answer(metadata={"topic": "prices"}),
        "function call": live.called,
        "continued": continued,
        "file search": live.searched,
        "MCP": live.used_mcp,
        "MCP with approval": live.asked_for_approval,
        "failing MCP tool": live.whole_answer(**live.mcp_that_fails),
        "retrieve": live.http.get(f"/responses/{continued['id']}").json(),
        "queued": queued,
        "background": live.finished(queued["id"]),
    }
    input_items = {
        "input items": live.http.get(f"/responses/{text['id']}/input_items").json(),
        "input items of a continued response": live.http.get(f"/responses/{continued['id']}/input_items").json(),
    }
    return [(name, Response, response) for name, response in responses.items()] + [
        (name, ResponseItemList, listed) for name, listed in input_items.items()
    ]


def conversation_cases(live: Live) -> list[Case]:
    created = live.http.post("/conversations", json={"metadata": {"topic": "prices"}}).json()
    path = f"/conversations/{created['id']}"
    live.answer(conversation=created["id"])
    live.answer(**live.mcp, conversation=created["id"])
    listed = live.http.get(f"{path}/items").json()
    message = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": QUESTION}]}
    return [
        ("conversation", Conversation, created),
        ("retrieved conversation", Conversation, live.http.get(path).json()),
        ("conversation items", ConversationItemList, listed),
        ("conversation item", ConversationItem, live.http.get(f"{path}/items/{listed['data'][0]['id']}").json()),
        ("created items", ConversationItemList, live.http.post(f"{path}/items", json={"items": [message]}).json()),
        ("deleted conversation", ConversationDeletedResource, live.http.delete(path).json()),
    ]


def stream_cases(live: Live) -> list[Case]:
    return [(f"stream of {name}", ResponseStreamEvent, event) for name in STREAMS for event in live.events(name)]


def test_departures_from_the_sdks_types(live: Live, rewrite_tables: bool) -> None:
    skip_other_upstreams(live)
    where: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for name, annotation, value in [*response_cases(live), *conversation_cases(live), *stream_cases(live)]:
        found = set(deviations(value, annotation, "a stream event"))
        flaws = {what for _, what in found} - {"is not in the type"}
        assert valid(value, annotation) == (not flaws), (name, found, value)
        for deviation in found:
            where[deviation][name] = None
    rows = [
        [f"`{place}`" if "." in place else place, what, _few(list(cases))]
        for (place, what), cases in sorted(where.items())
    ]
    assert_table(PAGE, "responses-deviations", ["key", "what is wrong", "seen in"], rows, rewrite_tables)


def test_the_sdk_overlooks_them(live: Live) -> None:
    """The page's claims about the SDK: no class for unknown types, None for missing keys, an error without a type."""
    skip_other_upstreams(live)
    parameters = {"model": live.model, "input": QUESTION, "stream": True}
    events = list(live.client.responses.create(**parameters | live.mcp))
    by_type = {event.type: event for event in events}
    assert isinstance(by_type["response.mcp_call.arguments.delta"], ResponseAudioDeltaEvent)
    assert by_type["response.mcp_call.completed"].item_id is None
    with pytest.raises(APIError, match="not found"):
        list(live.client.responses.create(**parameters | {"model": "nobody/has-this"}))


def _few(cases: list[str]) -> str:
    return ", ".join(cases if len(cases) <= 3 else [*cases[:2], f"{len(cases) - 2} more"])
