"""Checks of chapter 17, Model freedom."""

from collections.abc import Callable
from typing import Any

from openai import APIStatusError

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.filling_in import filled_in, options_of, plain
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

# Each option with its variable, its default, and another value to test.
_VARIABLES: dict[str, tuple[str, str | None, str]] = {
    "base_url": ("REVIEWER_URL", "http://localhost:8000/v1", "http://vllm.example.com:9000/v1"),
    "api_token": ("REVIEWER_API_TOKEN", None, "token-of-the-reviewer"),
    "allowed_models": ("REVIEWER_MODEL", "Qwen/Qwen2.5-7B-Instruct", "mistralai/Mistral-7B-Instruct-v0.3"),
}
_TWO_VALUES = "two values: the id, and the text of its answer"


@exercise
def falls_over(function: Callable[[list[str]], tuple[str, str]], alive: list[str], down: str) -> str:
    """Check that `function(ids)` returns the first id that answers, and its answer, or raises LookupError.

    `alive` are ids whose upstream answers, `down` is an id whose upstream does not.
    """
    unknown = f"nobody/{down}"
    # Each id is first once, to catch functions that trust the list of models and skip ids that are not in it.
    turns = [[*alive[turn:], *alive[:turn]] for turn in range(1, len(alive))]
    for ids in ([down, *alive], [unknown, alive[-1], down], *turns):
        expected = next(id for id in ids if id not in (down, unknown))
        answer = _asked(function, ids)
        require(len(answer) == 2, f"return {_TWO_VALUES}, not {len(answer)} values.")
        id, text = answer
        require(text not in ids, "the id comes first, and then the text.")
        require(id != down, f"the upstream of {down} is down, so it cannot have answered.")
        require(id != unknown, f"no provider has {unknown}, so it cannot have answered.")
        require(id == expected, f"in {ids}, the first id that answers is {expected}, not {id!r}: try them in order.")
        require(isinstance(text, str) and text.strip(), f"the second value is the text of {expected}, not {text!r}.")
    for ids in ([unknown], [unknown, down]):
        wanted = f"raise LookupError if no model in the list answers; for {ids} you"
        try:
            answer = call(function, list(ids), or_none=True)
        except NotYet as problem:
            if not isinstance(problem.__cause__, LookupError):
                raise NotYet(f"{wanted} raise {type(problem.__cause__).__name__}.") from problem
        else:
            raise NotYet(f"{wanted} return {answer!r}.")
    return "the first id that answered, each time, and a LookupError if none did"


def _asked(function: Callable[[list[str]], Any], ids: list[str]) -> Any:
    try:
        return call(function, list(ids), kind=(tuple, list), wanted=_TWO_VALUES)
    except NotYet as problem:
        if isinstance(problem.__cause__, APIStatusError):
            status = problem.__cause__.status_code
            raise NotYet(
                f"for {ids}, a status {status} ends your function. Catch `APIStatusError`, and try the next id."
            ) from problem
        raise


@exercise
def third_job(provider: dict[str, Any]) -> str:
    """Check the entry of a provider `reviewer`: vLLM, with address, token and model from variables.

    LlamaStack's own function substitutes the variables.
    """
    provider = of_type(plain(given(provider)), dict, "give the entry as a dictionary")
    require(provider.get("provider_id"), "`provider_id` is missing.")
    kind = provider.get("provider_type")
    require(kind == "remote::vllm", f"the provider type for vLLM is `remote::vllm`, not {kind!r}.")
    require("config" in provider, "`config` is missing: it contains address, token and model.")
    config = of_type(provider["config"], dict, "`config` is a dictionary with address, token and model")
    require("api_key" not in config, "for remote::vllm, the other providers' api_key is called `api_token`.")
    for key in _VARIABLES:
        require(key in config, f"`{key}` is missing.")
    for key in config:
        require(key in options_of(kind), f"remote::vllm has no option {key!r}, and ignores it.")
    models = of_type(config["allowed_models"], list, "`allowed_models` is a list, here with one model")
    require(len(models) == 1, f"`allowed_models` is a list with one model here, not {len(models)}.")

    without = _read(provider)
    for key, (variable, default, _) in _VARIABLES.items():
        expected = "empty" if default is None else repr(default)
        require(without[key] == default, f"without {variable}, `{key}` is {without[key]!r}, but should be {expected}.")
    for key, (variable, _, value) in _VARIABLES.items():
        found = _read(provider, **{variable: value})
        require(
            found[key] == value,
            f"`{key}` does not follow {variable}: if that is {value!r}, it is {found[key]!r}. "
            f"Read it as `${{env.{variable}:=…}}`.",
        )
        other = next((one for one in _VARIABLES if one != key and found[one] != without[one]), None)
        require(other is None, f"{variable} is only for `{key}`, but also changes `{other}`.")
    return "reviewer/… is a third job, configured by three variables, and the file contains no secret"


def _read(provider: dict[str, Any], **variables: str) -> dict[str, Any]:
    """Return the options of the exercise as a server reads them; the model as a string."""
    found = filled_in(provider, **variables)
    where = f"if {', '.join(variables)} is set" if variables else "if no variable is set"
    id = found.get("provider_id")
    require(id == "reviewer", f"the id is the job, `reviewer`; {where}, yours is {id!r}.")
    config = found["config"]
    address, token, (model,) = config["base_url"], config["api_token"], config["allowed_models"]
    return {"base_url": str(address).rstrip("/"), "api_token": token or None, "allowed_models": model}
