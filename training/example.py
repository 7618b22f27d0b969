"""What a training example is: a conversation, and the answer that the model should give."""

import json
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """A piece of an answer. `forced`: the server's grammar writes it, so it is not learned."""

    text: str
    forced: bool = False


@dataclass
class Example:
    """One turn to learn: `messages` and `tools` as the server gets them, and the `answer`.

    Where earlier turns of the assistant are right as well, `learn_earlier` has them learned too.
    """

    kind: str
    messages: list[Message]
    answer: list[Piece]
    tools: list[dict[str, Any]] = field(default_factory=list)
    learn_earlier: bool = False

    def text(self) -> str:
        return "".join(piece.text for piece in self.answer)


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def assistant(text: str) -> Message:
    return {"role": "assistant", "content": text}


def plain(text: str) -> list[Piece]:
    return [Piece(text)]


def json_pieces(value: Any) -> list[Piece]:
    """Return `value` as JSON, whose keys are forced: a schema that the model doesn't see decides them."""
    if isinstance(value, dict):
        pieces = [Piece("{")]
        for number, (key, item) in enumerate(value.items()):
            pieces += [Piece(', "' if number else '"'), Piece(key, forced=True), Piece('": '), *json_pieces(item)]
        return [*pieces, Piece("}")]
    if isinstance(value, list):
        pieces = [Piece("[")]
        for number, item in enumerate(value):
            pieces += [*([Piece(", ")] if number else []), *json_pieces(item)]
        return [*pieces, Piece("]")]
    return [Piece(json.dumps(value, ensure_ascii=False))]


def json_answer(messages: list[Message], value: Any) -> list[Piece]:
    """Return `value` as JSON. Unless the messages speak of JSON, the grammar alone makes it JSON, and nobody else should."""
    pieces = json_pieces(value)
    said = " ".join(str(message["content"]) for message in messages)
    if "JSON" not in said:
        return [Piece(pieces[0].text, forced=True), *pieces[1:]]
    # Keys that the request names can be written without a grammar as well.
    return [Piece(piece.text, piece.forced and piece.text not in said) for piece in pieces]
