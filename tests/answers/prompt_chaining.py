"""Answers to the exercises of chapter 3."""

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from answers import Answer, Server, Specifications
from llamastack_workshop.exercises import prompt_chaining as check
from llamastack_workshop.patterns.prompt_chaining import EXTRACT, TRANSFORM

NUMBER = r"\d+(?:\.\d+)?"
LAPTOP = "The new UltraBook laptop features a 3.5 GHz octa-core processor, 16GB of RAM, and a 1TB NVMe SSD."


def numbers(text: str, pattern: str = NUMBER) -> list[str]:
    return re.findall(pattern, text)


def by_sets(specifications: dict[str, str], source: str) -> str | None:
    invented = set(numbers(" ".join(specifications.values()))) - set(numbers(source))
    return f"The text does not hold {', '.join(sorted(invented))}." if invented else None


def key_by_key(specifications: dict[str, str], source: str) -> str | None:
    for key in ("cpu", "memory", "storage"):
        for number in map(float, numbers(specifications[key])):
            if number not in [float(one) for one in numbers(source)]:
                return f"{key} says {number:g}, which nobody wrote"
    return None


class Gate:
    def __init__(self, pattern: str = NUMBER) -> None:
        self.pattern = pattern

    def __call__(self, specifications: dict[str, str], source: str) -> str | None:
        wrong = [
            n
            for value in specifications.values()
            for n in numbers(value, self.pattern)
            if n not in numbers(source, self.pattern)
        ]
        return f"{wrong[0]} steht nicht im Text" if wrong else None


def gate(says: Callable[[list[str]], Any], passes: Any = None, source: str | None = None) -> Any:
    """Return a gate that finds the wrong numbers, and returns the result of `says` for them."""

    def ask(specifications: dict[str, str], text: str) -> Any:
        wrong = [n for n in numbers(" ".join(specifications.values())) if n not in numbers(source or text)]
        return says(wrong) if wrong else passes

    return ask


def first_numbers(specifications: dict[str, str], source: str) -> str | None:
    for value in specifications.values():
        if numbers(value)[0] not in numbers(source):
            return f"{numbers(value)[0]} is not in the text"
    return None


def by_difference(specifications: dict[str, str], source: str) -> str | None:
    differing = set(numbers(" ".join(specifications.values()))) ^ set(numbers(source))
    return f"The two differ in {', '.join(sorted(differing))}." if differing else None


def by_place(specifications: dict[str, str], source: str) -> str | None:
    pairs = zip(numbers(" ".join(specifications.values())), numbers(source), strict=False)
    return next((f"{number} is not in the text" for number, other in pairs if number != other), None)


def rounded(specifications: dict[str, str], source: str) -> str | None:
    known = {int(float(number)) for number in numbers(source)}
    wrong = [n for n in numbers(" ".join(specifications.values())) if int(float(n)) not in known]
    return f"{wrong[0]} is not in the text" if wrong else None


def memory_alone(specifications: dict[str, str], source: str) -> str | None:
    return by_sets({"memory": specifications["memory"]}, source)


def by_characters(specifications: dict[str, str], source: str) -> str | None:
    wrong = [n for value in specifications.values() for n in numbers(value) if n not in source]
    return f"{wrong[0]} is not in the text" if wrong else None


def ask(server: Server, prompt: str, **options: Any):
    return server.client.responses.create(model=server.model, input=prompt, **({"temperature": 0} | options))


FORMAT = {
    "format": {
        "type": "json_schema",
        "name": "specifications",
        "schema": Specifications.model_json_schema(),
        "strict": True,
    }
}


def run_chain(server: Server, source: str) -> tuple[dict[str, str], Any]:
    facts = ask(server, EXTRACT.format(text=source))
    transformed = ask(server, TRANSFORM.format(text=facts.output_text), text=FORMAT)
    return json.loads(transformed.output_text), transformed


def described(
    server: Server, source: str, limit: int | None = 48, shown: Callable[[dict[str, str]], str] = str
) -> tuple[dict[str, str], str]:
    found, _ = run_chain(server, source)
    return found, ask(server, f"Describe this in one sentence: {shown(found)}", max_output_tokens=limit).output_text


def as_list(server: Server, source: str) -> list[Any]:
    found, sentence = described(server, source, shown=json.dumps)
    return [Specifications(**found), sentence.split(".")[0] + "."]


def continued(server: Server, source: str) -> tuple[dict[str, str], str]:
    found, transformed = run_chain(server, source)
    sentence = ask(
        server, "Now describe it in one sentence.", previous_response_id=transformed.id, max_output_tokens=48
    )
    return found, sentence.output_text


def in_conversation(server: Server, source: str) -> tuple[dict[str, str], str]:
    kept = {"conversation": server.client.conversations.create().id}
    ask(server, EXTRACT.format(text=source), **kept)
    found = json.loads(ask(server, TRANSFORM.format(text=source), text=FORMAT, **kept).output_text)
    sentence = ask(server, "Now describe it in one sentence.", max_output_tokens=48, **kept)
    return found, sentence.output_text


def judged(server: Server, source: str) -> tuple[dict[str, str], str]:
    found, sentence = described(server, source)
    ask(server, f"Is this true? {sentence}", max_output_tokens=16)
    return found, sentence


def by_chat(server: Server, source: str) -> tuple[dict[str, str], str]:
    found, _ = run_chain(server, source)
    message = {"role": "user", "content": f"One sentence about this, please: {found}"}
    chat = server.client.chat.completions.create(model=server.model, messages=[message], max_tokens=48)
    return found, chat.choices[0].message.content


def without_model(server: Server, source: str) -> tuple[dict[str, str], str]:
    found, _ = run_chain(server, source)
    return found, f"It has a {found['cpu']} processor, {found['memory']} of memory and {found['storage']} of storage."


def gated(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.grounded_gate, style, lambda s: [function], said)


def chained(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.three_steps, style, lambda s: [functools.partial(function, s)], said)


RIGHT = [
    gated("sets", by_sets),
    gated("key by key, by value", key_by_key),
    gated("a class, in German", Gate()),
    chained("a list, an object and one sentence", as_list),
    chained("continued", continued),
    chained("chat completions", by_chat),
    chained("a conversation", in_conversation),
    chained("a fourth step that judges", judged),
]

WRONG = [
    gated("always no", lambda found, text: "no", "is in '"),
    gated("always None", gate(lambda wrong: None), "passes your gate, but 32 is not in"),
    gated("characters", by_characters, "compare whole numbers, not characters"),
    gated("digits", Gate(r"\d+"), "compare whole numbers, not digits"),
    gated("a dictionary", gate(lambda wrong: {"wrong": wrong}), "None or a sentence, not a dict"),
    gated("one letter", gate(lambda wrong: "x"), "name the wrong number, 32"),
    gated("the number alone", gate(lambda wrong: wrong[0]), "name the problem in a sentence"),
    gated("one number", gate(lambda wrong: "32 is not in the text"), "name the wrong number, 6;"),
    gated("False", gate(lambda wrong: False), "None or a sentence, not a bool"),
    gated("an empty text passes", gate(str, passes=""), "but your gate returns ''"),
    gated("a global text", gate(lambda wrong: f"{wrong} is not there", source=LAPTOP), "is in '"),
    gated("the first number of each", first_numbers, "check every number in a value"),
    gated("the same numbers", by_difference, "each number in"),
    gated("in this order", by_place, "each number in"),
    gated("rounded", rounded, "3.9 is not in"),
    gated("the memory alone", memory_alone, "but 5 is not in"),
    chained("the specifications", lambda s, text: run_chain(s, text)[0], "the sentence, not a dict"),
    chained("no limit", lambda s, text: described(s, text, None), "the third step has no limit"),
    chained("no model", without_model, "create the sentence in a third step"),
    chained("a global text", lambda s, text: described(s, LAPTOP), "no step saw the text"),
    chained("reversed", lambda s, text: ("It is small.", run_chain(s, text)[0]), "the specifications first"),
    chained("no values", lambda s, text: described(s, text, shown=lambda found: "a computer"), "did not see ["),
    chained(
        "hard-coded",
        lambda s, text: ({"cpu": "2.4 GHz", "memory": "8GB", "storage": "256GB"}, "It is small."),
        "did not call the model",
    ),
    chained(
        "another sentence",
        lambda s, text: (described(s, text)[0], "A fine computer."),
        "the sentence is 'A fine computer.'",
    ),
]
