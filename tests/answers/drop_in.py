"""Answers to the exercises of chapter 23, A drop-in replacement?."""

from collections.abc import Callable
from typing import Any

import httpx

from answers import Answer, Server
from llamastack_workshop.exercises import drop_in as check

PROGRAM = """
from openai import OpenAI

client = OpenAI(base_url="https://api.openai.com/v1", max_retries=0)
text = "What is the capital of France?"
message = {"role": "user", "content": text}
chat = client.chat.completions.create(
    model="gpt-4o-mini",
    messages=[message],
)
vector = client.embeddings.create(
    model="text-embedding-3-small",
    input=text,
)
print(repr(chat.choices[0].message.content))
print(len(vector.data[0].embedding))
"""


def right(server: Server, program: str = PROGRAM) -> str:
    program = program.replace("https://api.openai.com/v1", server.base_url)
    return program.replace("gpt-4o-mini", server.model).replace("text-embedding-3-small", server.embedding)


def brought(style: str, answer: Callable[[Server], Any], said: str = "") -> Answer:
    return Answer(check.brought_over, style, lambda server: [answer(server), PROGRAM], said)


def served(style: str, function: Callable[[httpx.Response], Any], said: str = "") -> Answer:
    return Answer(check.tells_what_is_served, style, lambda server: [function, server.base_url], said)


def with_key(server: Server) -> str:
    """Write the address with a trailing slash, with a key, and without empty lines at the beginning and end."""
    program = right(server).replace("max_retries=0", 'api_key="none"').replace("/v1", "/v1/")
    return "\n".join(f"{line}  " for line in program.strip().splitlines())


def reads_detail(answer: httpx.Response) -> bool:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return True
    return detail not in ("Not Found", "Method Not Allowed")


def counts(server: Server) -> str:
    return right(server).replace("len(vector.data[0].embedding)", "384")


def answers_itself(server: Server) -> str:
    return PROGRAM.replace("repr(chat.choices[0].message.content)", "'Paris'")


RIGHT = [
    brought("replaced", right),
    brought("typed, with a key and other blanks", with_key),
    served("the detail", reads_detail),
    served("the text", lambda answer: "Not Found" not in answer.text and answer.status_code != 405),
    served("the header", lambda answer: "allow" not in answer.headers and answer.text != '{"detail":"Not Found"}'),
]

WRONG = [
    brought("the lines", lambda server: right(server).splitlines(), "give the program as a string, not a list"),
    brought("as it was", lambda server: PROGRAM.replace("\n", "\n\n"), "nothing has changed"),
    brought(
        "the model alone",
        lambda server: PROGRAM.replace("gpt-4o-mini", server.model),
        "still connects to api.openai.com",
    ),
    brought(
        "no embedding model",
        lambda server: right(server).replace(server.embedding, "text-embedding-3-small"),
        "'text-embedding-3-small' not found",
    ),
    brought("a name of the notebook", lambda server: right(server).replace(f'"{server.model}"', "model"), "NameError"),
    brought("one more line", lambda server: f"import os\n{right(server)}", "4 lines differ from the program; 3 are"),
    brought("a number of its own", counts, "this line need not change: `print(len(vector.data[0].embedding))`"),
    brought("an answer of its own", answers_itself, "this line need not change: `print(repr(chat"),
    brought(
        "another question", lambda server: right(server).replace("France", "Peru"), "this line need not change: `text"
    ),
    brought("half a line", lambda server: right(server).replace(", max_retries=0)", ""), "SyntaxError"),
    served("a blank", lambda answer: None, "there is no answer yet"),
    served("a number", lambda answer: answer.status_code, "should return True or False, not an int"),
    served("any 404", lambda answer: answer.status_code not in (404, 405), "this response does not, so return True"),
    served("success", lambda answer: answer.is_success, "the request is incomplete, so return True"),
    served("no 405", lambda answer: answer.text != '{"detail":"Not Found"}', "not for this method, so return False"),
    served("all", lambda answer: True, "the server does not have that path, so return False"),
    served("small letters", lambda answer: "not found" not in answer.text.lower(), "so return True"),
    served(
        "what it knows",
        lambda answer: "assistants" not in str(answer.url) and answer.status_code != 405,
        "the server does not have that path",
    ),
]
