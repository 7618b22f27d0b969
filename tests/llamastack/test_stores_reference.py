"""The server's files, vector stores, conversations and embeddings: the tables of book/stores-reference.md, measured."""

from typing import get_args, get_type_hints

import conversation_probes
import embedding_probes
import file_probes
import pytest
import vector_store_probes
from findings import Probe, findings, with_parameters
from openai.types import FilePurpose
from openai.types.shared_params import ComparisonFilter, CompoundFilter
from openai.types.vector_store_search_params import RankingOptions
from responses_live import Live
from tables import assert_table

from llamastack_workshop.system import paths

pytestmark = pytest.mark.nightly

PAGE = paths.ROOT / "book" / "stores-reference.md"
SAW = "what the probe saw"
# The tables with a row for each name in the SDK.
METHODS = {
    "stores-vector-stores": (vector_store_probes.METHODS, ("vector_stores",)),
    "stores-vector-store-files": (vector_store_probes.METHODS, ("vector_stores.files", "vector_stores.file_batches")),
    "stores-files": (file_probes.METHODS, ("files",)),
    "stores-conversations": (conversation_probes.METHODS, ("conversations", "conversations.items")),
}
# The tables with rows that we chose.
OTHERS = {
    "stores-own-parameters": ("LlamaStack's own parameter", vector_store_probes.OWN),
    "stores-chunking": ("strategy", vector_store_probes.CHUNKING),
    "stores-file-types": ("file", vector_store_probes.TYPES),
    "stores-file-names": ("name or size", file_probes.NAMES),
    "stores-conversations-read": ("in a conversation", conversation_probes.READ),
    "stores-embedding-inputs": ("`input`", embedding_probes.INPUTS),
}


def _of(table: dict[str, Probe], resources: tuple[str, ...]) -> dict[str, Probe]:
    """Return the probes of these resources, without those of nested resources."""
    return {name: probe for name, probe in table.items() if name.partition("(")[0].rpartition(".")[0] in resources}


@pytest.mark.parametrize("name", METHODS)
def test_methods_and_parameters(name: str, measured: Live, rewrite_tables: bool) -> None:
    table, resources = METHODS[name]
    rows = findings(_of(table, resources), with_parameters(measured.client, *resources), measured)
    assert_table(PAGE, name, ["method, or its parameter", "verdict", SAW], rows, rewrite_tables)


def test_embeddings(measured: Live, rewrite_tables: bool) -> None:
    names = with_parameters(measured.client, "embeddings")
    parameters = [name.partition("(")[2].rstrip(")") for name in names if "(" in name]
    rows = findings(embedding_probes.PARAMETERS, [*parameters, "(any other name)"], measured)
    assert_table(PAGE, "stores-embeddings", ["parameter", "verdict", SAW], rows, rewrite_tables)


def test_filters(measured: Live, rewrite_tables: bool) -> None:
    kinds = [kind for one in (ComparisonFilter, CompoundFilter) for kind in get_args(get_type_hints(one)["type"])]
    others = [name for name in vector_store_probes.FILTERS if name.startswith("(")]
    rows = findings(vector_store_probes.FILTERS, [*kinds, *others], measured)
    assert_table(PAGE, "stores-filters", ["`type`", "verdict", SAW], rows, rewrite_tables)


def test_ranking_options(measured: Live, rewrite_tables: bool) -> None:
    others = [name for name in vector_store_probes.RANKING if name.startswith("(")]
    rows = findings(vector_store_probes.RANKING, [*sorted(RankingOptions.__annotations__), *others], measured)
    assert_table(PAGE, "stores-ranking", ["key of `ranking_options`", "verdict", SAW], rows, rewrite_tables)


def test_purposes(measured: Live, rewrite_tables: bool) -> None:
    rows = findings(file_probes.PURPOSES, sorted(get_args(FilePurpose)), measured)
    assert_table(PAGE, "stores-purposes", ["purpose", "verdict", SAW], rows, rewrite_tables)


@pytest.mark.parametrize("name", OTHERS)
def test_values(name: str, measured: Live, rewrite_tables: bool) -> None:
    first, table = OTHERS[name]
    assert_table(PAGE, name, [first, "verdict", SAW], findings(table, table, measured, show=str), rewrite_tables)
