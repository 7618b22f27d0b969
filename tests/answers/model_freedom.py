"""Answers to the exercises of chapter 17, Model freedom."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from openai import APIStatusError, InternalServerError, OpenAI

from answers import Answer, Server
from llamastack_workshop.exercises import model_freedom as check

type Ask = Callable[[str], str]
QWEN = "${env.REVIEWER_MODEL:=Qwen/Qwen2.5-7B-Instruct}"


def asking(server: Server) -> tuple[Ask, list[str], str]:
    """Return a function that asks a model by id, two ids that answer (the second is listed), and one that can't."""
    client: OpenAI = server.client.with_options(max_retries=0)
    provider = server.model.split("/")[0]

    def ask(id: str) -> str:
        question = "What is the capital of France?"
        return client.responses.create(model=id, input=question, temperature=0, max_output_tokens=16).output_text

    # llama.cpp accepts any name, but an embedding model can't chat.
    return ask, [f"{provider}/not-listed", server.model], server.embedding


def falling(make: Callable[[Ask, Server], Any]) -> Callable[[Server], tuple[Any, ...]]:
    def arguments(server: Server) -> tuple[Any, ...]:
        ask, alive, down = asking(server)
        return make(ask, server), alive, down

    return arguments


class Found(NamedTuple):
    model: str
    answer: str


class Turns:
    """Removes the ids from its own list."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask

    def __call__(self, ids: list[str]) -> Found:
        failed = []
        while ids:
            id = ids.pop(0)
            try:
                answer = self.ask(id)
            except Exception as error:
                failed.append(f"{id}: {error}")
            else:
                return Found(id, answer)
        raise KeyError("; ".join(failed))


def recursive(ask: Ask) -> Any:
    def answer_from(ids: list[str]) -> list[str]:
        if not ids:
            raise LookupError("nobody answers")
        try:
            return [ids[0], ask(ids[0])]
        except APIStatusError:
            return answer_from(ids[1:])

    return answer_from


def in_turn(
    ask: Ask,
    choose: Callable[[list[str]], Any] = list,
    catch: type[Exception] = APIStatusError,
    end: Callable[[], Any] = lambda: None,
) -> Any:
    """Return an answer that tries the ids from `choose`, continues after `catch`, and calls `end` at the end."""

    def answer_from(ids: list[str]) -> Any:
        for id in choose(ids):
            try:
                return id, ask(id)
            except catch as error:
                last = error
        if end is not None:
            return end()
        raise last

    return answer_from


def no_model() -> None:
    raise LookupError


def give_up() -> None:
    raise RuntimeError("no model")


def listed(server: Server) -> Callable[[list[str]], list[str]]:
    return lambda ids: [id for id in ids if id in {model.id for model in server.client.models.list()}]


def reviewer(**changed: Any) -> dict[str, Any]:
    """Return the entry of the provider `reviewer`, with other values for some of its keys."""
    config = {
        "base_url": "${env.REVIEWER_URL:=http://localhost:8000/v1}",
        "api_token": "${env.REVIEWER_API_TOKEN:=}",
        "allowed_models": [QWEN],
    }
    return {"provider_id": "reviewer", "provider_type": "remote::vllm", "config": config} | changed


def configured(**changed: Any) -> dict[str, Any]:
    return reviewer(config=reviewer()["config"] | changed)


def falls(style: str, make: Callable[[Ask, Server], Any], said: str = "") -> Answer:
    return Answer(check.falls_over, style, falling(make), said)


def job(style: str, entry: Any, said: str = "") -> Answer:
    return Answer(check.third_job, style, lambda server: [entry], said)


RIGHT = [
    falls("a class that empties the list and raises KeyError", lambda ask, server: Turns(ask)),
    falls("recursion, a list", lambda ask, server: recursive(ask)),
    falls("a loop", lambda ask, server: in_turn(ask, end=no_model)),
    job("a tuple of models, in an OrderedDict", OrderedDict(configured(allowed_models=(QWEN,)))),
    job("a slash more, and an option more", configured(base_url="${env.REVIEWER_URL:=http://localhost:8000/v1/}")),
    job("one more option of vLLM", configured(refresh_models=True)),
]

WRONG = [
    falls("the first without asking", lambda ask, server: lambda ids: (ids[0], "Paris"), "it cannot have answered"),
    falls(
        "trusts the list", lambda ask, server: in_turn(ask, listed(server), end=no_model), "the first id that answers"
    ),
    falls("from the end", lambda ask, server: in_turn(ask, lambda ids: ids[::-1], end=no_model), "try them in order"),
    falls("in the order of the alphabet", lambda ask, server: in_turn(ask, sorted, end=no_model), "try them in order"),
    falls("no except", lambda ask, server: lambda ids: (ids[0], ask(ids[0])), "a status 500 ends your function"),
    falls(
        "a 500 alone",
        lambda ask, server: in_turn(ask, catch=InternalServerError, end=no_model),
        "a status 404 ends your function",
    ),
    falls(
        "knows the id that is down",
        lambda ask, server: lambda ids: next((id, ask(id)) for id in ids if id != server.embedding),
        "a status 404 ends your function",
    ),
    falls("the id alone", lambda ask, server: lambda ids: in_turn(ask)(ids)[0], "should return two values"),
    falls("the text first", lambda ask, server: lambda ids: in_turn(ask)(ids)[::-1], "the id comes first"),
    falls("no text", lambda ask, server: lambda ids: (in_turn(ask)(ids)[0], None), "the second value is the text of"),
    falls("None for nobody", lambda ask, server: in_turn(ask), "you return None"),
    falls("another exception", lambda ask, server: in_turn(ask, end=give_up), "you raise RuntimeError"),
    falls("the last exception", lambda ask, server: in_turn(ask, end=None), "you raise NotFoundError"),
    job("another id", reviewer(provider_id="vllm"), "the id is the job, `reviewer`"),
    job("off without a variable", reviewer(provider_id="${env.REVIEWER_URL:+reviewer}"), "yours is None"),
    job("another type", reviewer(provider_type="remote::openai"), "the provider type for vLLM is `remote::vllm`"),
    job("in a list", [reviewer()], "give the entry as a dictionary, not a list"),
    job("no config", {key: value for key, value in reviewer().items() if key != "config"}, "`config` is missing"),
    job("api_key", configured(api_key="${env.REVIEWER_API_TOKEN:=}"), "is called `api_token`"),
    job("a misspelt option", configured(allowed_model=[QWEN]), "has no option 'allowed_model'"),
    job("a secret in the file", configured(api_token="my-secret"), "`api_token` is 'my-secret', but should be empty"),
    job("a constant", configured(base_url="http://localhost:8000/v1"), "`base_url` does not follow REVIEWER_URL"),
    job(
        "the variable of another job",
        configured(base_url="${env.VLLM_URL:=http://localhost:8000/v1}"),
        "`base_url` does not follow REVIEWER_URL",
    ),
    job(
        "small letters",
        configured(base_url="${env.reviewer_url:=http://localhost:8000/v1}"),
        "without REVIEWER_URL, `base_url` is '${env.reviewer_url",
    ),
    job("no default", configured(base_url="${env.REVIEWER_URL}"), "no server starts if REVIEWER_URL is not set"),
    job(
        ":+ for :=",
        configured(base_url="${env.REVIEWER_URL:+http://localhost:8000/v1}"),
        "without REVIEWER_URL, `base_url` is",
    ),
    job("no list", configured(allowed_models=QWEN), "`allowed_models` is a list, here with one model, not a str"),
    job("a set", configured(allowed_models={QWEN}), "`allowed_models` is a list, here with one model, not a set"),
]
