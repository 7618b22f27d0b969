"""The prompt chain: its gates, its branch, and its two versions."""

import re

import pytest
from openai import OpenAI

from llamastack_workshop.patterns.langchain_steps import StepRecorder, chat_model
from llamastack_workshop.patterns.prompt_chaining import (
    PRODUCT_TEXT,
    Inquiry,
    Specifications,
    missing_values,
    numbers_gate,
    question_gate,
    run_chain,
    specifications_schema,
)
from llamastack_workshop.patterns.prompt_chaining_langchain import chain
from llamastack_workshop.patterns.steps import GateError, Journal, Step, StepError, schema_gate

NO_STORAGE = "The UltraBook laptop has a 3.5 GHz octa-core processor and 16GB of RAM."
# Its numbers are words, but the gate requires the text's numbers in digits: no answer passes.
IN_WORDS = "Sixteen gigabytes of memory, a one-terabyte drive and an octa-core processor."


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("3.5 GHz, 16 GB, 1TB", None),
        ("a fast processor", "the answer has no numbers"),
        ("4.2 GHz and 16 GB", "4.2 is not in the text"),
        ("6 GB", "6 is not in the text"),
    ],
)
def test_numbers_gate(answer: str, problem: str | None) -> None:
    assert numbers_gate(answer, PRODUCT_TEXT) == problem


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('{"cpu": "3.5 GHz", "memory": "16 GB", "storage": "1 TB"}', None),
        ('{"cpu": "3.5 GHz", "memory": "32 GB", "storage": "1 TB"}', "memory: Input should be '16 GB'"),
        ('{"cpu": "3.5 GHz", "memory": "1 TB", "storage": "16 GB"}', "memory: Input should be '16 GB'"),
        ('{"cpu": "16 GHz", "memory": "16 GB", "storage": "1 TB"}', "cpu: Input should be '3.5 GHz'"),
        ('{"cpu": "3.5 GHz", "memory": "16 GB"}', "storage: Field required"),
        ('{"cpu": "3.5 GHz", "memory": "16 GB", "storage": "1 TB", "price": 1}', "price: Extra inputs"),
        ("no JSON", "the answer: Invalid JSON"),
    ],
)
def test_the_object_holds_what_the_text_says_of_each_part(answer: str, problem: str | None) -> None:
    found = schema_gate(specifications_schema(PRODUCT_TEXT))(answer)
    assert found == problem or found.startswith(problem)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (PRODUCT_TEXT, []),
        (NO_STORAGE, ["storage"]),
        ("It has a 512GB drive.", ["processor", "memory"]),
        ("It has 8 GB of RAM and a 512GB drive.", ["processor"]),
        ("A 2 GHz mini PC with a 1TB SSD.", ["memory"]),
    ],
)
def test_the_branch_knows_what_a_text_lacks(text: str, missing: list[str]) -> None:
    assert missing_values(text) == missing


def test_question_gate() -> None:
    gate = question_gate(["storage"])
    assert gate("How much storage does it have?") is None and gate("How large is its SSD?") is None
    assert gate("It has 8 GB.") and gate("Why? Why?") and gate("What is the total cost?")
    assert gate("What is the storage of the laptop with 16 GB of memory?") is None
    assert gate("What are its memory and its storage?") == "the memory is in the text"
    assert question_gate(["memory"])("How many GB of eMMC does it have?") == "the question is not about the memory"
    assert question_gate(["processor", "memory"])("What is its CPU?") == "the question is not about the memory"


@pytest.mark.parametrize(
    ("text", "kind", "over_responses"),
    [
        pytest.param(PRODUCT_TEXT, Specifications, True, id="specifications, responses"),
        pytest.param(NO_STORAGE, Inquiry, False, id="inquiry, chat completions", marks=pytest.mark.dear),
    ],
)
def test_langchain_gives_the_same_result(
    text: str, kind: type, over_responses: bool, client: OpenAI, base_url: str, model: str
) -> None:
    steps: list[Step] = []
    runnable = chain(chat_model(base_url, model, use_responses_api=over_responses))
    plain = run_chain(client, model, text, Journal())
    assert isinstance(plain, kind)
    composed = runnable.invoke({"text": text}, {"callbacks": [StepRecorder(steps.append)]})
    assert composed == plain
    # A step whose gate rejects its answer runs a second time.
    last = "transform" if kind is Specifications else "inquire"
    assert list(dict.fromkeys(step.name for step in steps)) == ["extract", last]
    assert all(step.response_id.startswith("resp_" if over_responses else "chatcmpl") for step in steps)


@pytest.mark.parametrize(
    "over_responses",
    [pytest.param(False, id="chat_completions", marks=pytest.mark.dear), pytest.param(True, id="responses")],
)
def test_json_that_is_cut_off_twice_names_its_step(over_responses: bool, base_url: str, model: str) -> None:
    short = chat_model(base_url, model, max_tokens=20, use_responses_api=over_responses)
    with pytest.raises(GateError, match="'transform' failed its gate twice: ") as caught:
        chain(short).invoke({"text": PRODUCT_TEXT})
    assert "\n" not in str(caught.value)


def test_a_step_is_tried_twice_and_then_reported(client: OpenAI, base_url: str, model: str) -> None:
    journal = Journal()
    with pytest.raises(StepError, match=r"'extract' failed its gate twice: .*(no numbers|not in the text)") as caught:
        run_chain(client, model, IN_WORDS, journal)
    assert (caught.value.reason, caught.value.step.attempts, journal.steps) == ("gate", 2, [])
    steps: list[Step] = []
    with pytest.raises(GateError, match=r"'extract' failed its gate twice: .*(no numbers|not in the text)"):
        chain(chat_model(base_url, model)).invoke({"text": IN_WORDS}, {"callbacks": [StepRecorder(steps.append)]})
    assert len(steps) == 2 and re.search("was not accepted: .*(no numbers|not in the text)", steps[1].prompt)
    first, last = caught.value.step.rejected
    assert first.objection in steps[1].prompt and last.answer == caught.value.step.output
