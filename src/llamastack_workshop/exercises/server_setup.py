"""Checks of chapter 1, Server setup."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from openai import OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import call, exercise, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import request_for, watch

questions = QuickCheck(__name__)

# Names and providers are misleading on purpose: only the type identifies a language model.
_ELSEWHERE = {
    "vllm/qwen2.5-7b": "llm",
    "openai/text-similarity": "embedding",
    "vllm/embedded-phi": "llm",
    "llama-cpp/reorder": "rerank",
    "ollama/llama3.2": "llm",
}
_QUESTIONS = ("Tell me a long story about a lighthouse.", "Describe a voyage across the ocean in many sentences.")


@exercise
def language_models(function: Callable[[OpenAI], list[str]], client: OpenAI) -> str:
    """Check that `function(client)` returns the ids of the models of type llm, sorted."""
    here = {model.id: model.custom_metadata["model_type"] for model in client.models.list()}
    answer = _ids(function, client)
    _compare(answer, here, "")
    with _server_with(_ELSEWHERE) as elsewhere:
        other = _ids(function, elsewhere)
    require(other != answer, "for another server's client, you return this server's models; use the `client` given.")
    _compare(other, _ELSEWHERE, f"on a server with these models and types, {_ELSEWHERE}: ")
    return f"{len(answer)} language model(s): {', '.join(answer[:3])}"


@exercise
def short_answer(function: Callable[[str], Response]) -> str:
    """Check that `function(question)` returns a response of at most 16 tokens; most are truncated there."""
    answers = []
    for question in _QUESTIONS:
        answer, asked = watch(function, question, kind=Response, wanted="the whole response")
        answers.append(answer)
        sent = request_for(answer, asked)
        require(question in sent.prompt, "the check's question is not in `input`.")
        limit = sent.sent.get("max_output_tokens")
        require(limit, "the request has no token limit; set `max_output_tokens`.")
        require(limit == 16, f"the token limit is {limit!r}, not 16: see `max_output_tokens`.")
    # A truncated answer shows more than one that the model ended before its limit.
    answer = next((one for one in answers if one.status == "incomplete"), answers[-1])
    why = answer.incomplete_details and answer.incomplete_details.reason
    used = answer.usage.output_tokens if answer.usage else "?"
    return f"{used} tokens, status {answer.status!r}" + (f", because of {why!r}." if why else ".")


def _ids(function: Callable[[OpenAI], list[str]], client: OpenAI) -> list[str]:
    answer = list(call(function, client, kind=(list, tuple), wanted="a list of ids"))
    for one in answer:
        of_type(one, str, "the list should contain ids, as strings: use the `.id` of each model")
    return answer


def _compare(answer: list[str], types: dict[str, str], where: str) -> None:
    """Raise NotYet, its message prefixed with `where`, unless `answer` is the language models of `types`, sorted."""
    expected = sorted(id for id, model_type in types.items() if model_type == "llm")
    unknown = [id for id in answer if id not in types]
    require(not unknown, f"{where}{_first(unknown)!r} is not the id of a model; use the `.id` unchanged.")
    others = [id for id in answer if types[id] != "llm"]
    require(not others, f"{where}{_first(others)} is not a language model; look at `custom_metadata`.")
    missing = [id for id in expected if id not in answer]
    require(not missing, f"{where}{len(missing)} language model(s) are missing, among them {_first(missing)}.")
    require(len(answer) == len(expected), f"{where}an id appears twice.")
    sorted_somehow = answer in (expected, sorted(expected, key=str.casefold))
    require(sorted_somehow, f"{where}these are the right ids, but not sorted.")


def _first(ids: Iterable[str]) -> str:
    return next(iter(ids), "")


@contextmanager
def _server_with(types: dict[str, str]) -> Iterator[OpenAI]:
    """Yield a client for a server on this machine that lists these models, with their types, like LlamaStack."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            entries = {id: _entry(id, model_type) for id, model_type in types.items()}
            path = unquote(self.path.partition("?")[0])
            listed = {"object": "list", "data": list(entries.values())}
            found = listed if path.rstrip("/") == "/v1/models" else entries.get(path.removeprefix("/v1/models/"))
            body = json.dumps(found or {"detail": "Not Found"}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Log nothing below the attendee's cell."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield OpenAI(base_url=f"http://127.0.0.1:{server.server_port}/v1", api_key="none", max_retries=0)
        finally:
            server.shutdown()


def _entry(id: str, model_type: str) -> dict[str, Any]:
    provider, _, name = id.partition("/")
    metadata = {"model_type": model_type, "provider_id": provider, "provider_resource_id": name}
    return {"id": id, "object": "model", "created": 0, "owned_by": "llama_stack", "custom_metadata": metadata}
