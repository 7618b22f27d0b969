"""Checks of chapter 8, MCP."""

import json
import re
from collections.abc import Callable
from typing import Any

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from openai.types.responses import Response
from openai.types.responses.response_output_item import McpCall

from llamastack_workshop.exercises.check import awaited, exercise, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import Exchange, request_for, watch

questions = QuickCheck(__name__)

_WARRANTY = "What is the warranty of the PebblePhone?"
_PRICE = "What is the price of the PebblePhone?"
_SOLD, _UNKNOWN = ("UltraBook", "PebblePhone"), ("FooPad", "TurboToaster 9")
# Numbers are replaced by `0`, so that "0 months" and "36 months" have the same form.
_DURATION = r"(?i)0 ?(?:years?|months?|weeks?|days?)\b"
_ANEW = "(After a correction, run the whole cell: the server keeps the first tool with a name.)"


@exercise
def own_tool(function: Callable[[str], Response]) -> str:
    """Check that `function(question)` lets the model call only the MCP tool `get_warranty`.

    Then the tool itself is called, as the server would do it, with the check's own products.
    """
    response, sent = _asked(function, _WARRANTY)
    offered = [tool.name for item in response.output if item.type == "mcp_list_tools" for tool in item.tools]
    url = next((tool["server_url"] for tool in sent.sent["tools"] if tool.get("server_url")), None)
    require(url, "give the server's address, `server_url`.")
    products = [*_SOLD, *_UNKNOWN]
    descriptions, schema, results = awaited(_direct(url, products))
    here = list(descriptions)
    require("get_warranty" in here, f"the server offers {here}; add get_warranty to it with `shop.add_tool`.")
    require(offered == ["get_warranty"], f"the model sees {offered}; list only get_warranty in `allowed_tools`.")
    lost = sorted({"get_price", "get_specs"} - set(descriptions))
    require(not lost, f"the server has lost {', '.join(lost)}; leave the others there, and use `allowed_tools`.")
    own = descriptions.pop("get_warranty")
    require(own, "the tool has no description; describe its purpose in a docstring.")
    require(own not in descriptions.values(), f"the description {own!r} is another tool's; describe yours.")
    require(not _requests(response), "the call is waiting for approval; set `require_approval` to never.")
    require(_calls(response), f"the model did not call the tool; describe its purpose in its docstring, now {own!r}.")
    names = sorted(schema.get("properties") or {})
    require(names == ["product"], f"the tool's parameters are {names}; it should have one, `product`.")
    for product, (failed, text) in results.items():
        require(not failed, f"for {product}, the tool failed: {text[:160]!r}; return a sentence instead. {_ANEW}")
        named = product.casefold() in text.casefold()
        require(named, f"for {product}, the tool returns {text[:100]!r}, which does not name it. {_ANEW}")
        require(len(text.split()) > 2, f"for {product}, the tool returns {text!r}; return a sentence. {_ANEW}")
    forms = {product: _form(text, product) for product, (_, text) in results.items()}
    durations = {product: re.findall(_DURATION, forms[product]) for product in forms}
    for product in _UNKNOWN:
        said = f"{product} is not in `prices`, but the tool returns {results[product][1]!r}"
        inverted = durations[product] and not any(durations[sold] for sold in _SOLD)
        require(not inverted, f"{said}; for {_SOLD[0]}, which is there, it returns {results[_SOLD[0]][1]!r}. {_ANEW}")
        require(forms[product] not in [forms[sold] for sold in _SOLD], f"{said}; say that it is unknown. {_ANEW}")
    return f"the model calls your tool, which returns: {' '.join(results[one][1] for one in products[1:3])}"


@exercise
def approval_by_rule(function: Callable[[str, Callable[[str, dict[str, Any]], bool]], Response]) -> str:
    """Check that `function(question, rule)` calls `rule` for each approval request, and follows its decision."""
    asked: list[tuple[str, Any]] = []

    def no(name: str, arguments: dict[str, Any]) -> bool:
        asked.append((name, arguments))
        return False

    def yes(name: str, arguments: dict[str, Any]) -> bool:
        return True

    denied, requested = _decided(function, no)
    require(asked, "your function did not call the rule; look for an `mcp_approval_request` in the output.")
    for name, arguments in asked:
        require(isinstance(arguments, dict), "the rule takes the arguments as a dictionary; use `json.loads`.")
        require(
            (name, arguments) in requested,
            f"the rule was called with {name!r} and {arguments}, but the server has requested {requested}.",
        )
    require(len(asked) >= len(requested), f"the server made {len(requested)} requests, but the rule saw {len(asked)}.")
    require(not _calls(denied), f"the rule denied {asked[0][0]}, but it was called.")
    require(not _requests(denied), "a request is still open; send the denial, too, and return that response.")
    approved, _ = _decided(function, yes)
    require(not _requests(approved), "the rule approved, but the request is still open; send an approval.")
    require(_calls(approved), "the rule approved, but the tool was not called; set `approve` to the rule's answer.")
    return f"a denial prevented the call of {asked[0][0]}, and an approval allowed it"


def _form(text: str, product: str) -> str:
    """Return `text` without the parts that depend on the product: its name, and numbers."""
    return re.sub(r"\d+(?:\.\d+)?", "0", re.sub(re.escape(product), "…", text, flags=re.IGNORECASE))


def _asked(function: Callable[[str], Response], question: str) -> tuple[Response, Exchange]:
    response, asked = watch(function, question, kind=Response, wanted="the whole response")
    sent = request_for(response, asked)
    require(question in sent.prompt, "the check's question is not in `input`.")
    require(any(tool.get("type") == "mcp" for tool in sent.sent.get("tools") or []), "offer a tool of type mcp.")
    return response, sent


def _decided(
    function: Callable[[str, Callable[[str, dict[str, Any]], bool]], Response],
    rule: Callable[[str, dict[str, Any]], bool],
) -> tuple[Response, list[tuple[str, dict[str, Any]]]]:
    """Return the last response with `rule`, and the approval requests that the server made before."""
    response, asked = watch(function, _PRICE, rule, kind=Response, wanted="the whole last response")
    require(any(_PRICE in one.prompt for one in asked), "the check's question is not in `input`.")
    request_for(response, asked)
    require(response.id == asked[-1].answer.get("id"), "this is not the last response; return that one.")
    items = [item for one in asked for item in one.output if item.get("type") == "mcp_approval_request"]
    return response, [(item["name"], json.loads(item["arguments"])) for item in items]


def _calls(response: Response) -> list[McpCall]:
    return [item for item in response.output if item.type == "mcp_call"]


def _requests(response: Response) -> list[Any]:
    return [item for item in response.output if item.type == "mcp_approval_request"]


async def _direct(url: str, products: list[str]) -> tuple[dict[str, str], dict[str, Any], dict[str, tuple[bool, str]]]:
    """Return the descriptions of the MCP server's tools, the schema of get_warranty, and its results for `products`.

    The result for each product is whether the tool raised, and its text.
    """
    async with streamable_http_client(url) as (read, write, _), ClientSession(read, write) as session:
        await session.initialize()
        tools = (await session.list_tools()).tools
        schema = next((tool.inputSchema for tool in tools if tool.name == "get_warranty"), {})
        results = {}
        for product in products if schema else []:
            result = await session.call_tool("get_warranty", {"product": product})
            text = " ".join(part.text for part in result.content if part.type == "text")
            results[product] = (result.isError, text)
    descriptions = {tool.name: (tool.description or "").strip() for tool in tools}
    return descriptions, schema, results
