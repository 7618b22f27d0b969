"""The rules: the answers that they accept and reject, and that each case of the data set has a right answer."""

import json
from typing import Any

import jsonschema
import pytest

from llamastack_workshop.evaluating.cases import Case, load
from llamastack_workshop.evaluating.rules import Answer, Call, Right, matches, objection

CASES = load()


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ("16 GB", "16GB", True),
        ("16 GB", "16 gb.", True),
        ("16 GB", "160 GB", False),
        ("1,480.50", "1480.50", True),
        ("3.5 GHz", "35 GHz", False),
        ("Blue kettle", "the blue kettle", True),
        ("Lisbon", "Lisbon, Portugal", False),
        ("60358", 60358, True),
        (-3, -3.0, True),
        (-3, 3, False),
        (12.5, "12.5", True),
        (12.5, "12.5 kg", False),
        (1, True, False),
        (True, "true", True),
        (True, 1, False),
        (None, "", True),
        (None, [], True),
        (None, "null", True),
        (None, 0, False),
        (None, "Amsterdam", False),
        (["a", "b"], ["B", "A"], True),
        (["a", "b"], ["a", "b", "b"], False),
        (["a", "a"], ["a", "b"], False),
        # The first expected value matches both answers, and must not take the one that the second value needs.
        ([{"any_of": ["x", "y"]}, "x"], ["x", "y"], True),
        ({"any_of": ["USD", "dollars"]}, "dollars", True),
        ({"contains": [["descale", "descaling"]]}, "How do I descale it?", True),
        ({"contains": ["descale"]}, "descaled", False),
        ({"a": {"b": 1}}, {"a": {"b": 1}, "c": None}, True),
        ({"a": None}, {}, True),
        ({"a": 1}, {"a": 1, "c": 2}, False),
        ({"a": 1}, [1], False),
    ],
)
def test_json_values_are_compared_after_normalising(expected: Any, actual: Any, same: bool) -> None:
    assert matches(expected, actual) is same


@pytest.mark.parametrize(
    ("right", "text", "problem"),
    [
        ({"json": {"label": "yes"}}, '{"label": "Yes"}', None),
        ({"json": {"label": "yes"}}, '{"label": "no"}', "wrong: label"),
        ({"json": {"label": "yes"}}, '{"label": "yes"', "not JSON"),
        ({"equals": ["feature"]}, "Feature.", None),
        ({"equals": ["feature"]}, "It is a feature", "not feature"),
        ({"contains": ["1.3 kg", ["Monday", "Mondays"]]}, "On Mondays, 1.3kg.", None),
        ({"contains": ["1.3 kg"]}, "11.3 kg", "lacks 1.3 kg"),
        ({"contains": ["doesn't say"]}, "The text doesn’t say.", None),
        ({"contains": ["18:35"], "lacks": ["07:10"]}, "At 07:10 and 18:35", "has 07:10"),
        ({"contains": ["ice"]}, "nice", "lacks ice"),
        ({"contains": ["ice"]}, "ice " * 101, "longer than 100 words"),
        ({"contains": ["ice"], "words": 2}, "It is ice", "longer than 2 words"),
        ({"verbatim": ["OPEN"]}, "open", "lacks OPEN"),
        ({"ends": "?"}, "Which size?\n", None),
        ({"ends": "?"}, "Size", "does not end with ?"),
        ({"lacks": ["x"]}, " ", "empty"),
        ({"unanswered": True}, "The text doesn’t say.", None),
        ({"unanswered": True}, "I don't know.", None),
        ({"unanswered": True}, "Her age isn't mentioned in the notes.", None),
        ({"unanswered": True}, "It cannot be determined from this.", None),
        ({"unanswered": True}, "There is no information about the price.", None),
        ({"unanswered": True}, "Unknown", None),
        ({"unanswered": True}, "She is 41, not 42.", "does not say that there is no answer"),
        ({"unanswered": True}, "The tent is red.", "does not say that there is no answer"),
    ],
)
def test_texts_are_judged_and_objections_say_why(right: dict[str, Any], text: str, problem: str | None) -> None:
    assert objection(Right(**right), Answer(text)) == problem


WEATHER = {"name": "get_weather", "arguments": {"city": "Nuuk"}}
VADUZ = {"name": "get_weather", "arguments": {"city": "Vaduz"}}


@pytest.mark.parametrize(
    ("expected", "actual", "right"),
    [
        ([WEATHER], [WEATHER], True),
        ([WEATHER], [{"name": "get_weather", "arguments": {"city": "nuuk", "unit": None}}], True),
        ([WEATHER], [{"name": "get_weather", "arguments": {"city": "Nuuk", "unit": "kelvin"}}], False),
        ([WEATHER], [{"name": "get_population", "arguments": {"city": "Nuuk"}}], False),
        ([WEATHER], [], False),
        ([WEATHER], [WEATHER, WEATHER], False),
        ([WEATHER, VADUZ], [VADUZ, WEATHER], True),
        ([], [], True),
        ([], [WEATHER], False),
        # If an answer in words is expected, a call is wrong.
        (None, [WEATHER], False),
    ],
)
def test_calls_are_judged(expected: list[Any] | None, actual: list[Any], right: bool) -> None:
    answer = Answer("Hello.", tuple(Call(**call) for call in actual))
    assert (objection(Right(calls=expected), answer) is None) is right


@pytest.mark.parametrize("answer", [Answer("yes", cut=True), Answer("yes", error="timed out")])
def test_no_rule_takes_an_answer_that_is_cut_off_or_missing(answer: Answer) -> None:
    assert objection(Right(contains=["yes"]), answer)
    assert objection(Right(calls=[]), answer)


def example(expected: Any) -> Any:
    """Return a right value: the first one if there are several."""
    match expected:
        case {"any_of": [first, *_]}:
            return first
        case {"contains": parts}:
            return " ".join(part if isinstance(part, str) else part[0] for part in parts)
        case dict():
            return {name: example(value) for name, value in expected.items()}
        case list():
            return [example(value) for value in expected]
    return expected


def right_text(right: Right) -> str:
    if "json_value" in right.model_fields_set:
        return json.dumps(example(right.json_value))
    if right.unanswered:
        return "I don't know."
    return (right.equals or [example({"contains": [*right.contains, *right.verbatim]})])[0] + right.ends


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_each_case_can_be_answered_right_and_is_not_by_nothing(case: Case) -> None:
    right = case.right
    called = [Call(name=call.name, arguments=example(call.arguments)) for call in right.calls or []]
    text = right_text(right)
    if case.answer_schema:
        jsonschema.validate(json.loads(text), case.answer_schema)
    assert objection(right, Answer(text, tuple(called))) is None
    for call in called:
        tool = next(tool for tool in case.tools if tool["name"] == call.name)
        given = {name: value for name, value in call.arguments.items() if value is not None}
        jsonschema.validate(given, {**tool["parameters"], "additionalProperties": False})
    if right.calls != []:
        assert objection(right, Answer())
        assert objection(right, Answer("the " * 300))


def test_the_data_set_has_all_kinds_and_says_nothing_twice() -> None:
    kinds = {case.kind for case in CASES}
    assert kinds == set(
        ["extract", "classify", "tools", "context", "memory", "chat", "grade", "plan", "again", "found"]
    )
    assert len({case.kind for case in CASES}) == 10
    assert len(CASES) >= 200
    requests = [(*case.turns, *sorted(case.documents)) for case in CASES]
    assert len(set(requests)) == len(requests)
