"""The exercises: blanks derived from solutions, checks that help, copies that are never lost."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableLambda
from nbclient import NotebookClient
from openai import APIError, APIStatusError, APITimeoutError, OpenAI
from pydantic import BaseModel
from upstream import through

from llamastack_workshop import chapters, paths
from llamastack_workshop.errors import WorkshopError
from llamastack_workshop.exercises import (
    break_it,
    file_search,
    langchain_hybrid,
    mcp_tools,
    production_client,
    prompt_chaining,
    responses_api,
    server_setup,
    the_wire,
    tools,
)
from llamastack_workshop.exercises.check import NotYet

NOTEBOOKS = chapters.chapters()
IDS = [path.stem for path in NOTEBOOKS]


def cells(notebook: nbformat.NotebookNode, pattern: str) -> list[int]:
    return [i for i, cell in enumerate(notebook.cells) if cell.cell_type == "code" and re.search(pattern, cell.source)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_each_solution_is_followed_by_its_check(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    solutions, checks = cells(notebook, "### BEGIN SOLUTION"), cells(notebook, r"^check\.")
    assert len(solutions) >= 2
    assert checks == [index + 1 for index in solutions]
    assert all("hide-input" in notebook.cells[index].metadata.tags for index in solutions)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_blank_differs_from_its_solution_in_the_solution_alone(path: Path) -> None:
    solved = nbformat.read(path, as_version=4)
    blank = chapters.blank(solved)
    assert not cells(blank, "SOLUTION")
    differing = [i for i, cell in enumerate(solved.cells) if cell.source != blank.cells[i].source]
    assert differing == cells(solved, "### BEGIN SOLUTION")
    assert all("pass  # your code here" in blank.cells[index].source for index in differing)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=IDS)
def test_a_blank_runs_to_its_end_and_each_check_fails_with_a_message(
    path: Path, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_CHECKS", "")
    monkeypatch.setenv("LLAMA_STACK_BASE_URL", base_url)
    blank = chapters.blank(nbformat.read(path, as_version=4))
    NotebookClient(blank, timeout=300, resources={"metadata": {"path": str(paths.NOTEBOOKS)}}).execute()
    for index in cells(blank, r"^check\."):
        shown = blank.cells[index].outputs[-1]["data"]["text/plain"]
        assert shown.startswith("✗ Not yet: ") and "raised" not in shown


def test_a_lone_marker_is_an_error() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("### BEGIN SOLUTION\nx = 1", id="lone")])
    with pytest.raises(WorkshopError, match="lone"):
        chapters.blank(notebook)


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


@pytest.mark.parametrize(
    ("check", "wrong", "message"),
    [
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
        (responses_api.streamed_text, lambda c, m: [lambda question: "Paris"], "return two values"),
        (responses_api.streamed_text, lambda c, m: [lambda question: (["Pa", "ris"], 2)], "join the deltas"),
        (responses_api.streamed_text, lambda c, m: [lambda question: ("Paris", 14)], "more deltas than characters"),
        (responses_api.price_format, lambda c, m: [{"type": "json_object"}, c, m], "json_schema"),
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
            lambda c, m: [run_yaml(), through(str(c.base_url), m)],
            "the server still serves /v1/responses",
        ),
        (break_it.diagnosis, lambda c, m: [lambda error: "rag-runtime", MISSING], "return two values"),
        (break_it.diagnosis, lambda c, m: [lambda error: ("rag-runtime", "files"), MISSING], "the provider is not"),
        (break_it.answers_responses, lambda c, m: [{"version": 2}, {}], "has no `providers`"),
        (
            break_it.answers_responses,
            lambda c, m: [run_yaml(vector_io={"kvstore": {"type": "sqlite"}}), through(str(c.base_url), m)],
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
                lambda q, earlier: c.responses.create(
                    model=m, input=q, max_output_tokens=16, previous_response_id=earlier
                ),
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
    ],
)
def test_a_common_mistake_is_named(check: Any, wrong: Any, message: str, client: OpenAI, model: str) -> None:
    with pytest.raises(NotYet, match=re.escape(message)):
        check(*wrong(client, model))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one chapter."""
    (tmp_path / "notebooks").mkdir()
    for name, place in {"ROOT": tmp_path, "NOTEBOOKS": tmp_path / "notebooks", "WORK": tmp_path / "work"}.items():
        monkeypatch.setattr(paths, name, place)
    write_chapter(tmp_path, "### BEGIN SOLUTION\nx = 1\n### END SOLUTION")
    return tmp_path


def write_chapter(repository: Path, source: str) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source, id="a")])
    nbformat.write(notebook, repository / "notebooks" / "01-first.ipynb")


def source(path: Path) -> str:
    return nbformat.read(path, as_version=4).cells[0].source


def test_copies_follow_the_chapters_until_somebody_works_on_them(repository: Path) -> None:
    copy = repository / "work" / "01-first.ipynb"
    chapters.hand_out()
    assert source(copy) == "pass  # your code here"

    run = nbformat.read(copy, as_version=4)
    run.cells[0].execution_count = 5
    nbformat.write(run, copy)
    chapters.hand_out()
    assert nbformat.read(copy, as_version=4).cells[0].execution_count == 5

    write_chapter(repository, "y = 2")
    chapters.hand_out()
    assert source(copy) == "y = 2"

    notebook = nbformat.read(copy, as_version=4)
    notebook.cells[0].source = "my own work"
    nbformat.write(notebook, copy)
    write_chapter(repository, "z = 3")
    chapters.hand_out()
    assert source(copy) == "my own work"

    fresh, kept = chapters.reset("1")
    assert (source(fresh), source(kept)) == ("z = 3", "my own work")


def test_reset_names_the_chapters_there_are(repository: Path) -> None:
    with pytest.raises(WorkshopError, match="There is no chapter") as caught:
        chapters.reset("9")
    assert "01-first" in caught.value.fix
