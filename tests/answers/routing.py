"""Answers to chapter 12, Routing."""

from collections import UserDict
from collections.abc import Callable
from typing import Any

from answers import Answer
from llamastack_workshop.exercises.routing import cascade, jobs_topic

TOPICS = {
    "billing": "invoices, payments, refunds and prices",
    "shipping": "delivery, parcels, tracking and addresses",
    "technical": "a device that does not work: screen, battery, sound, keyboard, software",
}


def topics(style: str, given: Any, said: str = "") -> Answer:
    return Answer(jobs_topic, style, lambda s: [given, s.client, s.embedding], said)


def jobs(style: str, about: str, said: str = "") -> Answer:
    return topics(style, TOPICS | {"jobs": about}, said)


def asked(style: str, function: Any, said: str = "") -> Answer:
    return Answer(cascade, style, lambda s: [function], said)


def nested(message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
    answer = cheap(message)
    if not gate(answer):
        return answer, "cheap"
    better = strong(message)
    if objection := gate(better):
        raise ValueError(objection)
    return better, "strong"


def raises_a_class_of_its_own(message: str, *models_and_gate: Callable) -> list[str]:
    class RejectedError(ValueError):
        pass

    *models, gate = models_and_gate
    problems = []
    for name, model in zip(("cheap", "strong"), models, strict=True):
        problems.append(gate(answer := model(message)))
        if problems[-1] is None:
            return [answer, name]
    raise RejectedError(" and ".join(problems))


class Cascade:
    def __call__(self, message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
        answers = ((ask(message), name) for name, ask in (("cheap", cheap), ("strong", strong)))
        for answer, name in answers:
            problem = gate(answer)
            if problem is None:
                return answer, name
        raise ValueError(f"nobody knows: {problem}")


def first_objection(message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
    problem = gate(answer := cheap(message))
    if problem is None:
        return answer, "cheap"
    if gate(better := strong(message)) is None:
        return better, "strong"
    raise ValueError(problem)


def a_gate_of_its_own(message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
    for name, ask in {"cheap": cheap, "strong": strong}.items():
        answer = ask(message)
        if any(c.isdigit() for c in answer):
            return answer, name
    raise ValueError(gate(answer))


def asks_cheap_twice(message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
    return (strong(message), "strong") if gate(cheap(message)) else (cheap(message), "cheap")


def asks_both(message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
    one, other = cheap(message), strong(message)
    return (other, "strong") if gate(one) else (one, "cheap")


def strong_is_not_judged(message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
    return (strong(message), "strong") if gate(answer := cheap(message)) else (answer, "cheap")


def strong_gets_the_answer(message: str, cheap: Callable, strong: Callable, gate: Callable) -> tuple[str, str]:
    answer = cheap(message)
    return (strong(f"{message} {answer}"), "strong") if gate(answer) else (answer, "cheap")


RIGHT = [
    jobs("what an applicant says", "job applications, careers, vacancies and hiring"),
    jobs("a person who applies", "a person who applies for a job: application, CV, interview, position"),
    topics("another order", {"jobs": "employment, applications, internships and open positions", **TOPICS}),
    topics("a mapping of another class", UserDict(TOPICS, jobs="someone wants to apply for a job at the shop")),
    jobs("a word", "vacancies"),
    jobs("one message of the check goes astray", "a person looks for work and sends an application"),
    asked("nested, and the objection alone", nested),
    asked("an exception of its own, and a list", raises_a_class_of_its_own),
    asked("a class with __call__", Cascade()),
]

WRONG = [
    topics("jobs alone", {"jobs": "applications"}, "the topics lack ['billing', 'shipping', 'technical']"),
    topics("no jobs", TOPICS, "the topics lack ['jobs']"),
    topics("a list", ["billing", "jobs"], "give a dictionary of the topics, not a list"),
    topics("a fifth", {**TOPICS, "jobs": "open positions", "person": "anything else"}, "you also have ['person']"),
    jobs("an empty description", "", "jobs has no description"),
    topics("a list of words", TOPICS | {"jobs": ["applications"]}, "the description of jobs is a string, not a list"),
    topics(
        "billing and shipping exchanged",
        TOPICS | {"jobs": "open positions", "billing": TOPICS["shipping"], "shipping": TOPICS["billing"]},
        "as the chapter does",
    ),
    jobs("one letter", "x", "the word jobs does the work, not your description"),
    jobs("dots", "…", "the word jobs does the work, not your description"),
    jobs("the description of another topic", "invoices", "the word jobs does the work"),
    jobs("too short to tell", "open positions", "without it, 6 of 23 messages are misrouted"),
    jobs("something else", "music and cinema", "describe jobs with the words of an applicant"),
    jobs("another topic", "parcels and delivery", "describe jobs more narrowly"),
    jobs("too broad", "orders, parcels, refunds, laptops and applications", "the word jobs does the work"),
    jobs("software", "apps, software and applications", "the word jobs does the work"),
    jobs("everything", "any message about an order, a parcel, a payment or a job", "but only one may be"),
    asked(
        "the first objection", first_objection, "gate's objection to the last answer, the strong model's: 'later' has"
    ),
    asked("a gate of its own", a_gate_of_its_own, "you asked cheap and then strong; cheap is right"),
    asked("the cheap one twice", asks_cheap_twice, "you asked the cheap model 2 times; keep its answer"),
    asked("both in any case", asks_both, "you asked cheap and then strong; cheap is right"),
    asked("the strong one is not judged", strong_is_not_judged, "raise a ValueError"),
    asked("the strong one gets the answer", strong_gets_the_answer, "you sent 'When do I get my money? soon'"),
    asked("the answer alone", lambda message, cheap, strong, gate: cheap(message), "two values: the answer, and"),
    asked(
        "the strong one alone", lambda message, cheap, strong, gate: (strong(message), "strong"), "you asked strong;"
    ),
    asked("another message", lambda m, *others: nested("When do I get my money?", *others), "instead of the message"),
    asked(
        "the other way round",
        lambda *all_: nested(*all_)[::-1],
        "if the cheap model's answer is good, you return ('cheap'",
    ),
    asked(
        "says nothing",
        lambda m, a, b, gate: nested(m, a, b, lambda answer: gate(answer) and "rejected"),
        "your ValueError says 'rejected'",
    ),
    asked("another exception", lambda m, a, b, gate: {None: nested(m, a, b, gate)}[gate(b(m))], "but you asked cheap"),
    asked("asks nobody", lambda message, cheap, strong, gate: ("5 days", "cheap"), "but you asked no model"),
]
