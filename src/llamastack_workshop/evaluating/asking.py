"""Sending the request of a case to a model, through the Responses API."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from openai import APIConnectionError, APIStatusError, APITimeoutError, OpenAI, OpenAIError
from openai.types.responses import Response

from llamastack_workshop.evaluating.cases import Case
from llamastack_workshop.evaluating.rules import Answer, Call

# A small number, as in chapter 7, because an embedded model has a short context.
_PASSAGES = 2


def ask(client: OpenAI, model: str, case: Case, store: str | None) -> Answer:
    """Return the answer of `model` to the last turn of `case`; if a request fails, an answer with an error.

    `store` is the id of the vector store with the documents, or None if the server has none.
    Raises APIConnectionError if the server no longer answers.
    """
    options = _options(case, store)
    if case.documents and not store:
        return Answer(error="the server cannot store the documents")
    previous: dict[str, str] = {}
    try:
        for turn in case.turns:
            response = client.responses.create(model=model, input=turn, **options, **previous)
            previous = {"previous_response_id": response.id}
    except OpenAIError as error:
        if isinstance(error, APIConnectionError) and not isinstance(error, APITimeoutError):
            raise
        return Answer(error=_reason(error))
    return read(response)


def read(response: Response) -> Answer:
    """Return the content of `response` as an Answer."""
    if response.error:
        return Answer(error=f"failed: {response.error.message[:200]}")
    try:
        calls = [
            Call(name=item.name, arguments=json.loads(item.arguments or "{}"))
            for item in response.output
            if item.type == "function_call"
        ]
    except ValueError:
        return Answer(text=response.output_text, error="the arguments of a call are not a JSON object")
    return Answer(response.output_text, tuple(calls), cut=response.status == "incomplete")


@contextmanager
def documents_in_store(client: OpenAI, cases: list[Case]) -> Iterator[str | None]:
    """Put the documents of all `cases` into a new vector store, yield its id, and delete store and files at the end.

    Yields None if there are no documents, or if the server cannot store them.
    """
    texts = {name: text for case in cases for name, text in case.documents.items()}
    store: str | None = None
    files: list[str] = []
    added: list[str] = []
    try:
        if texts:
            with suppress(APIStatusError):
                store = client.vector_stores.create(name="evaluation").id
                for name, text in texts.items():
                    files.append(client.files.create(file=(name, text.encode()), purpose="assistants").id)
                    file = client.vector_stores.files.create_and_poll(
                        files[-1], vector_store_id=store, poll_interval_ms=100
                    )
                    added.append(file.status)
        yield store if added.count("completed") == len(texts) else None
    finally:
        # A failure to delete them does not affect the figures.
        with suppress(OpenAIError):
            for file_id in files:
                client.files.delete(file_id)
            if store:
                client.vector_stores.delete(store)


def _options(case: Case, store: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if case.instructions:
        options["instructions"] = case.instructions
    if case.answer_schema:
        form = {"type": "json_schema", "name": "answer", "schema": case.answer_schema, "strict": True}
        options["text"] = {"format": form}
    if case.tools:
        options["tools"] = [{"type": "function", **tool} for tool in case.tools]
    if case.documents:
        options["tools"] = [{"type": "file_search", "vector_store_ids": [store], "max_num_results": _PASSAGES}]
    return options


def _reason(error: OpenAIError) -> str:
    if isinstance(error, APIStatusError):
        return f"refused (HTTP {error.status_code}): {str(error.message)[:200]}"
    return "timed out" if isinstance(error, APITimeoutError) else f"failed: {str(error)[:200]}"
