"""Render examples with the chat template, and mark the characters to learn."""

import json
from pathlib import Path
from typing import Any

import jinja2

from training.example import Example, Message

TEMPLATE = Path(__file__).parents[1] / "src/llamastack_workshop/server/embedded/chat_template.jinja"
END = "<|im_end|>"
_ASSISTANT = "<|im_start|>assistant\n"


def template() -> jinja2.Template:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)
    # Jinja's own filter escapes for HTML.
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))


def prompt(chat: jinja2.Template, messages: list[Message], tools: list[dict[str, Any]]) -> str:
    """Return the prompt that the server gives to the model."""
    joined = [message | {"content": _one_text(message["content"])} for message in messages]
    return chat.render(messages=joined, tools=tools or None, add_generation_prompt=True)


def _one_text(content: Any) -> str:
    """Return a content of several parts as one text, as llama.cpp passes it to a template."""
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content)


def spans(chat: jinja2.Template, example: Example) -> list[tuple[str, bool]]:
    """Return the whole text of `example` in pieces, each with True if it is to be learned."""
    asked = prompt(chat, example.messages, example.tools)
    pieces = _earlier(asked) if example.learn_earlier else [(asked, False)]
    pieces += [(piece.text, not piece.forced) for piece in example.answer]
    return [*pieces, (END, True)]


def _earlier(asked: str) -> list[tuple[str, bool]]:
    """Return a prompt in pieces, each with True if it is a turn of the assistant, which is to be learned."""
    first, *turns = asked.split(_ASSISTANT)
    pieces = [(first, False)]
    for number, turn in enumerate(turns):
        pieces.append((_ASSISTANT, False))
        if number == len(turns) - 1:
            pieces.append((turn, False))
        else:
            said, _, rest = turn.partition(END)
            pieces += [(said + END, True), (rest, False)]
    return [piece for piece in pieces if piece[0]]
