"""Probes of a backend: each sends a request, and judges from the answer whether the backend honoured it.

A probe is a function from a `Backend` to a verdict: `yes`, `no`, or another entry for its row of the table. The verdict
on a rejected request is its status. `test_backends.py` runs each probe on each kind of provider.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI, Request, Response
from responses_live import CITY
from tables import probes
from web_servers import serving

Json = dict[str, Any]

YES, NO = "yes", "no"
QUESTION = "What is the capital of France?"
LIMIT = 32
# The limit that the providers of a server under test set themselves: fewer tokens than the answer to the question.
OWN_LIMIT = 4
_ATTEMPTS = 3
_WEATHER = {
    "name": "get_weather",
    "description": "Get the weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
_CITY = {"name": "city", "schema": CITY["schema"]}
_IMPOSSIBLE = {"name": "none", "schema": {"type": "nonsense"}}
_GRAMMAR = 'root ::= "yes" | "no"'


class Refused(Exception):
    """The backend answered with a status other than 200, which is in `status`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass
class Backend:
    """The base URL of a server with OpenAI's API, and the name of its model."""

    base_url: str
    model: str

    def __post_init__(self) -> None:
        # After an error, LlamaStack closes the connection without announcing it: a second request on it may be lost.
        once = httpx.Limits(max_keepalive_connections=0)
        self.http = httpx.Client(base_url=self.base_url, timeout=120, limits=once)

    def post(self, path: str, **body: Any) -> Json:
        """Return the answer to a request. Raises Refused."""
        reply = self.http.post(path, json={"model": self.model, **body})
        if reply.status_code != 200:
            raise Refused(reply.status_code)
        return reply.json()

    def chat(self, **parameters: Any) -> Json:
        body = {"messages": _user(QUESTION), "max_tokens": LIMIT, "temperature": 0, **parameters}
        return self.post("/chat/completions", **body)

    def text(self, **parameters: Any) -> str:
        return self.chat(**parameters)["choices"][0]["message"]["content"]

    def calls(self, **parameters: Any) -> list[Json]:
        """Return the function calls of the model when it is offered one function."""
        message = self.chat(tools=[{"type": "function", "function": _WEATHER}], **parameters)["choices"][0]["message"]
        return [call["function"] for call in message.get("tool_calls") or []]

    def respond(self, **parameters: Any) -> Json:
        return self.post(
            "/responses", **{"input": QUESTION, "max_output_tokens": LIMIT, "temperature": 0, **parameters}
        )

    def embed(self, **parameters: Any) -> Json:
        return self.post("/embeddings", **{"input": "a lighthouse", **parameters})

    def stream(self, path: str, **body: Any) -> Iterator[Json]:
        """Yield the server's events as they arrive. Raises Refused."""
        with self.http.stream("POST", path, json={"model": self.model, "stream": True, **body}) as reply:
            if reply.status_code != 200:
                raise Refused(reply.status_code)
            for line in reply.iter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    yield json.loads(line.removeprefix("data: "))


Probe = Callable[[Backend], str]
CHAT: dict[str, Probe] = {}
COMPLETIONS: dict[str, Probe] = {}
RESPONSES: dict[str, Probe] = {}
EMBEDDINGS: dict[str, Probe] = {}


def verdict(probe: Probe, backend: Backend) -> str:
    """Run a probe. If the request is rejected, the verdict is its status."""
    try:
        return probe(backend)
    except Refused as refused:
        return str(refused.status)


def _word(honoured: bool) -> str:
    return YES if honoured else NO


def _user(content: Any) -> list[Json]:
    return [{"role": "user", "content": content}]


# Chat completions


@probes(CHAT, "an answer under the name asked for")
def answer(backend: Backend) -> str:
    reply = backend.chat()
    return _word(bool(reply["choices"][0]["message"]["content"]) and reply["model"] == backend.model)


@probes(CHAT, "`max_tokens`")
def max_tokens(backend: Backend) -> str:
    reply = backend.chat(max_tokens=3)
    return _word(reply["usage"]["completion_tokens"] == 3 and reply["choices"][0]["finish_reason"] == "length")


@probes(CHAT, "a limit where the request has none")
def own_limit(backend: Backend) -> str:
    choice = backend.chat(max_tokens=None)["choices"][0]
    return "its own" if choice["finish_reason"] == "length" else "none"


def _poem(backend: Backend, **parameters: Any) -> str:
    return backend.text(messages=_user("Write a poem."), max_tokens=12, **parameters)


def _twice_the_same(backend: Backend, **parameters: Any) -> bool:
    """Return whether the same poem is generated twice. In a batch with other requests, rounding may differ."""
    pairs = ([_poem(backend, **parameters) for _ in range(2)] for _ in range(_ATTEMPTS))
    return any(first == second for first, second in pairs)


@probes(CHAT, "`temperature`")
def temperature(backend: Backend) -> str:
    differ = _poem(backend, temperature=2) != _poem(backend, temperature=2)
    return _word(differ and _twice_the_same(backend, temperature=0))


@probes(CHAT, "`seed`")
def seed(backend: Backend) -> str:
    return _word(_twice_the_same(backend, temperature=2, seed=7))


@probes(CHAT, "`stop`")
def stop(backend: Backend) -> str:
    whole, cut = backend.text(), backend.text(stop=[" France"])
    return _word(" France" in whole and cut == whole.split(" France")[0])


@probes(CHAT, "`n`")
def several(backend: Backend) -> str:
    return _word(len(backend.chat(n=2, max_tokens=4)["choices"]) == 2)


@probes(CHAT, "`logprobs`")
def logprobs(backend: Backend) -> str:
    choice = backend.chat(logprobs=True, top_logprobs=2)["choices"][0]
    tokens = (choice.get("logprobs") or {}).get("content") or []
    whole = "".join(token["token"] for token in tokens).startswith(choice["message"]["content"])
    return _word(bool(tokens) and whole and all(len(token["top_logprobs"]) == 2 for token in tokens))


@probes(CHAT, "a stream in pieces")
def stream(backend: Backend) -> str:
    return _word(any(_arrives_in_pieces(backend) for _ in range(_ATTEMPTS)))


def _arrives_in_pieces(backend: Backend) -> bool:
    """Return whether a poem begins to arrive in the first half of its time. A busy model may sometimes begin late."""
    arrivals, start = [], time.monotonic()
    for chunk in backend.stream("/chat/completions", messages=_user("Write a poem."), max_tokens=LIMIT, temperature=0):
        arrivals += [time.monotonic() - start for choice in chunk["choices"] if choice["delta"].get("content")]
    return len(arrivals) > 2 and arrivals[0] < arrivals[-1] / 2


@probes(CHAT, "`stream_options`: usage at the end")
def usage_chunk(backend: Backend) -> str:
    options = {"stream_options": {"include_usage": True}, "max_tokens": 4}
    *_, last = backend.stream("/chat/completions", messages=_user(QUESTION), **options)
    return _word(bool(last.get("usage")) and last["usage"]["completion_tokens"] == 4)


@probes(CHAT, "function tools")
def tools(backend: Backend) -> str:
    calls = backend.calls(messages=_user("What is the weather in Oslo?"), max_tokens=64)
    return _word([(call["name"], set(json.loads(call["arguments"]))) for call in calls] == [("get_weather", {"city"})])


@probes(CHAT, '`tool_choice: "required"`')
def tool_required(backend: Backend) -> str:
    # llama.cpp lets the model write text before the call, and a model that sees no use for the tool does so.
    calls = backend.calls(messages=_user(QUESTION), tool_choice="required", max_tokens=256)
    return _word({call["name"] for call in calls} == {"get_weather"})


@probes(CHAT, '`tool_choice: "none"`')
def tool_none(backend: Backend) -> str:
    offered = [{"type": "function", "function": _WEATHER}]
    question = _user("What is the weather in Oslo?")
    message = backend.chat(messages=question, tools=offered, tool_choice="none")["choices"][0]["message"]
    return _word(not message.get("tool_calls") and "get_weather" not in message["content"])


@probes(CHAT, "`response_format` with a schema")
def schema(backend: Backend) -> str:
    text = backend.text(response_format={"type": "json_schema", "json_schema": _CITY}, max_tokens=64)
    return _word(set(json.loads(text)) == {"city"})


@probes(CHAT, "a parameter of the upstream's own (`grammar`)")
def own_parameter(backend: Backend) -> str:
    return _word(backend.text(grammar=_GRAMMAR) in ("yes", "no"))


@probes(CHAT, "a bad request: the upstream's 400")
def bad_request(backend: Backend) -> str:
    backend.chat(response_format={"type": "json_schema", "json_schema": _IMPOSSIBLE})
    return "200"


@probes(CHAT, "who fetches an image's URL")
def image(backend: Backend) -> str:
    with _web_server() as (url, fetched):
        part = {"type": "image_url", "image_url": {"url": url}}
        # The upstream doesn't accept images, and would report it before fetching one.
        with suppress(Refused):
            backend.chat(messages=_user([{"type": "text", "text": "What is this?"}, part]))
        return "the gateway" if fetched else "not it"


# Completions


@probes(COMPLETIONS, "`/v1/completions`")
def completion(backend: Backend) -> str:
    reply = backend.post("/completions", prompt="The capital of France is", max_tokens=3, temperature=0)
    return _word(reply["choices"][0]["text"].startswith(" Paris"))


@probes(COMPLETIONS, "its `logprobs`, a number")
def completion_logprobs(backend: Backend) -> str:
    reply = backend.post("/completions", prompt="The capital of France is", max_tokens=3, logprobs=2)
    return _word(bool(reply["choices"][0].get("logprobs")))


@probes(COMPLETIONS, "its stream, under the name asked for")
def completion_stream(backend: Backend) -> str:
    pieces = backend.stream("/completions", prompt="The capital of France is", max_tokens=3)
    return _word({piece["model"] for piece in pieces} == {backend.model})


# Responses


@probes(RESPONSES, "Responses: a limit where the request has none")
def response_own_limit(backend: Backend) -> str:
    cut = backend.respond(max_output_tokens=None)["status"] == "incomplete"
    return "its own" if cut else "none"


@probes(RESPONSES, "Responses: function tools")
def response_tools(backend: Backend) -> str:
    tool = {"type": "function", **_WEATHER}
    reply = backend.respond(input="What is the weather in Oslo?", tools=[tool], max_output_tokens=64)
    return _word([item.get("name") for item in reply["output"]] == ["get_weather"])


@probes(RESPONSES, "Responses: a schema")
def response_schema(backend: Backend) -> str:
    text = _text(backend.respond(text={"format": {"type": "json_schema", **_CITY}}, max_output_tokens=64))
    return _word(set(json.loads(text)) == {"city"})


@probes(RESPONSES, "Responses: logprobs")
def response_logprobs(backend: Backend) -> str:
    reply = backend.respond(include=["message.output_text.logprobs"])
    return _word(all(part["logprobs"] for item in reply["output"] for part in item["content"]))


@probes(RESPONSES, "Responses: a stream in pieces")
def response_stream(backend: Backend) -> str:
    events = list(backend.stream("/responses", input=QUESTION, max_output_tokens=LIMIT, temperature=0))
    deltas = [event for event in events if event["type"] == "response.output_text.delta"]
    return _word(len(deltas) > 2 and events[-1]["type"] == "response.completed")


@probes(RESPONSES, "Responses: a parameter of the upstream's own")
def response_own_parameter(backend: Backend) -> str:
    return _word(_text(backend.respond(grammar=_GRAMMAR)) in ("yes", "no"))


@probes(RESPONSES, "Responses: the same bad request")
def response_bad_request(backend: Backend) -> str:
    backend.respond(text={"format": {"type": "json_schema", **_IMPOSSIBLE}})
    return "200"


def _text(reply: Json) -> str:
    return "".join(part["text"] for item in reply["output"] for part in item["content"])


# Embeddings


@probes(EMBEDDINGS, "embeddings of a text")
def embedding(backend: Backend) -> str:
    (datum,) = backend.embed()["data"]
    return _word(len(datum["embedding"]) == 384)


@probes(EMBEDDINGS, "of two texts")
def embeddings(backend: Backend) -> str:
    return _word([datum["index"] for datum in backend.embed(input=["a lighthouse", "a ship"])["data"]] == [0, 1])


@probes(EMBEDDINGS, "of tokens")
def embedding_of_tokens(backend: Backend) -> str:
    return _word(len(backend.embed(input=[101, 10171, 102])["data"]) == 1)


@probes(EMBEDDINGS, '`encoding_format: "base64"`')
def embedding_encoded(backend: Backend) -> str:
    return _word(isinstance(backend.embed(encoding_format="base64")["data"][0]["embedding"], str))


@probes(EMBEDDINGS, "a parameter of the upstream's own")
def embedding_own_parameter(backend: Backend) -> str:
    plain, scaled = (backend.embed(**own)["data"][0]["embedding"] for own in ({}, {"embd_normalize": -1}))
    return _word(plain != scaled)


@contextmanager
def _web_server() -> Iterator[tuple[str, list[str]]]:
    """Serve a page until the block ends, and add each client that fetches it to the list."""
    fetched: list[str] = []

    app = FastAPI()

    @app.get("/image.png")
    async def picture(request: Request) -> Response:
        fetched.append(request.headers["User-Agent"])
        return Response(b"no image", media_type="image/png")

    with serving(app) as address:
        yield f"{address}/image.png", fetched
