"""Answers to the exercises of chapter 2."""

import functools
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from answers import Answer, Server
from llamastack_workshop.exercises import responses_api as check


def streaming(server: Server, question: str, **options: Any):
    limited = {"max_output_tokens": 48} | options
    return server.client.responses.create(model=server.model, input=question, stream=True, **limited)


def deltas(server: Server, question: str) -> list[str]:
    return [event.delta for event in streaming(server, question) if event.type == "response.output_text.delta"]


def by_loop(server: Server, question: str) -> tuple[str, int]:
    text, count = "", 0
    for event in streaming(server, question):
        if hasattr(event, "delta"):
            text += event.delta
            count += 1
    return text, count


def by_helper(server: Server, question: str) -> list[Any]:
    count = 0
    with server.client.responses.stream(model=server.model, input=question, max_output_tokens=32) as stream:
        for event in stream:
            count += event.type == "response.output_text.delta"
        return [stream.get_final_response().output_text, count]


def asked_again(server: Server, question: str) -> tuple[str, int]:
    text, count = by_loop(server, question)
    server.client.responses.create(model=server.model, input=f"Is this true? {text}", max_output_tokens=16)
    return text, count


def first_delta(server: Server, question: str) -> tuple[str, int] | None:
    for event in streaming(server, question):
        if event.type == "response.output_text.delta":
            return event.delta, 1
    return None


class Collector:
    """A collector that can be reused, and starts over each time."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(self, question: str) -> tuple[str, int]:
        pieces = deltas(self.server, question)
        return "".join(pieces).strip(), len(pieces)


def counted(server: Server, question: str, counts: Any) -> tuple[str, Any]:
    """Return the text, and the result of `counts` for the text, the deltas and the events."""
    events = list(streaming(server, question))
    pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
    return "".join(pieces), counts("".join(pieces), pieces, events)


def without_stream(server: Server, question: str) -> tuple[str, int]:
    response = server.client.responses.create(model=server.model, input=question, max_output_tokens=32)
    return response.output_text, len(response.output_text.split())


def its_length(server: Server, question: str) -> tuple[str, int]:
    text, _ = without_stream(server, question)
    return text, len(text) - 1


def cut_off(server: Server, question: str) -> tuple[str, int]:
    pieces = deltas(server, question)
    return "".join(pieces[:-2]), len(pieces)


def schema(**changed: Any) -> dict[str, Any]:
    properties = {"price": {"type": "number", "minimum": 0}, "product": {"type": "string"}}
    closed = {"additionalProperties": False, "required": ["price", "product"]}
    return {"type": "object", "properties": properties} | closed | changed


def named(schema: Any, **changed: Any) -> dict[str, Any]:
    return {"type": "json_schema", "name": "offer", "schema": schema} | changed


class Priced(BaseModel):
    model_config = ConfigDict(extra="forbid")
    product: str
    price: float


class Open(BaseModel):
    product: str
    price: float


class Known(BaseModel):
    model_config = ConfigDict(extra="forbid")
    product: Literal["UltraBook"]
    price: float


PROPERTIES = schema()["properties"]
DESCRIBED = {"product": {"type": ["string"], "description": "its name"}, "price": {"type": "number"}}


def earlier(server: Server):
    return server.client.responses.create(model=server.model, input="Hello!", max_output_tokens=16)


def further(server: Server, response: Any, question: str, **options: Any):
    continued = {"previous_response_id": response.id} | options
    return server.client.responses.create(model=server.model, input=question, max_output_tokens=32, **continued)


def from_items(server: Server, response: Any, question: str):
    before = server.client.responses.input_items.list(response.id, order="asc").data
    items = [{"role": item.role, "content": item.content[0].text} for item in before]
    items += [{"role": "assistant", "content": response.output_text}, {"role": "user", "content": question}]
    return server.client.responses.create(model=server.model, input=items, max_output_tokens=32)


def in_a_prompt(server: Server, response: Any, question: str):
    before = server.client.responses.input_items.list(response.id, order="asc").data
    texts = [*(item.content[0].text for item in before), response.output_text, question]
    return server.client.responses.create(model=server.model, input="\n".join(texts), max_output_tokens=32)


def the_answer_alone(server: Server, response: Any, question: str):
    items = [{"role": "assistant", "content": response.output_text}, {"role": "user", "content": question}]
    return server.client.responses.create(model=server.model, input=items, max_output_tokens=32)


def of_global(server: Server):
    first = earlier(server)
    return [lambda response, question: further(server, first, question), first, server.client]


def streamed(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.streamed_text, style, lambda s: [functools.partial(function, s), s.client, s.model], said)


def priced(style: str, text_format: Any, said: str = "") -> Answer:
    return Answer(check.price_format, style, lambda s: [text_format, s.client, s.model], said)


def followed(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.follow_up, style, lambda s: [functools.partial(function, s), earlier(s), s.client], said)


RIGHT = [
    streamed("a loop", by_loop),
    streamed("the helper, a list", by_helper),
    Answer(check.streamed_text, "a class", lambda s: [Collector(s), s.client, s.model]),
    streamed("another request after it", asked_again),
    priced("by hand", named(schema(), strict=True)),
    priced("pydantic", named(Priced.model_json_schema())),
    priced("in other words", named(schema(properties=DESCRIBED))),
    followed("the id", further),
    followed("the items", from_items),
    followed("more words", lambda s, r, q: further(s, r, f"{q} Answer in one sentence.")),
    followed("all in one prompt", in_a_prompt),
    followed("not stored", lambda s, r, q: further(s, r, q, store=False)),
    followed("a message", lambda s, r, q: further(s, r, [{"role": "user", "content": q}])),
]

WRONG = [
    streamed(
        "one too few",
        lambda s, q: counted(s, q, lambda text, pieces, events: len(pieces) - 1),
        "of the type response.output_text.delta",
    ),
    streamed(
        "all events",
        lambda s, q: counted(s, q, lambda text, pieces, events: len(events)),
        "you counted events of all types",
    ),
    streamed(
        "characters", lambda s, q: counted(s, q, lambda text, pieces, events: len(text)), "you counted in the text"
    ),
    streamed("the pieces", lambda s, q: counted(s, q, lambda text, pieces, events: pieces), "an int, not a list"),
    streamed("no stream", without_stream, "stream=True"),
    streamed("its length", its_length, "did not come as a stream"),
    streamed("hard-coded", lambda s, q: ("Rome.", 2), "did not call the model"),
    streamed("another question", lambda s, q: by_loop(s, "Name the capital of France."), "question is not in `input`"),
    streamed("not joined", lambda s, q: (deltas(s, q), 7), "join the deltas"),
    streamed("reversed", lambda s, q: by_loop(s, q)[::-1], "in the wrong order"),
    streamed("the first delta", first_delta, "leaves the stream before its last event"),
    streamed("cut off", cut_off, "loop over the stream to its end"),
    streamed("the text alone", lambda s, q: by_loop(s, q)[0], "not a str"),
    priced("json_object", {"type": "json_object"}, "json_schema"),
    priced("a text", "price", "as a dictionary, not a str"),
    priced("what `text` takes", {"format": named(schema())}, "`format`"),
    priced("of chat completions", {"type": "json_schema", "json_schema": {"schema": schema()}}, "next to `type`"),
    priced("no name", named(schema(), name=""), "needs a name"),
    priced(
        "a price in words",
        named(schema(properties=PROPERTIES | {"price": {"type": "string"}})),
        "(1299 is not of type 'string'); product is a string, and price is a number",
    ),
    priced(
        "whole euros",
        named(schema(properties=PROPERTIES | {"price": {"type": "integer"}})),
        "(499.5 is not of type 'integer'); product is any string, and price is any number",
    ),
    priced("one is optional", named(schema(required=["price"])), "make both properties required"),
    priced("others are allowed", named(Open.model_json_schema()), "forbid other properties"),
    priced("one product", named(Known.model_json_schema()), "PebblePhone"),
    priced("no type", named(schema(properties={"product": {}, "price": {}})), "price is a number"),
    priced("beside the type", named({"type": "object"} | PROPERTIES), "should be under `properties`"),
    priced("no schema", named({"type": "text"}), "not a JSON schema"),
    followed("no id", lambda s, r, q: further(s, r, q, previous_response_id=None), "pass the `id`"),
    Answer(check.follow_up, "a global", of_global, "pass the `id` of the response that your function is given"),
    followed("its answer alone", the_answer_alone, "or its input"),
    followed("another question", lambda s, r, q: further(s, r, "And then?"), "pass it as `input`"),
    followed("the text", lambda s, r, q: further(s, r, q).output_text, "the whole new response, not a str"),
    followed("the earlier one", lambda s, r, q: (further(s, r, q), r)[1], "this is the earlier response"),
]
