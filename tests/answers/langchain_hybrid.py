"""Answers to the exercises of chapter 4."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from answers import Answer, Server, Specifications
from llamastack_workshop.exercises import langchain_hybrid as check
from llamastack_workshop.patterns.prompt_chaining import EXTRACT, TRANSFORM

PARSER = StrOutputParser()


class Anything(BaseModel):
    pass


@lru_cache
def llm(server: Server, **options: Any) -> ChatOpenAI:
    return ChatOpenAI(
        base_url=server.base_url, api_key="none", model=server.model, temperature=0, max_tokens=48, **options
    )


def prompt(template: str) -> Runnable[Any, Any]:
    return ChatPromptTemplate.from_template(template)


def with_roles(server: Server) -> Runnable[Any, Any]:
    roles = ChatPromptTemplate.from_messages([("system", "You summarize in one sentence."), ("human", "{text}")])
    return roles | llm(server, streaming=True) | PARSER | RunnableLambda(str.strip)


def in_two_steps(server: Server) -> Runnable[Any, Any]:
    model = llm(server, use_responses_api=True)
    facts = prompt("List the facts:\n\n{text}") | model | PARSER
    return RunnableParallel(facts=facts) | prompt("Make one sentence of this: {facts}") | model | PARSER


def by_function(server: Server) -> Runnable[Any, Any]:
    def summarize(given: dict[str, str]) -> str:
        return llm(server).invoke(f"In one sentence: {given['text']}").text

    return RunnableLambda(summarize)


def typed(server: Server) -> Runnable[Any, Any]:
    model = llm(server)
    structured = model.with_structured_output(Specifications, method="json_schema")
    return prompt(EXTRACT) | model | PARSER | prompt(TRANSFORM) | structured


def at_once(server: Server) -> Runnable[Any, Any]:
    return prompt(EXTRACT + "\n\nAnswer in JSON.") | llm(server).with_structured_output(
        Specifications, method="json_schema"
    )


def inputs(texts: list[str]) -> list[dict[str, str]]:
    return [{"text": text} for text in texts]


def by_coroutine(server: Server) -> Any:
    async def specifications_of(texts: list[str]) -> Any:
        return await typed(server).abatch(inputs(texts))

    return specifications_of


def by_threads(server: Server) -> Any:
    def specifications_of(texts: list[str]) -> tuple[Any, ...]:
        with ThreadPoolExecutor() as pool:
            return tuple(pool.map(at_once(server).invoke, inputs(texts)))

    return specifications_of


def by_threads_that_start_slowly(server: Server) -> Any:
    """As on a machine that has other work, where the first answer is there before the second thread has begun."""

    def late(place: int, text: dict[str, str]) -> Any:
        time.sleep(0.5 * place)
        return at_once(server).invoke(text)

    def specifications_of(texts: list[str]) -> list[Any]:
        with ThreadPoolExecutor() as pool:
            return list(pool.map(late, range(len(texts)), inputs(texts)))

    return specifications_of


def copied(server: Server) -> Any:
    return lambda texts: [at_once(server).batch(inputs(texts))[0]] * len(texts)


def summary(style: str, chain: Any, said: str = "") -> Answer:
    return Answer(check.summary_chain, style, lambda server: [chain(server)], said)


def batch(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.batch_results, style, lambda server: [function(server)], said)


RIGHT = [
    summary("roles, streamed, stripped", with_roles),
    summary("two steps over the Responses API", in_two_steps),
    summary("a function in the chain", by_function),
    batch("batch", lambda s: lambda texts: typed(s).batch([{"text": text} for text in texts])),
    batch("a coroutine", by_coroutine),
    batch("threads, one step, a tuple", by_threads),
    batch("threads that start slowly", by_threads_that_start_slowly),
]

WRONG = [
    summary("a text", lambda s: "a string", "give a chain, made with the | operator, not a str"),
    summary("hard-coded", lambda s: RunnableLambda(lambda _: "hi"), "did not call the model"),
    summary("no parser", lambda s: prompt("One sentence: {text}") | llm(s), "end it with a StrOutputParser"),
    summary("no place for the text", lambda s: prompt("One sentence, please.") | llm(s) | PARSER, "put `{text}`"),
    summary("no instruction", lambda s: prompt("{text}") | llm(s) | PARSER, "your prompt is only the text"),
    summary("another name", lambda s: prompt("In short: {txt}") | llm(s) | PARSER, "missing variables {'txt'}"),
    summary(
        "the answer is thrown away",
        lambda s: prompt("In short: {text}") | llm(s) | PARSER | RunnableLambda(lambda _: "A computer."),
        "the chain returns 'A computer.', but the model answered",
    ),
    batch("results, no function", lambda s: [Anything()], "this is not a function, but a list"),
    batch("a loop", lambda s: lambda texts: [at_once(s).invoke(one) for one in inputs(texts)], "in one call: `batch`"),
    batch("reversed", lambda s: lambda texts: at_once(s).batch(inputs(texts))[::-1], "keep the order of the texts"),
    batch("three equal objects", copied, "keep the order of the texts"),
    batch("the first alone", lambda s: lambda texts: at_once(s).batch(inputs(texts[:1])), "you return 1 results"),
    batch("texts of its own", lambda s: lambda texts: at_once(s).batch(inputs(["8 GB", "9 GB"])), "use the `texts`"),
    batch(
        "no structured output",
        lambda s: lambda texts: (prompt(EXTRACT) | llm(s)).batch(inputs(texts)),
        "use the chain with structured output",
    ),
    batch(
        "dictionaries",
        lambda s: lambda texts: [one.model_dump() for one in at_once(s).batch(inputs(texts))],
        "a Specifications object, not a dict",
    ),
]
