"""Answers to chapter 11, Chains that branch and resume."""

import json
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from openai import NotFoundError

from answers import Answer, Server, Specifications
from llamastack_workshop.exercises.branching_chains import goes_on_or_begins, kept_step

EXTRACT = "Extract the technical specifications from the following text:\n\n"
TRANSFORM = "Transform the following specifications into a JSON object with 'cpu', 'memory' and 'storage' as keys:\n\n"


def kept(style: str, function: Any, said: str = "") -> Answer:
    return Answer(kept_step, style, lambda s: [function], said)


def parsed(lines: list[str]) -> list[dict]:
    steps = []
    for line in lines:
        with suppress(json.JSONDecodeError):
            steps.append(json.loads(line))
    return steps


def overwritten(lines: list[str], name: str, request: dict) -> str | None:
    steps = {json.dumps([step["name"], step["request"]], sort_keys=True): step["id"] for step in parsed(lines)}
    return steps.get(json.dumps([name, request], sort_keys=True))


def last_dropped(lines: list[str], name: str, request: dict) -> str | None:
    try:
        steps = [json.loads(line) for line in lines]
    except ValueError:
        steps = [json.loads(line) for line in lines[:-1]]
    fitting = [step["id"] for step in steps if step["name"] == name and step["request"] == request]
    return fitting[-1] if fitting else None


def found(fits: Callable[[dict, str, dict], bool], lines: list[str], name: str, request: dict) -> str | None:
    return next((step["id"] for step in reversed(parsed(lines)) if fits(step, name, request)), None)


def by_values(of: Callable[[dict], Any]) -> Callable[[list[str], str, dict], str | None]:
    """Return an answer that compares the names, and the results of `of` for the requests."""
    return partial(found, lambda step, name, request: (step["name"], of(step["request"])) == (name, of(request)))


def by_substring(lines: list[str], name: str, request: dict) -> str | None:
    for line in reversed(lines):
        if name in line and request["input"] in line and line.endswith("}"):
            return json.loads(line)["id"]
    return None


def by_texts(lines: list[str], name: str, request: dict) -> str | None:
    whole = f'{{"name": {json.dumps(name)}, "request": {json.dumps(request)}, '
    return next((json.loads(line)["id"] for line in reversed(lines) if whole in line and line.endswith("}")), None)


def gone_on(style: str, make: Callable[[Server], Any], said: str = "") -> Answer:
    return Answer(goes_on_or_begins, style, lambda s: [make(s), s.client, s.model], said)


def create(server: Server, prompt: str, **more: Any) -> Any:
    return server.client.responses.create(model=server.model, input=prompt, temperature=0, **more)


def transform(server: Server, prompt: str, **more: Any) -> Specifications:
    schema = {"type": "json_schema", "name": "s", "schema": Specifications.model_json_schema(), "strict": True}
    return Specifications.model_validate_json(create(server, prompt, text={"format": schema}, **more).output_text)


def chained(server: Server) -> Callable[[str, str], Any]:
    """Return an answer that catches the exception, and performs step 2 with `previous_response_id`."""

    def answer(response_id: str, source: str) -> list:
        try:
            server.client.responses.retrieve(response_id)
        except NotFoundError:
            response_id = create(server, EXTRACT + source).id
        prompt = "Transform these specifications into a JSON object with 'cpu', 'memory' and 'storage' as keys."
        return [response_id, transform(server, prompt, previous_response_id=response_id)]

    return answer


def with_langchain(server: Server) -> Callable[[str, str], Any]:
    """Return an answer whose step 2 uses LangChain, over chat completions."""
    llm = ChatOpenAI(base_url=server.base_url, api_key="none", model=server.model, temperature=0)
    step = ChatPromptTemplate.from_template(TRANSFORM + "{facts}")
    typed = step | llm.with_structured_output(Specifications, method="json_schema")

    def answer(response_id: str, source: str) -> tuple:
        kept = None
        with suppress(NotFoundError):
            kept = server.client.responses.retrieve(response_id)
        kept = kept or create(server, EXTRACT + source)
        return kept.id, typed.invoke({"facts": kept.output_text.strip()})

    return answer


def with_expressions(server: Server) -> Callable[[str, str], Any]:
    """Return an answer that has the model write lines, without a schema, and parses them with regular expressions."""
    llm = ChatOpenAI(base_url=server.base_url, api_key="none", model=server.model, temperature=0)
    chain = llm | StrOutputParser()

    def answer(response_id: str, source: str) -> tuple:
        try:
            kept = server.client.responses.retrieve(response_id)
        except NotFoundError:
            kept = create(server, EXTRACT + source)
        text = chain.invoke("Repeat the following text word for word:\n\n" + kept.output_text)
        # The model may leave something out: then the value is empty.
        patterns = (r"([\d.]+ GHz)", r"(\d+ GB)(?: of)? RAM", r"(\d+ GB) (?:SSD|drive)")
        values = [match[1] if (match := re.search(pattern, text)) else "" for pattern in patterns]
        return kept.id, Specifications(**dict(zip(("cpu", "memory", "storage"), values, strict=True)))

    return answer


def changed(
    server: Server,
    facts: Callable[[str, str], str] = lambda output, source: output,
    returned: Callable[[str, str], str] = lambda used, asked: used,
    found: Callable[[Specifications], Specifications] = lambda specifications: specifications,
    source: str | None = None,
    **more: Any,
) -> Callable[[str, str], Any]:
    """Return an answer that is right except for the changed parts."""

    def answer(response_id: str, text: str) -> tuple:
        try:
            kept = server.client.responses.retrieve(response_id)
        except NotFoundError:
            kept = create(server, EXTRACT + (source or text))
        specifications = transform(server, TRANSFORM + facts(kept.output_text, text), **more)
        return returned(kept.id, response_id), found(specifications)

    return answer


def begins_always(server: Server) -> Callable[[str, str], Any]:
    """Return an answer that performs step 1 before it checks whether it has to."""

    def answer(response_id: str, source: str) -> tuple:
        begun = create(server, EXTRACT + source)
        kept = begun
        with suppress(NotFoundError):
            kept = server.client.responses.retrieve(response_id)
        return kept.id, transform(server, TRANSFORM + kept.output_text)

    return answer


def exchanged(found: Specifications) -> Specifications:
    return Specifications(cpu=found.cpu, memory=found.storage, storage=found.memory)


SPECIFICATIONS = Specifications(cpu="2.8 GHz", memory="32 GB", storage="512 GB")
NOVA = "The Nova laptop has a 2.8 GHz processor, 32 GB of RAM and a 512 GB SSD."

RIGHT = [
    kept("later lines overwrite earlier ones", overwritten),
    kept("drops the last line if it must", last_dropped),
    kept("a partial of next", partial(found, lambda step, *both: (step["name"], step["request"]) == both)),
    kept("the items of the requests, sorted", by_values(lambda request: sorted(request.items()))),
    gone_on("previous_response_id, and a list", chained),
    gone_on("LangChain over chat completions", with_langchain),
    gone_on("no schema, but expressions", with_expressions),
    gone_on("keeps nothing of step 2", lambda s: changed(s, store=False)),
    gone_on("the text beside the facts", lambda s: changed(s, facts=lambda output, text: f"{output}\n\n{text}")),
]

WRONG = [
    kept("None", lambda lines, *both: found(lambda *_: False, lines, *both), "you return None, not 'resp_2'"),
    kept("the name alone", partial(found, lambda step, name, _: step["name"] == name), "compare name and request"),
    kept(
        "the request alone", partial(found, lambda s, _, request: s["request"] == request), "compare name and request"
    ),
    kept("the prompt of the request", by_values(lambda request: request["input"]), "it is another request"),
    kept(
        "the prompt and the model",
        by_values(lambda request: (request["input"], request["model"])),
        "another model or option",
    ),
    kept(
        "the options that are given",
        partial(found, lambda s, name, request: s["name"] == name and request.items() <= s["request"].items()),
        "with another model or option, it is another request",
    ),
    kept("upper and lower case", by_values(lambda request: str(request).lower()), "each as a whole"),
    kept("a substring of the line", by_substring, "each as a whole"),
    kept(
        "a substring of each",
        partial(found, lambda s, n, r: n in s["name"] and r["input"] in s["request"]["input"]),
        "each as a whole",
    ),
    kept("either of the two", partial(found, lambda s, n, r: n == s["name"] or r == s["request"]), "compare name and"),
    kept("the line as it is written", by_texts, "compare dictionaries, not texts"),
    kept("the requests as texts", by_values(json.dumps), "the order of the keys does not matter"),
    kept(
        "the first",
        lambda lines, *both: next(
            (s["id"] for s in parsed(lines) if (s["name"], s["request"]) == both),
            None,
        ),
        "two lines match, and the last one counts",
    ),
    kept(
        "the step",
        lambda lines, *both: next((s for s in parsed(lines) if s["name"] == both[0]), None),
        "should return an id, not a dict",
    ),
    kept(
        "catches nothing",
        lambda lines, name, request: next(
            (s["id"] for s in reversed([*map(json.loads, lines)]) if (s["name"], s["request"]) == (name, request)), None
        ),
        "catch `json.JSONDecodeError`",
    ),
    kept("always drops the last", lambda lines, *both: overwritten(lines[:-1], *both), "not 'resp_13'"),
    kept("an exception for none", lambda *all_: overwritten(*all_) or [][0], "running your code raised IndexError"),
    kept(
        "an empty text for none",
        lambda *all_: overwritten(*all_) or "",
        "you return '', not None; no line has that",
    ),
    gone_on("one value", lambda s: lambda i, text: SPECIFICATIONS, "should return two values"),
    gone_on("an id of its own", lambda s: changed(s, returned=lambda *_: "resp_new"), "retrieve it by its id"),
    gone_on(
        "catches nothing",
        lambda s: lambda i, text: (i, transform(s, TRANSFORM + s.client.responses.retrieve(i).output_text)),
        "running your code raised NotFoundError",
    ),
    gone_on("asks nobody", lambda s: lambda i, text: (i, SPECIFICATIONS), "your function did not call the model"),
    gone_on("step 1 in any case", begins_always, "you repeat step 1 anyway; do that only after a 404"),
    gone_on("memory and storage exchanged", lambda s: changed(s, found=exchanged), "step 2 answered something else"),
    gone_on(
        "the text in place of the facts",
        lambda s: changed(s, facts=lambda output, text: text),
        "are not in the prompt of step 2",
    ),
    gone_on("constant facts", lambda s: changed(s, facts=lambda output, text: NOVA), "are not in the prompt"),
    gone_on(
        "constant specifications",
        lambda s: changed(s, found=lambda _: SPECIFICATIONS),
        "step 2 answered something else",
    ),
    gone_on("another text", lambda s: changed(s, source=NOVA), "whose id you return lacks the text"),
    gone_on("the old id", lambda s: changed(s, returned=lambda used, asked: asked), "you still return its id"),
    gone_on("the other way round", lambda s: lambda i, text: changed(s)(i, text)[::-1], "the first value is the"),
    gone_on(
        "a dictionary",
        lambda s: lambda i, text: (i, changed(s)(i, text)[1].model_dump()),
        "the second value is a Specifications object, not a dict",
    ),
]
