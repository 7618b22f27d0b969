"""Answers to the exercises of chapter 8."""

import functools
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server.fastmcp import FastMCP

from answers import Answer, Server
from llamastack_workshop.exercises import mcp_tools as check

PRICES = {"UltraBook": 1299, "PebblePhone": 499}
MONTHS = {"UltraBook": 36, "PebblePhone": 24}


def get_price(product: str) -> str:
    """Look up the price of a product"""
    return f"The {product} costs {PRICES[product]} euros."


def get_specs(product: str) -> str:
    """Look up the technical specifications of a product"""
    return f"The {product} has 16 GB of memory."


def get_warranty(product: str) -> str:
    """Look up the warranty of a product"""
    return f"The warranty of the {product} is 3 years." if product in PRICES else f"We don't sell the {product}."


def shop(*tools: Callable[..., Any]) -> str:
    """Start an MCP server with these tools on a free port, until this process ends. Returns its address."""
    server = FastMCP("shop", stateless_http=True, log_level="CRITICAL")
    for tool in tools:
        server.add_tool(tool, name=tool.__name__)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = uvicorn.Server(uvicorn.Config(server.streamable_http_app(), log_level="critical"))
    threading.Thread(target=running.run, kwargs={"sockets": [listener]}, daemon=True).start()
    while not running.started:
        time.sleep(0.01)
    return f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"


def mcp(url: str, **changes: Any) -> dict[str, Any]:
    return {"type": "mcp", "server_label": "shop", "server_url": url, "require_approval": "never"} | changes


def ask(server: Server, question: Any, tool: dict[str, Any], **options: Any):
    return server.client.responses.create(
        model=server.model, input=question, tools=[tool], max_output_tokens=48, **options
    )


def with_tool(warranty: Callable[..., Any], **changes: Any) -> Callable[[Server], Any]:
    """Return a function that makes an answer whose shop has the additional tool `warranty`."""

    def answer(server: Server) -> Callable[[str], Any]:
        url = shop(get_price, get_specs, warranty)
        offered = mcp(url, **({"allowed_tools": ["get_warranty"]} | changes))
        # After the call, the model's text doesn't matter.
        return lambda question: ask(server, question, offered, extra_body={"max_infer_iters": 1})

    return answer


def tool(says: Callable[[str], str], description: str = "Look up the warranty of a product") -> Callable[[str], str]:
    """Return a tool with this text for each product."""

    def get_warranty(product: str) -> str:
        return says(product)

    get_warranty.__doc__ = description
    return get_warranty


async def by_coroutine(product: str) -> str:
    """How long is the warranty?"""
    months = {name: 24 for name in PRICES}.get(product)
    return f"{product}: {months} months of warranty" if months else f"{product} is unknown here"


by_coroutine.__name__ = "get_warranty"


def other_parameter(name: str) -> str:
    """Look up the warranty of a product"""
    return get_warranty(name)


other_parameter.__name__ = "get_warranty"


def as_messages(server: Server) -> Callable[[str], Any]:
    url = shop(get_warranty, get_specs, get_price)

    def answer(question: str) -> Any:
        message = {"role": "user", "content": question}
        stream = ask(server, [message], mcp(url, allowed_tools={"tool_names": ["get_warranty"]}), stream=True)
        return list(stream)[-1].response

    return answer


def in_another_server(server: Server) -> Callable[[str], Any]:
    url = shop(get_warranty)
    return lambda question: ask(server, question, mcp(url))


@functools.lru_cache
def careful() -> dict[str, Any]:
    return mcp(shop(get_price, get_specs), require_approval="always")


def decision(request: Any, approve: Any) -> dict[str, Any]:
    return {"type": "mcp_approval_response", "approval_request_id": request.id, "approve": approve}


def go_on(server: Server, response: Any, decisions: list[dict[str, Any]]) -> Any:
    return ask(server, decisions, careful(), previous_response_id=response.id)


def requests(response: Any) -> list[Any]:
    return [item for item in response.output if item.type == "mcp_approval_request"]


def ruled(
    server: Server, question: str, rule: Any, decide: Callable[[Any, Any], Any] | None = None, skip: bool = False
) -> Any:
    """Send the request, and decide each approval with `decide(rule, request)`; `skip` only sends the approved ones."""
    decide = decide or (lambda rule, request: rule(request.name, json.loads(request.arguments)))
    response = ask(server, question, careful())
    while requests(response):
        decisions = [decision(request, decide(rule, request)) for request in requests(response)]
        if skip and not decisions[0]["approve"]:
            return response
        response = go_on(server, response, decisions)
    return response


def recursive(server: Server, question: str, rule: Any) -> Any:
    def further(response: Any) -> Any:
        if not requests(response):
            return response
        answers = []
        for request in requests(response):
            answers.append(decision(request, rule(name=request.name, arguments=json.loads(request.arguments))))
        return further(go_on(server, response, answers))

    return further(ask(server, [{"role": "user", "content": question}], careful()))


class Ruled:
    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(self, question: str, rule: Any) -> Any:
        return ruled(self.server, question, rule)


def guessed(server: Server, question: str, rule: Any) -> Any:
    """Apply the rule before there is a request, and omit the approval."""
    if rule("get_price", {"product": "UltraBook"}):
        return ask(server, question, careful() | {"require_approval": "never"})
    return ask(server, question, careful() | {"allowed_tools": ["get_nothing"]})


def own(style: str, function: Callable[[Server], Any], said: str = "") -> Answer:
    return Answer(check.own_tool, style, lambda s: [function(s)], said)


def approval(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.approval_by_rule, style, lambda s: [functools.partial(function, s)], said)


RIGHT = [
    own("a function", with_tool(get_warranty)),
    own("in capitals", with_tool(tool(lambda product: get_warranty(product).upper()))),
    own("a coroutine, in other words", with_tool(by_coroutine)),
    own("messages, streamed", as_messages),
    approval("recursive, by name", recursive),
    Answer(check.approval_by_rule, "a class", lambda s: [Ruled(s)]),
]

WRONG = [
    own("no response", lambda s: lambda question: "3 years", "should return the whole response, not a str"),
    own("not added", with_tool(get_price), "add get_warranty to it with `shop.add_tool`"),
    own("all tools", with_tool(get_warranty, allowed_tools=None), "list only get_warranty in `allowed_tools`"),
    own("another tool", with_tool(get_warranty, allowed_tools=["get_price"]), "the model sees ['get_price']"),
    own("another server", in_another_server, "the server has lost get_price, get_specs"),
    own("approval", with_tool(get_warranty, require_approval="always"), "the call is waiting for approval"),
    own("no docstring", with_tool(tool(get_warranty, "")), "the tool has no description"),
    own("a copied docstring", with_tool(tool(get_warranty, get_price.__doc__ or "")), "is another tool's"),
    own("another parameter", with_tool(other_parameter), "the tool's parameters are ['name']"),
    own("raises", with_tool(tool(lambda product: f"{product}: {PRICES[product]} days")), "the tool failed"),
    own("a constant", with_tool(tool(lambda product: "The warranty is 3 years.")), "which does not name it"),
    own(
        "an unknown product is not named",
        with_tool(tool(lambda product: get_warranty(product) if product in PRICES else "We don't sell that.")),
        "for FooPad, the tool returns",
    ),
    own(
        "an unknown product has a warranty",
        with_tool(tool(lambda product: f"The warranty of the {product} is 3 years.")),
        "FooPad is not in `prices`",
    ),
    own(
        "none is a number",
        with_tool(tool(lambda product: f"The warranty of the {product} is {MONTHS.get(product, 0)} months.")),
        "FooPad is not in `prices`",
    ),
    own(
        "the other way round",
        with_tool(
            tool(lambda product: f"There is no {product}" if product in PRICES else f"3 years for the {product}")
        ),
        "FooPad is not in `prices`",
    ),
    own("no sentence", with_tool(tool(lambda product: product)), "return a sentence"),
    approval(
        "the arguments as a text",
        lambda s, q, rule: ruled(s, q, rule, lambda rule, request: rule(request.name, request.arguments)),
        "use `json.loads`",
    ),
    approval(
        "the rule is not obeyed",
        lambda s, q, rule: ruled(s, q, rule, lambda rule, r: [rule(r.name, json.loads(r.arguments)), True][1]),
        "the rule denied get_price, but it was called",
    ),
    approval(
        "always no",
        lambda s, q, rule: ruled(s, q, rule, lambda rule, r: [rule(r.name, json.loads(r.arguments)), False][1]),
        "the rule approved, but the tool was not called",
    ),
    approval("the no is not sent", lambda s, q, rule: ruled(s, q, rule, skip=True), "a request is still open"),
    approval("before a request", guessed, "but the server has requested []"),
]
