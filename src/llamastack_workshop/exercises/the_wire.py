"""Checks of chapter 10, The wire."""

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from numbers import Real
from typing import Any

import httpx

from llamastack_workshop.exercises.check import call, exercise, require, your_code
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

Recording = list[tuple[float, dict[str, Any]]]

# The third line has two characters at which `str.splitlines` splits, unlike JSON; the first line ends with a space.
_LINES = ['data: {"delta": "café"} ', "", 'data: {"delta": "one\u2028two\x85three 🚢"}', "", "data: [DONE]", ""]
_RARE = str.maketrans("", "", "\u2028\x85")


@exercise
def lines_out_of_pieces(function: Callable[[Iterable[bytes]], Iterator[str]]) -> str:
    """Check that `function(pieces)` yields complete lines, wherever the pieces end."""
    text = "".join(f"{line}\n" for line in _LINES)
    stream = text.encode()
    for size in (len(stream), 9, 2, 1):
        # The rest of an interrupted stream must not become part of the next one.
        _taken(function, iter([b"data: cut o"]))
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        lines = _taken(function, iter([b"", *pieces]))
        require(lines, "no line came out; `yield` each one.")
        require(
            all(isinstance(line, str) for line in lines),
            f"a line is a string, but {lines[0]!r} is a {type(lines[0]).__name__}. Decode it.",
        )
        require("\n" not in "".join(lines), "a line still has its \\n.")
        require("" in lines, "the empty lines are missing; they end the events.")
        require("cut o" not in lines[0], "the rest of an earlier call is still there; start each call with no state.")
        require(lines == _LINES, f"pieces of {size} bytes gave {lines}. {_what_is_wrong(lines)}")
    taken: list[bytes] = []
    with your_code():
        first = next(iter(call(function, _noting([b"data: 1\nda", b"ta: 2\n"], taken))), None)
    require(first == "data: 1" and len(taken) == 1, "the first line came late: yield it before you read more pieces.")
    return f"{len(_LINES)} lines, from pieces of four sizes, and the first as soon as it was complete"


@exercise
def first_token(function: Callable[[Recording], float | None]) -> str:
    """Check that `function(recording)` returns the time at which the first text arrived, for both APIs."""
    chunk = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]}
    empty = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
    usage = {"choices": [], "usage": {"total_tokens": 9}}
    created = {"type": "response.created", "response": {"output": []}}
    opened = {"type": "response.output_item.added", "item": {"type": "message", "content": []}}
    part = {"type": "response.content_part.added", "part": {"type": "output_text", "text": ""}}
    done = {"type": "response.output_item.done", "item": {"type": "message", "content": [{"text": "Paris."}]}}
    arguments = {"type": "response.function_call_arguments.delta", "delta": "{"}
    called = {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{"}}]}}]}
    cases: list[tuple[str, Recording, float | None]] = [
        (
            "Responses",
            [(0.01, created), (0.3, opened), (0.31, part), (0.34, _delta("Paris")), (0.36, _delta(".")), (0.4, done)],
            0.34,
        ),
        ("chat completions", [(0.05, chunk), (0.21, _chunk("Paris")), (0.24, _chunk(".")), (0.3, usage)], 0.21),
        ("chunks, the first of which has an empty text", [(0.05, empty), (0.22, _chunk("Paris"))], 0.22),
        ("Responses with an empty delta first", [(0.01, created), (0.2, _delta("")), (0.25, _delta("Paris"))], 0.25),
        ("chunks, the first of which has no choices", [(0.02, usage | {"usage": None}), (0.6, _chunk("No"))], 0.6),
        ("a function call by Responses", [(0.01, created), (0.4, arguments), (0.5, arguments)], None),
        ("a function call by chat completions", [(0.05, chunk), (0.4, called), (0.5, usage)], None),
        ("a call, and a text after it", [(0.01, created), (0.4, arguments), (1.5, _delta("Paris"))], 1.5),
        ("a recording without events", [], None),
    ]
    for what, recording, right in cases:
        seconds = call(function, list(recording), kind=Real, wanted="the seconds", or_none=True)
        require(seconds == right, f"for {what}, you return {seconds}, not {right}. {_mistaken(recording, seconds)}")
    return f"right for {len(cases)} recordings of both APIs, and None if no text came"


@exercise
def server_is_doing(function: Callable[[list[str]], str], base_url: str, model: str) -> str:
    """Check that `function(types)` returns the server's current activity, after each event of the check's streams."""
    tool = {"type": "function", "name": "get_price", "description": "Look up the price of a product"}
    tool["parameters"] = {"type": "object", "properties": {"product": {"type": "string"}}, "required": ["product"]}
    asked = {"model": model, "input": "What is the price of the UltraBook?", "max_output_tokens": 24}
    text = _types(base_url, asked)
    called = _types(base_url, asked | {"tools": [tool], "tool_choice": "required"})
    listed = httpx.get(f"{base_url.rstrip('/')}/models", timeout=30).json()["data"]
    embedder = next(one["id"] for one in listed if one["custom_metadata"]["model_type"] == "embedding")
    streams = {
        "a text": text,
        "a function call": called,
        "a failure": _types(base_url, asked | {"model": embedder}),
        # A single response of a larger model may contain both.
        "a text and then a function call": text[:-1] + called[2:],
        "a function call and then a text": called[:-1] + text[2:],
    }
    for end in ("completed", "incomplete", "failed"):
        streams[f"a text that ends as {end}"] = [*text[:-1], f"response.{end}"]
    # The events of a server that itself calls the tools of an MCP server.
    mcp = ["response.mcp_list_tools.completed", "response.mcp_call.in_progress", "response.mcp_call.failed"]
    streams["a text after a failed call of an MCP server"] = [*text[:2], *mcp, *text[2:]]
    for what, types in streams.items():
        for count, kind in enumerate(types, 1):
            wanted = _doing(types[:count])
            said = call(function, types[:count], kind=str, wanted="one of the four words")
            right = " or ".join(map(repr, sorted(wanted)))
            require(said in wanted, f"in {what}, after {kind!r}, you return {said!r}, not {right}.")
    return f"right after each event of {len(streams)} streams"


def _taken(function: Callable[[Iterable[bytes]], Iterator[str]], pieces: Iterator[bytes]) -> list[str]:
    lines = call(function, pieces, kind=Iterable, wanted="lines")
    require(not isinstance(lines, str | bytes), "you return the lines as one string; `yield` each separately.")
    with your_code():
        # More than there are, to detect a function that never ends.
        return list(islice(lines, 10 * len(_LINES)))


def _delta(text: str) -> dict[str, Any]:
    return {"type": "response.output_text.delta", "delta": text}


def _chunk(text: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}}]}


def _mistaken(recording: Recording, seconds: float | None) -> str:
    """Return a hint that shows the event at `seconds`, which was mistaken for the first text."""
    event = next((event for at, event in recording if at == seconds), None)
    return f"The event at that time is {json.dumps(event)}." if event else ""


def _what_is_wrong(lines: list[str]) -> str:
    """Return a hint about `lines`, which differ from the stream's."""
    if lines[:-1] == _LINES:
        return "After the last \\n, nothing is left: do not yield an empty line for it."
    texts, right = ([line for line in some if line] for some in (lines, _LINES))
    if len(texts) > len(right) and "".join(texts).translate(_RARE) == "".join(right).translate(_RARE):
        return (
            "A line ends only at \\n, but you also end one at U+2028 or U+0085, which JSON may contain: "
            '`splitlines` splits at more characters than `split("\\n")`.'
        )
    return "Yield each line unchanged. A piece may end within a line, and even within a character."


def _doing(types: list[str]) -> set[str]:
    """Return the right words for the server's activity after events of these types: one or more."""
    *_, last = types
    if last in ("response.completed", "response.incomplete", "response.failed"):
        return {"finished"}
    if last in ("response.created", "response.in_progress"):
        return {"starting"}
    if "output_text" in last:
        return {"writing"}
    if "function_call" in last:
        return {"calling"}
    has_begun = any("output_text" in kind or "function_call" in kind for kind in types)
    return {"writing", "calling"} if has_begun else {"starting", "writing", "calling"}


def _types(base_url: str, body: dict[str, Any]) -> list[str]:
    answer = httpx.post(f"{base_url.rstrip('/')}/responses", json=body | {"stream": True}, timeout=120)
    return [json.loads(line.removeprefix(b"data:"))["type"] for line in answer.content.split(b"\n") if line.strip()]


def _noting(pieces: list[bytes], taken: list[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        taken.append(piece)
        yield piece
