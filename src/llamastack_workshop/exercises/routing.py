"""Checks of chapter 12, Routing."""

import math
from collections.abc import Callable, Mapping

from openai import OpenAI

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

# None of these messages is in the chapter, so that descriptions cannot be tailored to them.
_OTHERS = {
    "billing": [
        "You charged me twice for the same order.",
        "Can I pay in three instalments?",
        "The receipt shows the wrong tax.",
        "How do I get my deposit back?",
        "Please refund what I paid for the cover.",
    ],
    "shipping": [
        "The parcel was left in the rain.",
        "Can I collect the package at the post office?",
        "Do you deliver on Saturdays?",
        "Please hold my parcel until Monday.",
        "Has my order been sent yet?",
    ],
    "technical": [
        "The screen stays black.",
        "The battery is empty after an hour.",
        "The camera does not focus.",
        "My laptop does not start.",
        "The app works badly on my phone.",
    ],
}
_JOBS = [
    "I would like to work for you.",
    "Do you have an open position?",
    "Where do I send my application?",
    "I am looking for a job as a technician.",
    "Are you hiring at the moment?",
    "Do you offer internships for students?",
    "Who reads my CV?",
    "I would like to apply as a shop assistant.",
]


@exercise
def jobs_topic(topics: dict[str, str], client: OpenAI, embedding: str) -> str:
    """Check topics with a fourth one, `jobs`, which gets applications and nothing else."""
    topics = dict(given(topics, Mapping, "a dictionary of the topics"))
    missing, further = {*_OTHERS, "jobs"} - set(topics), set(topics) - {*_OTHERS, "jobs"}
    require(not missing, f"the topics lack {sorted(missing)}; keep the three and add `jobs`.")
    require(not further, f"there should be four topics; you also have {sorted(map(str, further))}.")
    for name, about in topics.items():
        of_type(about, str, f"the description of {name} is a string")
        require(about.strip(), f"{name} has no description; describe it in a few words.")
    expected = {text: topic for topic, texts in {**_OTHERS, "jobs": _JOBS}.items() for text in texts}
    texts = [*expected, *(f"{name}: {about}" for name, about in topics.items()), topics["jobs"]]
    *vectors, alone = (item.embedding for item in client.embeddings.create(model=embedding, input=texts).data)
    described = dict(zip(topics, vectors[len(expected) :], strict=True))
    astray = _astray(expected, vectors, described)
    if len(astray) > 1:
        text, found = next(iter(astray.items()))
        topic = expected[text]
        hint = {topic: "describe jobs with the words of an applicant", found: "describe jobs more narrowly"}.get("jobs")
        hint = hint or f"describe {topic} as the chapter does"
        raise NotYet(
            f"{len(astray)} of {len(expected)} messages are misrouted, but only one may be: "
            f"{text!r} goes to {found}, not to {topic}; {hint}."
        )
    # The name alone attracts applications, regardless of its description.
    lost = _astray(expected, vectors, described | {"jobs": alone})
    require(
        len(lost) <= 2,
        f"the word jobs does the work, not your description: without it, {len(lost)} of {len(expected)} messages are "
        "misrouted, but only two may be. Describe the subjects that applicants write about.",
    )
    kept = len(_JOBS) - sum(expected[text] == "jobs" for text in astray)
    stayed = len(expected) - len(_JOBS) - sum(expected[text] != "jobs" for text in astray)
    return (
        f"{kept} of {len(_JOBS)} applications go to jobs, and {stayed} of {len(expected) - len(_JOBS)} other messages "
        "to their topics; none of them is in the chapter"
    )


@exercise
def cascade(function: Callable[..., tuple[str, str]]) -> str:
    """Check `function(message, cheap, strong, gate)`: it asks the strong model only if the cheap one's answer fails."""
    for message, gate, good, bad in (
        ("When do I get my money?", _has_number, "5 days", "soon"),
        ("How long is the guarantee?", _has_number, "2 years", "long"),
        ("How long is the guarantee?", _is_sentence, "It is long.", "2 years"),
    ):
        answer, who, asked = _run(function, message, gate, cheap=good, strong="7 weeks")
        _asked_right(asked, ["cheap"], message, "the cheap model's answer passed the gate")
        require((answer, who) == (good, "cheap"), f"if the cheap model's answer is good, you return {(answer, who)!r}.")
        answer, who, asked = _run(function, message, gate, cheap=bad, strong=good)
        _asked_right(asked, ["cheap", "strong"], message, "the cheap model's answer failed the gate")
        require((answer, who) == (good, "strong"), f"if the cheap model's answer is bad, you return {(answer, who)!r}.")
    for last, gate in {"later": _has_number, "never": _has_number, "3 weeks": _is_sentence}.items():
        try:
            answer, who, _ = _run(function, "When do I get my money?", gate, cheap="soon", strong=last)
        except NotYet as error:
            if not isinstance(error.__cause__, ValueError):
                raise
            said = str(error.__cause__)
            require(
                gate(last) in said,
                f"both answers fail the gate, and your ValueError says {said!r}. "
                f"It should contain the gate's objection to the last answer, the strong model's: {gate(last)}.",
            )
        else:
            raise NotYet(f"both answers fail the gate, but you return {(answer, who)!r}; raise a ValueError.")
    return "cheap first, then strong, then a ValueError with the objection"


def _astray(expected: dict[str, str], vectors: list[list[float]], described: dict[str, list[float]]) -> dict[str, str]:
    """Return the misrouted messages, each with its topic; `vectors` starts with those of `expected`, in order."""
    found = {
        text: max(described, key=lambda name: _cosine(vector, described[name]))
        for text, vector in zip(expected, vectors, strict=False)
    }
    return {text: name for text, name in found.items() if name != expected[text]}


def _run(
    function: Callable[..., tuple[str, str]], message: str, gate: Callable[[str], str | None], **answers: str
) -> tuple[str, str, list[tuple]]:
    """Return the two values of `function` for models with these answers, and its calls to the models."""
    asked: list[tuple[str, str]] = []

    def model(name: str) -> Callable[[str], str]:
        def answer(question: str) -> str:
            asked.append((name, question))
            return answers[name]

        return answer

    both = 'two values: the answer, and "cheap" or "strong"'
    result = call(function, message, model("cheap"), model("strong"), gate, kind=(tuple, list), wanted=both)
    require(len(result) == 2, f"return {both}; these are {len(result)}.")
    return *result, asked


def _has_number(answer: str) -> str | None:
    return None if any(c.isdigit() for c in str(answer)) else f"{answer!r} has no number"


def _is_sentence(answer: str) -> str | None:
    return None if str(answer).endswith(".") else f"{answer!r} has no full stop"


def _asked_right(asked: list[tuple[str, str]], names: list[str], message: str, passed: str) -> None:
    """Require that the models with these `names` were asked once each, with `message`; `passed` is the verdict."""
    found = [name for name, _ in asked]
    twice = next((name for name in found if found.count(name) > 1), None)
    require(twice is None, f"you asked the {twice} model {found.count(twice)} times; keep its answer in a variable.")
    order = " and then ".join(found) or "no model"
    require(found == names, f"{passed}, but you asked {order}; {' and then '.join(names)} is right.")
    strange = next((question for _, question in asked if question != message), message)
    require(strange == message, f"you sent {strange!r} instead of the message, {message!r}.")


def _cosine(a: list[float], b: list[float]) -> float:
    return math.sumprod(a, b) / (math.hypot(*a) * math.hypot(*b))
