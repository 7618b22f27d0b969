"""Common mistakes in the exercises: for each a check, a wrong answer to it, and what the check should say.

The wrong answer is a function of the openai client and the model, which returns the arguments of the check.
"""

import asyncio
import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypedDict

import yaml
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, OpenAI
from pydantic import BaseModel

from llamastack_workshop.exercises import (
    branching_chains,
    break_it,
    comparison,
    evaluator_optimizer,
    file_search,
    langchain_hybrid,
    mcp_tools,
    orchestrator_workers,
    parallelization,
    production_client,
    prompt_chaining,
    responses_api,
    routing,
    server_setup,
    the_wire,
    tools,
)
from llamastack_workshop.patterns.prompt_chaining import Specifications
from llamastack_workshop.server.throwaway import upstream_variables
from llamastack_workshop.system import paths


def all_events_counted(client: OpenAI, model: str) -> Callable[[str], tuple[str, int]]:
    def stream(question: str) -> tuple[str, int]:
        events = list(client.responses.create(model=model, input=question, max_output_tokens=64, stream=True))
        return events[-1].response.output_text, len(events)

    return stream


def typed_price_format(**price: str) -> dict[str, Any]:
    properties = {"product": {"type": "string"}, "price": price}
    schema = {"type": "object", "properties": properties, "required": ["product", "price"]}
    return {"type": "json_schema", "name": "price", "schema": schema}


class Anything(BaseModel):
    pass


def run_yaml(**configs: dict[str, Any]) -> dict[str, Any]:
    """Return run.yaml with another config for the only provider of each API that is named."""
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    for api, config in configs.items():
        configuration["providers"][api][0]["config"] = config
    return configuration


def small_store(client: OpenAI) -> str:
    store = client.vector_stores.create(name="two pages").id
    for page in ("README.md", "mental-model.md"):
        file = client.files.create(
            file=(page, f"{page} says how long a cold start takes.".encode()), purpose="assistants"
        )
        client.vector_stores.files.create_and_poll(
            file.id, vector_store_id=store, attributes={"page": page}, poll_interval_ms=100
        )
    return store


MISSING = "'tool_runtime' provider 'rag-runtime' of type 'inline::rag-runtime': required dependency 'files' is missing"


def weather_tool(**changed: dict[str, Any]) -> dict[str, Any]:
    properties = {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]}} | changed
    parameters = {"type": "object", "properties": properties, "required": ["city", "unit"]}
    return {"type": "function", "name": "get_weather", "description": "Get the weather", "parameters": parameters}


def named_tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"product": {"type": "string"}}, "required": ["product"]}
    return {"type": "function", "name": name, "description": name.replace("_", " "), "parameters": parameters}


@dataclass
class Outcome:
    kind: str


def ask(using, forward=None, **request):
    """A handler as short as the check allows."""
    try:
        if forward is None:
            return Outcome(using.responses.create(**request).status)
        return Outcome(list(using.responses.create(**request, stream=True))[-1].response.status)
    except APITimeoutError:
        return Outcome("timeout")
    except APIStatusError as error:
        return Outcome(f"HTTP {error.status_code}")
    except APIError:
        return Outcome("error line")


def left_behind(stream, enough):
    """Take enough characters of a stream's text, and close it."""
    text = ""
    with stream:
        for event in stream:
            text += getattr(event, "delta", "")
            if len(text) >= enough:
                return text
    return text


SPECIFICATIONS = Specifications(cpu="2.8 GHz", memory="32 GB", storage="512 GB")

EMBEDDING = "embeddings/all-minilm-l6-v2"


def shop_topics(jobs: str) -> dict[str, str]:
    return {
        "billing": "invoices, payments, refunds and prices",
        "shipping": "delivery, parcels, tracking and addresses",
        "technical": "a device that does not work: screen, battery, sound, keyboard, software",
        "jobs": jobs,
    }


async def unbounded(jobs, limit):
    return await asyncio.gather(*(job() for job in jobs), return_exceptions=True)


async def one_by_one(jobs, limit):
    return [(await asyncio.gather(job(), return_exceptions=True))[0] for job in jobs]


async def fails_as_a_whole(jobs, limit):
    free = asyncio.Semaphore(limit)

    async def run(job):
        async with free:
            return await job()

    return await asyncio.gather(*map(run, jobs))


def imported(figures, program, which="median"):
    return figures["programs"][program]["import"]["seconds"][which]


def pure_chain():
    sys.path.insert(0, str(paths.ROOT / "comparison"))
    return importlib.import_module("pure").Chain


def connection_first(run):
    try:
        return run()
    except APIConnectionError:
        return "no connection"


def no_cut_off(run):
    try:
        return run()
    except APITimeoutError:
        return "timeout"
    except APIConnectionError:
        return "no connection"


class Draft(TypedDict, total=False):
    name: str
    draft: str


def two_drafts() -> tuple[CompiledStateGraph, dict[str, Any]]:
    """Return a graph that has run, with two drafts in its checkpoints, and the config of the run."""
    builder = StateGraph(Draft)
    builder.add_node("first", lambda state: {"draft": "a"})
    builder.add_node("second", lambda state: {"draft": "b"})
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", END)
    graph, config = builder.compile(checkpointer=InMemorySaver()), {"configurable": {"thread_id": "1"}}
    graph.invoke({"name": "UltraBook"}, config)
    return graph, config


MISTAKES: list[tuple[Any, Any, str]] = [
    (server_setup.language_models, lambda c, m: [lambda client: client.models.list().data, c], "take the `.id`"),
    (
        server_setup.language_models,
        lambda c, m: [lambda client: sorted(one.id for one in client.models.list()), c],
        "is no language model",
    ),
    (server_setup.language_models, lambda c, m: [lambda client: [], c], "are missing"),
    (
        server_setup.short_answer,
        lambda c, m: [lambda q: c.responses.create(model=m, input=q, max_output_tokens=40)],
        "limit it with `max_output_tokens`",
    ),
    (
        server_setup.short_answer,
        lambda c, m: [lambda q: c.responses.create(model=m, input=q, max_output_tokens=16).output_text],
        "return the whole response",
    ),
    (
        server_setup.short_answer,
        lambda c, m: [lambda q: c.responses.create(model=m, input=q, max_output_tokens=1)],
        "running your code raised BadRequestError",
    ),
    (responses_api.streamed_text, lambda c, m: [lambda question: "Paris", c, m], "return two values"),
    (responses_api.streamed_text, lambda c, m: [lambda question: (["Pa", "ris"], 2), c, m], "join the deltas"),
    (responses_api.streamed_text, lambda c, m: [lambda question: ("Paris", 14), c, m], "more deltas than characters"),
    (responses_api.streamed_text, lambda c, m: [all_events_counted(c, m), c, m], "events of every type"),
    (responses_api.price_format, lambda c, m: [{"type": "json_object"}, c, m], "json_schema"),
    (responses_api.price_format, lambda c, m: ["price", c, m], "not a dictionary"),
    (responses_api.price_format, lambda c, m: [typed_price_format(type="string"), c, m], "price is a number"),
    (
        responses_api.follow_up,
        lambda c, m: (
            lambda first: [lambda r, q: c.responses.create(model=m, input=q, max_output_tokens=16), first, c]
        )(c.responses.create(model=m, input="Hello!", max_output_tokens=16)),
        "hand over its id",
    ),
    (prompt_chaining.grounded_gate, lambda c, m: [lambda found, text: "no"], "rejects specifications that are"),
    (prompt_chaining.grounded_gate, lambda c, m: [lambda found, text: None], "memory of 32 GB passes"),
    (
        prompt_chaining.grounded_gate,
        lambda c, m: [
            lambda found, text: next(
                (n for v in found.values() for n in re.findall(r"[\d.]+", v) if n not in text), None
            )
        ],
        "compare whole numbers",
    ),
    (prompt_chaining.three_steps, lambda c, m: [lambda text: {"cpu": "1"}], "return two values"),
    (langchain_hybrid.summary_chain, lambda c, m: ["a string"], "use the | operator"),
    (langchain_hybrid.summary_chain, lambda c, m: [RunnableLambda(lambda x: 3)], "end it with a StrOutputParser"),
    (langchain_hybrid.batch_results, lambda c, m: [[Anything()], ["a", "b"]], "2 texts and 1 results"),
    (langchain_hybrid.batch_results, lambda c, m: [[AIMessage("a")], ["a"]], "with structured output"),
    (break_it.serves_files, lambda c, m: ["run.yaml", {}], "give a configuration as a dictionary"),
    (
        break_it.serves_files,
        lambda c, m: [run_yaml(), upstream_variables(str(c.base_url), m)],
        "the server still serves /v1/responses",
    ),
    (break_it.diagnosis, lambda c, m: [lambda error: "rag-runtime", MISSING], "return two values"),
    (break_it.diagnosis, lambda c, m: [lambda error: ("rag-runtime", "files"), MISSING], "the provider is not"),
    (break_it.answers_responses, lambda c, m: [{"version": 2}, {}], "has no `providers`"),
    (
        break_it.answers_responses,
        lambda c, m: [run_yaml(vector_io={"kvstore": {"type": "sqlite"}}), upstream_variables(str(c.base_url), m)],
        "the server does not start: ValidationError",
    ),
    (tools.weather_tool, lambda c, m: [{"type": "function", "function": {"name": "get_weather"}}, c, m], "beside"),
    (
        tools.weather_tool,
        lambda c, m: [weather_tool(unit={"type": "string"}), c, m],
        "two values of unit in `enum`",
    ),
    (tools.weather_tool, lambda c, m: [weather_tool(city={"type": "number"}), c, m], "city is a string"),
    (tools.safe_outputs, lambda c, m: [lambda response, functions: []], "four calls and a message"),
    (
        tools.safe_outputs,
        lambda c, m: [lambda r, functions: [functions[i.name](**json.loads(i.arguments)) for i in r.output[1:]]],
        "running your code raised KeyError",
    ),
    (
        tools.safe_outputs,
        lambda c, m: [
            lambda r, functions: [
                {"type": "function_call_output", "call_id": i.call_id, "output": "1299"} for i in r.output[1:]
            ]
        ],
        "an object with `error` and its text",
    ),
    (
        tools.only_one_tool,
        lambda c, m: [lambda question, name: c.responses.create(model=m, input=question, max_output_tokens=16)],
        "offer both `tools`",
    ),
    (
        tools.only_one_tool,
        lambda c, m: [
            lambda question, name: c.responses.create(
                model=m, input=question, tools=[named_tool("get_price"), named_tool("get_specs")]
            )
        ],
        "use `allowed_tools`",
    ),
    (
        file_search.best_chunk,
        lambda c, m: (
            lambda store: [lambda q, page: c.vector_stores.search(store, query=q).data[0].content[0].text, c, store]
        )(small_store(c)),
        "filter by the attribute `page`",
    ),
    (file_search.best_chunk, lambda c, m: [lambda q, page: ["a", "list"], c, ""], "return the chunk's text"),
    (
        file_search.mean_reciprocal_rank,
        lambda c, m: [lambda found: sum(1 / place for place in found) / len(found), {}],
        "running your code raised TypeError",
    ),
    (file_search.mean_reciprocal_rank, lambda c, m: [lambda found: 1.0, {}], "for [2, 4] it is 0.375"),
    (file_search.answer_with_source, lambda c, m: [lambda q: "18 seconds", c, ""], "return two values"),
    (
        file_search.answer_with_source,
        lambda c, m: [
            lambda q: (c.responses.create(model=m, input=q, max_output_tokens=16), "run.yaml"),
            c,
            small_store(c),
        ],
        "not from run.yaml",
    ),
    (mcp_tools.own_tool, lambda c, m: [lambda question: "3 years"], "return the whole response"),
    (
        mcp_tools.own_tool,
        lambda c, m: [lambda question: c.responses.create(model=m, input=question, max_output_tokens=16)],
        "add get_warranty to it",
    ),
    (
        mcp_tools.approval_by_rule,
        lambda c, m: [lambda question, rule: c.responses.create(model=m, input=question, max_output_tokens=16)],
        "did not ask the rule",
    ),
    (
        mcp_tools.approval_by_rule,
        lambda c, m: [lambda question, rule: [rule("get_price", "{}"), c.responses.create(model=m, input="Hi")][1]],
        "use `json.loads`",
    ),
    (
        production_client.browser_status,
        lambda c, m: [lambda outcome: 200, ask, c, m],
        "for an unknown model ('HTTP 404') you return 200, not 404",
    ),
    (
        production_client.browser_status,
        lambda c, m: [lambda outcome: "200", ask, c, m],
        "a status is a whole number",
    ),
    (
        production_client.browser_status,
        lambda c, m: [lambda outcome: int(outcome.kind[5:]) if outcome.kind.startswith("HTTP") else 200, ask, c, m],
        "for a status in the 500s ('HTTP 500') you return 500, not 502",
    ),
    (
        production_client.continued_or_begun,
        lambda c, m: [lambda q, earlier: c.responses.create(model=m, input=q, max_output_tokens=16), c, m],
        "a known response is not continued",
    ),
    (
        production_client.continued_or_begun,
        lambda c, m: [lambda q, earlier: "Lisbon", c, m],
        "return the whole response",
    ),
    (
        production_client.continued_or_begun,
        lambda c, m: [
            lambda q, earlier: c.responses.create(model=m, input=q, max_output_tokens=16, previous_response_id=earlier),
            c,
            m,
        ],
        "running your code raised NotFoundError",
    ),
    (
        production_client.nothing_left_behind,
        lambda c, m: [lambda q, enough: c.responses.create(model=m, input=q, max_output_tokens=16), c],
        "return the text",
    ),
    (
        production_client.nothing_left_behind,
        lambda c, m: [
            lambda q, enough: c.responses.create(model=m, input=q, max_output_tokens=64).output_text[:enough],
            c,
        ],
        "leave the loop earlier",
    ),
    (
        production_client.nothing_left_behind,
        lambda c, m: [lambda q, enough: left_behind(c.responses.create(model=m, input=q, stream=True), enough), c],
        "delete it by its id",
    ),
    (the_wire.lines_out_of_pieces, lambda c, m: [lambda pieces: []], "no line came out"),
    (
        the_wire.lines_out_of_pieces,
        lambda c, m: [lambda pieces: b"".join(pieces).splitlines()],
        "Decode it",
    ),
    (
        the_wire.lines_out_of_pieces,
        lambda c, m: [lambda pieces: (line for piece in pieces for line in piece.decode("latin-1").split("\n"))],
        "A piece may end within a line",
    ),
    (
        the_wire.lines_out_of_pieces,
        lambda c, m: [lambda pieces: iter(b"".join(pieces).decode().splitlines())],
        "the first line came late",
    ),
    (
        the_wire.first_token,
        lambda c, m: [lambda recording: recording[0][0]],
        "you return the time of the first event",
    ),
    (
        the_wire.first_token,
        lambda c, m: [lambda recording: next((at for at, event in recording if event.get("delta")), None)],
        "for chat completions you return None, not 0.21",
    ),
    (the_wire.server_is_doing, lambda c, m: [lambda types: "starting", str(c.base_url), m], "you say 'starting'"),
    (
        the_wire.server_is_doing,
        lambda c, m: [
            lambda types: "starting" if len(types) < 3 else "finished" if "complete" in types[-1] else "writing",
            str(c.base_url),
            m,
        ],
        "in a function call",
    ),
    (
        branching_chains.kept_step,
        lambda c, m: [
            lambda lines, name, prompt: {s["name"]: s["id"] for s in map(json.loads, lines)}.get(name),
        ],
        "compare name and prompt",
    ),
    (
        branching_chains.kept_step,
        lambda c, m: [
            lambda lines, name, prompt: next(
                (s["id"] for s in map(json.loads, lines) if (s["name"], s["prompt"]) == (name, prompt)), None
            )
        ],
        "two lines fit, and the last one counts",
    ),
    (
        branching_chains.kept_step,
        lambda c, m: [
            lambda lines, name, prompt: {(s["name"], s["prompt"]): s["id"] for s in map(json.loads, lines)}.get(
                (name, prompt)
            )
        ],
        "catch `json.JSONDecodeError`",
    ),
    (branching_chains.goes_on_or_begins, lambda c, m: [lambda i, text: SPECIFICATIONS, c, m], "return two values"),
    (
        branching_chains.goes_on_or_begins,
        lambda c, m: [lambda i, text: ("resp_new", SPECIFICATIONS), c, m],
        "retrieve it by its id",
    ),
    (
        branching_chains.goes_on_or_begins,
        lambda c, m: [lambda i, text: (c.responses.retrieve(i).id, SPECIFICATIONS), c, m],
        "running your code raised NotFoundError",
    ),
    (
        branching_chains.goes_on_or_begins,
        lambda c, m: [lambda i, text: (i, SPECIFICATIONS), c, m],
        "the response was deleted, and you still return its id",
    ),
    (
        branching_chains.goes_on_or_begins,
        lambda c, m: [lambda i, text: (i, SPECIFICATIONS.model_copy(update={"memory": "64 GB"})), c, m],
        "the text has no 64",
    ),
    (routing.jobs_topic, lambda c, m: [{"jobs": "applications"}, c, EMBEDDING], "the topics lack"),
    (routing.jobs_topic, lambda c, m: [["billing", "jobs"], c, EMBEDDING], "make a dictionary"),
    (
        routing.jobs_topic,
        lambda c, m: [shop_topics("jobs"), c, EMBEDDING],
        "describe jobs with the words of an applicant",
    ),
    (
        routing.jobs_topic,
        lambda c, m: [shop_topics("orders, parcels, refunds, laptops and applications"), c, EMBEDDING],
        "describe jobs more narrowly",
    ),
    (
        routing.cascade,
        lambda c, m: [lambda message, cheap, strong, gate: (strong(message), "strong")],
        "for a good cheap answer you return",
    ),
    (
        routing.cascade,
        lambda c, m: [
            lambda message, cheap, strong, gate: (lambda a, b: (b, "strong") if gate(a) else (a, "cheap"))(
                cheap(message), strong(message)
            )
        ],
        "you asked the strong model all the same",
    ),
    (
        routing.cascade,
        lambda c, m: [
            lambda message, cheap, strong, gate: (
                (strong(message), "strong") if gate(answer := cheap(message)) else (answer, "cheap")
            )
        ],
        "raise a ValueError",
    ),
    (routing.cascade, lambda c, m: [lambda message, cheap, strong, gate: cheap(message)], "return two values"),
    (parallelization.runs_bounded, lambda c, m: [unbounded], "8 jobs ran at once, and 3 are allowed"),
    (parallelization.runs_bounded, lambda c, m: [one_by_one], "one after the other"),
    (parallelization.runs_bounded, lambda c, m: [fails_as_a_whole], "one job raised, and the other results are lost"),
    (
        parallelization.never_guesses,
        lambda c, m: [lambda votes, needed: Counter(votes).most_common(1)[0][0]],
        "no value has two votes",
    ),
    (
        parallelization.never_guesses,
        lambda c, m: [
            lambda votes, needed: next((v for v, n in Counter(filter(None, votes)).most_common() if n >= needed), None)
        ],
        "a tie is undecided",
    ),
    (
        parallelization.never_guesses,
        lambda c, m: [lambda votes, needed: max(votes, key=votes.count)],
        "no value has two votes",
    ),
    (
        orchestrator_workers.cheapest_with,
        lambda c, m: [lambda rows, size: min(rows, key=lambda row: row["price"])["laptop"]],
        "compare the prices as numbers",
    ),
    (
        orchestrator_workers.cheapest_with,
        lambda c, m: [
            lambda rows, size: min(
                (row for row in rows if row["memory"] >= f"{size} GB"),
                key=lambda row: int(row["price"].split()[0]),
                default={"laptop": None},
            )["laptop"]
        ],
        "compare sizes as numbers too",
    ),
    (
        orchestrator_workers.cheapest_with,
        lambda c, m: [
            lambda rows, size: min(
                (row for row in rows if int(row["memory"].split()[0]) >= size),
                key=lambda row: int(row["price"].split()[0]),
            )
        ],
        "return the laptop's name, not dict",
    ),
    (comparison.times_as_long, lambda c, m: [lambda figures, program: "4.0", {}], "return a number, not str"),
    (
        comparison.times_as_long,
        lambda c, m: [lambda figures, program: imported(figures, "pure") / imported(figures, program), {}],
        "you divide the wrong way round",
    ),
    (
        comparison.times_as_long,
        lambda c, m: [lambda f, program: imported(f, program, "max") / imported(f, "pure", "max"), {}],
        "use the medians",
    ),
    (
        comparison.one_handler,
        lambda c, m: [lambda run: "timeout", [], str(c.base_url), m],
        "return what the call returned",
    ),
    (
        comparison.one_handler,
        lambda c, m: [connection_first, [pure_chain()], str(c.base_url), m],
        "A timeout is a kind of connection error: catch it first.",
    ),
    (
        comparison.one_handler,
        lambda c, m: [no_cut_off, [pure_chain()], str(c.base_url), m],
        "running your code raised ValidationError",
    ),
    (
        orchestrator_workers.missing_tasks,
        lambda c, m: [lambda state: [Send("work", {"laptop": one}) for one in state["plan"]]],
        "the Birch has its row",
    ),
    (
        orchestrator_workers.missing_tasks,
        lambda c, m: [lambda state: [Send("work", one) for one in ("Alder", "Cedar")]],
        "a task is a dictionary",
    ),
    (
        orchestrator_workers.missing_tasks,
        lambda c, m: [lambda s: [Send("work", {"laptop": one, "part": s["text"]}) for one in ("Alder", "Cedar")]],
        "gets the others' sentences",
    ),
    (
        orchestrator_workers.missing_tasks,
        lambda c, m: [
            lambda s: [
                Send("work", {"laptop": one, "part": f"The {one} costs 1 euro."})
                for one in s["plan"]
                if one not in [row["laptop"] for row in s["rows"]]
            ]
        ],
        'when nothing is missing the next node is "advise"; you return []',
    ),
    (
        evaluator_optimizer.stalled,
        lambda c, m: [lambda points: len(points) > 2 and points[-1] <= points[-2]],
        "for the points [3, 4, 4] the answer is False, yours is True",
    ),
    (
        evaluator_optimizer.stalled,
        lambda c, m: [lambda points: len(points) > 2 and max(points[-2:]) < max(points[:-2])],
        "equal is not better",
    ),
    (
        evaluator_optimizer.drafts,
        lambda c, m: [lambda graph, config: [graph.get_state(config).values["draft"]], *two_drafts()],
        "the checkpoints hold 2 drafts, and you return 1",
    ),
    (
        evaluator_optimizer.drafts,
        lambda c, m: [
            lambda graph, config: [state.values.get("draft") for state in graph.get_state_history(config)],
            *two_drafts(),
        ],
        'use `values.get("draft")`',
    ),
    (
        evaluator_optimizer.drafts,
        lambda c, m: [
            lambda graph, config: list(
                dict.fromkeys(s.values["draft"] for s in graph.get_state_history(config) if "draft" in s.values)
            ),
            *two_drafts(),
        ],
        "begins with the newest checkpoint",
    ),
    (
        evaluator_optimizer.drafts,
        lambda c, m: [
            lambda graph, config: [s.values["draft"] for s in graph.get_state_history(config) if s.values] * 2,
            *two_drafts(),
        ],
        "raised KeyError: 'draft'",
    ),
]
