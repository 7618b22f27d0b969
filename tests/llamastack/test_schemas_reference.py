"""The keywords of JSON Schema that the server enforces: the tables of book/schemas-reference.md, measured."""

import pytest
import schema_probes as probes
from findings import Probe, findings
from jsonschema import Draft202012Validator
from jsonschema_specifications import REGISTRY
from responses_live import Live
from tables import assert_table

from llamastack_workshop.system import paths

pytestmark = pytest.mark.nightly

PAGE = paths.ROOT / "book" / "schemas-reference.md"
SAW = "what the probe saw"


def keywords() -> list[str]:
    """Return the keywords of JSON Schema 2020-12, from the standard's own meta-schemas."""
    vocabularies = [uri for uri in REGISTRY if "/draft/2020-12/meta/" in uri]
    return sorted(set().union(*(REGISTRY[uri].contents["properties"] for uri in vocabularies)))


def test_keywords(measured: Live, rewrite_tables: bool) -> None:
    rows = findings(probes.KEYWORDS, keywords(), measured)
    assert_table(PAGE, "schemas-keywords", ["keyword", "verdict", SAW], rows, rewrite_tables)


def test_formats(measured: Live, rewrite_tables: bool) -> None:
    rows = findings(probes.FORMATS, sorted(Draft202012Validator.FORMAT_CHECKER.checkers), measured)
    assert_table(PAGE, "schemas-formats", ["`format`", "verdict", SAW], rows, rewrite_tables)


@pytest.mark.parametrize(
    ("name", "first", "table"),
    [
        ("schemas-requests", "the request", probes.REQUESTS),
        ("schemas-combinations", "keywords", probes.COMBINATIONS),
        ("schemas-patterns", "`pattern`", probes.PATTERNS),
    ],
)
def test_what_we_chose(name: str, first: str, table: dict[str, Probe], measured: Live, rewrite_tables: bool) -> None:
    assert_table(PAGE, name, [first, "verdict", SAW], findings(table, table, measured, show=str), rewrite_tables)
