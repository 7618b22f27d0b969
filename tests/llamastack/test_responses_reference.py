"""The parts of the Responses API that this server implements: the tables of book/responses-reference.md, measured."""

from functools import partial
from importlib.metadata import version
from typing import Any, get_args, get_type_hints

import llama_stack_api
import pytest
import responses_probes as probes
from findings import code, findings, methods
from openai.types.responses import ResponseIncludable, ResponseStreamEvent
from openai.types.responses import response_create_params as create_params
from openai.types.responses.response_input_message_content_list_param import ResponseInputContentParam
from openai.types.responses.response_input_param import ResponseInputItemParam
from openai.types.responses.tool_param import ToolParam
from pydantic import BaseModel
from responses_live import STREAMS, Live
from tables import assert_table

from llamastack_workshop.system import paths

PAGE = paths.ROOT / "book" / "responses-reference.md"
RESOURCES = ("responses", "responses.input_items", "responses.input_tokens", "conversations", "conversations.items")
OWN_LIST = "GET /v1/responses"
ANY_OTHER = "(any other name)"
NO_TYPE = "(no type)"


def literals(annotation: Any) -> set[str]:
    """Return the strings allowed by a union (or an optional union) of Literals."""
    if isinstance(annotation, str):
        return {annotation}
    return set().union(*map(literals, get_args(annotation)))


def types_in(union: Any) -> list[str]:
    """Return the possible values of `type` in the members of a union: Pydantic models, or dictionaries with types."""
    types = set()
    for member in get_args(union):
        model = issubclass(member, BaseModel)
        types |= literals(member.model_fields["type"].annotation if model else get_type_hints(member)["type"])
    return sorted(types)


def parameters_of_create() -> list[str]:
    return sorted(set().union(*map(get_type_hints, get_args(create_params.ResponseCreateParams))))


@pytest.fixture
def assert_page(rewrite_tables: bool) -> Any:
    return partial(assert_table, PAGE, rewrite=rewrite_tables)


def test_parameters(measured: Live, assert_page: Any) -> None:
    rows = findings(probes.PARAMETERS, parameters_of_create(), measured)
    assert_page("responses-parameters", ["parameter", "verdict", "what the probe saw"], rows)


def test_llamastacks_own_parameters(measured: Live, assert_page: Any) -> None:
    own = sorted(set(probes.schema_of_create(measured)) - set(parameters_of_create()))
    rows = findings(probes.OWN_PARAMETERS, [*own, ANY_OTHER], measured)
    assert_page("responses-own-parameters", ["parameter", "verdict", "what the probe saw"], rows)


def test_methods(measured: Live, assert_page: Any) -> None:
    rows = findings(probes.METHODS, [*methods(measured.client, *RESOURCES), OWN_LIST], measured)
    assert_page("responses-methods", ["method", "verdict", "what the probe saw"], rows)


def test_tools(measured: Live, assert_page: Any) -> None:
    rows = findings(probes.TOOLS, types_in(ToolParam), measured)
    assert_page("responses-tools", ["tool", "verdict", "what the probe saw"], rows)


def test_values_of_include(measured: Live, assert_page: Any) -> None:
    rows = findings(probes.INCLUDE, sorted(get_args(ResponseIncludable)), measured)
    assert_page("responses-include", ["value", "verdict", "what the probe saw"], rows)


def test_input_items(measured: Live, assert_page: Any) -> None:
    rows = findings(probes.INPUT_ITEMS, types_in(ResponseInputItemParam), measured)
    assert_page("responses-input-items", ["item", "verdict", "what the probe saw"], rows)


def test_content_parts(measured: Live, assert_page: Any) -> None:
    rows = findings(probes.CONTENT_PARTS, types_in(ResponseInputContentParam), measured)
    assert_page("responses-content-parts", ["part", "verdict", "what the probe saw"], rows)


def test_stream_events(measured: Live, assert_page: Any) -> None:
    in_the_sdk = set(types_in(get_args(ResponseStreamEvent)[0]))
    in_llamastack = set(types_in(get_args(llama_stack_api.OpenAIResponseObjectStream)[0]))
    seen = {name: {event.get("type", NO_TYPE) for event in measured.events(name)} for name in STREAMS}
    rows = []
    for type_ in sorted(in_the_sdk | set().union(*seen.values())):
        where = ", ".join(name for name, types in seen.items() if type_ in types)
        unseen = "LlamaStack defines it" if type_ in in_llamastack else "LlamaStack does not know it"
        verdict = "seen" if where else "not seen"
        rows.append([code([type_]), verdict if type_ in in_the_sdk else "seen, not in the SDK", where or unseen])
    assert_page("responses-events", ["event", "verdict", "in which streams"], rows)


def test_order_of_events(measured: Live, assert_page: Any) -> None:
    rows = []
    for name in STREAMS:
        events = measured.events(name)
        types = [event.get("type", NO_TYPE).removeprefix("response.") for event in events]
        output = [item["type"] for item in events[-1].get("response", {}).get("output", [])]
        for step in ("added", "done"):
            items = [event["item"] for event in events if event.get("type") == f"response.output_item.{step}"]
            assert [item["type"] for item in items] == output, "each item of the output is announced and finished"
        rows.append([name, code(types), code(output)])
    header = ["stream", "its events, each type where it first comes", "items of its output"]
    assert_page("responses-streams", header, rows)


def test_versions(measured: Live, assert_page: Any) -> None:
    row = [version("llama-stack"), version("openai"), f"`{measured.model}`"]
    assert_page("responses-versions", ["LlamaStack", "openai SDK", "model"], [row])
