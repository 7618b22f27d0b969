"""The evaluator-optimizer loop: its rubric, its two versions, its limit, and resuming after a failure."""

import sqlite3
from pathlib import Path

import pytest
from cuttable import line_to
from langgraph.checkpoint.sqlite import SqliteSaver
from openai import APIConnectionError, OpenAI

from llamastack_workshop.patterns import evaluator_optimizer
from llamastack_workshop.patterns.evaluator_optimizer import (
    FACTS_TEXT,
    MAX_ROUNDS,
    Facts,
    Outcome,
    Round,
    finished,
    grade,
    outcome,
    parse_facts,
    read_prompt,
    reading_schema,
    run_loop,
    write_prompt,
)
from llamastack_workshop.patterns.evaluator_optimizer_langchain import graph, result
from llamastack_workshop.patterns.langchain_steps import StepRecorder, chat_model
from llamastack_workshop.patterns.product_texts import UnclearText
from llamastack_workshop.patterns.steps import Journal, Step, StepError, ask, schema_gate

GRANITE = "Granite: 5.0 GHz processor, 96 GB memory, 6 TB drive"
TWO_FACTS = "Pebble: 8 GB RAM, 256GB SSD"
FACTS = Facts(name="UltraBook", parts={"processor": "3.5 GHz", "memory": "16 GB", "drive": "1 TB"})
GOOD = "The UltraBook has a 3.5 GHz processor, 16 GB of RAM and a 1TB drive."
READING = {"processor": "3.5 GHz", "RAM": "16 GB", "drive": "1 TB"}


@pytest.fixture
def bad_first_draft(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for a first draft without the product's name, so that no model writes one that meets the rubric."""
    monkeypatch.setattr(evaluator_optimizer, "WRITE", "Write one sentence about a laptop: {parts}.")


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (FACTS_TEXT, FACTS),
        (TWO_FACTS, Facts(name="Pebble", parts={"memory": "8 GB", "drive": "256 GB"})),
        ("The new Lumen 2: 2.8 GHz chip", Facts(name="new Lumen 2", parts={"processor": "2.8 GHz"})),
        ("Lumen 2: 2.8 GHz chip", Facts(name="Lumen 2", parts={"processor": "2.8 GHz"})),
        ("The UltraBook has 16GB DDR5.\nSSD: 1 TB, at 3.5 GHz", FACTS),
    ],
)
def test_facts(text: str, facts: Facts) -> None:
    assert parse_facts(text) == facts


@pytest.mark.parametrize(
    "text",
    ["The ship sank.", "UltraBook: fast", ": 16 GB memory", "Pebble: 8 GB memory, 9 GB RAM", "Pebble: 8 GB paper"],
)
def test_a_text_without_facts_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnclearText) as caught:
        parse_facts(text)
    assert "UltraBook: 3.5 GHz processor, 16 GB " in caught.value.fix


@pytest.mark.parametrize(
    ("draft", "reading", "points", "feedback"),
    [
        (GOOD, READING, 6, ""),
        (GOOD.replace("UltraBook", "UltraBooks"), READING, 4, "name the UltraBook, name nothing else"),
        (GOOD, {"RAM": "16 GB", "drive": "1 TB"}, 5, "say that it has a 3.5 GHz processor"),
        (GOOD, READING | {"RAM": "1 TB"}, 5, "say that it has 16 GB of memory"),
        (GOOD, READING | {"SSD": "16 GB"}, 5, "say that it has a 1 TB drive"),
        (GOOD.replace("drive", "drive for 2 TB"), READING, 4, "name nothing else"),
        (GOOD.replace("drive", "1 TB drive"), READING, 5, "name nothing else"),
        (GOOD.replace("UltraBook", "UltraBook, designed by Apple,"), READING, 5, "name nothing else"),
        (GOOD.replace("a 3.5", "a 15-inch screen, a 3.5"), READING, 5, "name nothing else"),
        (GOOD.replace("processor", "Intel Core i9 processor"), READING, 5, "name nothing else"),
        # The model misreads the draft, whose facts are exchanged just as wrongly.
        (GOOD.replace("16 GB", "2 TB").replace("1TB", "16 GB").replace("2 TB", "1 TB"), READING, 4, "a 1 TB drive"),
        (GOOD + " It is fast.", READING, 5, "be short"),
        (GOOD.removesuffix("."), READING, 5, "be short"),
        (GOOD.replace("has", "has, " + "as we say, " * 10), READING, 5, "be short"),
        ("The UltraBook.", {}, 3, "a 3.5 GHz processor, say that it has 16 GB of memory, say that it has a 1 TB drive"),
    ],
)
def test_the_rubric(draft: str, reading: dict[str, str], points: int, feedback: str) -> None:
    graded = grade(draft, reading, FACTS)
    assert graded.points == points and graded.feedback.endswith(feedback)


def test_the_reader_chooses_among_the_quantities_of_the_draft() -> None:
    schema = reading_schema(GOOD)
    assert list(schema.model_fields) == ["processor", "RAM", "drive"]
    assert schema_gate(schema)('{"processor": "3.5 GHz", "RAM": "1 TB", "drive": "16 GB"}') is None
    assert schema_gate(schema)('{"processor": "3.5 GHz", "RAM": "32 GB", "drive": "16 GB"}').startswith("RAM: Input")
    assert reading_schema("The UltraBook has a fast processor.") is None


@pytest.mark.parametrize("name", ["🚀", "🚀Book", "مها", "C++", "[Pro]", "St. Helens", "Acme Inc. 5", "İnci"])
def test_any_name_can_pass(name: str) -> None:
    assert grade(GOOD.replace("UltraBook", name), READING, FACTS.model_copy(update={"name": name})).points == 6


def test_equal_quantities_can_pass() -> None:
    facts = parse_facts("Pebble: 64 GB memory, 64 GB storage")
    draft = "The Pebble has 64 GB of memory and 64 GB of storage."
    reading = {"memory": "64 GB", "storage": "64 GB"}
    assert grade(draft, reading, facts).feedback == ""
    assert grade(draft.replace("has", "has 64 GB,"), reading, facts).feedback == "name nothing else"


def test_the_loop_ends_at_the_rubric_or_at_the_limit_with_the_best_draft() -> None:
    poor, better, equal, good = (
        Round(draft=draft, points=points, feedback=feedback)
        for draft, points, feedback in (("a", 3, "x"), ("b", 5, "y"), ("c", 5, "z"), ("d", 6, ""))
    )
    assert not finished([], 3) and not finished([poor, better], 3)
    assert finished([poor, better, equal], 3) and finished([good], 3)
    assert (outcome(FACTS, [poor, better, equal]).draft, outcome(FACTS, [poor, better]).accepted) == ("b", False)
    assert outcome(FACTS, [better, good]) == Outcome(
        draft="d", accepted=True, points=6, points_possible=6, rounds=[better, good]
    )


def test_each_prompt_differs_from_the_one_before() -> None:
    same = Round(draft="a", points=5, feedback="be short")
    prompts = [write_prompt(FACTS, [same] * number) for number in range(4)]
    assert len(set(prompts)) == 4 and prompts[2].endswith("not accepted: be short, be short. Try again.")


@pytest.mark.dear
@pytest.mark.parametrize(("memory", "drive"), [("16 GB", "1 TB"), ("1 TB", "16 GB")])
def test_the_model_reads_what_a_draft_says_not_what_is_true(
    memory: str, drive: str, client: OpenAI, model: str
) -> None:
    draft = f"The UltraBook has a 3.5 GHz processor, {memory} of RAM and a {drive} drive."
    schema = reading_schema(draft)
    step = ask(client, model, "read", read_prompt(schema, draft), journal=Journal(), schema=schema)
    assert schema.model_validate_json(step.output).model_dump() == READING | {"RAM": memory, "drive": drive}


@pytest.mark.dear
def test_langgraph_over_the_responses_api_gives_the_same_result(client: OpenAI, base_url: str, model: str) -> None:
    journal, steps = Journal(), []
    plain = run_loop(client, model, TWO_FACTS, journal)
    llm = chat_model(base_url, model, use_responses_api=True)
    state = graph(llm).invoke({"text": TWO_FACTS}, {"callbacks": [StepRecorder(steps.append)]})
    composed = result(state)
    # On a busy server, the model may word a draft differently, and so need more or fewer drafts.
    for found in (plain, composed):
        assert found.accepted and found.rounds[-1] == Round(
            draft=found.draft, points=plain.points_possible, feedback=""
        )
        assert all(round.feedback for round in found.rounds[:-1])
    assert composed.points == plain.points == plain.points_possible
    assert [step.name for step in steps][:2] == [step.name for step in journal.steps][:2] == ["write 1", "read 1"]
    assert steps[0].prompt == journal.steps[0].prompt


@pytest.mark.usefixtures("bad_first_draft")
def test_the_limit_ends_the_graph(base_url: str, model: str) -> None:
    composed = result(graph(chat_model(base_url, model), max_rounds=1).invoke({"text": GRANITE}))
    assert (composed.accepted, len(composed.rounds)) == (False, 1)


@pytest.mark.usefixtures("bad_first_draft")
def test_a_lost_connection_costs_the_plain_run_no_finished_step(
    base_url: str, client: OpenAI, model: str, tmp_path: Path
) -> None:
    path = tmp_path / "journal.jsonl"
    with line_to(base_url) as line:
        journal = Journal(path, on_step=lambda step: line.cut() if step.name == "read 1" else None)
        with pytest.raises(StepError, match="'write 2' lost the connection"):
            run_loop(client.with_options(base_url=line.base_url), model, GRANITE, journal)
    again = Journal(path)
    found = run_loop(client, model, GRANITE, again)
    assert finished(found.rounds, MAX_ROUNDS) and len(found.rounds) >= 2
    assert [step.name for step in again.steps if step.kept] == ["write 1", "read 1"]
    assert [step.response_id for step in again.steps[:2]] == [step.response_id for step in journal.steps]


@pytest.mark.usefixtures("bad_first_draft")
def test_a_graph_that_failed_goes_on_from_its_checkpoint(base_url: str, model: str, tmp_path: Path) -> None:
    config = {"configurable": {"thread_id": "1"}}
    before: list[Step] = []
    after: list[Step] = []

    def saved() -> SqliteSaver:
        return SqliteSaver(sqlite3.connect(tmp_path / "checkpoints.db", check_same_thread=False))

    with line_to(base_url) as line:

        def cut_after_the_first_round(step: Step) -> None:
            before.append(step)
            if step.name == "read 1":
                line.cut()

        doomed = graph(chat_model(line.base_url, model), saved())
        with pytest.raises(APIConnectionError):
            doomed.invoke({"text": GRANITE}, config | {"callbacks": [StepRecorder(cut_after_the_first_round)]})
    live = graph(chat_model(base_url, model), saved())
    assert live.get_state(config).next == ("write",)
    state = live.invoke(None, config | {"callbacks": [StepRecorder(after.append)]})
    assert finished(result(state).rounds, MAX_ROUNDS)
    assert [step.name for step in before] == ["write 1", "read 1"] and after[0].name == "write 2"
