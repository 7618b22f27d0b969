"""Checks of chapter 4, LangChain hybrid."""

from langchain_core.runnables import Runnable
from pydantic import BaseModel

from llamastack_workshop.exercises.check import exercise, given, require

_TEXT = "A laptop with a 3.5 GHz octa-core processor, 16GB of RAM, and a 1TB NVMe SSD."


@exercise
def summary_chain(chain: Runnable) -> str:
    """Check a chain of prompt, model and parser that turns {"text": …} into a string."""
    chain = given(chain)
    require(isinstance(chain, Runnable), f"a chain is a Runnable, not a {type(chain).__name__}; use the | operator.")
    answer = chain.invoke({"text": _TEXT})
    require(isinstance(answer, str), f"the chain returns a {type(answer).__name__}; end it with a StrOutputParser.")
    require(answer.strip(), "the chain returns an empty string.")
    return f"{answer!r}"


@exercise
def batch_results(results: list[BaseModel], texts: list[str]) -> str:
    """Check the results of one batch call: one object for each text, in order."""
    results = given(results)
    require(isinstance(results, list), f"batch returns a list; this is a {type(results).__name__}.")
    require(len(results) == len(texts), f"there are {len(texts)} texts and {len(results)} results.")
    require(all(isinstance(result, BaseModel) for result in results), "each result should be a Specifications object.")
    require(
        all({"cpu", "memory", "storage"} <= set(type(result).model_fields) for result in results),
        f"the results are of type {type(results[0]).__name__}; call batch on the chain with structured output.",
    )
    return f"{len(results)} objects, the first of them {results[0]!r}"
