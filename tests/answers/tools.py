"""Answers to the exercises of chapter 6."""

import functools
import json
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from answers import Answer, Server
from llamastack_workshop.exercises import tools as check

UNITS = {"type": "string", "enum": ["celsius", "fahrenheit"]}


def schema(**changed: Any) -> dict[str, Any]:
    properties = {"unit": UNITS, "city": {"type": "string", "description": "its name"}}
    return {
        "type": "object",
        "properties": properties,
        "required": ["unit", "city"],
        "additionalProperties": False,
    } | changed


def tool(parameters: Any = None, **changed: Any) -> dict[str, Any]:
    described = {"type": "function", "name": "get_weather", "description": "Get the current weather for a city"}
    return described | {"parameters": parameters or schema()} | changed


def with_unit(**unit: Any) -> dict[str, Any]:
    return tool(schema(properties={"city": {"type": "string"}, "unit": unit}))


class Unit(StrEnum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


class ByLiteral(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str
    unit: Literal["fahrenheit", "celsius"]


class ByEnum(BaseModel):
    model_config = ConfigDict(extra="forbid")
    city: str
    unit: Unit


class Open(BaseModel):
    city: str
    unit: Unit


def output(call_id: str, text: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def safely(response: Any, functions: dict[str, Any], caught: Any = Exception, says: Any = None) -> list[dict[str, Any]]:
    says = says or (lambda error: json.dumps({"error": repr(error)}))
    outputs = []
    for call in [item for item in response.output if item.type == "function_call"]:
        try:
            result = functions[call.name](**json.loads(call.arguments))
        except caught as error:
            result = says(error)
        outputs.append(output(call.call_id, result))
    return outputs


def evaluated(response: Any, functions: dict[str, Any]) -> list[dict[str, Any]]:
    outputs = []
    for call in [item for item in response.output if item.type == "function_call"]:
        try:
            result = functions[call.name](**eval(call.arguments))
        except Exception as error:
            result = json.dumps({"error": repr(error)})
        outputs.append(output(call.call_id, result))
    return outputs


def case_by_case(response: Any, functions: dict[str, Any]) -> tuple[Any, ...]:
    def answer(call: Any) -> str:
        if call.name not in functions:
            return json.dumps({"error": f"there is no function {call.name}", "known": list(functions)})
        try:
            arguments = json.loads(call.arguments)
        except json.JSONDecodeError:
            return json.dumps({"error": "the arguments are no JSON"})
        try:
            return functions[call.name](**arguments)
        except Exception as error:
            return json.dumps({"error": str(error), "call": call.name}, ensure_ascii=False, indent=1)

    calls = (item for item in response.output if item.type == "function_call")
    return tuple(output(call.call_id, answer(call)) for call in calls)


class Backwards:
    def __call__(self, response: Any, functions: dict[str, Any]) -> list[dict[str, Any]]:
        return safely(response, functions)[::-1]


def named_tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"product": {"type": "string"}}, "required": ["product"]}
    return {"type": "function", "name": name, "description": name.replace("_", " "), "parameters": parameters}


TOOLS = [named_tool("get_price"), named_tool("get_specs")]


def ask(server: Server, question: Any, tools: Any = TOOLS, **options: Any):
    return server.client.responses.create(
        model=server.model, input=question, tools=tools, max_output_tokens=48, **options
    )


def allowed(*names: str, mode: str = "required") -> dict[str, Any]:
    return {"type": "allowed_tools", "mode": mode, "tools": [{"type": "function", "name": name} for name in names]}


def as_body(server: Server, question: str, name: str):
    message = {"role": "user", "content": question}
    return ask(server, [message], TOOLS[::-1], extra_body={"tool_choice": allowed(name, mode="auto")})


def in_the_price_alone(server: Server, question: str, name: str):
    return ask(server, question, tool_choice=allowed("get_specs"))


def weather(style: str, description: Any, said: str = "") -> Answer:
    return Answer(check.weather_tool, style, lambda s: [description, s.client, s.model], said)


def safe(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.safe_outputs, style, lambda s: [function], said)


def only(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.only_one_tool, style, lambda s: [functools.partial(function, s)], said)


RIGHT = [
    weather("strict", tool(strict=True)),
    weather("a model with Literal, in German", tool(ByLiteral.model_json_schema(), description="Wie ist das Wetter?")),
    weather("a unit without a type", with_unit(enum=["celsius", "fahrenheit"])),
    weather("a unit by `$ref`", tool(ByEnum.model_json_schema())),
    weather("a word of another tool's", tool(description="The weather, in the unit of your specification")),
    safe("repr", safely),
    safe("case by case, a tuple", case_by_case),
    safe("another order", Backwards()),
    only("options", lambda s, q, name: ask(s, q, tool_choice=allowed(name))),
    only("a body, messages, auto", as_body),
]

WRONG = [
    weather("of chat completions", {"type": "function", "function": {"name": "get_weather"}}, "next to"),
    weather("a text", "get_weather", "a description as a dictionary"),
    weather("another name", tool(name="weather"), "the tool's name is 'weather'"),
    weather("no description", tool(description=" "), "the tool has no description"),
    weather("its name again", tool(description="get_weather"), "says too little"),
    weather("copied", tool(description="Look up the price of a product"), "is another tool's"),
    weather("any unit", with_unit(type="string"), "two values of unit in `enum`"),
    weather(
        "a third unit", with_unit(enum=["celsius", "fahrenheit", "kelvin"]), "allows {'city': 'Oslo', 'unit': 'kel"
    ),
    weather("other units", with_unit(enum=["C", "F"]), "your schema forbids {'city': 'Oslo', 'unit': 'celsius'}"),
    weather("one unit", with_unit(enum=["celsius"]), "your schema forbids {'city': 'Lima'"),
    weather("a number", tool(schema(properties={"unit": UNITS, "city": {"type": "number"}})), "your schema forbids"),
    weather("no required", tool(schema(required=[])), "make both parameters required"),
    weather("open", tool(Open.model_json_schema()), "`additionalProperties`"),
    safe("none", lambda response, functions: [], "five calls and a message"),
    safe("KeyError alone", functools.partial(safely, caught=KeyError), "running your code raised RuntimeError"),
    safe("%s", functools.partial(safely, says=lambda error: '{"error": "%s"}' % error), "is not JSON"),  # noqa: UP031
    safe("an f-string", functools.partial(safely, says=lambda e: f'{{"error": "{e}"}}'), "is not JSON"),
    safe("str of a dictionary", functools.partial(safely, says=lambda e: str({"error": str(e)})), "not JSON"),
    safe("a dictionary", functools.partial(safely, says=lambda e: {"error": str(e)}), "should be a str, not a dict"),
    safe(
        "another key",
        functools.partial(safely, says=lambda e: json.dumps({"problem": str(e)})),
        "`error` and its text, not {",
    ),
    safe(
        "its kind alone",
        functools.partial(safely, says=lambda e: json.dumps({"error": type(e).__name__})),
        "which does not name FooPad",
    ),
    safe("eval", evaluated, "use `json.loads`, never `eval`"),
    safe("functions of its own", lambda r, functions: safely(r, {"get_stock": lambda product: "1"}), "in `functions`"),
    safe("the first call", lambda r, functions: safely(r, functions)[:1], "you return 1 outputs"),
    safe("one id", lambda r, f: [one | {"call_id": "call_a"} for one in safely(r, f)], "the `call_id` of its call"),
    only("no tool_choice", lambda s, q, name: ask(s, q), "the request has no `tool_choice`"),
    only("the tool alone", lambda s, q, name: ask(s, q, [named_tool(name)]), "offer both `tools`"),
    only(
        "a function",
        lambda s, q, name: ask(s, q, tool_choice={"type": "function", "name": name}),
        "`tool_choice` is 'function', which LlamaStack does not enforce",
    ),
    only("both allowed", lambda s, q, name: ask(s, q, tool_choice=allowed("get_price", "get_specs")), "you allow ["),
    only("the name is ignored", in_the_price_alone, "for get_price, you allow ['get_specs']"),
    only(
        "another question",
        lambda s, q, name: ask(s, "What is the price of the UltraBook?", tool_choice=allowed(name)),
        "question is not in `input`",
    ),
]
