"""Answers to the exercises of chapter 7."""

import functools
import statistics
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from openai import OpenAI

from answers import Answer, Server
from llamastack_workshop.exercises import file_search as check

# Each question of the check has a different best chunk on each page.
PAGES = {
    "setup.md": (
        "A cold start takes about eighteen seconds, and a warm one takes four: that is how long you wait.",
        "The command make llama-server starts the server. Run it in a terminal.",
        "Switch a provider off by leaving its variable empty. Then nothing asks it.",
    ),
    "mental-model.md": (
        "A distribution is a LlamaStack server with a set of providers, chosen for one purpose.",
        "Which providers are there is decided when the server starts, by the command and its file.",
        "A provider is the code behind an API, and you can switch it off.",
    ),
}


@lru_cache
def store(client: OpenAI) -> str:
    """Return the id of a store with one file for each passage of `PAGES`, named after its page."""
    made = client.vector_stores.create(name="two pages").id
    for page, passages in PAGES.items():
        for passage in passages:
            file = client.files.create(file=(page, passage.encode()), purpose="assistants")
            client.vector_stores.files.create_and_poll(
                file.id, vector_store_id=made, attributes={"page": page}, poll_interval_ms=50
            )
    return made


def found(server: Server, question: str, **options: Any) -> Any:
    return server.client.vector_stores.search(store(server.client), query=question, **options).data


def on(page: str) -> dict[str, Any]:
    return {"type": "eq", "key": "page", "value": page}


def text(hit: Any) -> str:
    return hit.content[0].text


def filtered(server: Server, question: str, page: str, place: int = 0) -> str:
    return text(found(server, question, filters=on(page))[place])


def sieved(server: Server, question: str, page: str) -> str:
    hits = [hit for hit in found(server, question, max_num_results=50) if hit.attributes["page"] == page]
    return "".join(part.text for part in max(hits, key=lambda hit: hit.score).content).strip()


def of_another(server: Server, question: str, page: str) -> str:
    return text(next(hit for hit in found(server, question) if hit.attributes["page"] != page))


def by_loop(ranks: list[int | None]) -> float:
    total = 0.0
    for rank in ranks:
        if rank is not None:
            total += 1 / rank
    return total / len(ranks)


def answered(server: Server, question: str, most: int = 1, **options: Any) -> tuple[Any, str]:
    hits = found(server, question, max_num_results=most)
    passages = "\n".join(text(hit) for hit in hits)
    response = server.client.responses.create(
        model=server.model, input=f"{passages}\n\n{question}", max_output_tokens=16, **options
    )
    return response, hits[0].filename


def in_messages(server: Server, question: str) -> list[Any]:
    best = max(found(server, question, max_num_results=10), key=lambda hit: hit.score)
    messages = [
        {"role": "system", "content": [{"type": "input_text", "text": f"Know this: {' '.join(text(best).split())}"}]},
        {"role": "user", "content": question},
    ]
    response = server.client.responses.create(
        model=server.model, input=messages, max_output_tokens=16, store=False, instructions="Be brief."
    )
    return [response, best.attributes["page"]]


class Streaming:
    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(self, question: str) -> tuple[Any, str]:
        stream, source = answered(self.server, question, stream=True)
        return list(stream)[-1].response, source


def from_memory(server: Server, question: str) -> tuple[Any, str]:
    response = server.client.responses.create(model=server.model, input=question, max_output_tokens=16)
    return response, found(server, question)[0].filename


def by_tool(server: Server, question: str) -> tuple[Any, str]:
    search = {"type": "file_search", "vector_store_ids": [store(server.client)], "max_num_results": 1}
    return answered(server, question, tools=[search], tool_choice="none")


def second_best(server: Server, question: str) -> tuple[Any, str]:
    hit = found(server, question)[1]
    response = server.client.responses.create(
        model=server.model, input=f"{text(hit)}\n\n{question}", max_output_tokens=16
    )
    return response, hit.filename


def best(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.best_chunk, style, lambda s: [functools.partial(function, s), s.client, store(s.client)], said)


def mean(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.mean_reciprocal_rank, style, lambda s: [function, {100: [1, 2, None], 400: [1, 1, 3]}], said)


def sourced(style: str, function: Any, said: str = "") -> Answer:
    return Answer(
        check.answer_with_source, style, lambda s: [functools.partial(function, s), s.client, store(s.client)], said
    )


RIGHT = [
    best("filtered", filtered),
    best("sieved in Python", sieved),
    mean("a loop", by_loop),
    mean("numpy", lambda ranks: np.mean([0 if rank is None else np.float32(1) / rank for rank in ranks])),
    mean("fractions", lambda ranks: statistics.mean(Fraction(1, rank) if rank else Fraction(0) for rank in ranks)),
    mean("decimals", lambda ranks: sum((1 / Decimal(rank) for rank in ranks if rank), Decimal(0)) / len(ranks)),
    sourced("a prompt", answered),
    sourced("messages, not stored, a list", in_messages),
    Answer(check.answer_with_source, "a stream", lambda s: [Streaming(s), s.client, store(s.client)]),
]

WRONG = [
    best("no filter", lambda s, q, page: text(found(s, q)[0]), "filter by the attribute `page`"),
    best("another page", of_another, "your chunk is from mental-model.md: filter by the attribute `page`"),
    best("always setup.md", lambda s, q, page: filtered(s, q, "setup.md"), "your chunk is from setup.md"),
    best("the second", lambda s, q, page: filtered(s, q, page, 1), "but it isn't the best one"),
    best(
        "the question is ignored",
        lambda s, q, page: filtered(s, "How long does a cold start take?", page),
        "search for the `question`",
    ),
    best("the text of all", lambda s, q, page: " ".join(map(text, found(s, q, filters=on(page)))), "you return more"),
    best("the whole hit", lambda s, q, page: found(s, q, filters=on(page))[0], "the chunk's text, not a Vector"),
    best("a list", lambda s, q, page: ["a", "list"], "should return the chunk's text, not a list"),
    best("its file", lambda s, q, page: found(s, q, filters=on(page))[0].filename, "is not the text of a chunk"),
    mean("None is no number", lambda ranks: sum(1 / rank for rank in ranks) / len(ranks), "raised TypeError"),
    mean("one", lambda ranks: 1.0, "for [2, 4], it is 0.375, not 1"),
    mean("the sum", lambda ranks: sum(1 / rank for rank in ranks if rank), "for [1, 1], it is 1, not 2"),
    mean(
        "the mean of those found",
        lambda ranks: statistics.mean([1 / rank for rank in ranks if rank] or [0]),
        "for [1, None], it is 0.5, not 1",
    ),
    mean("1 / the mean rank", lambda ranks: 1 / statistics.mean(rank or 9**9 for rank in ranks), "for [2, 4], it is"),
    mean("rounded", lambda ranks: round(by_loop(ranks), 2), "do not round"),
    mean("a text", lambda ranks: f"{by_loop(ranks):.3f}", "should return a number, not a str"),
    mean("the best alone", lambda ranks: max((1 / rank for rank in ranks if rank), default=0), "for [2, 4]"),
    sourced("the answer's text", lambda s, q: answered(s, q)[0].output_text, "and the file's name, not a str"),
    sourced("another file", lambda s, q: (answered(s, q)[0], "run.yaml"), "you name 'run.yaml' as its file"),
    sourced("setup.md each time", lambda s, q: (answered(s, q)[0], "setup.md"), "is from mental-model.md"),
    sourced("two passages", lambda s, q: answered(s, q, 2), "contains 1 more passage(s)"),
    sourced("five passages", lambda s, q: answered(s, q, 5), "contains 4 more passage(s)"),
    sourced("no passage", from_memory, "the text of the best chunk for"),
    sourced("the second best", second_best, "the text of the best chunk for"),
    sourced("another question", lambda s, q: answered(s, "What is a provider?"), "question is not in `input`"),
    sourced("the tool beside it", by_tool, "without the tool `file_search`"),
    sourced("reversed", lambda s, q: answered(s, q)[::-1], "the response first"),
]
