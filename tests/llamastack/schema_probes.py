r"""The keywords of JSON Schema that the server enforces: the model is asked to write a value that the schema forbids.

Without constraints, the embedded model copies the value that it is given. Each case is a value, and a schema that
forbids it with one keyword. Without the keyword, the model copies the value; if it still does with the keyword, the
server ignores it, whatever the status.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
from findings import IGNORED, IMPLEMENTED, NOT_PROBED, PARTLY, Finding, Probe, outcome, refusal, yes
from jsonschema import Draft202012Validator
from responses_live import GET_PRICE, PRICE_QUESTION, Json, Live, items, text_of
from tables import probes

STRING: Json = {"type": "string", "maxLength": 40}
INTEGER: Json = {"type": "integer"}
STRINGS: Json = {"type": "array", "items": {"type": "string", "maxLength": 10}, "maxItems": 4}
ANY_OBJECT: Json = {"type": "object", "properties": {}, "additionalProperties": {"type": "string", "maxLength": 10}}
GATE = "a blue gate"

KEYWORDS: dict[str, Probe] = {}
COMBINATIONS: dict[str, Probe] = {}
PATTERNS: dict[str, Probe] = {}
FORMATS: dict[str, Probe] = {}
REQUESTS: dict[str, Probe] = {}


def closed(**properties: Json) -> Json:
    """Return the schema of an object with exactly these properties."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


@dataclass(frozen=True)
class Case:
    """A value that `base` allows, and `rule` forbids."""

    rule: Json
    forbidden: Any
    base: Json = field(default_factory=lambda: STRING)
    # The targets of `$ref` in the schemas.
    root: Json = field(default_factory=dict)

    def __call__(self, live: Live) -> Finding:
        free, ruled = (closed(value=part) | self.root for part in (self.base, self.base | self.rule))
        wrong = {"value": self.forbidden}
        assert not valid(wrong, ruled), f"{self.rule} allows {self.forbidden!r}"
        copied = written(chat(live, wrong, free))
        assert copied is not None and not valid(copied, ruled), f"without the rule the model writes {copied}"
        return in_both(chat(live, wrong, ruled), respond(live, wrong, ruled), ruled)


def valid(value: Any, schema: Json) -> bool:
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).is_valid(value)


def _copy(value: Any) -> str:
    return f"Copy this JSON, letter for letter: {json.dumps(value, ensure_ascii=False)}"


def chat(live: Live, value: Any, schema: Json, **parameters: Any) -> httpx.Response:
    form = {"type": "json_schema", "json_schema": {"name": "copy", "schema": schema, "strict": True}}
    body = {"model": live.model, "temperature": 0, "max_tokens": 60, "response_format": form, **parameters}
    return live.http.post("/chat/completions", json={"messages": [{"role": "user", "content": _copy(value)}], **body})


def respond(live: Live, value: Any, schema: Json, **parameters: Any) -> httpx.Response:
    form = {"type": "json_schema", "name": "copy", "schema": schema, "strict": True}
    body = {"input": _copy(value), "temperature": 0, "max_output_tokens": 60, "text": {"format": form}, **parameters}
    return live.post(**body)


def text(reply: httpx.Response) -> str:
    body = reply.json()
    return body["choices"][0]["message"]["content"] if "choices" in body else text_of(body)


def written(reply: httpx.Response) -> Any:
    """Return the JSON that the model wrote, or None if it isn't JSON. A string may be cut off, and counts as it is."""
    answer = text(reply.raise_for_status())
    for whole in (answer, answer + '"}'):
        with suppress(json.JSONDecodeError):
            return json.loads(whole)
    return None


def in_both(chatted: httpx.Response, responded: httpx.Response, schema: Json) -> Finding:
    """Judge an answer of chat completions, and check that Responses behaves in the same way."""
    if refused := refusal(chatted):
        return Finding(refused.verdict, f"{outcome(chatted)}; Responses: {responded.status_code}")
    value = written(chatted)
    kept = valid(value, schema)
    same = responded.status_code == 200 and valid(written(responded), schema) == kept
    said = "the model may not write it" if kept else f"the model writes {_shown(value)}"
    if value is None:
        said = "the answer is no JSON"
    return Finding(IMPLEMENTED if kept else IGNORED, f"{said}; Responses: {'the same' if same else outcome(responded)}")


def _shown(value: Any) -> str:
    inner = value["value"] if isinstance(value, dict) and "value" in value else value
    return f"`{json.dumps(inner, ensure_ascii=False)}`"


def _harmless(**note: Any) -> Probe:
    """Return a probe of a keyword that forbids nothing: the request only has to succeed."""

    def probe(live: Live) -> Finding:
        schema = closed(value=STRING | note)
        reply = chat(live, {"value": GATE}, schema)
        return refusal(reply) or Finding(NOT_PROBED, f"forbids nothing; 200, {text(reply)}")

    return probe


# The keywords of JSON Schema

_ANYTHING = {"type": "array", "maxItems": 2}
_PORT = {"type": "object", "properties": {"port": STRING, "host": STRING}, "additionalProperties": False}

KEYWORDS |= {
    "type": Case({"type": "integer"}, GATE, {"maxLength": 40, "type": ["string", "integer"]}),
    "enum": Case({"enum": ["red", "green"]}, GATE),
    "const": Case({"const": "red"}, GATE),
    "pattern": Case({"pattern": "^[0-9]{3}$"}, GATE),
    "minLength": Case({"minLength": 20}, GATE),
    "maxLength": Case({"maxLength": 3}, GATE),
    "format": Case({"format": "date"}, GATE),
    "minimum": Case({"minimum": 10}, 5, INTEGER),
    "maximum": Case({"maximum": 10}, 50, INTEGER),
    "exclusiveMinimum": Case({"exclusiveMinimum": 5}, 5, INTEGER),
    "exclusiveMaximum": Case({"exclusiveMaximum": 5}, 5, INTEGER),
    "multipleOf": Case({"multipleOf": 10}, 7, INTEGER),
    "items": Case({"items": {"type": "integer"}}, ["red"], _ANYTHING),
    "prefixItems": Case({"prefixItems": [{"type": "integer"}, {"type": "string"}]}, ["red", "red"], _ANYTHING),
    "minItems": Case({"minItems": 3}, ["red"], STRINGS),
    "maxItems": Case({"maxItems": 1}, ["red", "green", "blue"], STRINGS),
    "uniqueItems": Case({"uniqueItems": True}, ["red", "red"], STRINGS),
    "contains": Case({"contains": {"const": "green"}}, ["red"], STRINGS),
    "minContains": Case({"contains": {"const": "red"}, "minContains": 2}, ["red"], STRINGS),
    "maxContains": Case({"contains": {"const": "red"}, "maxContains": 1}, ["red", "red"], STRINGS),
    "properties": Case({"properties": {"port": {"type": "string", "maxLength": 3}}}, {"port": GATE}, _PORT),
    "required": Case({"required": ["host"]}, {"port": "a"}, _PORT),
    "additionalProperties": Case({"additionalProperties": False}, {"port": "a"}, ANY_OBJECT),
    "minProperties": Case({"minProperties": 2}, {"port": "a"}, _PORT),
    "maxProperties": Case({"maxProperties": 1}, {"port": "a", "host": "b"}, _PORT),
    "propertyNames": Case({"propertyNames": {"maxLength": 2}}, {"port": "a"}, ANY_OBJECT),
    "patternProperties": Case(
        {"patternProperties": {"^p": {"type": "string", "maxLength": 1}}}, {"port": "abc"}, ANY_OBJECT
    ),
    "dependentRequired": Case({"dependentRequired": {"port": ["host"]}}, {"port": "a"}, _PORT),
    "dependentSchemas": Case({"dependentSchemas": {"port": {"required": ["host"]}}}, {"port": "a"}, _PORT),
    "unevaluatedProperties": Case({"unevaluatedProperties": False}, {"port": "a"}, {"type": "object"}),
    "unevaluatedItems": Case({"contains": {"const": "red"}, "unevaluatedItems": False}, ["red", "blue"], _ANYTHING),
    "allOf": Case({"allOf": [{"maxLength": 3}]}, GATE),
    "anyOf": Case({"anyOf": [{"const": "red"}, {"const": "green"}]}, GATE),
    "oneOf": Case({"oneOf": [{"const": "red"}, {"const": "green"}]}, GATE),
    "not": Case({"not": {"const": GATE}}, GATE),
    "if": Case({"if": {"const": GATE}, "then": False}, GATE),
    "then": Case({"if": True, "then": {"maxLength": 3}}, GATE),
    "else": Case({"if": False, "else": {"maxLength": 3}}, GATE),
    "$ref": Case({"$ref": "#/$defs/colour"}, GATE, {}, {"$defs": {"colour": {"enum": ["red", "green"]}}}),
    "$defs": Case({"$ref": "#/$defs/colour"}, GATE, {}, {"$defs": {"colour": {"enum": ["red", "green"]}}}),
    "$anchor": Case({"$ref": "#colour"}, GATE, {}, {"$defs": {"colour": {"$anchor": "colour", "const": "red"}}}),
    "$id": Case(
        {"$ref": "colour"}, GATE, {}, {"$id": "http://x.test/a", "$defs": {"c": {"$id": "colour", "const": "red"}}}
    ),
    "$dynamicRef": Case(
        {"$dynamicRef": "#colour"}, GATE, {}, {"$defs": {"colour": {"$dynamicAnchor": "colour", "const": "red"}}}
    ),
    "$dynamicAnchor": Case(
        {"$dynamicRef": "#colour"}, GATE, {}, {"$defs": {"colour": {"$dynamicAnchor": "colour", "const": "red"}}}
    ),
    "$schema": _harmless(**{"$schema": "https://json-schema.org/draft/2020-12/schema"}),
    "$vocabulary": _harmless(**{"$vocabulary": {}}),
    "$comment": _harmless(**{"$comment": "a colour"}),
    "title": _harmless(title="A colour"),
    "description": _harmless(description="The colour of the gate"),
    "default": _harmless(default="red"),
    "examples": _harmless(examples=["red"]),
    "deprecated": _harmless(deprecated=True),
    "readOnly": _harmless(readOnly=True),
    "writeOnly": _harmless(writeOnly=True),
    "contentEncoding": _harmless(contentEncoding="base64"),
    "contentMediaType": _harmless(contentMediaType="application/json"),
    "contentSchema": _harmless(contentSchema={"type": "object"}),
}
# Combinations of keywords, which have more effect than each of them alone

COMBINATIONS |= {
    "`pattern` and `maxLength`": Case({"pattern": "^[a-z ]+$", "maxLength": 3}, GATE),
    "`format` and `maxLength`": Case({"format": "date", "maxLength": 4}, "2026-11-27"),
    "`enum` and `maxLength`": Case({"enum": [GATE, "red"], "maxLength": 3}, GATE),
    "`enum` and `type`": Case({"enum": [GATE, 5], "type": "integer"}, GATE, {"maxLength": 40}),
    "`$ref` and `maxLength`": Case({"maxLength": 3}, GATE, {"$ref": "#/$defs/word"}, {"$defs": {"word": STRING}}),
    "`anyOf` and `maxLength`": Case({"maxLength": 3}, GATE, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "`anyOf` and `required`": Case({"anyOf": [{"required": ["host"]}, {"required": ["user"]}]}, {"port": "a"}, _PORT),
    "`oneOf` whose members overlap": Case({"oneOf": [{"const": GATE}, {"const": "red"}, {"maxLength": 40}]}, GATE),
    "`allOf` of objects": Case(
        {"allOf": [{"properties": {"port": {"maxLength": 3, "type": "string"}}}]}, {"port": GATE}, {"type": "object"}
    ),
    "`minimum` of a `number`": Case({"minimum": 10}, 5.5, {"type": "number"}),
    "`maximum` of a `number`": Case({"maximum": 10}, 50.5, {"type": "number"}),
    "`type` as a list, and `minimum`": Case({"minimum": 10}, 5, {"type": ["integer", "null"]}),
    "`pattern` without `type`": Case({"pattern": "^[0-9]{3}$"}, GATE, {}),
    "`minimum` without `type`": Case({"minimum": 10}, 5, {}),
    "`minItems` and `prefixItems`": Case({"prefixItems": [{"type": "string"}], "minItems": 2}, ["red"], _ANYTHING),
    "`uniqueItems` of an `enum`": Case(
        {"uniqueItems": True}, ["red", "red"], {"type": "array", "items": {"enum": ["red", "green"]}, "maxItems": 2}
    ),
}


# The syntax of patterns


def _pattern(pattern: str) -> Probe:
    # Without a length, because a pattern overrides it: see COMBINATIONS.
    return Case({"pattern": pattern}, GATE, {"type": "string"})


PATTERNS |= {
    f"`{pattern}`": _pattern(pattern)
    for pattern in (
        "^[0-9]+$",
        "^[0-9]{3}$",
        "^[0-9]{2,}$",
        "^x+y?z*$",
        "^x.y$",
        "^(red|green)$",
        "^(?:red)$",
        r"^[0-9]{1,3}\.[0-9]$",
        r"^[\u0041-\u0043]+$",
        "^[0-9]*?$",
        "^[^a-z ]{1,3}$",
        r"^\d+$",
        r"^[\d]+$",
        r"^\D{3}$",
        r"^\w+$",
        r"^x\s$",
        r"^\S+$",
        r"^\bred\b$",
        "^(?=x).+$",
        "^(?!a).+$",
        "^(?i:RED)$",
        r"^([0-9])\1$",
        "^[0-9]",
        "[0-9]",
    )
}

# The formats of the standard

for _name in Draft202012Validator.FORMAT_CHECKER.checkers:
    FORMATS[_name] = Case({"format": _name}, {"regex": "a ( gate", "uri-template": "a { gate"}.get(_name, GATE))


# Ways to ask for JSON


@probes(REQUESTS, "chat completions: `response_format`, type `json_schema`")
def chat_schema(live: Live) -> Finding:
    return _refuses_gate(chat(live, {"value": GATE}, closed(value={"enum": ["red"]})))


@probes(REQUESTS, "the same, and `strict: false`")
def chat_not_strict(live: Live) -> Finding:
    form = {
        "type": "json_schema",
        "json_schema": {"name": "x", "schema": closed(value={"enum": ["red"]}), "strict": False},
    }
    return _refuses_gate(chat(live, {"value": GATE}, {}, response_format=form))


@probes(REQUESTS, "the same, as a stream")
def chat_streamed(live: Live) -> Finding:
    reply = chat(live, {"value": GATE}, closed(value={"enum": ["red"]}), stream=True)
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: {")]
    pieces = [choice["delta"].get("content") or "" for line in lines for choice in json.loads(line)["choices"]]
    return _kept("".join(pieces))


@probes(REQUESTS, "chat completions: `response_format`, type `json_object`")
def chat_object(live: Live) -> Finding:
    reply = chat(live, {"value": GATE}, {}, response_format={"type": "json_object"})
    return refusal(reply) or Finding(IMPLEMENTED if written(reply) else IGNORED, "JSON comes, of no form in particular")


@probes(REQUESTS, "Responses: `text.format`, type `json_schema`")
def responses_schema(live: Live) -> Finding:
    return _refuses_gate(respond(live, {"value": GATE}, closed(value={"enum": ["red"]})))


@probes(REQUESTS, "Responses: `text.format`, type `json_object`")
def responses_object(live: Live) -> Finding:
    reply = respond(live, {"value": GATE}, {}, text={"format": {"type": "json_object"}})
    return refusal(reply) or Finding(IMPLEMENTED if written(reply) else IGNORED, "JSON comes, of no form in particular")


@probes(REQUESTS, "a schema and tools, Responses")
def schema_and_tools(live: Live) -> Finding:
    form = {"type": "json_schema", "name": "x", "schema": closed(price={"type": "integer"}), "strict": True}
    reply = live.post(**live.function_call, text={"format": form})
    return refusal(reply) or _calls(len(items(reply.json(), "function_call")))


@probes(REQUESTS, "a schema and tools, chat completions")
def schema_and_tools_in_chat(live: Live) -> Finding:
    tool = {"type": "function", "function": {key: GET_PRICE[key] for key in ("name", "description", "parameters")}}
    question = [{"role": "user", "content": PRICE_QUESTION}]
    reply = chat(live, {}, closed(price={"type": "integer"}), tools=[tool], messages=question)
    return refusal(reply) or _calls(len(reply.json()["choices"][0]["message"].get("tool_calls") or []))


def _calls(number: int) -> Finding:
    return Finding(IMPLEMENTED if number else PARTLY, f"the schema is kept; calls of the tool: {number}")


@probes(REQUESTS, "a tool's `parameters`, as a schema of its arguments")
def arguments(live: Live) -> Finding:
    tool = GET_PRICE | {"parameters": closed(product={"enum": ["PebblePhone"]})}
    (call,) = items(live.whole_answer(**live.function_call | {"tools": [tool]}), "function_call")
    kept = json.loads(call["arguments"]) == {"product": "PebblePhone"}
    return Finding(
        IMPLEMENTED if kept else IGNORED, f"asked for another product, the model keeps to `enum`: {yes(kept)}"
    )


@probes(REQUESTS, "a schema whose root is no object")
def root_array(live: Live) -> Finding:
    return in_both(*(way(live, GATE, {"enum": ["red"]}) for way in (chat, respond)), {"enum": ["red"]})


@probes(REQUESTS, "a schema that is none (`type: nonsense`)")
def nonsense(live: Live) -> Finding:
    return in_both(*(way(live, GATE, {"type": "nonsense"}) for way in (chat, respond)), {})


@probes(REQUESTS, "a keyword that is none (`maxLenght`)")
def misspelt(live: Live) -> Finding:
    schema = closed(value=STRING | {"maxLenght": 3})
    return in_both(*(way(live, {"value": GATE}, schema) for way in (chat, respond)), closed(value={"maxLength": 3}))


@probes(REQUESTS, "`$ref` to another file")
def remote_reference(live: Live) -> Finding:
    schema = closed(value={"$ref": "http://127.0.0.1:9/colour.json"})
    return in_both(*(way(live, {"value": GATE}, schema) for way in (chat, respond)), closed(value={"const": "red"}))


@probes(REQUESTS, "`$ref` to itself (a tree)")
def recursive(live: Live) -> Finding:
    node = {"type": "object", "properties": {"name": {"enum": ["red"]}, "next": {"$ref": "#/$defs/node"}}}
    schema = {"$ref": "#/$defs/node", "$defs": {"node": node | {"required": ["name"], "additionalProperties": False}}}
    value = {"name": GATE, "next": {"name": GATE}}
    return in_both(*(way(live, value, schema) for way in (chat, respond)), schema)


@probes(REQUESTS, "an answer that the limit of tokens cuts off")
def cut_off(live: Live) -> Finding:
    reply = chat(live, {"value": GATE}, closed(value={"type": "string", "minLength": 200}), max_tokens=20)
    choice = reply.json()["choices"][0]
    whole = choice["message"]["content"].endswith("}")
    return Finding(
        IMPLEMENTED if whole else PARTLY, f"200, `finish_reason` {choice['finish_reason']}; JSON: {yes(whole)}"
    )


def _refuses_gate(reply: httpx.Response) -> Finding:
    return refusal(reply) or _kept(text(reply))


def _kept(answer: str) -> Finding:
    return Finding(IMPLEMENTED if json.loads(answer) == {"value": "red"} else IGNORED, f"`enum` is kept: {answer}")
