"""Answers to chapter 10, The wire."""

import codecs
import io
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import httpx

from answers import Answer
from llamastack_workshop.exercises.the_wire import first_token, lines_out_of_pieces, server_is_doing


def lines(style: str, function: Any, said: str = "") -> Answer:
    return Answer(lines_out_of_pieces, style, lambda s: [function], said)


def byte_by_byte(pieces: Iterable[bytes]) -> Iterator[str]:
    line = bytearray()
    for piece in pieces:
        for byte in piece:
            if byte == 10:
                yield line.decode()
                line.clear()
            else:
                line.append(byte)


def decoded_first(pieces: Iterable[bytes]) -> Iterator[str]:
    decoder, rest = codecs.getincrementaldecoder("utf-8")(), ""
    for piece in pieces:
        rest += decoder.decode(piece)
        while "\n" in rest:
            line, _, rest = rest.partition("\n")
            yield line


class Lines:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces, self.rest = iter(pieces), b""

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        while b"\n" not in self.rest:
            self.rest += next(self.pieces)
        line, _, self.rest = self.rest.partition(b"\n")
        return line.decode("utf-8")


def ends_at(newlines: bytes | None, keep: bool = False, **how: str) -> Any:
    """Return an answer that splits the bytes received so far with `splitlines`, or at `newlines`."""

    def function(pieces: Iterable[bytes]) -> Iterator[str]:
        rest = b""
        for piece in pieces:
            *complete, rest = (rest + piece).split(newlines)
            yield from (line.decode(**how) + "\n" * keep for line in complete)

    return function


def ends_in_letters(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = ""
    for piece in pieces:
        *complete, rest = (rest + piece.decode(errors="ignore")).split("\n")
        yield from complete


def split_as_text(pieces: Iterable[bytes]) -> Iterator[str]:
    """Split the text with `splitlines`."""
    rest = ""
    for piece in pieces:
        rest += piece.decode()
        *complete, rest = rest.splitlines(keepends=True) or [""]
        if rest.endswith("\n"):
            complete, rest = [*complete, rest], ""
        yield from (line.rstrip("\n\u2028\x85") for line in complete)


LEFT = bytearray()


def kept_between_calls(pieces: Iterable[bytes]) -> Iterator[str]:
    for piece in pieces:
        *complete, LEFT[:] = (LEFT + piece).split(b"\n")
        yield from (line.decode() for line in complete)


def rest_as_a_line(pieces: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *complete, rest = (rest + piece).split(b"\n")
        yield from (line.decode() for line in complete)
    yield rest.decode()


def piece_is_a_line(pieces: Iterable[bytes]) -> Iterator[str]:
    for piece in pieces:
        yield from piece.decode("utf-8", "ignore").split("\n")


def one_late(pieces: Iterable[bytes]) -> Iterator[str]:
    held = None
    for line in byte_by_byte(pieces):
        if held is not None:
            yield held
        held = line
    yield held


def token(style: str, function: Any, said: str = "") -> Answer:
    return Answer(first_token, style, lambda s: [function], said)


def text_in(event: dict) -> str | None:
    if event.get("type") == "response.output_text.delta":
        return event["delta"]
    return "".join(choice["delta"].get("content") or "" for choice in event.get("choices", []))


def looped(recording: list) -> float | None:
    for seconds, event in recording:
        match event:
            case {"type": "response.output_text.delta", "delta": str(text)} if text:
                return seconds
            case {"choices": [{"delta": {"content": str(text)}}, *_]} if text:
                return seconds
    return None


def first(wanted: Any, recording: list) -> float | None:
    return next((seconds for seconds, event in recording if wanted(event)), None)


def doing(style: str, function: Any, said: str = "") -> Answer:
    return Answer(server_is_doing, style, lambda s: [function, s.base_url, s.model], said)


def state_machine(types: list[str]) -> str:
    now = "starting"
    for kind in types:
        match kind.split("."):
            case ["response", "completed" | "incomplete" | "failed"]:
                now = "finished"
            case ["response", "output_text", *_]:
                now = "writing"
            case ["response", "function_call_arguments", *_]:
                now = "calling"
    return now


def by_last(types: list[str], ends: tuple[str, ...] = ("completed", "incomplete", "failed")) -> str:
    table = dict.fromkeys(ends, "finished") | {"output_text": "writing", "function_call_arguments": "calling"}
    table |= {"created": "starting", "in_progress": "starting"}
    known = [table[part] for kind in types for part in kind.split(".")[1:2] if part in table]
    return known[-1] if known else "starting"


def by_any(types: list[str]) -> str:
    if types[-1].endswith(("completed", "incomplete", "failed")):
        return "finished"
    seen = " ".join(types)
    return "calling" if "function_call" in seen else "writing" if "output_text" in seen else "starting"


def by_ending(types: list[str]) -> str:
    return "finished" if types[-1].endswith(("completed", "incomplete", "failed")) else state_machine(types)


def last_alone(types: list[str]) -> str:
    return state_machine(types[-1:])


RIGHT = [
    lines("byte by byte", byte_by_byte),
    lines("an incremental decoder", decoded_first),
    lines("a class with __next__", Lines),
    lines("a partial", partial(ends_at(b"\n"))),
    lines("a returned generator", lambda pieces: (line for line in byte_by_byte(pieces))),
    token("match", looped),
    token("a partial of next", partial(first, text_in)),
    token("the smallest of a list", lambda r: min((at for at, event in r if text_in(event)), default=None)),
    doing("a state machine", state_machine),
    doing("a table", by_last),
]

WRONG = [
    lines("nothing comes", lambda pieces: [], "no line came out"),
    lines("bytes", lambda pieces: b"".join(pieces).split(b"\n"), "Decode it"),
    lines(
        "splitlines at the end",
        lambda p: iter(b"".join(p).decode().splitlines()),
        "`splitlines` splits at more characters",
    ),
    lines("splitlines on the way", split_as_text, "`splitlines` splits at more characters"),
    lines(
        "iter_lines of httpx",
        lambda p: httpx.Response(200, content=p).iter_lines(),
        "`splitlines` splits at more characters",
    ),
    lines("U+2028", lambda p: (part for line in byte_by_byte(p) for part in line.split("\u2028")), "end one at U+2028"),
    lines("what is left by the last call", kept_between_calls, "start each call with no state"),
    lines("what is left at the end", rest_as_a_line, "do not yield an empty line for it"),
    lines("without blanks", lambda p: (line.strip() for line in byte_by_byte(p)), "Yield each line unchanged"),
    lines("no half letters", ends_in_letters, "A piece may end within a line, and even within a character"),
    lines("each piece by itself", piece_is_a_line, "A piece may end within a line"),
    lines("latin-1", ends_at(b"\n", encoding="latin-1"), "pieces of"),
    lines("all at the end", lambda p: iter(b"".join(p).decode().split("\n")[:-1]), "the first line came late"),
    lines("one late", one_late, "the first line came late"),
    lines("keeps the \\n", ends_at(b"\n", keep=True), "a line still has its \\n"),
    lines("no empty lines", lambda p: (line for line in byte_by_byte(p) if line), "the empty lines are missing"),
    lines("one text", lambda pieces: b"".join(pieces).decode(), "you return the lines as one"),
    lines("stripped", lambda p: (line.strip("dat: ") for line in byte_by_byte(p)), "A piece may end within a line"),
    lines("a file", lambda p: io.TextIOWrapper(io.BytesIO(b"".join(p)), encoding="utf-8"), "a line still has its \\n"),
    token(
        "the first event", lambda recording: recording[0][0], 'The event at that time is {"type": "response.created"'
    ),
    token("any delta", partial(first, lambda e: e.get("delta")), "for chat completions, you return None, not 0.21"),
    token(
        "an empty text",
        partial(first, lambda e: text_in(e) or (e.get("choices") and e["choices"][0]["delta"].get("content") == "")),
        "the first of which has an empty text, you return 0.05, not 0.22",
    ),
    token(
        "an empty delta",
        partial(first, lambda e: e.get("type") == "response.output_text.delta" or text_in(e)),
        "with an empty delta first, you return 0.2",
    ),
    token(
        "the delta of a call",
        partial(first, lambda e: e.get("delta") or text_in(e)),
        "for a function call by Responses, you return 0.4, not None",
    ),
    token("zero for none", lambda r: looped(r) or 0.0, "you return 0.0, not None"),
    token("the first choice in any case", lambda r: first(lambda e: text_in(e) or e["choices"][0], r), "KeyError"),
    token("the event", lambda r: next(((at, e) for at, e in r if text_in(e)), None), "should return the seconds"),
    token("the last text", lambda r: max((at for at, e in r if text_in(e)), default=None), "you return 0.36, not 0.34"),
    doing("always starting", lambda types: "starting", "you return 'starting', not 'writing'"),
    doing("by any event", by_any, "in a function call and then a text"),
    doing("by the ending of a type", by_ending, "after 'response.mcp_list_tools.completed', you return 'finished'"),
    doing("the last event alone", last_alone, "after 'response.content_part.done', you return 'starting'"),
    doing(
        "finished with the item",
        lambda types: "finished" if types[-1].endswith("item.done") else state_machine(types),
        "after 'response.output_item.done', you return 'finished'",
    ),
    doing("incomplete is no end", partial(by_last, ends=("completed", "failed")), "'response.incomplete', you return"),
    doing("failed is no end", partial(by_last, ends=("completed", "incomplete")), "'response.failed', you return"),
    doing("a branch without return", lambda types: None if "failed" in types[-1] else by_last(types), "returns None"),
]
