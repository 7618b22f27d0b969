"""The loop of evaluator_optimizer.py as a LangGraph graph, with the same prompts, schema and rubric.

The state holds only plain values, so that any checkpointer can store it.
"""

import operator
from typing import Annotated, Any, Literal, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from llamastack_workshop.patterns.evaluator_optimizer import (
    DRAFT_TOKENS,
    MAX_ROUNDS,
    Outcome,
    Round,
    draft_gate,
    finished,
    grade,
    outcome,
    parse_facts,
    read_prompt,
    reading_schema,
    write_prompt,
)
from llamastack_workshop.patterns.langchain_steps import gated


class State(TypedDict):
    """The text with the facts, the current draft, and the finished rounds, each a Round as a dictionary."""

    text: str
    draft: str
    rounds: Annotated[list[dict[str, Any]], operator.add]


def graph(
    llm: BaseChatModel, checkpointer: BaseCheckpointSaver | None = None, max_rounds: int = MAX_ROUNDS
) -> CompiledStateGraph:
    """Return a graph that takes {"text": …}, and writes and grades drafts until the loop is finished.

    `result` turns its final state into an Outcome. With a `checkpointer`, `invoke(None, config)` resumes a failed run.
    Its `invoke` raises UnclearText, GateError, and the openai client's exceptions.
    """

    def write(state: State) -> dict[str, str]:
        rounds = _rounds(state)
        step = gated(
            f"write {len(rounds) + 1}",
            llm.bind(max_tokens=DRAFT_TOKENS) | StrOutputParser(),
            lambda answer, _: draft_gate(answer),
        )
        prompt = write_prompt(parse_facts(state["text"]), rounds)
        return {"draft": step.invoke({"prompt": prompt}).strip()}

    def read(state: State) -> dict[str, list[dict[str, Any]]]:
        draft, reading = state["draft"], {}
        if schema := reading_schema(draft):
            structured = llm.with_structured_output(schema, method="json_schema")
            step = gated(f"read {len(_rounds(state)) + 1}", structured)
            reading = step.invoke({"prompt": read_prompt(schema, draft)}).model_dump()
        return {"rounds": [grade(draft, reading, parse_facts(state["text"])).model_dump()]}

    def route(state: State) -> Literal["write", "__end__"]:
        return END if finished(_rounds(state), max_rounds) else "write"

    builder = StateGraph(State)
    builder.add_node("write", write)
    builder.add_node("read", read)
    builder.add_edge(START, "write")
    builder.add_edge("write", "read")
    builder.add_conditional_edges("read", route)
    return builder.compile(checkpointer=checkpointer)


def result(state: State) -> Outcome:
    """Return the outcome of a graph's final state."""
    return outcome(parse_facts(state["text"]), _rounds(state))


def _rounds(state: State) -> list[Round]:
    return [Round.model_validate(round) for round in state.get("rounds", [])]
