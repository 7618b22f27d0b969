"""Training examples: a conversation, and the expected answer of the model."""

import json
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """A piece of an answer. `forced` pieces are written by the server's grammar, so the model doesn't learn them."""

    text: str
    forced: bool = False


@dataclass
class Example:
    """One turn to learn: `messages` and `tools` as the server receives them, and the `answer`.

    With `learn_earlier`, the assistant's earlier turns are learned as well, because they are correct, too.
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
    """Return `value` as JSON. Its keys are forced, because they come from a schema that the model doesn't see."""
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
    """Return `value` as JSON. Unless the messages mention JSON, only the grammar makes it JSON: the model must not learn to."""
    pieces = json_pieces(value)
    said = " ".join(str(message["content"]) for message in messages)
    if "JSON" not in said:
        return [Piece(pieces[0].text, forced=True), *pieces[1:]]
    # Keys in the request can also be written without a grammar.
    return [Piece(piece.text, piece.forced and piece.text not in said) for piece in pieces]
