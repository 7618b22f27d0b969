"""Checks of chapter 7, Retrieval with file_search."""

import math
from collections.abc import Callable

from openai import OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import exercise, given, require


@exercise
def best_chunk(function: Callable[[str, str], str], client: OpenAI, store: str) -> str:
    """Check that `function(question, page)` returns the text of the best chunk in that page."""
    question = "How do I switch a provider off?"
    for page in ("README.md", "mental-model.md"):
        text = given(function(question, page))
        require(isinstance(text, str), f"return the chunk's text, not {type(text).__name__}.")
        filters = {"type": "eq", "key": "page", "value": page}
        chunks = [hit.content[0].text for hit in client.vector_stores.search(store, query=question, filters=filters)]
        require(text in chunks, f"this chunk is not from {page}: filter by the attribute `page`.")
        require(text == chunks[0], "this chunk is from the right page, and not its best one: the first result is.")
    return f"the best chunk of mental-model.md begins with {' '.join(text.split())[:50]!r}"


@exercise
def mean_reciprocal_rank(function: Callable[[list[int | None]], float], ranks: dict[int, list[int | None]]) -> str:
    """Check that `function(ranks)` returns the mean of 1/rank, where None counts as 0."""
    for found, expected in (([1, 1], 1.0), ([2, 4], 0.375), ([1, None], 0.5), ([None], 0.0)):
        answer = given(function(found))
        require(isinstance(answer, int | float), f"return a number, not {type(answer).__name__}.")
        require(math.isclose(answer, expected), f"for {found} it is {expected}, not {answer:.3g}.")
    return ", ".join(f"chunks of {size}: {function(found):.2f}" for size, found in ranks.items())


@exercise
def answer_with_source(function: Callable[[str], tuple[Response, str]], client: OpenAI, store: str) -> str:
    """Check that `function(question)` answers from the best chunk alone and names its file."""
    question = "How long does a cold start take?"
    answer = given(function(question))
    require(isinstance(answer, tuple) and len(answer) == 2, "return two values: the response and the file's name.")
    response, source = answer
    require(isinstance(response, Response), f"the first value is a {type(response).__name__}; return the response.")
    require(isinstance(source, str), f"the second value is a {type(source).__name__}; return the file's name.")
    best = client.vector_stores.search(store, query=question, max_num_results=1).data[0]
    require(source == best.filename, f"the best chunk is from {best.filename}, not from {source}.")
    kept = [str(item.to_dict()) for item in client.responses.input_items.list(response.id)]
    prompt = " ".join(kept)
    require(question in prompt, "the question that the check asked is not in the prompt.")
    require(best.content[0].text[:40].strip().split("\n")[0] in prompt, "the chunk's text is not in the prompt.")
    require(all(item.type == "message" for item in response.output), "search by hand: leave the tool out.")
    return f"{response.output_text[:60]!r}, from {source}"
