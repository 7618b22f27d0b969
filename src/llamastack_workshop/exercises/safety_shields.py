"""Checks of chapter 21, Shields and moderation."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any

from openai.types.responses import ResponseStreamEvent

from llamastack_workshop.exercises.check import exercise, given, require

_INSECURE = "void read_line(char *line) {\n    gets(line);\n}"
_HARMLESS = "def double(number):\n    return 2 * number"


@exercise
def closed_gate(gate: Callable[[str], str | None], broken_scanner: Callable[[], AbstractContextManager[Any]]) -> str:
    """Check that `gate(code)` stops insecure code, and any code while the scanner is broken.

    `broken_scanner()` is a context in which the scanner does not work.
    """
    problem = gate(_INSECURE)
    require(problem is not None, "code with `gets(line);` passed your gate. Ask `guarded.moderations`.")
    require(isinstance(problem, str), f"say what is wrong in a sentence, not with {problem!r}.")
    problem = gate(_HARMLESS)
    require(problem is None, f"your gate stopped a function that doubles a number: {problem!r}.")
    with broken_scanner():
        require(
            gate(_HARMLESS) is not None,
            "the scanner was broken, and code passed. Send a text along that must be flagged; is it?",
        )
    return "insecure code stops, and so does everything while the scanner is broken"


@exercise
def guarded_stream(
    read: Callable[[Iterable[ResponseStreamEvent]], tuple[str, str | None]],
    harmless: list[ResponseStreamEvent],
    blocked: list[ResponseStreamEvent],
) -> str:
    """Check that `read(events)` returns the text and None, or "" and the refusal.

    `harmless` are the events of an answer that came through, `blocked` those of one that the shield cut off.
    """
    answer = given(read(iter(harmless)))
    require(isinstance(answer, tuple) and len(answer) == 2, "return two values: the text, and the refusal or None.")
    text, refusal = answer
    require(refusal is None, f"the harmless answer was refused: {refusal!r}.")
    wanted = harmless[-1].response.output_text
    require(text == wanted, f"the text of the harmless answer is {wanted!r}, not {text!r}.")
    text, refusal = read(iter(blocked))
    require(
        refusal, "the blocked answer has no refusal. The last event's response holds one, in its message's content."
    )
    require(text == "", f"the answer was refused, and {text!r} is still there. Withdraw what had arrived.")
    return f"the text {wanted!r}, or no text and the refusal"
