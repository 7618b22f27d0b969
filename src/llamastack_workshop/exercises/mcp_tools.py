"""Checks of chapter 8, MCP."""

from collections.abc import Callable
from typing import Any

from openai.types.responses import Response
from openai.types.responses.response_output_item import McpCall

from llamastack_workshop.exercises.check import exercise, given, require

_PRICE = "What is the price of the UltraBook?"


@exercise
def own_tool(function: Callable[[str], Response]) -> str:
    """Check that `function(question)` lets the model call the MCP tool `get_warranty`, and it alone."""
    response = _response(function("What is the warranty of the UltraBook?"))
    offered = [tool.name for item in response.output if item.type == "mcp_list_tools" for tool in item.tools]
    require("get_warranty" in offered, f"the server offers {offered}; add get_warranty to it with `shop.add_tool`.")
    require(offered == ["get_warranty"], f"the model sees {offered}; limit it with `allowed_tools`.")
    require(_calls(response), "the model did not call the tool; say in a docstring what it is for.")
    call = _calls(response)[0]
    require(not call.error, f"the tool raised when it was called with {call.arguments}.")
    require("product" in call.arguments, f"the arguments are {call.arguments}; name the parameter `product`.")
    require("UltraBook" in (call.output or ""), f"the result is {call.output!r}; return a sentence about the product.")
    (unknown, *_) = _calls(_response(function("What is the warranty of the FooPad?"))) or [None]
    require(unknown and not unknown.error, "the tool raised for a product that is not in `prices`; return a sentence.")
    return f"the server called your tool: {call.output}"


@exercise
def approval_by_rule(function: Callable[[str, Callable[[str, dict[str, Any]], bool]], Response]) -> str:
    """Check that `function(question, rule)` asks `rule` about each request for approval, and obeys it."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def never(name: str, arguments: dict[str, Any]) -> bool:
        asked.append((name, arguments))
        return False

    denied = _response(function(_PRICE, never))
    require(asked, "your function did not ask the rule; look for an `mcp_approval_request` in the output.")
    name, arguments = asked[0]
    require(isinstance(arguments, dict), "the rule takes the arguments as a dictionary; use `json.loads`.")
    require(not _calls(denied), f"the rule said no to {name}, and it was called.")
    require(not _requests(denied), "a request is still open; send the rule's no as well, and return that response.")
    approved = _response(function(_PRICE, lambda name, arguments: True))
    require(not _requests(approved), "the rule said yes, and the request is still open; send an approval.")
    require(_calls(approved), "the rule said yes, and the tool was not called; send `approve` as the rule says.")
    return f"a no kept {name} from being called, and a yes called it"


def _response(answer: Response | None) -> Response:
    response = given(answer)
    require(isinstance(response, Response), f"return the whole response, not {type(response).__name__}.")
    return response


def _calls(response: Response) -> list[McpCall]:
    return [item for item in response.output if item.type == "mcp_call"]


def _requests(response: Response) -> list[Any]:
    return [item for item in response.output if item.type == "mcp_approval_request"]
