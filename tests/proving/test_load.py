"""What is counted of a load, and the page that shows what is recorded."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tables import assert_table

from llamastack_workshop.proving.load import page
from llamastack_workshop.proving.load.command import RECORD
from llamastack_workshop.proving.load.figures import figures, read, spread
from llamastack_workshop.proving.load.run import read_accounts
from llamastack_workshop.publishing.diagrams import THEMES
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

PAGE = paths.ROOT / "book" / "teaching" / "classroom.md"
TABLES = {"classroom-load": (page.HEADER, page.rows), "classroom-needs": (page.NEEDS_HEADER, page.needs)}
PHONE = 358  # of its 390 pixels, the width for a picture


def answer(started: float, status: int = 200, error: str = "", tokens: int = 10) -> dict[str, object]:
    common = {"kind": "answer", "at": started + 2, "name": "/v1/responses", "seconds": 2.0}
    return {**common, "started": started, "status": status, "error": error, "tokens": tokens}


def test_only_what_was_asked_for_in_time_counts_and_only_what_went_wrong_is_an_error() -> None:
    events = [
        {"kind": "open", "at": 1, "name": "kernel", "seconds": 4.0, "error": "", "started": 0},
        {"kind": "ready", "at": 100},
        answer(99),
        answer(100),
        # It ends after the time that is measured, and counts.
        answer(159),
        answer(110, 429, "status 429", 0),
        answer(111, 503, "status 503", 0),
        # A chapter shows that an unknown response is refused.
        answer(112, 404, "status 404", 0),
        answer(113, 500, "status 500", 0),
        answer(114, 0, "ConnectError", 0),
        {"kind": "over", "at": 160},
        answer(160),
    ]
    found = figures(2, events)
    assert (found["answers"], found["tokens_per_second"]) == (2, round(20 / 60, 1))
    assert found["refused"] == {"429": 1, "503": 1}
    assert found["errors"] == {"status 500": 1, "ConnectError": 1}
    assert found["open"]["failed"] == 1


def test_percentiles() -> None:
    assert spread([]) == {}
    assert spread([3.0]) == {"p50": 3.0, "p95": 3.0, "longest": 3.0}
    assert spread(range(1, 101)) == {"p50": 50.5, "p95": 95, "longest": 100}


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path) -> None:
    file = tmp_path / "events"
    assert read(file) == []
    file.write_text('{"kind": "ready", "at": 1}\n{"kind": "ov', encoding="utf-8")
    assert [one["kind"] for one in read(file)] == ["ready"]


def test_accounts_are_read_as_a_classroom_prints_them(tmp_path: Path) -> None:
    file = tmp_path / "accounts"
    file.write_text("  attendee-01  abcd-efgh\n\n  attendee-02  ijkl-mnop\n", encoding="utf-8")
    assert read_accounts(file) == [("attendee-01", "abcd-efgh"), ("attendee-02", "ijkl-mnop")]
    file.write_text("Passwords for http://localhost:8000:\n", encoding="utf-8")
    with pytest.raises(WorkshopError, match="line 1 is not a name and a password"):
        read_accounts(file)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_the_page_says_what_is_recorded(name: str, rewrite_tables: bool) -> None:
    header, rows = TABLES[name]
    assert_table(PAGE, name, header, rows(json.loads(RECORD.read_text(encoding="utf-8"))), rewrite_tables)


@pytest.mark.parametrize("theme", THEMES)
def test_the_picture_shows_what_is_recorded(theme: str, rewrite_tables: bool) -> None:
    path = RECORD.with_name(f"load-{theme}.svg")
    drawn = page.picture(json.loads(RECORD.read_text(encoding="utf-8")), theme)
    if rewrite_tables:
        path.write_text(drawn, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == drawn, 'make test ARGS="tests/proving/test_load.py --rewrite-tables"'
    assert float(ET.fromstring(drawn).get("width")) <= PHONE
