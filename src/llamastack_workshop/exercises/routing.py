"""Checks of chapter 12, Routing."""

import math
from collections.abc import Callable

from openai import OpenAI

from llamastack_workshop.exercises.check import exercise, given, require

_OLD = {
    "I want a refund.": "billing",
    "Please send me the invoice again.": "billing",
    "Where is my package?": "shipping",
    "Do you send to Norway?": "shipping",
    "There is no sound.": "technical",
    "My laptop does not start.": "technical",
}
_JOBS = ("I would like to work for you.", "Do you have an open position?", "Where do I send my application?")


@exercise
def jobs_topic(topics: dict[str, str], client: OpenAI, embedding: str) -> str:
    """Check topics with a fourth one, `jobs`, to which applications go and nothing else."""
    topics = given(topics)
    require(isinstance(topics, dict), f"the topics are a {type(topics).__name__}; make a dictionary.")
    missing = {"billing", "shipping", "technical", "jobs"} - set(topics)
    require(not missing, f"the topics lack {sorted(missing)}; keep the three and add `jobs`.")
    texts = [*_OLD, *_JOBS, *(f"{name}: {about}" for name, about in topics.items())]
    vectors = [item.embedding for item in client.embeddings.create(model=embedding, input=texts).data]
    messages, described = vectors[: -len(topics)], dict(zip(topics, vectors[-len(topics) :], strict=True))
    expected = {**_OLD, **dict.fromkeys(_JOBS, "jobs")}
    for (text, topic), vector in zip(expected.items(), messages, strict=True):
        found = max(described, key=lambda name: _cosine(vector, described[name]))
        hint = "describe jobs with the words of an applicant" if topic == "jobs" else "describe jobs more narrowly"
        require(found == topic, f"{text!r} goes to {found}, not to {topic}; {hint}.")
    return f"{len(_JOBS)} applications go to jobs, and {len(_OLD)} other messages where they went before"


@exercise
def cascade(function: Callable[..., tuple[str, str]]) -> str:
    """Check `function(message, cheap, strong, gate)`: the strong model is asked where the cheap one's answer fails."""
    answer, who, asked = _run(function, cheap="5 days", strong="5 days")
    require((answer, who) == ("5 days", "cheap"), f"for a good cheap answer you return {(answer, who)!r}.")
    require(asked == ["cheap"], "the cheap answer passed the gate, and you asked the strong model all the same.")
    answer, who, asked = _run(function, cheap="soon", strong="5 days")
    require((answer, who) == ("5 days", "strong"), f"for a bad cheap answer you return {(answer, who)!r}.")
    require(asked == ["cheap", "strong"], f"you asked {' and '.join(asked)}; ask each of the two once.")
    try:
        answer, who, _ = _run(function, cheap="soon", strong="later")
    except ValueError as error:
        require("later" in str(error) or "number" in str(error), "say in the ValueError what the gate objected to.")
        return f"cheap first, then strong, then: {error}"
    require(False, f"both answers fail the gate, and you return {answer!r}; raise a ValueError.")
    return ""


def _run(function: Callable[..., tuple[str, str]], **answers: str) -> tuple[str, str, list[str]]:
    """Return what `function` makes of two models with these answers, and which of them it asked."""
    asked: list[str] = []

    def model(name: str) -> Callable[[str], str]:
        def answer(message: str) -> str:
            asked.append(name)
            return answers[name]

        return answer

    def gate(answer: str) -> str | None:
        return None if any(c.isdigit() for c in answer) else f"{answer!r} has no number"

    result = given(function("When do I get my money?", model("cheap"), model("strong"), gate))
    require(isinstance(result, tuple) and len(result) == 2, 'return two values: the answer, and "cheap" or "strong".')
    return *result, asked


def _cosine(a: list[float], b: list[float]) -> float:
    return math.sumprod(a, b) / (math.hypot(*a) * math.hypot(*b))
