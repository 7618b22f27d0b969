"""The router: its gates, the choice of a topic for a message, and its two versions."""

import re
from functools import partial
from pathlib import Path

import pytest
from openai import NotFoundError, OpenAI

from llamastack_workshop.patterns import routing, routing_langchain
from llamastack_workshop.patterns.langchain_steps import StepRecorder, chat_model, embedding_model
from llamastack_workshop.patterns.routing import (
    MESSAGE,
    NOTES,
    Classifier,
    Similarities,
    clauses,
    clear_winner,
    for_a_person,
    notes_about,
    notes_gate,
    product_schema,
    products_in,
    run_routing,
)
from llamastack_workshop.patterns.routing_langchain import router
from llamastack_workshop.patterns.steps import GateError, Journal, Step, StepError, schema_gate

EMBEDDING = "embeddings/all-minilm-l6-v2"
SENTENCES = "Where is my parcel? I want a refund, and my printer prints nothing.\u2028Hi"
BETWEEN = "My phone does not charge any more."
TRANSLATE = "Translate invoice, payment, refund and price into French."


@pytest.mark.parametrize(
    ("found", "winner"),
    [
        ({"billing": 0.5, "shipping": 0.2, "technical": 0.1}, "billing"),
        ({"billing": -0.1, "shipping": -0.2, "technical": 0.0}, "technical"),
        ({"billing": 0.5, "shipping": 0.46, "technical": 0.1}, None),
        ({"billing": 0.3, "shipping": 0.3, "technical": 0.3}, None),
    ],
)
def test_a_route_needs_a_margin(found: dict[str, float], winner: str | None) -> None:
    assert clear_winner(found) == winner


@pytest.mark.parametrize(
    ("text", "products"),
    [
        ("My Laptop does not find the printer.", ["laptop", "printer"]),
        ("Both phones are hot.", ["phone"]),
        ("The headphones are silent.", ["laptop", "phone", "printer"]),
    ],
)
def test_the_enum_holds_what_the_message_names(text: str, products: list[str]) -> None:
    assert products_in(text) == products


def test_a_message_has_clauses() -> None:
    assert clauses(SENTENCES) == ["Where is my parcel?", "I want a refund", "my printer prints nothing."]
    assert clauses("Hi there") == ["Hi there"]


LOST, FREE, REFUND = "A lost parcel is sent again.", "A delivery takes 3 days.", "A refund takes 5 days."


def found(*asked: dict[str, float]) -> Similarities:
    """Return the similarities of a message about shipping: `asked` for its clauses; all other sentences are far."""
    far = {sentence: 0.1 for notes in NOTES.values() for sentence in re.split(r"(?<=\.) ", notes)}
    return Similarities(
        topics={"billing": 0.2, "shipping": 0.5, "technical": 0.1}, clauses=[far | clause for clause in asked]
    )


@pytest.mark.parametrize(
    ("asked", "notes", "reason"),
    [
        ([{LOST: 0.6, FREE: 0.3}], LOST, None),
        ([{LOST: 0.6, FREE: 0.58}], f"{FREE} {LOST}", None),
        ([{LOST: 0.6}, {FREE: 0.5}], f"{FREE} {LOST}", None),
        ([{LOST: 0.3}], "", None),
        ([{LOST: 0.6}, {REFUND: 0.6}], LOST, "it is about several things: billing, shipping"),
    ],
)
def test_the_notes_for_an_answer_are_those_near_to_the_question(
    asked: list[dict[str, float]], notes: str, reason: str | None
) -> None:
    assert notes_about("shipping", found(*asked)) == notes
    assert for_a_person(found(*asked)) == reason


def test_the_product_is_one_that_the_message_names() -> None:
    gate = schema_gate(product_schema(["laptop", "printer"]))
    assert gate('{"product": "printer"}') is None
    assert gate('{"product": "phone"}') == "product: Input should be 'laptop' or 'printer'"
    assert gate("printer").startswith("the answer: Invalid JSON")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("A refund takes 5 days.", None),
        ("Your refund will take 5 days.", None),
        ("A wrong refund costs money.", "costs, money are not in the notes"),
        ("I want my money.", "want, money are not in the notes"),
        ("A refund takes 7 days.", "7 is not in the notes"),
        ("Sorry, I cannot help with that.", "sorry, cannot, help are not in the notes"),
        ("Возврат занимает 5 дней.", "возврат, занимает, дней are not in the notes"),
        (" ", "the answer says nothing of the notes"),
    ],
)
def test_notes_gate(answer: str, problem: str | None) -> None:
    assert notes_gate(answer, NOTES["billing"]) == problem


def test_a_contraction_has_the_words_of_its_long_form() -> None:
    assert notes_gate("A laptop that doesn't turn on needs a new battery.", NOTES["laptop"]) is None


dear = partial(pytest.param, marks=pytest.mark.dear)


@pytest.mark.parametrize(
    ("text", "by", "route", "product", "steps"),
    [
        (MESSAGE, "similarity", "technical", "printer", ["similarity", "product", "answer"]),
        dear("My laptop does not start.", "similarity", "technical", "laptop", ["similarity", "answer"]),
        dear("I want a refund.", "similarity", "billing", None, ["similarity", "answer"]),
        dear("The parcel was lost.", "similarity", "shipping", None, ["similarity", "answer"]),
        dear("My iPhone screen is broken.", "similarity", "person", "phone", ["similarity", "product"]),
        dear("I want a refund, and my printer prints nothing.", "similarity", "person", None, ["similarity"]),
        (BETWEEN, "similarity", "person", None, ["similarity"]),
        ("Please send me the invoice again.", "model", "billing", None, ["topic", "answer"]),
    ],
)
def test_both_versions_route_alike(
    text: str,
    by: Classifier,
    route: str,
    product: str | None,
    steps: list[str],
    client: OpenAI,
    base_url: str,
    model: str,
) -> None:
    journal = Journal()
    plain = run_routing(client, model, model, EMBEDDING, text, journal, by)
    assert (plain.route, plain.product, plain.by) == (route, product, by)
    assert [step.name for step in journal.steps] == steps
    assert plain.model == (None if route == "person" else model)
    assert bool(plain.reason) == (route == "person")

    composed_steps: list[Step] = []
    llm = chat_model(base_url, model)
    runnable = router(llm, llm, embedding_model(base_url, EMBEDDING), by)
    composed = runnable.invoke({"text": text}, {"callbacks": [StepRecorder(composed_steps.append)]})
    assert composed.model_copy(update={"answer": plain.answer}) == plain
    # On a busy server, the model may word its answer differently.
    for answer in (plain.answer, composed.answer):
        assert answer is None if route == "person" else notes_gate(answer, NOTES[product or route]) is None
    # LangChain's embeddings don't call callbacks.
    assert list(dict.fromkeys(step.name for step in composed_steps)) == [name for name in steps if name != "similarity"]


def test_an_answer_that_is_not_from_the_notes_ends_the_run(
    client: OpenAI, base_url: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The model follows the message unless it is given the rule.
    for version in (routing, routing_langchain):
        monkeypatch.setattr(version, "ANSWER", "{text}")
    journal = Journal()
    with pytest.raises(StepError, match=r"'answer' failed its gate twice: .* the notes") as caught:
        run_routing(client, model, model, EMBEDDING, TRANSLATE, journal)
    assert caught.value.reason == "gate"
    assert [step.name for step in journal.steps] == ["similarity"]
    llm = chat_model(base_url, model)
    with pytest.raises(GateError, match=r"'answer' failed its gate twice: .* the notes"):
        router(llm, llm, embedding_model(base_url, EMBEDDING)).invoke({"text": TRANSLATE})


def test_a_kept_step_is_not_asked_again(client: OpenAI, model: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    first = run_routing(client, model, model, EMBEDDING, MESSAGE, Journal(path))
    again = Journal(path)
    nobody = OpenAI(base_url="http://127.0.0.1:9/v1", api_key="none", max_retries=0)
    assert run_routing(nobody, model, model, EMBEDDING, MESSAGE, again) == first
    assert all(step.kept for step in again.steps) and len(again.steps) == 3


def test_technical_messages_alone_reach_the_strong_model(client: OpenAI, model: str) -> None:
    strong = "openai/none"
    assert run_routing(client, model, strong, EMBEDDING, "I want a refund.", Journal()).model == model
    with pytest.raises(StepError, match="'answer' failed on the server"):
        run_routing(client, model, strong, EMBEDDING, "My laptop does not start.", Journal())


def test_langchain_calls_the_same_models(base_url: str, model: str) -> None:
    embeddings = embedding_model(base_url, EMBEDDING)
    runnable = router(chat_model(base_url, model), chat_model(base_url, "openai/none"), embeddings)
    assert runnable.invoke({"text": "I want a refund."}).model == model
    with pytest.raises(NotFoundError):
        runnable.invoke({"text": "My laptop does not start."})
