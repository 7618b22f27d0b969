"""Probes of the Responses API: each sends the live server a request, and describes the outcome.

The tables below have a probe for every name in the openai SDK's types; `test_responses_reference.py` runs all of them
and compares book/responses-reference.md with the findings.
"""

import ast
from typing import Any

from findings import (
    FAILS,
    IGNORED,
    IMPLEMENTED,
    NOT_PROBED,
    PARTLY,
    PASSED_ON,
    REFUSED,
    Finding,
    Probe,
    answers,
    effect,
    outcome,
    refusal,
    yes,
)
from pydantic import BaseModel
from responses_live import (
    CITY,
    FACTS,
    GET_PRICE,
    LIMIT,
    PRICE_QUESTION,
    QUESTION,
    TWO_PRICES,
    Json,
    Live,
    items,
    prompt_tokens,
    text_of,
)
from tables import probes

PARAMETERS: dict[str, Probe] = {}
OWN_PARAMETERS: dict[str, Probe] = {}
METHODS: dict[str, Probe] = {}
TOOLS: dict[str, Probe] = {}
INCLUDE: dict[str, Probe] = {}
INPUT_ITEMS: dict[str, Probe] = {}
CONTENT_PARTS: dict[str, Probe] = {}


# Parameters of responses.create


@probes(PARAMETERS, "background")
def background(live: Live) -> Finding:
    queued = live.answer(background=True)
    finished = live.finished(queued["id"])
    streamed = live.post(background=True, stream=True)
    works = (queued["status"], finished["status"]) == ("queued", "completed")
    verdict = IMPLEMENTED if works and streamed.status_code == 200 else PARTLY if works else IGNORED
    return Finding(verdict, f"{queued['status']}, then {finished['status']}; with `stream` {outcome(streamed)}")


@probes(PARAMETERS, "conversation")
def conversation(live: Live) -> Finding:
    thread = live.http.post("/conversations", json={}).json()["id"]
    response = live.answer(conversation=thread)
    kept = live.http.get(f"/conversations/{thread}/items").json()["data"]
    by_object = live.post(conversation={"id": thread})
    shown = "shown" if "conversation" in response else "not shown"
    verdict = IMPLEMENTED if by_object.status_code == 200 and "conversation" in response else PARTLY
    evidence = f"{len(kept)} items kept; {shown} in the response; as an object: {outcome(by_object)}"
    return Finding(verdict if kept else IGNORED, evidence)


@probes(PARAMETERS, "include")
def include(live: Live) -> Finding:
    logprobs = include_logprobs(live).verdict == IMPLEMENTED
    unknown = live.post(include=["web_search_call.results"]).status_code
    return Finding(PARTLY if logprobs else IGNORED, f"logprobs: {yes(logprobs)}; `web_search_call.results`: {unknown}")


@probes(PARAMETERS, "input")
def input_(live: Live) -> Finding:
    as_list = live.answer(input=[{"role": "user", "content": QUESTION}])
    same = prompt_tokens(as_list) == prompt_tokens(live.plain)
    return effect(same, "a string and a list of one message make the same prompt")


@probes(PARAMETERS, "instructions")
def instructions(live: Live) -> Finding:
    response = live.answer(instructions="Answer in one short sentence, and in English only.")
    longer = prompt_tokens(response) > prompt_tokens(live.plain)
    return effect(longer, f"the prompt grows; echoed: {yes(response['instructions'])}")


@probes(PARAMETERS, "max_output_tokens")
def max_output_tokens(live: Live) -> Finding:
    response = live.answer(input="Write a long story about a lighthouse.", max_output_tokens=16)
    reason = (response["incomplete_details"] or {}).get("reason")
    obeyed = response["status"] == "incomplete" and response["usage"]["output_tokens"] <= 16
    verdict = IMPLEMENTED if reason == "max_output_tokens" else PARTLY
    return Finding(verdict if obeyed else IGNORED, f"status {response['status']}, reason `{reason}`")


@probes(PARAMETERS, "max_tool_calls")
def max_tool_calls(live: Live) -> Finding:
    request = live.mcp | {"input": TWO_PRICES, "parallel_tool_calls": True}
    made = [len(items(live.whole_answer(**request, **limit), "mcp_call")) for limit in ({}, {"max_tool_calls": 1})]
    return effect(made == [2, 1], f"of the model's {made[0]} calls of an MCP tool, {made[1]} is made")


@probes(PARAMETERS, "metadata")
def metadata(live: Live) -> Finding:
    created = live.answer(metadata={"topic": "prices"})
    retrieved = live.http.get(f"/responses/{created['id']}").json()
    same = created["metadata"] == retrieved["metadata"] == {"topic": "prices"}
    return effect(same, "comes back from create and from retrieve")


@probes(PARAMETERS, "model")
def model(live: Live) -> Finding:
    unknown = live.post(model="nobody/has-this")
    return effect(live.plain["model"] == live.model and unknown.status_code == 404, f"unknown: {outcome(unknown)}")


@probes(PARAMETERS, "parallel_tool_calls")
def parallel_tool_calls(live: Live) -> Finding:
    request = live.function_call | {"input": TWO_PRICES}
    calls = {
        wanted: len(items(live.whole_answer(**request | {"parallel_tool_calls": wanted}), "function_call"))
        for wanted in (True, False)
    }
    evidence = f"{calls[True]} calls in one turn; with `false` {calls[False]}"
    return Finding(PASSED_ON if calls[True] > 1 else IGNORED, evidence)


@probes(PARAMETERS, "previous_response_id")
def previous_response_id(live: Live) -> Finding:
    response = live.answer(previous_response_id=live.plain["id"])
    seen = prompt_tokens(response) > prompt_tokens(live.plain)
    echoed = response["previous_response_id"]
    verdict = IMPLEMENTED if echoed else PARTLY
    return Finding(verdict if seen else IGNORED, f"the prompt grows by the earlier turn; echoed: {yes(echoed)}")


@probes(PARAMETERS, "prompt")
def prompt(live: Live) -> Finding:
    text = "Answer in one short sentence that begins with the word {{ word }}, and in English only."
    saved = live.http.post("/prompts", json={"prompt": text, "variables": ["word"]}).raise_for_status().json()
    part = {"type": "input_text", "text": "Surely"}
    response = live.answer(prompt={"id": saved["prompt_id"], "variables": {"word": part}})
    as_string = live.post(prompt={"id": saved["prompt_id"], "variables": {"word": "Surely"}})
    longer = prompt_tokens(response) > prompt_tokens(live.plain)
    verdict = IMPLEMENTED if as_string.status_code == 200 else PARTLY
    return Finding(verdict if longer else IGNORED, f"the prompt grows; a string as variable: {outcome(as_string)}")


@probes(PARAMETERS, "prompt_cache_key")
def prompt_cache_key(live: Live) -> Finding:
    return _echoed(live, "prompt_cache_key", "workshop")


@probes(PARAMETERS, "reasoning")
def reasoning(live: Live) -> Finding:
    response = live.answer(reasoning={"effort": "low", "summary": "auto"})
    unknown = live.post(reasoning={"effort": "extreme"})
    kept = ", ".join(f"`{key}`" for key in response["reasoning"])
    return Finding(
        NOT_PROBED, f"echoed: {kept} alone; unknown effort: {unknown.status_code}; the model does not reason"
    )


@probes(PARAMETERS, "safety_identifier")
def safety_identifier(live: Live) -> Finding:
    return _echoed(live, "safety_identifier", "workshop")


@probes(PARAMETERS, "service_tier")
def service_tier(live: Live) -> Finding:
    answered = live.answer(service_tier="priority")["service_tier"]
    return Finding(NOT_PROBED, f"`priority` comes back as `{answered}`; the upstream has no tiers")


@probes(PARAMETERS, "store")
def store(live: Live) -> Finding:
    unstored = live.answer(store=False)
    gone = live.http.get(f"/responses/{unstored['id']}").status_code == 404
    there = live.http.get(f"/responses/{live.plain['id']}").status_code == 200
    return effect(gone and there, "with `false`, retrieve is a 404")


@probes(PARAMETERS, "stream")
def stream(live: Live) -> Finding:
    types = [event.get("type") for event in live.events("text")]
    whole = types[0] == "response.created" and types[-1] == "response.completed"
    done = "response.output_text.done" in types
    verdict = IMPLEMENTED if done else PARTLY
    evidence = f"events from created to completed; `output_text.done` among them: {yes(done)}"
    return Finding(verdict if whole else IGNORED, evidence)


@probes(PARAMETERS, "temperature")
def temperature(live: Live) -> Finding:
    hot = {live.poem(temperature=2) for _ in range(3)}
    return effect(hot != {live.poem(temperature=0)}, "at 2 the answers differ from that at 0")


@probes(PARAMETERS, "text")
def text(live: Live) -> Finding:
    formatted = live.answer(text={"format": CITY}, max_output_tokens=200)
    keys = ast.literal_eval(text_of(formatted)).keys()
    terse = live.answer(text={"verbosity": "low"})["text"]
    verdict = IMPLEMENTED if "verbosity" in terse else PARTLY
    return Finding(
        verdict if keys == {"city"} else IGNORED,
        f"`format`: the answer has the schema's keys; `verbosity` echoed: {yes(terse.get('verbosity'))}",
    )


@probes(PARAMETERS, "tool_choice")
def tool_choice(live: Live) -> Finding:
    # Both functions fit the question, so the list of allowed ones decides.
    fitting = [GET_PRICE, GET_PRICE | {"name": "find_price"}]
    # These don't fit it, so the model calls one only if it has to.
    unfitting = [
        GET_PRICE | {"name": "send_email", "description": "Send an email about a product"},
        GET_PRICE | {"name": "delete_product", "description": "Delete a product"},
    ]

    def called(tools: list[Json], **parameters: Any) -> set[str]:
        response = live.answer(**live.function_call | {"tools": tools} | parameters)
        return {call["name"] for call in items(response, "function_call")}

    def by_name(tool: Json) -> Json:
        return {"type": "function", "name": tool["name"]}

    def allowed(tool: Json) -> Json:
        return {"type": "allowed_tools", "mode": "auto", "tools": [by_name(tool)]}

    obeyed = [
        called(fitting, tool_choice="none", max_output_tokens=LIMIT) == set(),
        all(called([GET_PRICE, tool], tool_choice=by_name(tool)) == {tool["name"]} for tool in unfitting),
        all(called(fitting, tool_choice=allowed(tool)) == {tool["name"]} for tool in fitting),
    ]
    words = [f"{word}: {yes(ok)}" for word, ok in zip(("`none`", "a name", "`allowed_tools`"), obeyed, strict=True)]
    verdict = IMPLEMENTED if all(obeyed) else PARTLY if any(obeyed) else IGNORED
    return Finding(verdict, f"obeyed: {', '.join(words)}")


@probes(PARAMETERS, "tools")
def tools(live: Live) -> Finding:
    called = function_tool(live).verdict == IMPLEMENTED
    other = live.post(tools=[{"type": "code_interpreter", "container": {"type": "auto"}}]).status_code
    return Finding(PARTLY if called else IGNORED, f"`function` is called: {yes(called)}; `code_interpreter`: {other}")


@probes(PARAMETERS, "top_logprobs")
def top_logprobs(live: Live) -> Finding:
    response = live.answer(top_logprobs=3)
    logprobs = response["output"][0]["content"][0]["logprobs"]
    return effect({len(token["top_logprobs"]) for token in logprobs} == {3}, "3 candidates with each token")


@probes(PARAMETERS, "top_p")
def top_p(live: Live) -> Finding:
    answer = live.poem(temperature=2, top_p=0)
    return effect(answer == live.poem(temperature=0), "at temperature 2, 0 gives the answer of temperature 0")


@probes(PARAMETERS, "truncation")
def truncation(live: Live) -> Finding:
    disabled, auto = live.post(truncation="disabled"), live.post(truncation="auto")
    verdict = IMPLEMENTED if auto.status_code == 200 else PARTLY
    return Finding(verdict if disabled.status_code == 200 else REFUSED, f"`disabled`: 200; `auto`: {outcome(auto)}")


def _unknown_to_the_server(name: str, value: Any) -> Probe:
    """Return a probe of a parameter that is missing from the server's own schema."""

    def probe(live: Live) -> Finding:
        reply = live.post(**{name: value})
        known = name in schema_of_create(live)
        shown = not refusal(reply) and name in reply.json()
        return refusal(reply) or Finding(NOT_PROBED if known or shown else PASSED_ON, "200, not in the response")

    return probe


for _name, _value in {
    "context_management": [{"type": "compaction", "compact_threshold": 1000}],
    "moderation": {"model": "omni-moderation-latest"},
    "prompt_cache_options": {"mode": "explicit"},
    "prompt_cache_retention": "24h",
    "stream_options": {"include_obfuscation": False},
    "user": "somebody",
}.items():
    PARAMETERS[_name] = _unknown_to_the_server(_name, _value)


def schema_of_create(live: Live) -> Json:
    """Return the parameters of POST /v1/responses from the server's OpenAPI document."""
    document = live.http.get(live.base_url.removesuffix("/v1") + "/openapi.json").raise_for_status().json()
    return document["components"]["schemas"]["CreateResponseRequest"]["properties"]


def _echoed(live: Live, name: str, value: Any) -> Finding:
    response = live.answer(**{name: value})
    return Finding(NOT_PROBED, f"echoed: {yes(response[name] == value)}; no effect to be seen from outside")


# LlamaStack's own parameters


@probes(OWN_PARAMETERS, "frequency_penalty")
def frequency_penalty(live: Live) -> Finding:
    return _changes_the_answer(live, frequency_penalty=2.0)


@probes(OWN_PARAMETERS, "presence_penalty")
def presence_penalty(live: Live) -> Finding:
    return _changes_the_answer(live, presence_penalty=2.0)


@probes(OWN_PARAMETERS, "guardrails")
def guardrails(live: Live) -> Finding:
    reply = live.post(guardrails=["llama-guard"])
    return refusal(reply) or Finding(NOT_PROBED, outcome(reply))


@probes(OWN_PARAMETERS, "max_infer_iters")
def max_infer_iters(live: Live) -> Finding:
    response = live.answer(**live.mcp, max_infer_iters=1)
    reason = (response["incomplete_details"] or {}).get("reason")
    return effect(response["status"] == "incomplete", f"1, with a tool: status {response['status']}, reason `{reason}`")


@probes(OWN_PARAMETERS, "(any other name)")
def any_other_name(live: Live) -> Finding:
    """LlamaStack ignores `seed`. Two equal answers at temperature 2 show that it reached the upstream."""
    first, second = (live.poem(temperature=2, seed=7) for _ in range(2))
    other = live.poem(temperature=2, seed=8)
    arrived = first == second != other
    return Finding(PASSED_ON if arrived else IGNORED, "`seed` reaches llama.cpp: same seed, same answer")


def _changes_the_answer(live: Live, **parameters: Any) -> Finding:
    changed = live.poem(temperature=0, **parameters) != live.poem(temperature=0)
    return effect(changed, "the answer changes")


# Methods of the SDK


@probes(METHODS, "responses.create")
def responses_create(live: Live) -> Finding:
    return answers(lambda: _create(live), "status completed", lambda response: response.status == "completed")


@probes(METHODS, "responses.retrieve")
def responses_retrieve(live: Live) -> Finding:
    id_ = _create(live).id
    found = live.client.responses.retrieve(id_).id == id_
    events = list(live.client.responses.retrieve(id_, stream=True))
    verdict = IMPLEMENTED if events else PARTLY
    return Finding(verdict if found else IGNORED, f"comes back; with `stream=True` {len(events)} events")


@probes(METHODS, "responses.delete")
def responses_delete(live: Live) -> Finding:
    id_ = _create(live).id
    live.client.responses.delete(id_)
    return effect(live.http.get(f"/responses/{id_}").status_code == 404, "retrieve is a 404 afterwards")


@probes(METHODS, "responses.cancel")
def responses_cancel(live: Live) -> Finding:
    id_ = live.answer(background=True)["id"]
    finding = answers(
        lambda: live.client.responses.cancel(id_), "cancelled", lambda response: response.status == "cancelled"
    )
    live.finished(id_)
    return finding


@probes(METHODS, "responses.compact")
def responses_compact(live: Live) -> Finding:
    return answers(lambda: live.client.responses.compact(model=live.model, input=QUESTION), "items come back")


@probes(METHODS, "responses.connect")
def responses_connect(live: Live) -> Finding:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    status = live.http.get("/responses", headers=headers).status_code
    return Finding(IMPLEMENTED if status == 101 else REFUSED, f"{status} to the WebSocket handshake")


@probes(METHODS, "responses.parse")
def responses_parse(live: Live) -> Finding:
    class City(BaseModel):
        city: str

    def parsed() -> Any:
        return live.client.responses.parse(
            model=live.model, input=QUESTION, text_format=City, max_output_tokens=200
        ).output_parsed

    return answers(parsed, "the answer as a Pydantic object", lambda city: isinstance(city, City))


@probes(METHODS, "responses.stream")
def responses_stream(live: Live) -> Finding:
    def final() -> Any:
        with live.client.responses.stream(model=live.model, input=QUESTION, max_output_tokens=LIMIT) as events:
            types = {event.type for event in events}
            return "response.output_text.delta" in types and events.get_final_response().status == "completed"

    return answers(final, "deltas, then the final response")


@probes(METHODS, "responses.input_items.list")
def input_items_list(live: Live) -> Finding:
    id_ = _create(live).id
    return answers(
        lambda: live.client.responses.input_items.list(id_).data,
        "the question comes back",
        lambda found: QUESTION in str(found),
    )


@probes(METHODS, "responses.input_tokens.count")
def input_tokens_count(live: Live) -> Finding:
    return answers(lambda: live.client.responses.input_tokens.count(model=live.model, input=QUESTION), "counted")


@probes(METHODS, "conversations.create")
def conversations_create(live: Live) -> Finding:
    made = live.client.conversations.create(metadata={"topic": "prices"}, items=[_message("Hello")])
    kept = live.client.conversations.items.list(made.id).data
    return effect(made.metadata == {"topic": "prices"} and len(kept) == 1, "with `metadata` and `items`")


@probes(METHODS, "conversations.retrieve")
def conversations_retrieve(live: Live) -> Finding:
    id_ = live.client.conversations.create().id
    return answers(lambda: live.client.conversations.retrieve(id_).id == id_, "comes back")


@probes(METHODS, "conversations.update")
def conversations_update(live: Live) -> Finding:
    id_ = live.client.conversations.create(metadata={"topic": "prices"}).id
    live.client.conversations.update(id_, metadata={"topic": "colours"})
    return effect(live.client.conversations.retrieve(id_).metadata == {"topic": "colours"}, "`metadata` changes")


@probes(METHODS, "conversations.delete")
def conversations_delete(live: Live) -> Finding:
    id_ = live.client.conversations.create().id
    deleted = live.client.conversations.delete(id_).deleted
    gone = live.http.get(f"/conversations/{id_}").status_code == 404
    return effect(deleted and gone, "retrieve is a 404 afterwards")


@probes(METHODS, "conversations.items.create")
def items_create(live: Live) -> Finding:
    id_ = live.client.conversations.create().id
    return answers(
        lambda: live.client.conversations.items.create(id_, items=[_message("Hello")]).data,
        "the item comes back, with an id",
        lambda made: len(made) == 1 and bool(made[0].id),
    )


@probes(METHODS, "conversations.items.list")
def items_list(live: Live) -> Finding:
    id_ = live.client.conversations.create(items=[_message("Hello"), _message("Goodbye")]).id
    return answers(lambda: live.client.conversations.items.list(id_).data, "both items", lambda found: len(found) == 2)


@probes(METHODS, "conversations.items.retrieve")
def items_retrieve(live: Live) -> Finding:
    thread = live.client.conversations.create(items=[_message("Hello")]).id
    (item,) = live.client.conversations.items.list(thread).data
    return answers(
        lambda: live.client.conversations.items.retrieve(item.id, conversation_id=thread).id == item.id, "comes back"
    )


@probes(METHODS, "conversations.items.delete")
def items_delete(live: Live) -> Finding:
    thread = live.client.conversations.create(items=[_message("Hello")]).id
    (item,) = live.client.conversations.items.list(thread).data
    live.client.conversations.items.delete(item.id, conversation_id=thread)
    return effect(not live.client.conversations.items.list(thread).data, "the list is empty afterwards")


@probes(METHODS, "GET /v1/responses")
def list_responses(live: Live) -> Finding:
    newest = live.answer()["id"]
    listed = live.http.get("/responses", params={"limit": 100}).json()["data"]
    return effect(newest in {response["id"] for response in listed}, "LlamaStack's own: the new response is listed")


def _create(live: Live) -> Any:
    return live.client.responses.create(model=live.model, input=QUESTION, max_output_tokens=LIMIT)


def _message(content: str) -> Json:
    return {"type": "message", "role": "user", "content": content}


# Tools


@probes(TOOLS, "function")
def function_tool(live: Live) -> Finding:
    (call,) = items(live.called, "function_call")
    return effect(call["name"] == "get_price" and "UltraBook" in call["arguments"], "a `function_call` with arguments")


@probes(TOOLS, "file_search")
def file_search_tool(live: Live) -> Finding:
    response = live.searched
    (call,) = items(response, "file_search_call")
    (found,) = call["results"]
    named, bounded = found["filename"] == "prices.txt", found["score"] <= 1
    verdict = IMPLEMENTED if named and bounded else PARTLY
    evidence = f"the text is found; `filename` is the file's name: {yes(named)}; `score` at most 1: {yes(bounded)}"
    return Finding(verdict if FACTS in found["text"] and items(response, "message") else IGNORED, evidence)


@probes(TOOLS, "mcp")
def mcp_tool(live: Live) -> Finding:
    response = live.used_mcp
    (call,) = items(response, "mcp_call")
    listed = items(response, "mcp_list_tools")
    (request,) = items(live.asked_for_approval, "mcp_approval_request")
    works = call["output"] == FACTS and listed and request["name"] == "get_price"
    return effect(works, "lists the tools, calls one, or asks for approval")


def _tool(**tool: Any) -> Probe:
    def probe(live: Live) -> Finding:
        reply = live.post(tools=[tool])
        return refusal(reply) or Finding(NOT_PROBED, outcome(reply))

    return probe


_NAMESPACE = {"type": "namespace", "name": "shop", "description": "A shop", "tools": [GET_PRICE]}
for _sample in (
    {"type": "apply_patch"},
    {"type": "code_interpreter", "container": {"type": "auto"}},
    {"type": "computer"},
    {"type": "computer_use_preview", "display_height": 768, "display_width": 1024, "environment": "linux"},
    {"type": "custom", "name": "get_price"},
    {"type": "image_generation"},
    {"type": "local_shell"},
    _NAMESPACE,
    {"type": "programmatic_tool_calling"},
    {"type": "shell"},
    {"type": "tool_search"},
    {"type": "web_search"},
    {"type": "web_search_2025_08_26"},
    {"type": "web_search_preview"},
    {"type": "web_search_preview_2025_03_11"},
):
    TOOLS[_sample["type"]] = _tool(**_sample)


# Values of include


@probes(INCLUDE, "file_search_call.results")
def include_file_search_results(live: Live) -> Finding:
    with_it = live.events("file search")[-1]["response"]
    without = live.searched
    there = [bool(items(response, "file_search_call")[0]["results"]) for response in (with_it, without)]
    return _makes_a_difference("results", there)


@probes(INCLUDE, "message.output_text.logprobs")
def include_logprobs(live: Live) -> Finding:
    with_it, without = live.answer(include=["message.output_text.logprobs"]), live.plain
    there = [bool(response["output"][0]["content"][0]["logprobs"]) for response in (with_it, without)]
    return _makes_a_difference("logprobs", there)


def _makes_a_difference(what: str, there: list[bool]) -> Finding:
    evidence = f"{what} with it: {yes(there[0])}, without it: {yes(there[1])}"
    return Finding(IMPLEMENTED if there == [True, False] else IGNORED, evidence)


def _include(value: str) -> Probe:
    def probe(live: Live) -> Finding:
        reply = live.post(include=[value])
        if refused := refusal(reply):
            return refused
        same = _shape(reply.json()["output"]) == _shape(live.plain["output"])
        return Finding(
            IGNORED if same else NOT_PROBED, f"200; the output has the keys that it has without it: {yes(same)}"
        )

    return probe


for _value in (
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "message.input_image.image_url",
    "reasoning.encrypted_content",
    "web_search_call.action.sources",
    "web_search_call.results",
):
    INCLUDE[_value] = _include(_value)


def _shape(value: Any) -> Any:
    """Return only the keys of `value`."""
    if isinstance(value, dict):
        return {key: _shape(part) for key, part in value.items()}
    return [_shape(part) for part in value] if isinstance(value, list) else None


# Input items and content parts

_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
    "AAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_CALL = {"type": "function_call", "call_id": "call_1", "name": "get_price", "arguments": "{}"}
_DONE = {"id": "item_1", "status": "completed"}
_SHELL = {"type": "exec", "command": ["ls"], "env": {}}


def _in_the_prompt(live: Live, before: Json) -> Finding:
    """Return whether `before`, sent ahead of the question, makes the prompt longer."""
    reply = live.post(input=[before, {"role": "user", "content": QUESTION}])
    if refused := refusal(reply):
        return refused
    if prompt_tokens(reply.json()) > prompt_tokens(live.plain):
        return Finding(IMPLEMENTED, "part of the prompt")
    return Finding(IGNORED, "200; the prompt is not a token longer")


def _item(type_: str, **fields: Any) -> Probe:
    return lambda live: _in_the_prompt(live, {"type": type_, **fields})


@probes(INPUT_ITEMS, "message")
def message_item(live: Live) -> Finding:
    roles = ("user", "assistant", "system", "developer")
    text = "The UltraBook was designed in Lisbon, and it is sold in Porto as well."
    found = {role: _in_the_prompt(live, {"type": "message", "role": role, "content": text}) for role in roles}
    works = [role for role, finding in found.items() if finding.verdict == IMPLEMENTED]
    return Finding(IMPLEMENTED if len(works) == len(roles) else PARTLY, f"part of the prompt: {', '.join(works)}")


@probes(INPUT_ITEMS, "function_call_output")
def function_call_output_item(live: Live) -> Finding:
    question = {"role": "user", "content": PRICE_QUESTION}
    output = {"type": "function_call_output", "call_id": "call_1", "output": FACTS}
    answer = live.answer(input=[question, _CALL, output], max_output_tokens=32)
    alone = live.post(input=[output])
    return effect("1299" in text_of(answer), f"the answer has the price; without the call {outcome(alone)}")


@probes(INPUT_ITEMS, "mcp_approval_response")
def mcp_approval_response_item(live: Live) -> Finding:
    asking = live.asked_for_approval
    (request,) = items(asking, "mcp_approval_request")
    approval = {"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": True}
    answer = live.answer(**live.mcp_with_approval | {"input": [approval]}, previous_response_id=asking["id"])
    calls = items(answer, "mcp_call")
    return effect([call["output"] for call in calls] == [FACTS], "the approved call is made")


INPUT_ITEMS |= {
    "additional_tools": _item("additional_tools", role="developer", tools=[GET_PRICE]),
    "apply_patch_call": _item(
        "apply_patch_call", call_id="call_1", operation={"type": "delete_file", "path": "a.txt"}, **_DONE
    ),
    "apply_patch_call_output": _item("apply_patch_call_output", call_id="call_1", output="done", **_DONE),
    "code_interpreter_call": _item("code_interpreter_call", code="1", container_id="cntr_1", outputs=[], **_DONE),
    "compaction": _item("compaction", encrypted_content="x"),
    "compaction_trigger": _item("compaction_trigger"),
    "computer_call": _item(
        "computer_call", call_id="call_1", action={"type": "screenshot"}, pending_safety_checks=[], **_DONE
    ),
    "computer_call_output": _item(
        "computer_call_output", call_id="call_1", output={"type": "computer_screenshot", "image_url": _PIXEL}
    ),
    "custom_tool_call": _item("custom_tool_call", call_id="call_1", name="get_price", input="UltraBook"),
    "custom_tool_call_output": _item("custom_tool_call_output", call_id="call_1", output=FACTS),
    "file_search_call": _item(
        "file_search_call",
        queries=["price"],
        results=[{"attributes": {}, "file_id": "file_1", "filename": "prices.txt", "score": 0.9, "text": FACTS}],
        **_DONE,
    ),
    "function_call": lambda live: _in_the_prompt(live, _CALL),
    "image_generation_call": _item("image_generation_call", result="x", **_DONE),
    "item_reference": _item("item_reference", id="msg_1"),
    "local_shell_call": _item("local_shell_call", call_id="call_1", action=_SHELL, **_DONE),
    "local_shell_call_output": _item("local_shell_call_output", id="item_1", output="{}"),
    "mcp_approval_request": _item(
        "mcp_approval_request", id="mcpr_1", server_label="prices", name="get_price", arguments="{}"
    ),
    "mcp_call": _item("mcp_call", id="mcp_1", server_label="prices", name="get_price", arguments="{}", output=FACTS),
    "mcp_list_tools": _item("mcp_list_tools", id="mcpl_1", server_label="prices", tools=[]),
    "program": _item("program", id="item_1", call_id="call_1", code="1", fingerprint="x"),
    "program_output": _item("program_output", id="item_1", call_id="call_1", result="1", status="completed"),
    "reasoning": _item("reasoning", id="rs_1", summary=[{"type": "summary_text", "text": FACTS}]),
    "shell_call": _item("shell_call", call_id="call_1", action={"commands": ["ls"]}),
    "shell_call_output": _item("shell_call_output", call_id="call_1", output=[]),
    "tool_search_call": _item("tool_search_call", arguments={}),
    "tool_search_output": _item("tool_search_output", tools=[GET_PRICE]),
    "web_search_call": _item("web_search_call", action={"type": "search", "query": "price"}, **_DONE),
}


@probes(CONTENT_PARTS, "input_text")
def input_text(live: Live) -> Finding:
    return _in_the_prompt(live, {"role": "user", "content": [{"type": "input_text", "text": FACTS}]})


def _media(type_: str, **fields: Any) -> Probe:
    """Return a probe of a part that this server forwards: the upstream accepts it, or gives a reason."""

    def probe(live: Live) -> Finding:
        finding = _in_the_prompt(live, {"role": "user", "content": [{"type": type_, **fields}]})
        return Finding(PASSED_ON, finding.evidence) if finding.verdict == FAILS else finding

    return probe


CONTENT_PARTS["input_image"] = _media("input_image", image_url=_PIXEL, detail="auto")
CONTENT_PARTS["input_file"] = _media(
    "input_file", filename="prices.txt", file_data="data:text/plain;base64,VGhlIFVsdHJhQm9vaw=="
)
