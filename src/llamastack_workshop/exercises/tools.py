"""Checks of chapter 6, Tools."""

import json
import re
from collections.abc import Callable
from typing import Any

from openai import APIStatusError, OpenAI
from openai.types.responses import Response, ResponseFunctionToolCall

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.schemas import require_schema
from llamastack_workshop.exercises.traffic import request_for, watch

questions = QuickCheck(__name__)

_TEXT_AND_UNIT = "city is a string, and unit is celsius or fahrenheit."
_BOTH_REQUIRED = "make both parameters required."
_ONLY_TWO_UNITS = "list the two values of unit in `enum`."
_STOCK = '7 "UltraBooks"'
# Characters that break JSON that is assembled by hand.
_STRANGE = 'no "FooPad" in C:\\shop,\nask for another'


@exercise
def weather_tool(tool: dict[str, Any], client: OpenAI, model: str) -> str:
    """Check the description of a tool `get_weather` with a `city` and a `unit` of two values."""
    given(tool, dict, "a description as a dictionary, as `describe` returns it")
    require("function" not in tool, "name and parameters belong next to `type`, not inside a `function` key.")
    require(tool.get("type") == "function", 'the tool\'s type is "function".')
    require(tool.get("name") == "get_weather", f"the tool's name is {tool.get('name')!r}, not 'get_weather'.")
    description = tool.get("description")
    require(isinstance(description, str) and description.strip(), "the tool has no description; the model needs one.")
    about = f"the description {description!r}"
    require(description.strip() != "get_weather" and len(description.strip()) > 7, f"{about} says too little.")
    is_other = re.search("price|product|specification", description, re.I) and "weather" not in description.lower()
    require(not is_other, f"{about} is another tool's.")
    require("parameters" in tool, "the tool has no `parameters`.")
    oslo = {"city": "Oslo", "unit": "celsius"}
    require_schema(
        tool["parameters"],
        allowed=[(oslo, _TEXT_AND_UNIT), ({"city": "Lima", "unit": "fahrenheit"}, _TEXT_AND_UNIT)],
        forbidden=[
            ({"city": "Oslo"}, _BOTH_REQUIRED),
            ({"unit": "celsius"}, _BOTH_REQUIRED),
            (oslo | {"city": 7}, "city is a string."),
            (oslo | {"unit": "kelvin"}, _ONLY_TWO_UNITS),
            (oslo | {"unit": "Celsius"}, _ONLY_TWO_UNITS),
            (oslo | {"unit": None}, _ONLY_TWO_UNITS),
            (oslo | {"day": "today"}, "forbid other parameters: `additionalProperties`."),
        ],
    )
    question = "What is the weather in Oslo in celsius?"
    try:
        response = client.responses.create(
            model=model, input=question, tools=[tool], tool_choice="required", max_output_tokens=100
        )
    except APIStatusError as error:
        hint = " Write `type` and `enum` into each parameter; not every upstream supports `$ref` and `anyOf`."
        of_upstream = hint if error.status_code >= 500 else ""
        raise NotYet(f"the server rejects your tool: {str(error)[:150]}.{of_upstream}") from error
    calls = _calls(response)
    require(calls, f"with your tool, the model made no call for {question!r}; describe the tool's purpose.")
    return (
        f"the form is right. For {question!r}, the model called {calls[0].name}({calls[0].arguments}); no schema "
        "guarantees that these are the right values"
    )


@exercise
def safe_outputs(function: Callable[[Response, dict[str, Callable[..., str]]], list[dict[str, Any]]]) -> str:
    """Check that `function(response, functions)` answers every call, including those that fail."""
    sold: list[str] = []

    def get_stock(product: str, everywhere: bool = False) -> str:
        if product != "UltraBook":
            raise RuntimeError(_STRANGE)
        sold.append(product)
        return _STOCK

    calls = {
        # `true` is JSON, but not Python.
        "call_a": ("get_stock", '{"product": "UltraBook", "everywhere": true}'),
        "call_c": ("get_stock", '{"product": "FooPad"}'),
        "call_b": ("get_nothing", "{}"),
        "call_d": ("get_stock", '{"product": '),
        "call_e": ("get_stock", '{"colour": "grey"}'),
    }
    outputs = _outputs(function, _response(calls), {"get_stock": get_stock})
    require(len(outputs) == 5, f"the response has five calls and a message, but you return {len(outputs)} outputs.")
    ids = [str(output.get("call_id")) for output in outputs]
    require(sorted(ids) == sorted(calls), "each output needs the `call_id` of its call.")
    by_id = {id: output.get("output") for id, output in zip(ids, outputs, strict=True)}
    for output in by_id.values():
        of_type(output, str, "an output is a string (see `json.dumps`); `output` should be a str")
    result = by_id["call_a"]
    evaluated = "name 'true' is not defined" in result or "malformed node" in result
    require(not evaluated, "arguments are JSON, not Python, and a model wrote them: use `json.loads`, never `eval`.")
    require(
        result == _STOCK, f"for a successful call, return the result of the function in `functions`, not {result!r}."
    )
    require(len(sold) == 1, f"the function of a successful call ran {len(sold)} times, not once.")
    for call_id, what, named in (
        ("call_c", "a function that raises RuntimeError", "FooPad"),
        ("call_b", "a function that is not in `functions`", "get_nothing"),
        ("call_d", "arguments that are not JSON", ""),
        ("call_e", "arguments that the function does not accept", ""),
    ):
        problem = _error(by_id[call_id], what)
        said = f"for {what}, the error is {problem!r}"
        require(named in problem, f"{said}, which does not name {named}; put the exception's text into it.")
    require(not _outputs(function, _response({}), {}), "for a response without calls, return no outputs.")
    return "one result and four errors, one for each call"


@exercise
def only_one_tool(function: Callable[[str, str], Response]) -> str:
    """Check that `function(question, name)` lets the model call only the tool `name`."""
    question = "What is the price of the PebblePhone?"
    for name in ("get_specs", "get_price"):
        response, asked = watch(function, question, name, kind=Response, wanted="the whole response")
        sent = request_for(response, asked)
        require(question in sent.prompt, "the check's question is not in `input`.")
        offered = set(_names(sent.sent.get("tools")))
        require(offered >= {"get_price", "get_specs"}, "offer both `tools`, and limit the choice with `tool_choice`.")
        choice = sent.sent.get("tool_choice")
        kind = choice.get("type") if isinstance(choice, dict) else choice
        require(choice, "the request has no `tool_choice`; use `allowed_tools`.")
        require(
            kind == "allowed_tools",
            f"`tool_choice` is {kind!r}, which LlamaStack does not enforce for one tool; use `allowed_tools`.",
        )
        allowed = _names(choice.get("tools"))
        require(allowed == [name], f"for {name}, you allow {allowed}.")
        called = {call.name for call in _calls(response)}
        require(called <= {name}, f"for {name}, the model called {sorted(called)}.")
    return "LlamaStack shows the model only the tool that you allow"


def _calls(response: Response) -> list[ResponseFunctionToolCall]:
    return [item for item in response.output if item.type == "function_call"]


def _names(tools: Any) -> list[Any]:
    return [tool.get("name") for tool in tools or [] if isinstance(tool, dict)]


def _outputs(function: Callable[..., Any], response: Response, functions: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = list(call(function, response, functions, kind=(list, tuple), wanted="a list of outputs"))
    for output in outputs:
        of_type(output, dict, "each output should be a dictionary")
        kind = output.get("type")
        require(kind == "function_call_output", f"an output's type is function_call_output, not {kind!r}.")
    return outputs


def _error(output: str, what: str) -> str:
    """Return the text under `error` in the JSON object `output`; `what` describes the call."""
    wanted = f"for {what}, return an object with `error` and its text"
    try:
        content = json.loads(output)
    except json.JSONDecodeError as problem:
        raise NotYet(f"{wanted}, with `json.dumps`; {output!r} is not JSON.") from problem
    error = content.get("error") if isinstance(content, dict) else None
    require(isinstance(error, str) and error.strip(), f"{wanted}, not {output}.")
    return error


def _response(calls: dict[str, tuple[str, str]]) -> Response:
    """Return a response like the server's, with a message and `calls`: a name and arguments for each id."""
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}
    items = [
        {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}
        for call_id, (name, arguments) in calls.items()
    ]
    return Response.model_validate(
        {
            "id": "resp_1",
            "object": "response",
            "created_at": 0,
            "model": "none",
            "output": [message, *items],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }
    )
