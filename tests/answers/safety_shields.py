"""Answers to the exercises of chapter 21, Shields and moderation; a server with a scanner runs the gates."""

import atexit
import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from openai import OpenAI
from openai.types.responses import ResponseOutputRefusal, ResponseStreamEvent

from answers import Answer, Server
from llamastack_workshop.exercises import safety_shields as check
from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths

INSECURE = {
    "type": "object",
    "properties": {"code": {"type": "string", "enum": ["gets(line);"]}},
    "required": ["code"],
    "additionalProperties": False,
}


class Guarded(NamedTuple):
    """A server with a scanner: its client, the id of its model, and the folder that the scanner writes to."""

    client: OpenAI
    model: str
    folder: Path

    def flagged(self, *texts: str) -> list[bool]:
        return [result.flagged for result in self.client.moderations.create(input=list(texts)).results]

    @contextmanager
    def broken(self) -> Iterator[None]:
        away = self.folder.rename(self.folder.with_name("away"))
        try:
            yield
        finally:
            away.rename(self.folder)


@functools.cache
def guarded(server: Server) -> Guarded:
    """Start a server with a shield, with `server` as its upstream, until this process ends."""
    opened = ExitStack()
    atexit.register(opened.close)
    folder = Path(opened.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))) / "scans"
    folder.mkdir()
    shields = yaml.safe_load((paths.ROOT / "stacks" / "shields.yaml").read_text(encoding="utf-8"))
    variables = upstream_variables(server.base_url, server.model) | {"TMPDIR": str(folder)}
    started = opened.enter_context(throwaway_server(shields, variables))
    # A scan by semgrep may hang: the client retries.
    client = OpenAI(base_url=started.base_url, api_key="none", timeout=30)
    return Guarded(client, f"openai/{server.model}", folder)


class Gate:
    """Makes two requests, the canary first."""

    def __init__(self, scanner: Guarded) -> None:
        self.scanner = scanner

    def __call__(self, code: str) -> str | None:
        try:
            assert all(self.scanner.flagged("pickle.loads(canary)"))
        except Exception:
            return "nobody scans"
        return "insecure" if any(self.scanner.flagged(code)) else None


def in_one(scanner: Guarded, code: str) -> str | None:
    """Decide from three results in one request, with the canary in the middle."""
    match scanner.flagged(code, "gets(canary);", ""):
        case [False, True, _]:
            return None
        case [_, canary, _]:
            return f"flagged; the scanner works: {canary}"


def open_gate(scanner: Guarded, code: str) -> str | None:
    return "flagged" if scanner.flagged(code)[0] else None


def words(scanner: Guarded, code: str) -> str | None:
    insecure = any(word in code for word in ("gets(", "md5", "eval("))
    return "insecure" if insecure or not all(scanner.flagged("gets(canary);")) else None


def sleepy_canary(scanner: Guarded, code: str) -> str | None:
    result, canary = scanner.flagged(code, "hashlib.sha256(canary)")
    return "no scanner" if not canary else "flagged" if result else None


def together(scanner: Guarded, code: str) -> str | None:
    return "flagged" if scanner.flagged(f"{code}\ngets(canary);")[0] else None


def canary_alone(scanner: Guarded, code: str) -> str | None:
    return None if scanner.flagged("gets(canary);")[0] else "no scanner"


def yes_or_no(scanner: Guarded, code: str) -> bool:
    return in_one(scanner, code) is None


def raising(scanner: Guarded, code: str) -> str | None:
    result, canary = scanner.flagged(code, "gets(canary);")
    if not canary:
        raise RuntimeError("the scanner does not work")
    return "flagged" if result else None


class Remembering:
    """Never opens again after the scanner has failed once."""

    def __init__(self, scanner: Guarded) -> None:
        self.scanner, self.works = scanner, True

    def __call__(self, code: str) -> str | None:
        result, canary = self.scanner.flagged(code, "gets(canary);")
        self.works = self.works and canary
        return None if self.works and not result else "stopped"


@functools.cache
def events(server: Server, text: str) -> list[ResponseStreamEvent]:
    """Return the events of a guarded answer: with the `text` "insecure", the shield cuts it off."""
    scanner = guarded(server)
    line: Any = {"format": {"type": "json_schema", "name": "line", "schema": INSECURE, "strict": True}}
    options: Any = {"text": line, "max_output_tokens": 64} if text == "insecure" else {"max_output_tokens": 16}
    asked = "Give the code." if text == "insecure" else "What is the capital of France?"
    guard = {"guardrails": ["insecure-code"]}
    stream = scanner.client.responses.create(
        model=scanner.model, input=asked, stream=True, extra_body=guard, temperature=0, **options
    )
    return list(stream)


def deltas(stream: Iterable[ResponseStreamEvent]) -> str:
    return "".join(event.delta for event in stream if event.type == "response.output_text.delta")


class Reading(NamedTuple):
    text: str
    refusal: str | None


def last_event(stream: Iterable[ResponseStreamEvent]) -> Reading:
    """Return the content of the last event's response, whatever came before it."""
    *_, last = stream
    parts = [part for item in last.response.output for part in item.content]
    refusals = [part.refusal for part in parts if isinstance(part, ResponseOutputRefusal)]
    return Reading("" if refusals else last.response.output_text, refusals[0] if refusals else None)


def in_a_block(stream: Any) -> list[str | None]:
    with stream as opened:
        text = ""
        for event in opened:
            match event.type:
                case "response.output_text.delta":
                    text += event.delta
                case "response.completed" | "response.incomplete":
                    (message,) = event.response.output
                    if message.content[0].type == "refusal":
                        return ["", message.content[0].refusal]
    return [text, None]


def subscripted(stream: Any) -> tuple[str, str | None]:
    return stream[-1].response.output_text, None


def events_of_openai(stream: Iterable[ResponseStreamEvent]) -> tuple[str, str | None]:
    """Wait for the events that OpenAI's servers send, but LlamaStack doesn't."""
    text, refusal = "", None
    for event in stream:
        if event.type == "response.output_text.done":
            text = event.text
        elif event.type == "response.refusal.done":
            refusal = event.refusal
    return text, refusal


def no_refusal(stream: Iterable[ResponseStreamEvent]) -> tuple[str, str | None]:
    return deltas(stream), None


def no_text_is_a_refusal(stream: Iterable[ResponseStreamEvent]) -> tuple[str, str | None]:
    text = last_event(stream).text
    return text, None if text else "refused"


def keeping(stream: Iterable[ResponseStreamEvent]) -> tuple[str, str | None]:
    """Return the refusal, and the text before it."""
    stream = list(stream)
    return deltas(stream), last_event(stream).refusal


def whatever_it_holds(stream: Iterable[ResponseStreamEvent]) -> tuple[str, Any]:
    *_, last = stream
    return last.response.output_text, last.response.output[0].content[0]


def gate(style: str, function: Callable[[Guarded, str], Any], said: str = "") -> Answer:
    def arguments(server: Server) -> list[Any]:
        scanner = guarded(server)
        return [functools.partial(function, scanner), scanner.broken]

    return Answer(check.closed_gate, style, arguments, said)


def gate_of(style: str, kind: Callable[[Guarded], Any], said: str = "") -> Answer:
    return Answer(check.closed_gate, style, lambda server: [kind(guarded(server)), guarded(server).broken], said)


def stream(style: str, function: Any, said: str = "") -> Answer:
    return Answer(
        check.guarded_stream, style, lambda server: [function, events(server, ""), events(server, "insecure")], said
    )


RIGHT = [
    gate_of("a class that asks twice", Gate),
    gate("three texts, the canary in the middle", in_one),
    stream("the last event alone, as a named tuple", last_event),
    stream("in a block, as a list", in_a_block),
]

WRONG = [
    gate_of("a blank", lambda scanner: lambda code: None, "there is no answer yet"),
    gate("True or False", yes_or_no, "should return a sentence that names the problem, or None, not a bool"),
    gate("stops all", lambda scanner, code: "stopped", "which is harmless"),
    gate("long code", lambda scanner, code: "long" if len(code) > 200 else in_one(scanner, code), "harmless: 'long'"),
    gate("words in place of the scanner", words, "'subprocess.run(command, shell=True)' passed your gate"),
    gate("no canary", open_gate, "the scanner was broken, but code passed"),
    gate("a canary that nobody flags", sleepy_canary, "which is harmless: 'no scanner'"),
    gate("code and canary in one text", together, "which is harmless: 'flagged'"),
    gate("the canary alone", canary_alone, "passed your gate"),
    gate("an exception", raising, "running your code raised RuntimeError: the scanner does not work"),
    gate_of("stays shut", Remembering, "the scanner works again, but your gate still blocks"),
    stream("a blank", lambda stream: None, "there is no answer yet"),
    stream("the text alone", deltas, "should return two values: the text, and the refusal or None, not a str"),
    stream("an index", subscripted, "'Stream' object is not subscriptable"),
    stream("always refused", lambda stream: ("", "refused"), "the harmless answer was refused"),
    stream("a constant", lambda stream: ("Paris", None), "the text of the harmless answer is"),
    stream("events that do not come", events_of_openai, "the text of the harmless answer is"),
    stream("no refusal", no_refusal, "you return no refusal for the blocked answer"),
    stream("a refusal of its own", no_text_is_a_refusal, "but you return 'refused'"),
    stream("what had arrived", keeping, "Discard the text received so far"),
    stream("the part", whatever_it_holds, "the second value is the refusal or None, not"),
]
