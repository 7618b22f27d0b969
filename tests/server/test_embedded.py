"""The embedded models, over plain HTTP and through LlamaStack."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from openai import APIStatusError, BadRequestError, OpenAI
from pydantic import BaseModel

from llamastack_workshop.evaluating import asking, record, rules
from llamastack_workshop.evaluating.cases import load
from llamastack_workshop.evaluating.record import Result
from llamastack_workshop.server import parts
from llamastack_workshop.server.embedded import models, serve, weights
from llamastack_workshop.server.embedded.models import ChatModel
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError

NUMBER, STRING = {"type": "number"}, {"type": "string"}
REFERENCE = json.loads((Path(__file__).parent / "data" / "minilm_reference.json").read_text(encoding="utf-8"))


def function(name: str, description: str, **properties: dict) -> dict:
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": name, "description": description, "parameters": parameters}


PRICE = function("get_price", "Look up the price of a product", product=STRING)
CHOICE = {"type": "string", "enum": ["small", "large"]}
# Libraries' descriptions of function parameters, beyond a plain object with plain properties.
PARAMETERS = {
    "a reference": {"type": "object", "properties": {"size": {"$ref": "#/$defs/S"}}, "$defs": {"S": CHOICE}},
    "one of several": {"type": "object", "properties": {"size": {"anyOf": [CHOICE, {"type": "null"}]}}},
    "several types": {"type": "object", "properties": {"size": {"type": ["string", "null"]}}},
    "choices of no type": {"type": "object", "properties": {"size": {"enum": ["small", 2, None]}}},
    "a list of anything": {"type": "object", "properties": {"sizes": {"type": "array"}}},
    "a list of references": {
        "type": "object",
        "properties": {"sizes": {"type": "array", "items": {"$ref": "#/$defs/S"}}},
        "$defs": {"S": CHOICE},
    },
    "anything": {"type": "object", "properties": {"size": {}}},
    "names of methods": {"type": "object", "properties": {"items": STRING, "keys": STRING}},
    "no properties": {"type": "object"},
    "nothing": {},
}


@pytest.fixture(scope="module")
def direct() -> Iterator[OpenAI]:
    """A client for llama.cpp's own server: the one of the running stack, or one started for these tests."""
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


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS.keys())
def test_offers_a_tool_whatever_its_parameters_are(direct: OpenAI, parameters: dict) -> None:
    tool = {"type": "function", "function": {"name": "order", "parameters": parameters}}
    assert direct.chat.completions.create(
        model="any", messages=[{"role": "user", "content": "Hello"}], tools=[tool], max_tokens=1
    ).choices


@pytest.mark.dear
def test_calls_tools_no_worse_than_recorded(client: OpenAI, embedded_model: str) -> None:
    """No worse beyond chance: on another processor, rounding may change an answer."""
    figures = record.recorded().get(embedded_model) or pytest.skip(f"no figures are recorded for {embedded_model}")
    results = [
        Result(
            id=case.id,
            kind=case.kind,
            digest=case.digest,
            source="",
            problem=rules.objection(case.right, asking.ask(client, embedded_model, case, None)),
            seconds=0,
            answer={},
        )
        for case in load()
        if case.kind == "tools"
    ]
    assert results and not record.drops(figures, results), [one.id for one in results if one.problem]


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


def test_through_llamastack_tools(client: OpenAI, embedded_model: str) -> None:
    tools = [{"type": "function", **PRICE}]
    asked = {"model": embedded_model, "tools": tools}
    first = client.responses.create(input="How much does the UltraBook 5 cost?", **asked)
    (call,) = first.output
    assert (call.name, json.loads(call.arguments)) == ("get_price", {"product": "UltraBook 5"})
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "The UltraBook 5 costs 187 dollars."}
    answer = client.responses.create(previous_response_id=first.id, input=[result], **asked)
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


def test_a_library_that_a_slim_system_lacks_is_named(tmp_path: Path) -> None:
    """The linker's message comes from a slim image; the module that replaces the real one raises it."""
    said = "libgomp.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "xllamacpp.py").write_text(f"raise ImportError({said!r})\n", encoding="utf-8")
    command = [sys.executable, "-m", "llamastack_workshop.cli", "llama-server", "--upstream", "embedded"]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60
    )
    problem, fix = run.stderr.splitlines()
    assert problem.endswith("needs a system library: libgomp.so.1.") and "package libgomp1" in fix
    assert run.returncode == 1


def test_the_models_end_by_themselves_when_they_are_told_to_as_soon_as_they_are_loaded() -> None:
    command = [sys.executable, "-m", "llamastack_workshop.server.embedded.serve"]
    command += ["--embeddings-port", str(ports.free_port()), "--chat-port", str(ports.free_port())]
    assert subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60).returncode == 0


def test_weights_that_are_not_ours_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fake_weights").mkdir()
    (tmp_path / "fake_weights" / "model.gguf").write_bytes(b"GGUF and something else")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WorkshopError, match="is not the pinned file"):
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
        models.chat_model(lambda line: None)


def test_a_model_of_ones_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", str(weights.SMOLLM2.path()))
    assert models.chat_model(lambda line: None) == ChatModel("smollm2-135m-instruct.q4_1", weights.SMOLLM2.path())


@pytest.mark.dear
def test_the_base_model_stays_available_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", weights.BASE_MODEL)
    with running_stack(lambda line: None, port=ports.free_port(), state=tmp_path, logs=tmp_path) as stack:
        client = OpenAI(base_url=stack.base_url, api_key="none", max_retries=0)
        assert stack.models == [f"llama-cpp/{weights.BASE_MODEL}"]
        answer = client.responses.create(model=stack.models[0], input="Name the capital of France.")
        assert "Paris" in answer.output_text
        own = OpenAI(base_url=stack.addresses["LLAMA_CPP_URL"], api_key="none", max_retries=0)
        for parameters in PARAMETERS.values():
            test_offers_a_tool_whatever_its_parameters_are(own, parameters)


@pytest.mark.dear
def test_a_file_without_a_template_ends_after_its_tool_calls(tmp_path: Path) -> None:
    untaught = tmp_path / "untaught.gguf"
    strip = ["-m", "gguf.scripts.gguf_new_metadata", "--force", "--remove-metadata", "tokenizer.chat_template"]
    subprocess.run([sys.executable, *strip, weights.SMOLLM2.path(), untaught], check=True, capture_output=True)
    port = ports.free_port()
    model = ChatModel("untaught", untaught)
    said: list[str] = []
    with parts.embedded_models({"LLAMA_CPP_URL": port}, tmp_path / "log", said.append, model):
        assert "has no chat template" in " ".join(said)
        client = OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0)
        for question, products in (
            ("What is the price of the UltraBook?", {"UltraBook"}),
            ("What are the prices of the UltraBook and the PebblePhone?", {"UltraBook", "PebblePhone"}),
        ):
            # LlamaStack always asks for parallel calls; the sampling of such a file isn't greedy by itself.
            choice = client.chat.completions.create(
                model="untaught",
                messages=[{"role": "user", "content": question}],
                tools=[{"type": "function", "function": PRICE}],
                extra_body={"parallel_tool_calls": True, "temperature": 0},
            ).choices[0]
            calls = [json.loads(call.function.arguments)["product"] for call in choice.message.tool_calls]
            assert (choice.finish_reason, len(calls), set(calls)) == ("tool_calls", len(products), products)
