"""A live server for the tests of the Responses reference: requests, streams, a vector store, an MCP server."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx
import pytest
from mcp.server.fastmcp import FastMCP
from openai import OpenAI
from web_servers import serving

Json = dict[str, Any]

QUESTION = "What is the capital of France?"
PRICE_QUESTION = "What is the price of the UltraBook?"
STOCK_QUESTION = "How many UltraBooks are in stock?"
TWO_PRICES = "What are the prices of the UltraBook and the PebblePhone?"
GET_PRICE: Json = {
    "type": "function",
    "name": "get_price",
    "description": "Look up the price of a product",
    "parameters": {
        "type": "object",
        "properties": {"product": {"type": "string"}},
        "required": ["product"],
        "additionalProperties": False,
    },
}
CITY: Json = {
    "type": "json_schema",
    "name": "city",
    "schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}
FACTS = "The UltraBook costs 1299 euros."
# Four times as long as the answer to the question.
LIMIT = 32
_ATTEMPTS = 4


@dataclass(eq=False)
class Live:
    """The server under test, with the vector store and the MCP server that the probes need."""

    base_url: str
    model: str
    mcp_url: str = ""
    store_id: str = ""
    http: httpx.Client = field(init=False)
    client: OpenAI = field(init=False)
    _events: dict[str, list[Json]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        # After an error LlamaStack closes the connection, and does not say so: a second request on it may be lost.
        once = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=self.base_url, timeout=300, limits=once)
        own = httpx.Client(timeout=300, limits=once)
        self.client = OpenAI(base_url=self.base_url, api_key="none", max_retries=0, http_client=own)

    def post(self, **parameters: Any) -> httpx.Response:
        """Send a request with a short answer; `parameters` override the question and its limit."""
        body = {"model": self.model, "input": QUESTION, "max_output_tokens": LIMIT, **parameters}
        return self.http.post("/responses", json=body)

    def answer(self, **parameters: Any) -> Json:
        """Return the response object. Fails if the server rejects the request."""
        return self.post(**parameters).raise_for_status().json()

    def whole_answer(self, **parameters: Any) -> Json:
        """Return a response that is not cut off: the small model occasionally continues until its limit."""
        for _ in range(_ATTEMPTS):
            response = self.answer(**parameters)
            if response["status"] == "completed":
                return response
        raise AssertionError(f"{_ATTEMPTS} answers were cut off: {parameters}")

    def poem(self, **parameters: Any) -> str:
        """Return an answer in which every token has likely alternatives."""
        return text_of(self.answer(input="Write a poem about the sea.", **parameters))

    def stream(self, **parameters: Any) -> list[Json]:
        """Return the server's events, including lines without a type."""
        body = {"model": self.model, "input": QUESTION, "max_output_tokens": LIMIT, "stream": True, **parameters}
        with self.http.stream("POST", "/responses", json=body) as reply:
            lines = [line.removeprefix("data: ") for line in reply.iter_lines() if line.startswith("data: ")]
        return [json.loads(line) for line in lines if line != "[DONE]"]

    def finished(self, response_id: str) -> Json:
        """Wait for a background response to finish, and return it."""
        for _ in range(600):
            response = self.http.get(f"/responses/{response_id}").raise_for_status().json()
            if response["status"] not in ("queued", "in_progress"):
                return response
            time.sleep(0.1)
        raise TimeoutError(f"{response_id} is still {response['status']}")

    @property
    def function_call(self) -> Json:
        """The parameters of a request that makes the model call a function."""
        return {"input": PRICE_QUESTION, "tools": [GET_PRICE], "parallel_tool_calls": False, "max_output_tokens": 200}

    @property
    def file_search(self) -> Json:
        tool = {"type": "file_search", "vector_store_ids": [self.store_id], "max_num_results": 1}
        return self.function_call | {"tools": [tool]}

    @property
    def mcp(self) -> Json:
        server = {"type": "mcp", "server_label": "prices", "server_url": self.mcp_url}
        tool = server | {"allowed_tools": ["get_price"], "require_approval": "never"}
        return self.function_call | {"tools": [tool]}

    @property
    def mcp_with_approval(self) -> Json:
        (tool,) = self.mcp["tools"]
        return self.mcp | {"tools": [tool | {"require_approval": "always"}]}

    @property
    def mcp_that_fails(self) -> Json:
        (tool,) = self.mcp["tools"]
        return self.mcp | {"input": STOCK_QUESTION, "tools": [tool | {"allowed_tools": ["get_stock"]}]}

    @cached_property
    def embedder(self) -> str:
        """The id of the embedding model."""
        models = self.http.get("/models").json()["data"]
        return next(one["id"] for one in models if one["custom_metadata"].get("model_type") == "embedding")

    @cached_property
    def plain(self) -> Json:
        """The answer to the question alone, for comparison with the others."""
        return self.answer(temperature=0)

    @cached_property
    def called(self) -> Json:
        return self.whole_answer(**self.function_call)

    @cached_property
    def searched(self) -> Json:
        return self.whole_answer(**self.file_search)

    @cached_property
    def used_mcp(self) -> Json:
        return self.whole_answer(**self.mcp)

    @cached_property
    def asked_for_approval(self) -> Json:
        return self.whole_answer(**self.mcp_with_approval)

    def events(self, name: str) -> list[Json]:
        """Return the events of the stream `name` of STREAMS, provoked once, or again if its answer was cut off."""
        if name not in self._events:
            for _ in range(_ATTEMPTS):
                self._events[name] = self.stream(**STREAMS[name](self))
                if name == "incomplete" or self._events[name][-1].get("type") != "response.incomplete":
                    break
        return self._events[name]


# One stream of each kind that this server and this model can produce.
STREAMS: dict[str, Callable[[Live], Json]] = {
    "text": lambda live: {},
    "logprobs": lambda live: {"top_logprobs": 2},
    "JSON schema": lambda live: {"text": {"format": CITY}, "max_output_tokens": 200},
    "function call": lambda live: live.function_call,
    "file search": lambda live: live.file_search | {"include": ["file_search_call.results"]},
    "MCP": lambda live: live.mcp,
    "MCP with approval": lambda live: live.mcp_with_approval,
    "failing MCP tool": lambda live: live.mcp_that_fails,
    "incomplete": lambda live: {"input": "Write a long story about a lighthouse."},
    "failed": lambda live: {"input": "word " * 6000},
    "unknown model": lambda live: {"model": "nobody/has-this"},
    "unknown tool": lambda live: {"tools": [{"type": "web_search"}]},
}


def skip_other_upstreams(live: Live) -> None:
    if not live.model.startswith("llama-cpp/"):
        pytest.skip("the page says what the embedded model's server does; with another upstream it does otherwise")


def prompt_tokens(response: Json) -> int:
    return response["usage"]["input_tokens"]


def items(response: Json, type_: str) -> list[Json]:
    return [item for item in response["output"] if item["type"] == type_]


def text_of(response: Json) -> str:
    return "".join(part["text"] for item in items(response, "message") for part in item["content"])


@contextmanager
def running_live(base_url: str, model: str) -> Iterator[Live]:
    """The server at `base_url`, with a vector store in it and an MCP server next to it, until the block ends."""
    live = Live(base_url, model)
    with _mcp_server() as live.mcp_url, _vector_store(live.client) as live.store_id:
        yield live


@contextmanager
def _mcp_server() -> Iterator[str]:
    mcp = FastMCP("prices", stateless_http=True, log_level="ERROR")

    @mcp.tool(description="Look up the price of a product")
    def get_price(product: str) -> str:
        return FACTS

    @mcp.tool(description="Look up the stock of a product")
    def get_stock(product: str) -> str:
        raise ValueError("the warehouse does not answer")

    with serving(mcp.streamable_http_app()) as address:
        yield f"{address}/mcp"


@contextmanager
def _vector_store(client: OpenAI) -> Iterator[str]:
    file = client.files.create(file=("prices.txt", FACTS.encode()), purpose="assistants")
    store = client.vector_stores.create(name="responses-reference")
    try:
        chunks = {"max_chunk_size_tokens": 256, "chunk_overlap_tokens": 32}
        added = client.vector_stores.files.create_and_poll(
            vector_store_id=store.id,
            file_id=file.id,
            chunking_strategy={"type": "static", "static": chunks},
            poll_interval_ms=200,
        )
        assert added.status == "completed", added.last_error
        yield store.id
    finally:
        client.vector_stores.delete(store.id)
        client.files.delete(file.id)
