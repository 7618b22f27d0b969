"""The router of routing.py as a runnable: the same prompts, schemas and gates, with LangChain's branches."""

from typing import Any

from langchain_core.embeddings import Embeddings
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable, RunnableBranch, RunnableLambda, RunnablePassthrough
from langchain_openai import ChatOpenAI

from llamastack_workshop.patterns.langchain_steps import gated
from llamastack_workshop.patterns.routing import (
    ANSWER,
    FIND_PRODUCT,
    Classifier,
    RoutingResult,
    Similarities,
    Topic,
    clear_winner,
    for_a_person,
    no_note,
    notes_about,
    notes_gate,
    product_schema,
    products_in,
    similarities,
    to_embed,
    topic_prompt,
)


def router(
    cheap: ChatOpenAI, strong: ChatOpenAI, embeddings: Embeddings, by: Classifier = "similarity"
) -> Runnable[dict[str, str], RoutingResult]:
    """Return a runnable that takes {"text": …} and returns the result of `run_routing`.

    `invoke` raises GateError, and the openai client's exceptions.
    """
    if by == "similarity":
        found = RunnablePassthrough.assign(found=lambda given: _similar(embeddings, given["text"]))
        routed = found | RunnablePassthrough.assign(
            reason=lambda given: for_a_person(given["found"]), route=lambda given: clear_winner(given["found"].topics)
        )
    else:
        topic = (
            RunnablePassthrough.assign(prompt=lambda given: topic_prompt(given["text"]))
            | gated("topic", cheap.with_structured_output(Topic, method="json_schema"))
            | RunnableLambda(lambda answer: answer.topic)
        )
        routed = RunnablePassthrough.assign(route=topic, found=lambda _: None, reason=lambda _: None)
    technical = RunnablePassthrough.assign(product=_product(cheap)) | _answer(strong)
    destination = RunnableBranch(
        (lambda given: given["reason"], RunnableLambda(_to_person)),
        (lambda given: given["route"] == "technical", technical),
        _answer(cheap),
    )
    return RunnablePassthrough.assign(by=lambda _: by) | routed | destination


def _similar(embeddings: Embeddings, text: str) -> Similarities:
    return similarities(text, embeddings.embed_documents(to_embed(text)))


def _to_person(given: dict[str, Any]) -> RoutingResult:
    return RoutingResult(route="person", by=given["by"], product=given.get("product"), reason=given["reason"])


def _product(llm: ChatOpenAI) -> Runnable[dict[str, Any], str]:
    """Return a runnable that returns the product. If its function returns another runnable, LangChain runs that."""

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
    answered = (
        RunnablePassthrough.assign(prompt=lambda given: ANSWER.format_map(given))
        | RunnablePassthrough.assign(answer=answer)
        | RunnableLambda(
            lambda given: RoutingResult(
                route=given["route"],
                by=given["by"],
                product=given.get("product"),
                model=llm.model_name,
                answer=given["answer"].strip(),
            )
        )
    )
    notes = RunnablePassthrough.assign(
        notes=lambda given: notes_about(_subject(given), given["found"]), reason=lambda given: no_note(_subject(given))
    )
    return notes | RunnableBranch((lambda given: given["notes"], answered), RunnableLambda(_to_person))


def _subject(given: dict[str, Any]) -> str:
    return given.get("product") or given["route"]
