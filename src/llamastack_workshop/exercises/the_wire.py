"""Checks of chapter 10, The wire."""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import httpx

from llamastack_workshop.exercises.check import exercise, given, require

Recording = list[tuple[float, dict[str, Any]]]

_LINES = ['data: {"delta": "café"}', "", 'data: {"delta": "naïve"}', ""]


@exercise
def lines_out_of_pieces(function: Callable[[Iterable[bytes]], Iterator[str]]) -> str:
    """Check that `function(pieces)` yields whole lines, wherever the pieces end."""
    stream = "".join(f"{line}\n" for line in _LINES).encode()
    for size in (len(stream), 9, 2, 1):
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        lines = list(given(function(pieces)))
        require(lines, "no line came out; `yield` each one.")
        require(all(isinstance(line, str) for line in lines), f"a line is a string; {lines[0]!r} is not. Decode it.")
        require("\n" not in "".join(lines), "a line still has its \\n.")
        require("" in lines, "the empty lines are missing; they end the events.")
        require(lines == _LINES, f"from pieces of {size} bytes came {lines}. A piece may end within a line.")
    taken: list[bytes] = []
    first = next(iter(function(_noting([b"data: 1\nda", b"ta: 2\n"], taken))))
    require(first == "data: 1" and len(taken) == 1, "the first line came late: yield it before you take more pieces.")
    return f"{len(_LINES)} lines, from pieces of any size"


@exercise
def first_token(function: Callable[[Recording], float | None]) -> str:
    """Check that `function(recording)` returns when the first text arrived, for both APIs."""
    chunk = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]}
    chat: Recording = [(0.05, chunk), (0.21, {"choices": [{"index": 0, "delta": {"content": "Paris"}}]})]
    chat.append((0.24, {"choices": [], "usage": {"total_tokens": 9}}))
    responses: Recording = [
        (0.01, {"type": "response.created", "response": {}}),
        (0.30, {"type": "response.output_item.added", "item": {"type": "message"}}),
        (0.31, {"type": "response.output_text.delta", "delta": "Paris"}),
        (0.33, {"type": "response.output_text.delta", "delta": "."}),
    ]
    call = [responses[0], (0.4, {"type": "response.function_call_arguments.delta", "delta": "{"})]
    require(given(function(responses)) != 0.01, "you return the time of the first event; the first token comes later.")
    require(function(responses) == 0.31, f"for Responses you return {function(responses)}, not 0.31.")
    require(function(chat) != 0.05, "the first chunk has no text: its content is None.")
    require(function(chat) == 0.21, f"for chat completions you return {function(chat)}, not 0.21.")
    require(function(call) is None, "the delta of a function call is no text: return None where there is no text.")
    return "0.31 s, 0.21 s, and None where no text came"


@exercise
def server_is_doing(function: Callable[[list[str]], str], base_url: str, model: str) -> str:
    """Check that `function(types)` says what the server does, at each event of streams that are made here."""
    tool = {"type": "function", "name": "get_price", "description": "Look up the price of a product"}
    tool["parameters"] = {"type": "object", "properties": {"product": {"type": "string"}}, "required": ["product"]}
    asked = {"model": model, "input": "What is the price of the UltraBook?", "max_output_tokens": 64}
    streams = {
        "a text": _types(base_url, asked),
        "a function call": _types(base_url, asked | {"tools": [tool], "tool_choice": "required"}),
        "a failure": _types(base_url, asked | {"truncation": "auto"}),
    }
    for what, types in streams.items():
        for count, kind in enumerate(types, 1):
            wanted = _doing(kind)
            said = given(function(types[:count]))
            require(wanted in (None, said), f"in {what}, after {kind!r}, you say {said!r} and not {wanted!r}.")
    return f"right after each of {sum(map(len, streams.values()))} events"


def _doing(kind: str) -> str | None:
    """Return what a server does right after an event of type `kind`; None where it may be one of several things."""
    if kind in ("response.created", "response.in_progress"):
        return "starting"
    if "output_text" in kind:
        return "writing"
    if "function_call" in kind:
        return "calling"
    return "finished" if kind in ("response.completed", "response.incomplete", "response.failed") else None


def _types(base_url: str, body: dict[str, Any]) -> list[str]:
    url = f"{base_url.rstrip('/')}/responses"
    with httpx.stream("POST", url, json=body | {"stream": True}, timeout=120) as answer:
        return [json.loads(line.removeprefix("data:"))["type"] for line in answer.iter_lines() if line]


def _noting(pieces: list[bytes], taken: list[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        taken.append(piece)
        yield piece
