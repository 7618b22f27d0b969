"""The claims of the MCP chapter about the server: approval, limits and failures, with a real MCP server."""

from collections.abc import Iterator
from typing import Any

import pytest
from mcp.server.fastmcp import FastMCP
from mcp.types import ImageContent, TextContent
from openai import APIStatusError, OpenAI
from openai.types.responses import Response
from web_servers import serving

QUESTION = "What is the price of the UltraBook?"
PRICE = "The UltraBook costs 1299 euros."


class Shop:
    """An MCP server with two tools, in a thread, which counts the calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        shop = FastMCP("shop", stateless_http=True, log_level="CRITICAL")

        @shop.tool()
        def get_price(product: str) -> str:
            """Look up the price of a product"""
            self.calls.append(product)
            if product != "UltraBook":
                raise KeyError(product)
            return PRICE

        @shop.tool()
        def get_specs(product: str) -> str:
            """Look up the technical specifications of a product"""
            return f"The {product} has 16 GB of memory."

        self.app = shop.streamable_http_app()
        self.url = ""

    def tool(self, **changes: Any) -> dict[str, Any]:
        return {"type": "mcp", "server_label": "shop", "server_url": self.url, "require_approval": "never"} | changes


@pytest.fixture
def shop() -> Iterator[Shop]:
    shop = Shop()
    with serving(shop.app) as address:
        shop.url = f"{address}/mcp"
        yield shop


@pytest.fixture
def impatient(base_url: str) -> OpenAI:
    """A separate client: after some errors the server closes the connection, which would affect the next test."""
    return OpenAI(base_url=base_url, api_key="none", max_retries=0)


def kinds(response: Response) -> list[str]:
    return [item.type for item in response.output]


def test_the_server_lists_calls_and_answers_in_one_response(client: OpenAI, model: str, shop: Shop) -> None:
    response = client.responses.create(model=model, input=QUESTION, tools=[shop.tool()])
    assert kinds(response) == ["mcp_list_tools", "mcp_call", "message"]
    assert response.output[1].output == PRICE
    assert "1299" in response.output_text


@pytest.mark.parametrize("approve", [True, False])
def test_nothing_is_called_until_it_is_approved(client: OpenAI, model: str, shop: Shop, approve: bool) -> None:
    tool = shop.tool(require_approval="always")
    waiting = client.responses.create(model=model, input=QUESTION, tools=[tool])
    assert kinds(waiting) == ["mcp_list_tools", "mcp_approval_request"]
    assert shop.calls == []
    request = waiting.output[-1].id
    decision = {"type": "mcp_approval_response", "approval_request_id": request, "approve": approve}
    decided = client.responses.create(model=model, input=[decision], previous_response_id=waiting.id, tools=[tool])
    assert decided.status == "completed"
    assert kinds(decided) == ["mcp_list_tools"] + (["mcp_call", "message"] if approve else [])
    assert shop.calls == (["UltraBook"] if approve else [])


def test_approval_that_names_tools_is_not_heeded(client: OpenAI, model: str, shop: Shop) -> None:
    tool = shop.tool(require_approval={"never": ["get_price", "get_specs"]})
    assert "mcp_approval_request" in kinds(client.responses.create(model=model, input=QUESTION, tools=[tool]))


def test_an_empty_list_of_allowed_tools_allows_all(client: OpenAI, model: str, shop: Shop) -> None:
    for allowed, offered in ((["get_price"], ["get_price"]), (["none"], []), ([], ["get_price", "get_specs"])):
        response = client.responses.create(
            model=model, input=QUESTION, tools=[shop.tool(allowed_tools=allowed)], max_output_tokens=32
        )
        assert [tool.name for tool in response.output[0].tools] == offered


def test_a_tool_that_raises_does_not_fail_the_response(client: OpenAI, model: str, shop: Shop) -> None:
    response = client.responses.create(model=model, input="What is the price of the FooPad?", tools=[shop.tool()])
    assert response.status == "completed"
    assert response.output[1].error == "Error (code 1): None"


def test_the_servers_limits_count_mcp_calls(client: OpenAI, model: str, shop: Shop) -> None:
    response = client.responses.create(
        model=model, input=QUESTION, tools=[shop.tool()], extra_body={"max_infer_iters": 1}
    )
    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_iterations_exceeded")
    assert kinds(response) == ["mcp_list_tools", "mcp_call"]


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"server_url": "http://127.0.0.1:9/mcp"}, 502, "Failed to connect to MCP server at http://127.0.0.1:9/mcp"),
        ({"headers": {"Authorization": "Bearer x"}}, 400, "must be passed via the 'authorization' parameter"),
        ({"server_url": None}, 400, "must be provided for MCP tool"),
    ],
)
def test_a_wrong_server_is_an_error(
    impatient: OpenAI, model: str, shop: Shop, changes: dict[str, Any], status: int, message: str
) -> None:
    with pytest.raises(APIStatusError, match=message) as caught:
        impatient.responses.create(model=model, input=QUESTION, tools=[shop.tool(**changes)])
    assert caught.value.status_code == status


def test_the_same_tool_twice_is_an_error(impatient: OpenAI, model: str, shop: Shop) -> None:
    with pytest.raises(APIStatusError, match="Duplicate tool name get_price"):
        impatient.responses.create(model=model, input=QUESTION, tools=[shop.tool(), shop.tool(server_label="other")])


def test_a_picture_fails_the_whole_response(impatient: OpenAI, model: str) -> None:
    gallery = FastMCP("gallery", stateless_http=True, log_level="CRITICAL")

    @gallery.tool()
    def get_price(product: str) -> list[TextContent | ImageContent]:
        """Look up the price of a product"""
        picture = ImageContent(type="image", data="iVBORw0KGgo=", mimeType="image/png")
        return [TextContent(type="text", text=PRICE), picture]

    with serving(gallery.streamable_http_app()) as address:
        tool: Any = {"type": "mcp", "server_label": "gallery", "server_url": f"{address}/mcp"}
        with pytest.raises(APIStatusError, match="An unexpected error occurred") as caught:
            impatient.responses.create(model=model, input=QUESTION, tools=[tool | {"require_approval": "never"}])
    assert caught.value.status_code == 500
