"""The chain of prompt_chaining.py as a runnable: the same prompts and gates, composed with LangChain."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable, RunnableBranch, RunnableLambda, RunnablePassthrough
from pydantic import BaseModel

from llamastack_workshop.patterns.langchain_steps import gated
from llamastack_workshop.patterns.prompt_chaining import (
    EXTRACT,
    TRANSFORM,
    Inquiry,
    Specifications,
    inquiry_prompt,
    missing_values,
    numbers_gate,
    question_gate,
    specifications_schema,
)


def chain(llm: BaseChatModel) -> Runnable[dict[str, str], Specifications | Inquiry]:
    """Return a runnable that takes {"text": …} and returns the result of `run_chain`.

    `llm` may use chat completions or the Responses API. `invoke` raises UnclearText, GateError, and the openai client's
    exceptions.
    """

    extract = RunnablePassthrough.assign(prompt=lambda given: EXTRACT.format(text=given["text"])) | gated(
        "extract", llm | StrOutputParser(), lambda answer, given: numbers_gate(answer, given["text"])
    )

    def structured(given: dict[str, Any]) -> Runnable[dict[str, Any], BaseModel]:
        # The schema depends on the text: LangChain runs the runnable that a function returns.
        schema = specifications_schema(given["text"])
        return gated("transform", llm.with_structured_output(schema, method="json_schema"))

    transform = (
        RunnablePassthrough.assign(prompt=lambda given: TRANSFORM.format(text=given["extracted"]))
        | RunnableLambda(structured)
        | RunnableLambda(lambda answer: Specifications(**answer.model_dump()))
    )
    inquire = (
        RunnablePassthrough.assign(prompt=lambda given: inquiry_prompt(given["text"], given["missing"]))
        | RunnablePassthrough.assign(
            question=gated(
                "inquire",
                llm.bind(max_tokens=64) | StrOutputParser(),
                lambda answer, given: question_gate(given["missing"])(answer),
            )
        )
        | RunnableLambda(lambda given: Inquiry(missing=given["missing"], question=given["question"]))
    )
    branch = RunnableBranch((lambda given: given["missing"], inquire), transform)
    missing = RunnablePassthrough.assign(missing=lambda given: missing_values(given["text"]))
    return missing | RunnablePassthrough.assign(extracted=extract) | branch
