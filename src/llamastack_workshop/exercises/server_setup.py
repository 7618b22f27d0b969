"""Checks of chapter 1, Server setup."""

from collections.abc import Callable

from openai import OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import exercise, given, require


@exercise
def language_models(function: Callable[[OpenAI], list[str]], client: OpenAI) -> str:
    """Check that `function(client)` returns the ids of the models of type llm, sorted."""
    answer = given(function(client))
    types = {model.id: model.custom_metadata["model_type"] for model in client.models.list()}
    expected = sorted(id for id, model_type in types.items() if model_type == "llm")
    require(isinstance(answer, list), f"return a list, not {type(answer).__name__}.")
    require(all(isinstance(id, str) for id in answer), "the list holds model objects; take the `.id` of each.")
    others = [id for id in answer if types.get(id) != "llm"]
    require(not others, f"{others[0] if others else ''} is no language model; look at `custom_metadata`.")
    require(set(answer) == set(expected), f"{len(set(expected) - set(answer))} language model(s) are missing.")
    require(answer == expected, "these are the right ids, but not sorted.")
    return f"{len(answer)} language model(s): {', '.join(answer[:3])}"


@exercise
def short_answer(function: Callable[[str], Response]) -> str:
    """Check that `function(question)` returns a response that was cut off after 16 tokens."""
    answer = given(function("Tell me a long story about a lighthouse."))
    require(isinstance(answer, Response), f"return the whole response, not {type(answer).__name__}.")
    used = answer.usage.output_tokens
    require(used <= 16, f"the answer has {used} tokens; limit it with `max_output_tokens`.")
    require(answer.status == "incomplete", f"the status is {answer.status!r}: was the answer really cut off?")
    return f"{used} tokens, status {answer.status!r}, because of {answer.incomplete_details.reason!r}."
