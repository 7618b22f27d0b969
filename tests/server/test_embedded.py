"""The embedded models, over plain HTTP and again through LlamaStack."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from openai import APIStatusError, BadRequestError, OpenAI
from pydantic import BaseModel

from llamastack_workshop.server.embedded import serve, weights
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError

NUMBER, STRING = {"type": "number"}, {"type": "string"}
REFERENCE = json.loads((Path(__file__).parent / "data" / "minilm_reference.json").read_text(encoding="utf-8"))


def function(name: str, description: str, **properties: dict) -> dict:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": description, "parameters": parameters}


WEATHER = function("get_weather", "Get weather for a city", city=STRING)
WEATHER_IN_UNIT = function(
    "get_weather",
    "Get the current weather for a city",
    city=STRING,
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
TIME = function("get_time", "Get the current time in a city", city=STRING)
SHARE = function("get_stock_price", "Get the stock price of a company", company=STRING)
SEARCH = function("knowledge_search", "Search the documents for information", query=STRING)
ADD = function("add", "Add two numbers", a=NUMBER, b=NUMBER)
PRICE = function("get_price", "Look up the price of a product", product=STRING)
SPECS = function("get_specs", "Look up the technical specifications of a product", product=STRING)
STOCK = function("get_stock", "Look up how many units of a product are in stock", product=STRING)
MAIL = function("send_email", "Send an email to a person", recipient=STRING, subject=STRING)

# The template's worked examples were tuned on these …
TUNED_ON = [
    ([WEATHER], "What is the weather in Paris?", "get_weather", {"city": "Paris"}),
    ([WEATHER], "Is it raining in Tokyo right now?", "get_weather", {"city": "Tokyo"}),
    ([WEATHER_IN_UNIT], "What is the weather in Oslo in celsius?", "get_weather", {"city": "Oslo", "unit": "celsius"}),
    ([WEATHER, SHARE, SEARCH], "What is the weather in Madrid?", "get_weather", {"city": "Madrid"}),
    ([WEATHER, SHARE, SEARCH], "What is the stock price of Nvidia?", "get_stock_price", {"company": "Nvidia"}),
    ([WEATHER, SHARE, SEARCH], "Search the documents for the warranty period.", "knowledge_search", None),
    ([WEATHER, ADD, MAIL], "What is 12 plus 30?", "add", {"a": 12, "b": 30}),
    ([ADD], "Add 7 and 5.", "add", {"a": 7, "b": 5}),
    ([PRICE, SPECS, STOCK], "What is the price of the ThinkPad X1?", "get_price", {"product": "ThinkPad X1"}),
    ([PRICE, SPECS, STOCK], "How many units of the ThinkPad X1 are in stock?", "get_stock", {"product": "ThinkPad X1"}),
    ([PRICE], "How much does the UltraBook 5 cost?", "get_price", {"product": "UltraBook 5"}),
]
# … and not on these.
HELD_OUT = [
    ([WEATHER], "How warm is it in Berlin today?", "get_weather", {"city": "Berlin"}),
    ([TIME, WEATHER, SHARE], "What time is it in Lima?", "get_time", {"city": "Lima"}),
    ([TIME, WEATHER, SHARE], "What is the stock price of Toyota?", "get_stock_price", {"company": "Toyota"}),
    ([TIME, WEATHER, SHARE], "Get the weather for Rome.", "get_weather", {"city": "Rome"}),
    ([SEARCH], "How long is the warranty?", "knowledge_search", {"query": "How long is the warranty?"}),
    ([SEARCH], "Is an API key required?", "knowledge_search", {"query": "Is an API key required?"}),
    ([PRICE, SPECS, STOCK], "What are the technical specifications of the Galaxy Tab?", "get_specs", None),
    ([PRICE, ADD, WEATHER], "What is 3.5 plus 4?", "add", None),
    ([MAIL], "Send an email to Anna about the meeting.", "send_email", None),
    ([PRICE, SPECS, STOCK], "What is the price of the Pixel 9?", "get_price", {"product": "Pixel 9"}),
]


@pytest.fixture(scope="module")
def direct() -> Iterator[OpenAI]:
    """A client of llama.cpp's own server: that of the running stack, or one for these tests."""
    if url := os.environ.get("LLAMA_CPP_URL"):
        yield OpenAI(base_url=url, api_key="none", max_retries=0)
        return
    port = ports.free_port()
    server = serve.serve_chat_model(port)
    yield OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)
    del server


@pytest.fixture(scope="module")
def embedded_model(model: str) -> str:
    """The embedded model's name on the LlamaStack server."""
    if not model.startswith("llama-cpp/"):
        pytest.skip(f"the server's upstream is another one: {model}")
    return model


def chat(client: OpenAI, prompt: str, model: str = "any", **options: object) -> str:
    messages = [{"role": "user", "content": prompt}]
    return client.chat.completions.create(model=model, messages=messages, **options).choices[0].message.content


def test_greedy_by_default_so_that_runs_repeat(direct: OpenAI) -> None:
    prompt = "Write one sentence about the sea."
    assert chat(direct, prompt, max_tokens=40) == chat(direct, prompt, max_tokens=40, temperature=0)


def test_streams_its_answer(direct: OpenAI) -> None:
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    chunks = list(direct.chat.completions.create(model="any", messages=messages, stream=True))
    pieces = [chunk.choices[0].delta.content for chunk in chunks if chunk.choices and chunk.choices[0].delta.content]
    assert len(pieces) > 3
    assert "".join(pieces) == chat(direct, "What is the capital of France?")


@pytest.mark.dear
def test_an_answer_without_a_limit_still_ends(direct: OpenAI) -> None:
    answer = direct.chat.completions.create(
        model="any", messages=[{"role": "user", "content": "Count from 1 to 100000, one number a line."}]
    )
    assert answer.usage.completion_tokens <= serve.MAX_NEW_TOKENS


class Person(BaseModel, extra="forbid"):
    name: str
    age: int
    languages: list[str]
    employed: bool


@pytest.mark.parametrize("text", ["Ada, 36, speaks English and French.", "Nothing is known.", "{ ] broken"])
def test_json_schema_output_always_validates(direct: OpenAI, text: str) -> None:
    schema = {
        **Person.model_json_schema(),
        "properties": {
            "name": {"type": "string", "maxLength": 40},
            "age": {"type": "integer", "minimum": 0, "maximum": 150},
            "languages": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3},
            "employed": {"type": "boolean"},
        },
    }
    format = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema, "strict": True}}
    Person.model_validate_json(chat(direct, f"Write this person as JSON: {text}", response_format=format))


def tool_call_hits(direct: OpenAI, cases: list) -> tuple[float, float]:
    """Return the shares of right tools and of right arguments."""
    tools_right = arguments_right = 0
    for functions, question, name, arguments in cases:
        answer = direct.chat.completions.create(
            model="any",
            messages=[{"role": "user", "content": question}],
            tools=[{"type": "function", "function": one} for one in functions],
        )
        calls = answer.choices[0].message.tool_calls or []
        if len(calls) == 1 and calls[0].function.name == name:
            tools_right += 1
            arguments_right += arguments is None or json.loads(calls[0].function.arguments) == arguments
    return tools_right / len(cases), arguments_right / len(cases)


# Measured: every tool right in both lists, and every argument. The margin is for other processors, whose
# rounding may tip a greedy choice.
@pytest.mark.dear
@pytest.mark.parametrize("cases", [TUNED_ON, HELD_OUT], ids=["tuned_on", "held_out"])
def test_calls_the_right_tool_with_the_right_arguments(direct: OpenAI, cases: list) -> None:
    tools, arguments = tool_call_hits(direct, cases)
    assert tools >= 0.9
    assert arguments >= 0.8


@pytest.mark.parametrize("content", ["The ThinkPad X1 costs 1299 euros.", '{"product": "ThinkPad X1", "price": 1299}'])
@pytest.mark.parametrize("as_parts", [False, True])
def test_answers_from_a_tools_result(direct: OpenAI, content: str, as_parts: bool) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "get_price", "arguments": '{"product": "ThinkPad X1"}'}}
    messages = [
        {"role": "user", "content": "What is the price of the ThinkPad X1?"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": [{"type": "text", "text": content}] if as_parts else content},
    ]
    tools = [{"type": "function", "function": PRICE}]
    answer = direct.chat.completions.create(model="any", messages=messages, tools=tools).choices[0].message
    assert not answer.tool_calls
    assert "1299" in answer.content


def test_a_prompt_longer_than_the_context_is_an_error(direct: OpenAI) -> None:
    with pytest.raises(BadRequestError, match="exceeds the available context size"):
        chat(direct, "word " * (serve.CONTEXT + 100))


@pytest.mark.dear
def test_many_requests_at_once(direct: OpenAI) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: chat(direct, f"Say the number {n}.", max_tokens=16), range(16)))
    assert all(answers)


def test_embeddings_equal_the_reference_implementations(base_url: str) -> None:
    url = os.environ.get("EMBEDDINGS_URL")
    model = "any" if url else f"embeddings/{weights.EMBEDDING_MODEL}"
    client = OpenAI(base_url=url or base_url, api_key="none")
    ours = np.array([item.embedding for item in client.embeddings.create(model=model, input=REFERENCE["texts"]).data])
    theirs = np.array(REFERENCE["embeddings"])
    assert ours.shape == (len(REFERENCE["texts"]), weights.EMBEDDING_DIMENSION)
    cosines = (ours * theirs).sum(axis=1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
    assert cosines.min() >= 0.999


def test_through_llamastack_chat_and_stream(client: OpenAI, embedded_model: str) -> None:
    assert "Paris" in chat(client, "What is the capital of France?", model=embedded_model)
    events = list(client.responses.create(model=embedded_model, input="Name the capital of France.", stream=True))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert "Paris" in events[-1].response.output_text


def test_through_llamastack_schema(client: OpenAI, embedded_model: str) -> None:
    text = "Write this person as JSON: Ada, 36, speaks English."
    answer = client.responses.parse(model=embedded_model, input=text, text_format=Person, max_output_tokens=300)
    assert isinstance(answer.output_parsed, Person)


@pytest.mark.dear
def test_through_llamastack_tools(client: OpenAI, embedded_model: str) -> None:
    for functions, question, name, arguments in [TUNED_ON[10], TUNED_ON[8], TUNED_ON[4]]:
        tools = [{"type": "function", **one} for one in functions]
        asking = client.responses.create(model=embedded_model, input=question, tools=tools)
        (call,) = asking.output
        assert (call.type, call.name, json.loads(call.arguments)) == ("function_call", name, arguments)
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "The share price is 187 dollars."}
    answer = client.responses.create(model=embedded_model, previous_response_id=asking.id, input=[result], tools=tools)
    assert "187" in answer.output_text


def test_the_model_keeps_to_what_it_is_told(client: OpenAI, embedded_model: str) -> None:
    told = client.responses.create(model=embedded_model, input="My name is Ada.")
    asked = client.responses.create(model=embedded_model, input="What is my name?", previous_response_id=told.id)
    assert "Ada" in asked.output_text
    tool = {"type": "function", **function("convert", "Convert money", amount=NUMBER, currency=STRING)}
    call = client.responses.create(model=embedded_model, input="Convert 20 dollars", tools=[tool]).output[0]
    assert json.loads(call.arguments)["amount"] == 20


def test_through_llamastack_too_long_is_an_error(client: OpenAI, embedded_model: str) -> None:
    with pytest.raises(APIStatusError, match="exceeds the available context size"):
        client.responses.create(model=embedded_model, input="word " * (serve.CONTEXT + 100))


def test_through_llamastack_many_at_once(client: OpenAI, embedded_model: str) -> None:
    def ask(number: int) -> str:
        return client.responses.create(
            model=embedded_model, input=f"Say the number {number}.", max_output_tokens=16
        ).output_text

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(16)))


def test_weights_that_are_not_ours_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fake_weights").mkdir()
    (tmp_path / "fake_weights" / "model.gguf").write_bytes(b"GGUF and something else")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorkshopError, match="is not the file that we pinned"):
        weights.Weights("fake_weights", "model.gguf", weights.SMOLLM2.sha256).verified_path()


def test_a_prepared_model_that_is_damaged_is_prepared_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MODELS", tmp_path)
    said: list[str] = []
    model = weights.embedding_model(said.append)
    whole = model.read_bytes()
    for damaged in (whole[:1000], whole[:5000] + bytes([whole[5000] ^ 255]) + whole[5001:], b""):
        model.write_bytes(damaged)
        assert weights.damaged() == [model]
        assert weights.embedding_model(said.append) == model
        assert model.read_bytes() == whole and weights.damaged() == []
    assert len(said) == 4 and all("because the file is damaged" in line for line in said[1:])
    monkeypatch.setattr(weights, "_PREPARED_SIZE", 10**18)
    model.unlink()
    with pytest.raises(WorkshopError, match=r"No space left in .*: 1000000000000 MB are needed, \d+ MB are free"):
        weights.embedding_model(said.append)
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(("content", "problem"), [(None, "is not a file"), (b"PK\x03\x04", "is not a GGUF file")])
def test_a_model_of_ones_own_must_be_gguf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "Mine.gguf"
    if content:
        path.write_bytes(content)
    monkeypatch.setenv("WORKSHOP_MODEL", str(path))
    with pytest.raises(WorkshopError, match=problem):
        weights.chat_model(lambda line: None)


def test_a_model_of_ones_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", str(weights.SMOLLM2.path()))
    assert weights.chat_model(lambda line: None) == ("smollm2-135m-instruct.q4_1", weights.SMOLLM2.path())


@pytest.mark.dear
def test_the_base_model_stays_available_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", weights.BASE_MODEL)
    with running_stack(lambda line: None, port=ports.free_port(), state=tmp_path, logs=tmp_path) as stack:
        client = OpenAI(base_url=stack.base_url, api_key="none")
        assert stack.models == [f"llama-cpp/{weights.BASE_MODEL}"]
        assert (
            "Paris" in client.responses.create(model=stack.models[0], input="Name the capital of France.").output_text
        )
