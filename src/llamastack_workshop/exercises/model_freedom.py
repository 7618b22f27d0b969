"""Checks of chapter 17, Model freedom."""

import re
from collections.abc import Callable
from typing import Any

from llamastack_workshop.exercises.check import NotYet, exercise, given, require

_VARIABLES = {
    "base_url": ("REVIEWER_URL", "http://localhost:8000/v1"),
    "api_token": ("REVIEWER_API_TOKEN", ""),
    "allowed_models": ("REVIEWER_MODEL", "Qwen/Qwen2.5-7B-Instruct"),
}


@exercise
def falls_over(function: Callable[[list[str]], tuple[str, str]], alive: list[str], down: str) -> str:
    """Check that `function(ids)` returns the first id that answers, and its answer, or raises LookupError.

    `alive` are ids whose upstream answers, `down` is one whose upstream does not.
    """
    for ids, expected in (([down, *alive], alive[0]), ([alive[-1], down], alive[-1])):
        answer = given(function(ids))
        require(isinstance(answer, tuple) and len(answer) == 2, "return two values: the id, and the text that it gave.")
        require(answer[0] != down, f"the upstream of {down} is down, so it cannot have answered.")
        require(answer[0] == expected, f"of {ids} the first that answers is {expected}, not {answer[0]}.")
        require(isinstance(answer[1], str) and answer[1].strip(), f"the second value is the text of {expected}.")
    try:
        answer = function([down])
    except LookupError:
        return f"{down} failed, {alive[0]} answered, and without any that answers it is a LookupError"
    raise NotYet(f"raise LookupError when no model of the list answers; you returned {answer!r}.")


@exercise
def third_job(provider: dict[str, Any]) -> str:
    """Check the entry of a provider `reviewer`: a vLLM at an address, with a token and a model, by variables."""
    provider = given(provider)
    require(isinstance(provider, dict), f"the entry is a dictionary, not {type(provider).__name__}.")
    require(provider.get("provider_id") == "reviewer", "the id is the job: `reviewer`.")
    require(provider.get("provider_type") == "remote::vllm", "the type of a vLLM is `remote::vllm`.")
    config = provider.get("config")
    require(isinstance(config, dict), "address, token and model stand under `config`.")
    require("api_key" not in config, "what the other providers call api_key is `api_token` for remote::vllm.")
    unknown = set(config) - set(_VARIABLES)
    require(not unknown, f"nobody asked for {', '.join(sorted(unknown))}: base_url, api_token and allowed_models do.")
    for key, (variable, default) in _VARIABLES.items():
        _reads(config.get(key), key, variable, default)
    return "reviewer/… is a third job, and the file holds no secret"


def _reads(value: Any, key: str, variable: str, default: str) -> None:
    """Raise NotYet unless `value` is the variable with its default, for `allowed_models` in a list."""
    require(value is not None, f"`{key}` is missing.")
    if key == "allowed_models":
        require(isinstance(value, list) and len(value) == 1, "`allowed_models` is a list, here of one model.")
        (value,) = value
    written = re.fullmatch(r"\$\{env\.(\w+)(:[=+])?(.*)\}", str(value))
    require(written, f"`{key}` is {value!r}; read it from a variable, as ${{env.NAME:=value}}.")
    require(written[1] == variable, f"`{key}` reads the variable {written[1]}, not {variable}.")
    require(written[2] == ":=", f"write := in `{key}`: the value where {variable} is not set.")
    require(written[3] == default, f"without {variable}, `{key}` is {written[3]!r}, not {default!r}.")
