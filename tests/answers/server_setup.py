"""Answers to the exercises of chapter 1."""

import functools
from typing import Any

import httpx
from openai import OpenAI

from answers import Answer, Server
from llamastack_workshop.exercises import server_setup as check


def by_loop(client: OpenAI) -> list[str]:
    found = []
    for model in client.models.list():
        if model.custom_metadata["model_type"] == "llm":
            found.append(model.id)
    found.sort()
    return found


def by_http(client: OpenAI) -> tuple[str, ...]:
    listed = httpx.get(f"{client.base_url}models").json()["data"]
    return tuple(sorted(entry["id"] for entry in listed if entry["custom_metadata"]["model_type"] == "llm"))


class ByName:
    def __init__(self, excluded: str) -> None:
        self.excluded = excluded

    def __call__(self, client: OpenAI) -> list[str]:
        return sorted(model.id for model in client.models.list() if self.excluded not in model.id)


def kinds(client: OpenAI, *types: str) -> list[str]:
    return [model.id for model in client.models.list() if model.custom_metadata["model_type"] in types]


def brief(server: Server, question: str, limit: int = 16, **options):
    return server.client.responses.create(model=server.model, input=question, max_output_tokens=limit, **options)


def as_messages(server: Server, question: str):
    message = {"role": "user", "content": question}
    return server.client.responses.create(model=server.model, input=[message], max_output_tokens=16, store=False)


def by_stream(server: Server, question: str):
    stream = server.client.responses.create(model=server.model, input=question, max_output_tokens=16, stream=True)
    return list(stream)[-1].response


def remembered(server: Server):
    first = brief(server, "Tell me about the sea.")
    return lambda question: first


def listed(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.language_models, style, lambda server: [function(server), server.client], said)


def cut_off(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.short_answer, style, lambda server: [functools.partial(function, server)], said)


RIGHT = [
    listed("a loop", lambda s: by_loop),
    listed("HTTP, a tuple", lambda s: by_http),
    listed("another key for sorting", lambda s: lambda c: sorted(kinds(c, "llm"), key=str.lower)),
    cut_off("partial", brief),
    cut_off("messages, not stored", as_messages),
    cut_off("the last event of a stream", by_stream),
    cut_off("complete", lambda s, q: brief(s, f"{q}\n\nNo. What is the capital of France? Answer in one word.")),
    cut_off("within a prompt", lambda s, q: brief(s, f"Answer this: {q}", instructions="You know everything.")),
]

WRONG = [
    listed("the objects", lambda s: lambda c: c.models.list().data, "use the `.id`"),
    listed("all models", lambda s: lambda c: sorted(kinds(c, "llm", "embedding")), "is not a language model"),
    listed("none", lambda s: lambda c: [], "1 language model(s) are missing"),
    listed("hard-coded", lambda s: lambda c: [s.model], "use the `client` given"),
    listed("another client", lambda s: lambda c: by_loop(s.client), "use the `client` given"),
    listed("by name", lambda s: ByName("minilm"), "is not a language model"),
    listed(
        "by exclusion",
        lambda s: lambda c: sorted(kinds(c, "llm", "rerank")),
        "llama-cpp/reorder is not a language model",
    ),
    listed("names", lambda s: lambda c: [one.partition("/")[2] for one in kinds(c, "llm")], "is not the id of a model"),
    listed("not sorted", lambda s: lambda c: kinds(c, "llm"), "but not sorted"),
    listed(
        "the first alone",
        lambda s: lambda c: sorted(kinds(c, "llm"))[:1],
        "2 language model(s) are missing, among them vllm/embedded-phi",
    ),
    listed("a set", lambda s: lambda c: {s.model}, "a list of ids, not a set"),
    cut_off("too long", lambda s, q: brief(s, q, 17), "17, not 16"),
    cut_off("a text", lambda s, q: brief(s, q, "16"), "is '16', not 16"),
    cut_off("too short", lambda s, q: brief(s, q, 1), "raised BadRequestError"),
    cut_off("the text", lambda s, q: brief(s, q).output_text, "the whole response, not a str"),
    cut_off("another question", lambda s, q: brief(s, "Tell me about the sea."), "not in `input`"),
    Answer(check.short_answer, "an old response", lambda s: [remembered(s)], "did not call the model"),
]
