"""Rules that judge whether an answer is right, without a model as judge.

They compare normalised texts: case, punctuation and spacing are ignored, and "16GB" equals "16 GB". An answer truncated
at the token limit is wrong, regardless of its content.
"""

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# The default limit for an answer in words: a model that does not stop has not answered, even if the right word occurs.
_MOST_WORDS = 100

_NOTHING = ("", "null", "none", "n a")

# Phrases for "there is no answer", after normalising: "does not say", "isn't mentioned", "no information" …
_UNANSWERED = re.compile(
    r"\b(not|t|cannot|no)( \w+){0,3} (say|said|mention(ed)?|know|known|tell|told|stated?|given?|specify|specified|"
    r"provided?|contain|contained|included?|answer|information|determined?|clear|available|able|there|"
    r"in (the|this) (text|context|notes|passage))\b|\b(unknown|unclear|unable)\b"
)


class Call(BaseModel):
    """A function call; arguments that are not listed must be absent, or null."""

    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, Any]


class Right(BaseModel):
    """The conditions for a right answer; all that are given must hold.

    `json`: the answer is JSON that `matches` this. `calls`: exactly these calls, in any order; none, if the list is
    empty. `equals`: the text is one of these. `contains`: the text contains each of these as whole words; a list stands
    for alternative spellings. `lacks`: it contains none of these. `verbatim`: it contains each of these literally.
    `ends`: it ends with this. `unanswered`: it says that there is no answer. `words`: its maximum length.
    """

    model_config = ConfigDict(extra="forbid")

    json_value: Any = Field(default=None, alias="json")
    calls: list[Call] | None = None
    equals: list[str] = []
    contains: list[str | list[str]] = []
    lacks: list[str] = []
    verbatim: list[str] = []
    ends: str = ""
    unanswered: bool = False
    words: int = _MOST_WORDS


@dataclass(frozen=True)
class Answer:
    """A model's answer: its text, its calls, and whether it was truncated; `error` is the reason if there is none."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    cut: bool = False
    error: str = ""


def objection(right: Right, answer: Answer) -> str | None:
    """Return the objection to `answer`, in a few words, or None if it is right."""
    if answer.error:
        return answer.error
    if answer.cut:
        return "cut off by the token limit"
    if right.calls is not None:
        called = [call.model_dump() for call in answer.calls]
        return None if _same_calls(right.calls, called) else f"called {_calls_text(called)}"
    if answer.calls:
        return "called a function"
    if "json_value" in right.model_fields_set:
        return _json_objection(right.json_value, answer.text)
    return _text_objection(right, answer.text)


def matches(expected: Any, actual: Any) -> bool:
    """Return whether the JSON value `actual` is equivalent to `expected`.

    Strings are normalised and compared without a leading article, numbers are compared as numbers even if one is a
    string, and lists in any order. Absent and empty values count as null. `{"any_of": […]}` expects one of several
    values, and `{"contains": […]}` a string, like `Right.contains`.
    """
    match expected:
        case {"any_of": list(values), **others} if not others:
            return any(matches(value, actual) for value in values)
        case {"contains": list(parts), **others} if not others:
            return isinstance(actual, str) and _missing(parts, actual) is None
        case dict():
            names = expected.keys() | (actual.keys() if isinstance(actual, dict) else ())
            return isinstance(actual, dict) and all(matches(expected.get(name), actual.get(name)) for name in names)
        case list():
            return isinstance(actual, list) and _same_values(expected, actual)
        case None:
            return actual in (None, []) or (isinstance(actual, str) and normalised(actual) in _NOTHING)
        case bool():
            return actual is expected or (isinstance(actual, str) and actual.lower() == str(expected).lower())
        case int() | float():
            number = _number(actual)
            return number is not None and math.isclose(number, expected)
        case _:
            return _is_scalar(actual) and _bare(str(actual)) == _bare(expected)


def normalised(text: str) -> str:
    """Return `text` in lower case, with single spaces between words, and between numbers and their units."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    # A point between digits is part of the number; other characters that are not letters or digits are ignored.
    text = re.sub(r"(?<!\d)\.|\.(?!\d)|[^\w.]|_", " ", text)
    text = re.sub(r"(?<=\d)(?=[^\W\d])|(?<=[^\W\d])(?=\d)", " ", text)
    return " ".join(text.split())


def _bare(text: str) -> str:
    return re.sub(r"^(a|an|the) ", "", normalised(text))


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value.replace(",", ""))
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _same_values(expected: list[Any], actual: list[Any]) -> bool:
    """Return whether the expected and actual values can be paired, with none left over."""
    if not expected:
        return not actual
    first, *others = expected
    return any(
        matches(first, value) and _same_values(others, actual[:place] + actual[place + 1 :])
        for place, value in enumerate(actual)
    )


def _same_calls(expected: list[Call], actual: list[dict[str, Any]]) -> bool:
    return _same_values([call.model_dump() for call in expected], actual)


def _calls_text(calls: list[dict[str, Any]]) -> str:
    said = (f"{call['name']}({json.dumps(call['arguments'], ensure_ascii=False)})" for call in calls)
    return ", ".join(said) or "nothing"


def _json_objection(expected: Any, text: str) -> str | None:
    try:
        actual = json.loads(text)
    except ValueError:
        return "not JSON"
    if matches(expected, actual):
        return None
    if isinstance(expected, dict) and isinstance(actual, dict):
        wrong = [name for name in expected if not matches(expected[name], actual.get(name))]
        return f"wrong: {', '.join(wrong)}" if wrong else "unexpected fields"
    return "another value"


def _text_objection(right: Right, text: str) -> str | None:
    if not text.strip():
        return "empty"
    if len(text.split()) > right.words:
        return f"longer than {right.words} words"
    if right.equals and _bare(text) not in map(_bare, right.equals):
        return f"not {' or '.join(right.equals)}"
    if missing := _missing(right.contains, text):
        return f"lacks {missing}"
    if added := next((one for one in right.lacks if _has(text, one)), None):
        return f"has {added}"
    if missing := next((one for one in right.verbatim if one not in text), None):
        return f"lacks {missing}"
    if right.unanswered and not _UNANSWERED.search(normalised(text)):
        return "does not say that there is no answer"
    return None if text.rstrip().endswith(right.ends) else f"does not end with {right.ends}"


def _missing(parts: list[str | list[str]], text: str) -> str | None:
    """Return the first of `parts` that is not in `text`; for several spellings, the first of them."""
    for part in parts:
        spellings = [part] if isinstance(part, str) else part
        if not any(_has(text, spelling) for spelling in spellings):
            return spellings[0]
    return None


def _has(text: str, words: str) -> bool:
    return f" {normalised(words)} " in f" {normalised(text)} "
