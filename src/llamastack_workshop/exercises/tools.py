"""Checks of chapter 6, Tools."""

import json
from collections.abc import Callable
from typing import Any

from openai import OpenAI
from openai.types.responses import Response, ResponseFunctionToolCall

from llamastack_workshop.exercises.check import exercise, given, require

_UNITS = {"celsius", "fahrenheit"}


@exercise
def weather_tool(tool: dict[str, Any], client: OpenAI, model: str) -> str:
    """Check the description of a tool `get_weather` with a `city` and a `unit` of two values."""
    tool = given(tool)
    require(isinstance(tool, dict), f"the description is a {type(tool).__name__}; `describe` returns a dictionary.")
    require("function" not in tool, "name and parameters stand beside `type`, not inside a `function` key.")
    require(tool.get("type") == "function", 'the tool\'s type is "function".')
    require(tool.get("name") == "get_weather", f"the tool's name is {tool.get('name')!r}, not 'get_weather'.")
    require(tool.get("description"), "the tool has no description; the model chooses by it.")
    parameters = tool.get("parameters") or {}
    properties = parameters.get("properties", {})
    require(set(properties) == {"city", "unit"}, f"the parameters are {sorted(properties)}, not city and unit.")
    require(properties["city"].get("type") == "string", "city is a string.")
    require(set(properties["unit"].get("enum", [])) == _UNITS, "list the two values of unit in `enum`.")
    require(set(parameters.get("required", [])) == {"city", "unit"}, "make both parameters required.")
    require(parameters.get("additionalProperties") is False, "forbid other parameters: `additionalProperties`.")
    question = "What is the weather in Oslo in celsius?"
    calls = _calls(client.responses.create(model=model, input=question, tools=[tool], tool_choice="required"))
    require(calls, f"with your tool the model made no call for {question!r}; describe what the tool is for.")
    return f"{question!r} made the model call {calls[0].name}({calls[0].arguments})"


@exercise
def safe_outputs(function: Callable[[Response, dict[str, Callable[..., str]]], list[dict[str, Any]]]) -> str:
    """Check that `function(response, functions)` answers every call, also those that fail."""
    outputs = given(function(_response_with_calls(), {"get_price": lambda product: {"UltraBook": "1299"}[product]}))
    require(isinstance(outputs, list), f"return a list of outputs, not {type(outputs).__name__}.")
    require(len(outputs) == 4, f"the response holds four calls and a message, and you returned {len(outputs)} outputs.")
    require(
        all(isinstance(output, dict) and output.get("type") == "function_call_output" for output in outputs),
        "each output is a dictionary of the type function_call_output.",
    )
    require(
        [output.get("call_id") for output in outputs] == ["call_0", "call_1", "call_2", "call_3"],
        "each output carries the `call_id` of its call.",
    )
    require(all(isinstance(output.get("output"), str) for output in outputs), "an output is a text; use `json.dumps`.")
    require(outputs[0]["output"] == "1299", f"a call that works gives its result, not {outputs[0]['output']!r}.")
    for output, what in zip(outputs[1:], ("a product", "a function", "arguments"), strict=True):
        require(_error(output["output"]), f"{what} that does not work gives an object with `error` and its text.")
    require("FooPad" in outputs[1]["output"], "the error does not name the problem; put the exception's text into it.")
    return "one result and three errors, one for each call"


@exercise
def only_one_tool(function: Callable[[str, str], Response]) -> str:
    """Check that `function(question, name)` lets the model call the tool `name` alone."""
    question = "What is the price of the UltraBook?"
    for name in ("get_specs", "get_price"):
        response = given(function(question, name))
        require(isinstance(response, Response), f"return the whole response, not {type(response).__name__}.")
        require(len(response.tools) == 2, "offer both `tools`, and limit the choice with `tool_choice`.")
        called = {call.name for call in _calls(response)}
        require(called == {name}, f"asked for {name} alone, the model called {sorted(called)}; use `allowed_tools`.")
    return "the model called the tool that you allowed"


def _calls(response: Response) -> list[ResponseFunctionToolCall]:
    return [item for item in response.output if item.type == "function_call"]


def _error(output: str) -> str | None:
    """Return the text under `error` if `output` is a JSON object that has one."""
    try:
        content = json.loads(output)
    except json.JSONDecodeError:
        return None
    return content.get("error") if isinstance(content, dict) else None


def _response_with_calls() -> Response:
    """Return a response like the server's, with a message, a call that works and three that do not."""
    calls = [
        ("get_price", '{"product": "UltraBook"}'),
        ("get_price", '{"product": "FooPad"}'),
        ("get_nothing", "{}"),
        ("get_price", '{"product": '),
    ]
    message = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": []}
    items = [
        {"type": "function_call", "call_id": f"call_{number}", "name": name, "arguments": arguments}
        for number, (name, arguments) in enumerate(calls)
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
