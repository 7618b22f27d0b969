"""Checks of chapter 21, Shields and moderation."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

import httpx
from openai import OpenAI, Stream
from openai.types.responses import Response, ResponseStreamEvent

from llamastack_workshop.exercises.check import call, exercise, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

# Code that a simple search for words would misjudge.
_INSECURE = ("void read_line(char *line) {\n    gets(line);\n}", "subprocess.run(command, shell=True)")
_LONG = "".join(f"def times_{number}(x):\n    return {number} * x\n\n\n" for number in range(2, 12))
_HARMLESS = ("def double(number):\n    return 2 * number", f"{_LONG}checksum = hashlib.sha256(gadgets)")


@exercise
def closed_gate(gate: Callable[[str], str | None], broken_scanner: Callable[[], AbstractContextManager[Any]]) -> str:
    """Check that `gate(code)` blocks insecure code, and any code while the scanner is broken.

    `broken_scanner()` is a context manager in whose block the scanner does not work.
    """

    def problem(code: str) -> str | None:
        return call(gate, code, kind=str, wanted="a sentence that names the problem, or None", or_none=True)

    for code in _INSECURE:
        found = problem(code)
        require(found is not None, f"{code!r} passed your gate. Use `moderator.moderations`.")
        require(found, "your gate returns an empty string for insecure code. Name the problem in a sentence.")
    for code in _HARMLESS:
        found = problem(code)
        shown = code if len(code) < 80 else f"… {code[-40:]}"
        require(found is None, f"your gate blocked {shown!r}, which is harmless: {found!r}.")
    with broken_scanner():
        for code in (_HARMLESS[0], _INSECURE[0]):
            require(
                problem(code),
                "the scanner was broken, but code passed. Also send a text that must be flagged, and check that it is.",
            )
    found = problem(_HARMLESS[0])
    require(found is None, f"the scanner works again, but your gate still blocks harmless code: {found!r}.")
    return "insecure code is blocked, and so is everything while the scanner is broken"


@exercise
def guarded_stream(
    read: Callable[[Iterable[ResponseStreamEvent]], tuple[str, str | None]],
    harmless: list[ResponseStreamEvent],
    blocked: list[ResponseStreamEvent],
) -> str:
    """Check that `read(events)` returns the text and None, or "" and the refusal.

    `harmless` are the events of an answer that passed, `blocked` those of an answer that the shield blocked.
    """
    text, refusal = _read(read, harmless)
    require(refusal is None, f"the harmless answer was refused: {refusal!r}. Return None if there is no refusal.")
    wanted = harmless[-1].response.output_text
    require(text == wanted, f"the text of the harmless answer is {wanted!r}, not {text!r}.")
    said = _refusal(blocked[-1].response)
    # As recorded, and as if the shield had blocked the request before the model wrote anything.
    for events in (blocked, [event for event in blocked if event.type != "response.output_text.delta"]):
        text, refusal = _read(read, events)
        require(
            refusal,
            "you return no refusal for the blocked answer. The message in the last event's response contains it.",
        )
        require(refusal == said, f"the refusal is {said!r}, but you return {refusal!r}.")
        require(text == "", f"the answer was refused, but {text!r} is still there. Discard the text received so far.")
    return f"the text {wanted!r}, or no text and the refusal"


def _read(read: Callable[..., Any], events: list[ResponseStreamEvent]) -> tuple[Any, Any]:
    wanted = "two values: the text, and the refusal or None"
    answer = call(read, _replayed(events), kind=(tuple, list), wanted=wanted)
    require(len(answer) == 2, f"return {wanted}, not {len(answer)} values.")
    text, refusal = answer
    of_type(text, str, "the first value is a string")
    require(refusal is None or isinstance(refusal, str), f"the second value is the refusal or None, not {refusal!r}.")
    return text, refusal


def _replayed(events: list[ResponseStreamEvent]) -> Stream[ResponseStreamEvent]:
    """Return a stream of OpenAI's client that replays the events, once and in order."""
    content = "".join(f"data: {event.model_dump_json(warnings=False)}\n\n" for event in events)
    request = httpx.Request("POST", "http://localhost/v1/responses")
    response = httpx.Response(200, content=content.encode(), request=request)
    return Stream(cast_to=ResponseStreamEvent, response=response, client=OpenAI(api_key="none"))


def _refusal(response: Response) -> str:
    """Return the refusal in `response`."""
    messages = [item for item in response.output if item.type == "message"]
    return next(part.refusal for message in messages for part in message.content if part.type == "refusal")
