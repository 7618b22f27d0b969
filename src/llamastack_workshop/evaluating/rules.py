"""Rules that say whether an answer is right, without a model as judge.

They compare after normalising: case, punctuation and blanks do not count, and "16GB" is "16 GB". An answer that the
token limit cut off is wrong, whatever it holds.
"""

import json
import math
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

# A model that found no end has not answered, even if the right word is somewhere in it.
_MOST_WORDS = 100

_NOTHING = ("", "null", "none", "n a")

# How a text says that it has no answer, after normalising: "does not say", "isn't mentioned", "no information" …
_UNANSWERED = re.compile(
    r"\b(not|t|cannot|no)( \w+){0,3} (say|said|mention(ed)?|know|known|tell|told|stated?|given?|specify|specified|"
    r"provided?|contain|contained|included?|answer|information|determined?|clear|available|able|there|"
    r"in (the|this) (text|context|notes|passage))\b|\b(unknown|unclear|unable)\b"
)


class Call(BaseModel):
    """A call of a function; an argument that is not named must be absent, or null."""

    model_config = ConfigDict(extra="forbid")

    name: str
    arguments: dict[str, Any]


class Right(BaseModel):
    """What a right answer is; all that is given must hold.

    `json`: the answer is JSON that `matches` this. `calls`: these calls and no others, in any order; none, if the list
    is empty. `equals`: the text is one of these. `contains`: the text has each of these as whole words, or one of
    several spellings in a list. `lacks`: it has none of these. `verbatim`: it has each of these to the letter.
    `ends`: it ends with this. `unanswered`: it says that it has no answer. `words`: it is no longer than this.
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
    """What a model answered: its text, its calls, and whether a limit cut it off; `error` says why there is none."""

    text: str = ""
    calls: tuple[Call, ...] = ()
    cut: bool = False
    error: str = ""


def objection(right: Right, answer: Answer) -> str | None:
    """Return what is wrong with `answer`, in some words, or None if it is right."""
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
    """Return whether the JSON value `actual` is `expected`.

    Texts are compared after normalising and without a leading article, numbers as numbers also where one is written as
    a text, and lists in any order. Null is also what is absent or empty. `{"any_of": […]}` expects one of several
    values, and `{"contains": […]}` a text as `Right.contains` does.
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
    """Return `text` in lower case, with one blank between words, and with numbers apart from their units."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    # A point between digits belongs to the number; whatever else is neither letter nor digit does not count.
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
    """Return whether each expected value can have an actual one to itself, with none left over."""
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
        return f"wrong: {', '.join(wrong)}" if wrong else "fields that nobody asked for"
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
    """Return the first of `parts` that is not in `text`; of several spellings, the first stands for all."""
    for part in parts:
        spellings = [part] if isinstance(part, str) else part
        if not any(_has(text, spelling) for spelling in spellings):
            return spellings[0]
    return None


def _has(text: str, words: str) -> bool:
    return f" {normalised(words)} " in f" {normalised(text)} "
