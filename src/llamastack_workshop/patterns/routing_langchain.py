"""The router of routing.py as a runnable: the same prompts, schemas and gates, LangChain's branches."""

from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable, RunnableBranch, RunnableLambda, RunnablePassthrough
from langchain_openai import ChatOpenAI

from llamastack_workshop.patterns.langchain_steps import gated
from llamastack_workshop.patterns.routing import (
    ANSWER,
    FIND_PRODUCT,
    NOTES,
    Classifier,
    RoutingResult,
    Topic,
    clear_winner,
    descriptions,
    notes_gate,
    product_schema,
    products_in,
    similarities,
    topic_prompt,
)


def router(
    cheap: ChatOpenAI, strong: ChatOpenAI, embeddings: Embeddings, by: Classifier = "similarity"
) -> Runnable[dict[str, str], RoutingResult]:
    """Return a runnable that takes {"text": …} and returns what `run_routing` does.

    Raises GateError, and what the openai client raises.
    """
    route = RunnableLambda(lambda given: _similar_topic(embeddings, given["text"]))
    if by == "model":
        route = (
            RunnablePassthrough.assign(prompt=lambda given: topic_prompt(given["text"]))
            | gated("topic", cheap.with_structured_output(Topic, method="json_schema"))
            | RunnableLambda(lambda answer: answer.topic)
        )
    technical = RunnablePassthrough.assign(product=_product(cheap)) | _answer(strong)
    to_person = RunnableLambda(lambda _: RoutingResult(route="person", by=by))
    destination = RunnableBranch(
        (lambda given: given["route"] is None, to_person),
        (lambda given: given["route"] == "technical", technical),
        _answer(cheap),
    )
    return RunnablePassthrough.assign(route=route, by=lambda _: by) | destination


def _similar_topic(embeddings: Embeddings, text: str) -> str | None:
    message, *topics = embeddings.embed_documents([text, *descriptions()])
    return clear_winner(similarities(message, topics))


def _product(llm: ChatOpenAI) -> Runnable[dict[str, Any], str]:
    """Return a runnable that gives the product. Where its function returns another runnable, LangChain runs that."""

    def choose(given: dict[str, Any]) -> str | Runnable[dict[str, Any], str]:
        products = products_in(given["text"])
        if len(products) == 1:
            return products[0]
        structured = llm.with_structured_output(product_schema(products), method="json_schema")
        return (
            RunnablePassthrough.assign(prompt=lambda given: FIND_PRODUCT.format(text=given["text"]))
            | gated("product", structured)
            | RunnableLambda(lambda answer: answer.product)
        )

    return RunnableLambda(choose)


def _answer(llm: ChatOpenAI) -> Runnable[dict[str, Any], RoutingResult]:
    answer = gated(
        "answer",
        llm.bind(max_tokens=64) | StrOutputParser(),
        lambda answer, given: notes_gate(answer, given["notes"]),
    )
    return (
        RunnablePassthrough.assign(notes=lambda given: NOTES[given.get("product") or given["route"]])
        | RunnablePassthrough.assign(prompt=lambda given: ANSWER.format_map(given))
        | RunnablePassthrough.assign(answer=answer)
        | RunnableLambda(
            lambda given: RoutingResult(
                route=given["route"],
                by=given["by"],
                product=given.get("product"),
                model=llm.model_name,
                answer=given["answer"],
            )
        )
    )
