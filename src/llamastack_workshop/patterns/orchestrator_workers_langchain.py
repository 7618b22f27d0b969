"""The pattern of orchestrator_workers.py as a LangGraph graph: the same prompts, schemas and gates.

The plan's edge sends a task to the worker node for each laptop; a reducer collects their results.
"""

import operator
from typing import Annotated, TypedDict

from langchain_core.language_models import BaseChatModel
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send
from pydantic import BaseModel

from llamastack_workshop.patterns.langchain_steps import gated
from llamastack_workshop.patterns.orchestrator_workers import (
    CONCURRENCY,
    PLAN,
    WORK,
    Comparison,
    Plan,
    Row,
    Specifications,
    advice_gate,
    advice_prompt,
    plan_gate,
    plan_schema,
    planned_laptops,
    step_name,
    worker_schema,
)
from llamastack_workshop.patterns.product_texts import part_about


class State(TypedDict, total=False):
    """The state that the nodes share. The reducer of `rows` appends; all values are plain, for the checkpointer."""

    text: str
    plan: list[str]
    rows: Annotated[list[dict[str, str]], operator.add]
    advice: str


class Task(TypedDict):
    """The input of a worker."""

    laptop: str
    part: str


def graph(llm: BaseChatModel, checkpointer: BaseCheckpointSaver | None = None) -> CompiledStateGraph:
    """Return a graph that takes {"text": …} and ends in a State, which `comparison` turns into the result.

    `max_concurrency` in the configuration limits the number of workers at a time. With a checkpointer,
    `invoke(None, config)` after a failure runs the unfinished nodes. Its `invoke` raises GateError, and the openai
    client's exceptions.
    """

    def plan(state: State) -> State:
        text = state["text"]
        step = gated("plan", _structured(llm, plan_schema(text)), lambda answer, _: plan_gate(answer, text))
        answer = step.invoke({"prompt": PLAN.format(text=text)})
        return {"plan": planned_laptops(Plan.model_validate_json(answer), text)}

    def tasks(state: State) -> list[Send]:
        return [Send("work", Task(laptop=name, part=part_about(state["text"], name))) for name in state["plan"]]

    def work(task: Task) -> State:
        laptop, part = task["laptop"], task["part"]
        step = gated(step_name(laptop), _structured(llm, worker_schema(laptop, part)))
        answer = step.invoke({"prompt": WORK.format(laptop=laptop, part=part)})
        return {"rows": [{"laptop": laptop, **Specifications.model_validate_json(answer).model_dump()}]}

    def advise(state: State) -> State:
        rows = _rows(state)
        model = llm.bind(max_tokens=64) | StrOutputParser()
        step = gated("advise", model, lambda answer, _: advice_gate(answer, rows))
        return {"advice": step.invoke({"prompt": advice_prompt(rows)}).strip()}

    builder = StateGraph(State)
    builder.add_node("plan", plan)
    builder.add_node("work", work)
    builder.add_node("advise", advise)
    builder.add_edge(START, "plan")
    builder.add_conditional_edges("plan", tasks, ["work"])
    builder.add_edge("work", "advise")
    builder.add_edge("advise", END)
    return builder.compile(checkpointer=checkpointer)


def compare(llm: BaseChatModel, text: str, config: RunnableConfig) -> Comparison:
    """Run the graph on `text` and return its result."""
    return comparison(graph(llm).invoke({"text": text}, {"max_concurrency": CONCURRENCY, **config}))


def comparison(state: State) -> Comparison:
    """Return the result from the graph's final state."""
    return Comparison(plan=state["plan"], rows=_rows(state), advice=state["advice"])


def _rows(state: State) -> list[Row]:
    rows = [Row.model_validate(row) for row in state["rows"]]
    return sorted(rows, key=lambda row: state["plan"].index(row.laptop))


def _structured(llm: BaseChatModel, schema: type[BaseModel]) -> Runnable[str, str]:
    """Return a model that answers with JSON of this schema, as text, because the gates judge text."""
    return llm.with_structured_output(schema, method="json_schema") | _as_json


def _as_json(answer: BaseModel) -> str:
    return answer.model_dump_json(by_alias=True)
