"""The votes of parallelization.py as a runnable: the same parts, schemas, gates and count, on LangChain's threads."""

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableLambda, RunnableParallel

from llamastack_workshop.patterns.langchain_steps import gated
from llamastack_workshop.patterns.parallelization import (
    CONCURRENCY,
    Catalog,
    Part,
    Vote,
    count_votes,
    parts,
    vote_schema,
)


def catalog(llm: BaseChatModel) -> Runnable[dict[str, str], Catalog]:
    """Return a runnable that takes {"text": …} and returns the result of `run_votes`.

    `invoke` runs at most `CONCURRENCY` parts at a time, each in a thread; `ainvoke` would start all of them at once.
    It raises GateError, StepError for a part that cannot be asked about, and the openai client's exceptions.
    """

    def ask_and_count(given: dict[str, str]) -> Runnable[Any, Catalog]:
        # The parts depend on the text: a RunnableLambda may return a runnable, which LangChain then runs.
        every = RunnableParallel({part.name: vote(llm, part) for part in parts(given["text"])})
        return every | RunnableLambda(lambda votes: count_votes(given["text"], list(votes.values())))

    return RunnableLambda(ask_and_count).with_config(max_concurrency=CONCURRENCY)


def vote(llm: BaseChatModel, part: Part) -> Runnable[Any, Vote]:
    """Return the step that sends the request of one part, regardless of its input."""
    structured = llm.with_structured_output(vote_schema(part), method="json_schema")
    asked = gated(part.name, structured)
    to_vote = RunnableLambda(lambda answer: Vote.model_validate(answer.model_dump()))
    return RunnableLambda(lambda _: {"prompt": part.prompt}) | asked | to_vote
