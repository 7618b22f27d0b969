"""Orchestrator and workers: plan, gates, concurrency limit, the results kept if a worker fails, and both versions."""

import asyncio
import time
from pathlib import Path

import pytest
from cuttable import line_to
from langgraph.checkpoint.memory import InMemorySaver
from openai import APIConnectionError, AsyncOpenAI

from llamastack_workshop.patterns.langchain_steps import StepRecorder, chat_model
from llamastack_workshop.patterns.orchestrator_workers import (
    REVIEW,
    Comparison,
    Plan,
    Row,
    advice_gate,
    advice_prompt,
    candidates,
    plan_gate,
    plan_schema,
    planned_laptops,
    run_workers,
    worker_schema,
)
from llamastack_workshop.patterns.orchestrator_workers_langchain import compare, comparison, graph
from llamastack_workshop.patterns.product_texts import UnclearText, names, part_about
from llamastack_workshop.patterns.steps import Journal, Step, StepError, schema_gate

FIVE = (
    "The Falcon is light and costs 1099 euros. It has 16 GB of memory and a 512 GB drive. The Heron is heavier. "
    "It has 32 GB of memory and a 1 TB drive, and costs 1499 euros. The Swift is the one for school: 8 GB of memory, "
    "a 128 GB drive, 349 euros. The Condor has 24 GB of memory and a 2 TB drive for 1999 euros. "
    "The Robin costs 699 euros and has 12 GB of memory and a 256 GB drive."
)
NO_PRICE = (
    "The Pebble has 8 GB of memory, a 256 GB drive and costs 499 euros. The Comet has 16 GB of memory and a 1 TB drive."
)
NO_LAPTOPS = "The ship reached the harbour at noon."
ROWS = [
    Row(laptop="UltraBook", memory="16 GB", drive="1 TB", price="1299 euros"),
    Row(laptop="Pebble", memory="8 GB", drive="256 GB", price="499 euros"),
    Row(laptop="Titan", memory="64 GB", drive="4 TB", price="2899 euros"),
]


def run_plain(base_url: str, model: str, text: str, journal: Journal, concurrency: int = 2) -> Comparison:
    async def run() -> Comparison:
        async with AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as client:
            return await run_workers(client, model, text, journal, concurrency)

    return asyncio.run(run())


def test_candidates_are_names_and_no_mere_beginnings_of_sentences() -> None:
    assert candidates(REVIEW) == ["UltraBook", "Pebble", "Titan"]
    assert names("We like the AeroBook 14, the WorkMate Pro 16 GB and a Titan 899 euros.") == [
        "AeroBook 14",
        "WorkMate Pro",
        "Titan",
    ]
    assert candidates("The Falcon runs Windows. It has 16 GB of RAM. The Heron, by Intel, has 8 GB of RAM.") == [
        "Falcon",
        "Heron",
    ]


def test_a_worker_sees_the_sentences_about_its_laptop() -> None:
    assert part_about(FIVE, "Heron") == "It has 32 GB of memory and a 1 TB drive, and costs 1499 euros."
    assert part_about(FIVE, "Falcon").count("16 GB") == 1 and "1499" not in part_about(FIVE, "Falcon")
    assert part_about(FIVE, "Aurora") == ""


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('{"laptops": ["UltraBook", "Pebble", "Titan"]}', None),
        ('{"laptops": ["Titan", "UltraBook", "Pebble"]}', None),
        ('{"laptops": ["UltraBook", "Pebble"]}', "the Titan is missing"),
        ('{"laptops": ["UltraBook", "Aurora"]}', "the text has no specifications of 'Aurora'"),
        ('{"laptops": []}', "the plan is empty"),
        ('{"laptop": "Titan"}', "laptops: Field required"),
        ("Titan", "the answer: Invalid JSON"),
    ],
)
def test_plan_gate(answer: str, problem: str | None) -> None:
    found = plan_gate(answer, REVIEW)
    assert found == problem or found.startswith(problem)


def test_a_schema_has_the_names_of_the_text_whatever_they_are() -> None:
    text = "The Copy has 8 GB of RAM. The Dell XPS 13 has 16 GB of RAM."
    gate = schema_gate(plan_schema(text))
    answer = '{"laptops": ["Copy"]}'
    assert gate(answer) is None and plan_gate(answer, text) is None
    assert gate('{"laptops": ["Aurora"]}') == "laptops.0: Input should be 'Copy' or 'Dell XPS 13'"
    assert gate('{"laptops": []}').startswith("laptops: List should have at least 1 item")
    assert gate('{"laptops": ["Copy", "Copy", "Copy"]}').startswith("laptops: List should have at most 2 items")


def test_a_plan_has_its_laptops_in_the_order_of_the_text_each_once() -> None:
    assert planned_laptops(Plan(laptops=["Titan", "Pebble", "Titan"]), REVIEW) == ["Pebble", "Titan"]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('{"memory": "8 GB", "drive": "256 GB", "price": "499 euros"}', None),
        ('{"memory": "256 GB", "drive": "256 GB", "price": "499 euros"}', "memory: Input should be '8 GB'"),
        ('{"memory": "8 GB", "drive": "256 GB", "price": "49 euros"}', "price: Input should be '499 euros'"),
        ('{"memory": "8 GB", "drive": "256 GB"}', "price: Field required"),
    ],
)
def test_a_worker_finds_what_the_text_says_of_its_laptop(answer: str, problem: str | None) -> None:
    assert schema_gate(worker_schema("Pebble", part_about(REVIEW, "Pebble")))(answer) == problem


def test_the_end_of_a_number_or_of_a_name_is_not_the_whole() -> None:
    gate = schema_gate(worker_schema("Titan", "The Titan has 8 GB of memory, a 1.5 TB drive and costs 1,299 euros."))
    assert gate('{"memory": "8 GB", "drive": "5 TB", "price": "1299 euros"}') == "drive: Input should be '1.5 TB'"
    assert gate('{"memory": "8 GB", "drive": "1.5 TB", "price": "299 euros"}') == "price: Input should be '1299 euros'"
    two = "The Titan has 8 GB of memory and costs 499 euros. The Titan Pro has 16 GB of memory and costs 1499 euros."
    assert part_about(two, "Titan") == two.split(" The Titan Pro")[0]
    assert plan_gate('{"laptops": ["Titan Pro"]}', two) == "the Titan is missing"


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("The Pebble is the cheapest at 499 euros, the Titan has the most memory with 64 GB.", None),
        ("The Titan is the cheapest at 499 euros, the Pebble has the most memory with 64 GB.", "cheapest is missing"),
        ("The Pebble is the cheapest at 49 euros, the Titan has the most memory with 64 GB.", "499 is missing"),
        ("The Pebble is the cheapest at 499 euros, the Titan has the most memory.", "64 GB is missing"),
        ("The Pebble is the cheapest at 499 euros, not the UltraBook.", "the UltraBook is neither the cheapest"),
    ],
)
def test_advice_gate(answer: str, problem: str | None) -> None:
    found = advice_gate(answer, ROWS)
    assert found == problem or found.startswith(problem)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("The Pebble is the cheapest at 499 euros, the Fox and Elk have the most memory with 16 GB.", None),
        ("The Pebble is the cheapest at 499 euros, the Fox has the most memory with 16 GB.", "Elk is missing"),
        ("The Pebble is the cheapest at 499 euros, with the most memory at 16 GB.", "Fox is missing"),
    ],
)
def test_the_advice_names_all_that_are_equal(answer: str, problem: str | None) -> None:
    equal = [ROWS[0].model_copy(update={"laptop": name}) for name in ("Fox", "Elk")]
    found = advice_gate(answer, [*equal, ROWS[1]])
    assert found == problem or found.startswith(problem)
    assert "the Fox and Elk are the cheapest at 1299 euros, the Fox and Elk have the most" in advice_prompt(equal)


def test_the_advice_may_be_about_one_laptop() -> None:
    advice = "The Pebble is the cheapest at 499 euros, and it has the most memory with 8 GB."
    assert advice_gate(advice, ROWS[1:2]) is None
    assert advice_gate(advice, ROWS).startswith("Titan is missing")


def test_each_laptop_of_five_gets_a_worker_and_no_more_run_at_a_time_than_allowed(base_url: str, model: str) -> None:
    spans = []

    def note(step: Step) -> None:
        if step.name.startswith("work "):
            spans.append((time.perf_counter() - step.seconds, time.perf_counter()))

    journal = Journal(on_step=note)
    found = run_plain(base_url, model, FIVE, journal, concurrency=2)
    assert [row.laptop for row in found.rows] == found.plan == candidates(FIVE)
    assert advice_gate(found.advice, found.rows) is None
    names = [step.name for step in journal.steps]
    assert (names[0], names[-1]) == ("plan", "advise")
    assert sorted(names[1:-1]) == sorted(f"work {laptop}" for laptop in found.plan)
    assert max(sum(begun <= start < ended for begun, ended in spans) for start, _ in spans) == 2


def test_a_text_without_laptops_ends_before_the_plan(base_url: str, model: str) -> None:
    with pytest.raises(UnclearText, match="names no laptop with a memory or a drive in GB or TB"):
        run_plain(base_url, model, NO_LAPTOPS, Journal())
    with pytest.raises(UnclearText, match="names no laptop with a memory or a drive in GB or TB"):
        compare(chat_model(base_url, model), NO_LAPTOPS, {})


def test_a_worker_that_fails_is_named_and_stops_no_other(base_url: str, model: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with pytest.raises(StepError, match="'work Comet' was not asked: the text gives no price in euros") as caught:
        run_plain(base_url, model, NO_PRICE, Journal(path))
    assert (caught.value.reason, caught.value.step.attempts) == ("text", 0)
    again = Journal(path)
    with pytest.raises(StepError, match="'work Comet'"):
        run_plain(base_url, model, NO_PRICE, again)
    assert {step.name: step.kept for step in again.steps} == {"plan": True, "work Pebble": True}


def test_a_run_goes_on_with_the_workers_that_a_lost_connection_ended(base_url: str, model: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with line_to(base_url) as line:
        journal = Journal(path, on_step=lambda step: line.cut() if step.name.startswith("work ") else None)
        with pytest.raises(StepError, match=r"Step 'work .*' lost the connection") as caught:
            run_plain(line.base_url, model, REVIEW, journal, concurrency=1)
    assert caught.value.step.name == "work Pebble"
    finished = {step.name: step.response_id for step in journal.steps}
    assert set(finished) == {"plan", "work UltraBook"}

    again = Journal(path)
    assert run_plain(base_url, model, REVIEW, again).rows == ROWS
    assert {step.name: step.response_id for step in again.steps if step.kept} == finished
    assert {step.name for step in again.steps if not step.kept} == {"work Pebble", "work Titan", "advise"}


@pytest.mark.dear
def test_a_checkpoint_keeps_the_workers_that_finished_beside_one_that_failed(base_url: str, model: str) -> None:
    steps: list[Step] = []
    config = {
        "configurable": {"thread_id": "1"},
        "callbacks": [StepRecorder(steps.append)],
        "max_concurrency": 1,
    }
    checkpoints = InMemorySaver()
    with line_to(base_url) as line:

        def cut_after_the_first_worker(step: Step) -> None:
            steps.append(step)
            if step.name.startswith("work "):
                line.cut()

        doomed = graph(chat_model(line.base_url, model), checkpoints)
        with pytest.raises(APIConnectionError):
            doomed.invoke({"text": REVIEW}, {**config, "callbacks": [StepRecorder(cut_after_the_first_worker)]})
    assert list(dict.fromkeys(step.name for step in steps)) == ["plan", "work UltraBook"]
    steps.clear()

    resumed = graph(chat_model(base_url, model), checkpoints).invoke(None, config)
    assert comparison(resumed).rows == ROWS
    assert {step.name for step in steps} == {"advise", "work Pebble", "work Titan"}
