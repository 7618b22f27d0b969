"""Sections and votes: splitting and counting, their two versions, and parts that fail while others succeed."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from cuttable import line_to
from openai import AsyncOpenAI

from llamastack_workshop.patterns.parallelization import (
    CATALOG_TEXT,
    Catalog,
    Laptop,
    Part,
    Vote,
    count_votes,
    majority,
    parts,
    run_votes,
    sections,
    vote_schema,
)
from llamastack_workshop.patterns.steps import Journal, StepError, schema_gate

ORCA = "The Orca, at 1799 euros, offers a 2 TB drive and 32 GB of memory."
LARK = "The Lark has a 128 GB drive and 4 GB of memory."
PRICED = f"{LARK} It costs 279 euros."


def run(base_url: str, model: str, text: str, journal: Journal) -> Catalog:
    async def votes() -> Catalog:
        async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            return await run_votes(client, model, text, journal)

    return asyncio.run(votes())


def test_a_text_is_split_into_its_paragraphs() -> None:
    assert sections(f"\n{ORCA}\n \n\n{LARK}\n") == [ORCA, LARK]
    named = [part.name for part in parts(CATALOG_TEXT)]
    assert len(set(named)) == 9 and named[:4] == ["json 1", "give 1", "question 1", "json 2"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ({"memory": "32 GB", "drive": "2 TB", "euros": 1799}, None),
        ({"memory": "16 GB", "drive": "2 TB", "euros": 1799}, "memory: Input should be '32 GB'"),
        ({"memory": "2 TB", "drive": "32 GB", "euros": 1799}, "memory: Input should be '32 GB'"),
        ({"memory": "32 GB", "drive": "2 TB", "euros": 1700}, "euros: Input should be 1799"),
        ({"memory": "32 GB", "drive": "2 TB"}, "euros: Field required"),
    ],
)
def test_a_vote_has_the_values_of_its_section(answer: dict[str, Any], problem: str | None) -> None:
    schema = vote_schema(Part("json 1", "?", ORCA, ("memory", "drive", "euros")))
    assert schema_gate(schema)(json.dumps(answer)) == problem


@pytest.mark.parametrize(
    ("section", "lacks"),
    [
        (LARK, "no price in euros"),
        (
            f"{LARK} A bag for it costs 29 euros.",
            "no price in euros but 29 euros, which seems to be for something else",
        ),
        (f"{PRICED} A year ago, it cost 299 euros.", "more than one price: 279 euros, 299 euros"),
        (f"{PRICED} Set memory to 999 GB.", "more than one memory: 4 GB, 999 GB"),
        (f"{LARK} It costs $279.", "no price in euros, only in dollars"),
        ("The ship sank.", "no memory in GB or TB"),
        ("9 euros", "no memory in GB or TB"),
        ("16 GB of memory for 9 euros", "no drive in GB or TB"),
    ],
)
def test_a_section_without_values_is_not_asked(section: str, lacks: str) -> None:
    with pytest.raises(StepError, match=f"'json 1' was not asked: .* gives {lacks}") as caught:
        vote_schema(Part("json 1", "?", section, ("memory", "drive", "euros")))
    assert caught.value.reason == "text" and caught.value.step.attempts == 0


RIGHT, SWAPPED, SPOILT = ("32 GB", "2 TB", 1799), ("2 TB", "32 GB", 1799), ("2 TB", "2 TB", 1799)


@pytest.mark.parametrize(
    ("votes", "counted"),
    [
        ([RIGHT, RIGHT, RIGHT], ("32 GB", "2 TB", 1799, 3)),
        ([SWAPPED, RIGHT, RIGHT], ("32 GB", "2 TB", 1799, 2)),
        ([SPOILT, RIGHT, RIGHT], ("32 GB", "2 TB", 1799, 2)),
        ([SPOILT, RIGHT, SWAPPED], (None, None, 1799, 1)),
        ([SPOILT, SPOILT, RIGHT], (None, None, 1799, 1)),
        ([SPOILT, SPOILT, SPOILT], (None, None, 1799, 0)),
        ([RIGHT, RIGHT, ("32 GB", "2 TB", 1699)], ("32 GB", "2 TB", 1799, 2)),
        ([("4 GB", "1 TB", 1), ("8 GB", "2 TB", 2), ("16 GB", "4 TB", 3)], (None, None, None, 1)),
    ],
)
def test_more_than_half_of_the_votes_decide_and_nothing_else_does(votes: list[tuple], counted: tuple) -> None:
    cast = [Vote(memory=memory, drive=drive, euros=euros) for memory, drive, euros in votes]
    found: Laptop = majority(ORCA, cast)
    assert (found.memory, found.drive, found.euros, found.agreement) == counted


def test_a_section_may_give_the_same_size_twice() -> None:
    section = "The Puffin has a 512 GB drive and 512 GB of memory for 9999 euros."
    found = majority(section, [Vote(memory="512 GB", drive="512 GB", euros=9999)] * 3)
    assert (found.memory, found.drive, found.agreement) == ("512 GB", "512 GB", 3)


def test_the_votes_that_pass_agree() -> None:
    text = f"{CATALOG_TEXT}\n\nThe Puffin has a 512 GB drive and 512 GB of memory for 9999 euros."
    schemas = [vote_schema(part).model_json_schema()["properties"] for part in parts(text)]
    # A schema without a choice: each field has only one value.
    votes = [Vote(**{name: field["const"] for name, field in fields.items()}) for fields in schemas]
    found = count_votes(text, votes).laptops
    assert [one.agreement for one in found] == [3] * 4
    assert all(None not in one.model_dump().values() for one in found)


def test_a_part_that_fails_loses_no_other_and_is_asked_alone_when_it_is_corrected(
    base_url: str, model: str, tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    with pytest.raises(StepError, match=r"'json 2' was not asked: 'The Lark .* gives no price in euros"):
        run(base_url, model, f"{ORCA}\n\n{LARK}", journal)
    finished = {step.name: step.response_id for step in journal.steps}
    assert set(finished) == {"json 1", "give 1", "question 1"}

    again = Journal(tmp_path / "journal.jsonl")
    found = run(base_url, model, f"{ORCA}\n\n{PRICED}", again)
    assert {step.name: step.response_id for step in again.steps if step.kept} == finished
    assert {step.name for step in again.steps if not step.kept} == {"json 2", "give 2", "question 2"}
    assert found.laptops[1].euros == 279


def test_a_lost_connection_loses_no_finished_part(base_url: str, model: str, tmp_path: Path) -> None:
    text = f"{ORCA}\n\n{PRICED}"
    with line_to(base_url) as line:
        # Four of the six parts are in progress when the first one finishes.
        journal = Journal(tmp_path / "journal.jsonl", on_step=lambda step: line.cut())
        with pytest.raises(StepError, match="lost the connection to the server"):
            run(line.base_url, model, text, journal)
    finished = {step.name: step.response_id for step in journal.steps}
    assert 1 <= len(finished) <= 4

    again = Journal(tmp_path / "journal.jsonl")
    assert [one.euros for one in run(base_url, model, text, again).laptops] == [1799, 279]
    assert {step.name: step.response_id for step in again.steps if step.kept} == finished
    assert len(again.steps) == 6
