"""The chain of prompt_chaining.py as a runnable: the same prompts and gates, LangChain's composition."""

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable, RunnableBranch, RunnableLambda, RunnablePassthrough

from llamastack_workshop.patterns.langchain_steps import gated
from llamastack_workshop.patterns.prompt_chaining import (
    EXTRACT,
    TRANSFORM,
    Inquiry,
    Specifications,
    inquiry_prompt,
    json_gate,
    missing_values,
    numbers_gate,
    question_gate,
)


def chain(llm: BaseChatModel) -> Runnable[dict[str, str], Specifications | Inquiry]:
    """Return a runnable that takes {"text": …} and returns what `run_chain` does.

    `llm` may call chat completions or the Responses API. Raises GateError, and what the openai client raises.
    """
    extract = RunnablePassthrough.assign(prompt=lambda given: EXTRACT.format(text=given["text"])) | gated(
        "extract", llm | StrOutputParser(), lambda answer, given: numbers_gate(answer, given["text"])
    )
    transform = RunnablePassthrough.assign(prompt=lambda given: TRANSFORM.format(text=given["extracted"])) | gated(
        "transform",
        llm.with_structured_output(Specifications, method="json_schema"),
        lambda answer, given: json_gate(answer.model_dump_json(), given["text"]),
    )
    inquire = (
        RunnablePassthrough.assign(missing=lambda given: missing_values(given["text"]))
        | RunnablePassthrough.assign(prompt=lambda given: inquiry_prompt(given["text"], given["missing"]))
        | RunnablePassthrough.assign(
            question=gated(
                "inquire", llm.bind(max_tokens=64) | StrOutputParser(), lambda answer, _: question_gate(answer)
            )
        )
        | RunnableLambda(lambda given: Inquiry(missing=given["missing"], question=given["question"]))
    )
    branch = RunnableBranch((lambda given: missing_values(given["text"]) != [], inquire), transform)
    return RunnablePassthrough.assign(extracted=extract) | branch
