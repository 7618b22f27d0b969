"""The texts of the second round: each can be filled, and its answer is in its text."""

import json
import random
from itertools import islice
from typing import Any

import pytest

from llamastack_workshop.evaluating.cases import load
from llamastack_workshop.system import paths
from training import data
from training.written import slots, texts

FILES = sorted(path.stem for path in texts.FOLDER.glob("*.yaml"))


def test_every_file_of_texts_is_used() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in texts.FOLDER.glob("*.py"))
    assert [name for name in FILES if f'"{name}"' not in code] == []


@pytest.mark.parametrize("name", FILES)
def test_every_slot_has_values(name: str) -> None:
    wanted = {slot for item in texts.load(name) for slot in slots.names(item)}
    # In pairs of a question and its answer, a and b are the two sides.
    assert {slot for slot in wanted if not slots.known(slot)} <= ({"a", "b"} if name == "questions" else set())


@pytest.mark.parametrize(
    ("name", "source", "answer"),
    [
        ("business_texts", "text", "json"),
        ("everyday_texts", "text", "json"),
        ("technical_texts", "text", "json"),
        ("inferred_texts", "text", "json"),
        ("lists", "text", "json"),
        ("passages", "text", "questions"),
        ("checks", "text", "yes"),
        ("rewriting", "ask", "answer"),
    ],
)
def test_an_answer_has_only_values_of_its_text(name: str, source: str, answer: str) -> None:
    for item in texts.load(name):
        given = slots.names(item[source], item.get("asks", []))
        assert set(slots.names(item[answer])) <= set(given), item[source]


def test_the_arguments_of_a_call_are_those_that_the_function_declares() -> None:
    for function in texts.load("functions"):
        declared = function["parameters"]
        needed = {slot for slot, about in declared.items() if not about.get("optional")}
        for ask in function["asks"]:
            for arguments in ask.get("calls") or [ask["arguments"]]:
                assert needed <= set(arguments) <= set(declared), ask
                assert set(slots.names(arguments)) <= set(slots.names(ask["say"])), ask
                for slot, value in arguments.items():
                    choices = declared[slot].get("enum")
                    assert not choices or value in choices or slots.names(value), ask


def test_the_held_out_requests_are_others_than_those_of_the_evaluation() -> None:
    held_out = load(paths.ROOT / "training" / "held_out.jsonl")
    assert len(held_out) == 384
    assert not {str(case.input) for case in held_out} & {str(case.input) for case in load()}


def test_yes_and_no_are_texts_and_not_booleans() -> None:
    assert all(isinstance(label, str) for item in texts.load("label_sets") for label in item["labels"])
    assert {key for item in texts.load("checks") for key in item} == {"text", "yes", "no"}


def strings(value: Any) -> list[str]:
    """Return all strings in the JSON `value`, without keys."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [text for item in inner for text in strings(item)]


@pytest.mark.parametrize("name", data.WRITTEN)
def test_examples_are_filled_and_repeat_from_a_seed(name: str) -> None:
    module, _ = data.WRITTEN[name]
    made = list(islice(module.examples(random.Random(7)), 120))
    assert made == list(islice(module.examples(random.Random(7)), 120))
    for example in made:
        said = " ".join(json.dumps(message["content"], ensure_ascii=False) for message in example.messages)
        left = slots.names(said, example.text())
        assert not [slot for slot in left if slots.known(slot)], example


def test_what_is_extracted_stands_in_the_text() -> None:
    module, _ = data.WRITTEN["written_texts"]
    found = total = 0
    for example in islice(module.examples(random.Random(3)), 300):
        said = example.messages[-1]["content"].lower()
        values = strings(json.loads(example.text()))
        found += sum(value.lower() in said for value in values)
        total += len(values)
    # The rest is implied by the text: a status, a currency, a kind.
    assert found / total > 0.9
