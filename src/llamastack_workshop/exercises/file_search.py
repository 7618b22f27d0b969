"""Checks of chapter 7, Retrieval with file_search."""

import math
from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from pathlib import PurePath
from typing import Any

from openai import OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import NotYet, call, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.traffic import Exchange, request_for, text_of, watch

questions = QuickCheck(__name__)

_PAGES = ("setup.md", "mental-model.md")
_SEARCHES = ("How do I switch a provider off?", "Which command starts the server?")
_QUESTIONS = (
    "How long does a cold start take?",
    "What is a distribution?",
    "What does FAISS do?",
    "Which variable names the embedding model?",
)
_TWO = "two values, the response and the file's name"
_MOST = 50


@exercise
def best_chunk(function: Callable[[str, str], str], client: OpenAI, store: str) -> str:
    """Check that `function(question, page)` returns the text of the best chunk in that page."""
    for question in _SEARCHES:
        for page in _PAGES:
            text = call(function, question, page, kind=str, wanted="the chunk's text")
            filters = {"type": "eq", "key": "page", "value": page}
            best, *others = _chunks(client, store, question, filters=filters)
            found = _flat(text)
            if found == _flat(best.text):
                continue
            where = f"for {question!r} in {page}"
            pages = [one.page for one in _chunks(client, store, question) if _flat(one.text) == found]
            elsewhere = f"{where} your chunk is from {_first(pages)}"
            require(not pages or page in pages, f"{elsewhere}: filter by the attribute `page`.")
            require(_flat(best.text) not in found, f"{where} you return more than the text of the best chunk.")
            require(
                found not in [_flat(one.text) for one in others],
                f"{where} this chunk is from the right page, but it isn't the best one: search for the `question`, and "
                "take the first result.",
            )
            raise NotYet(f"{where} {text[:60]!r} is not the text of a chunk, as in `content`.")
    return f"the best chunk of {page} starts with {' '.join(text.split())[:50]!r}"


@exercise
def mean_reciprocal_rank(function: Callable[[list[int | None]], float], ranks: dict[int, list[int | None]]) -> str:
    """Check that `function(ranks)` returns the mean of 1/rank, where None counts as 0."""
    given(ranks, dict, "the ranks as a dictionary")
    for found, expected in (
        ([1, 1], 1),
        ([2, 4], 3 / 8),
        ([1, None], 1 / 2),
        ([None, 2, 1, None], 3 / 8),
        ([3], 1 / 3),
        ([10, 5, None, 1], 13 / 40),
        ([None], 0),
    ):
        answer = _number(function, found)
        rounded = math.isclose(answer, expected, abs_tol=0.006) and f"for {found}, it is {expected:.4f}: do not round."
        require(
            math.isclose(answer, expected, abs_tol=1e-6),
            rounded or f"for {found}, it is {expected:.3g}, not {answer:.3g}.",
        )
    return ", ".join(f"chunks of {size}: {_number(function, list(found)):.2f}" for size, found in ranks.items())


@exercise
def answer_with_source(function: Callable[[str], tuple[Response, str]], client: OpenAI, store: str) -> str:
    """Check that `function(question)` sends only the best chunk to the model, and names its file."""
    # Two questions whose best chunks are from different files, so that no constant is right.
    by_file = {_chunks(client, store, question)[0].filename: question for question in reversed(_QUESTIONS)}
    for question in list(by_file.values())[-2:]:
        answer, asked = watch(function, question, kind=(tuple, list), wanted=_TWO)
        require(len(answer) == 2, f"return {_TWO}, not {len(answer)}.")
        response, source = answer
        require(not isinstance(source, Response), "these two values are in the wrong order: the response first.")
        of_type(response, Response, "the first value should be the whole response")
        of_type(source, (str, PurePath), "the second value should be the file's name, a str")
        sent = request_for(response, asked)
        best, *others = _chunks(client, store, question)
        _prompt(sent, question, best.text, [one.text for one in others])
        wanted = f"for {question!r}, the best chunk is from {best.filename}"
        require(str(source) == best.filename, f"{wanted}; you name {str(source)!r} as its file.")
    return (
        f"the prompt contains only the best chunk, which is from {source}. The answer is not judged, and may be wrong; "
        f"read it: {response.output_text[:200]!r}"
    )


class _Chunk:
    """A search result, without its score, which is None for an exact match."""

    def __init__(self, hit: Any) -> None:
        self.text = "\n".join(part.text for part in hit.content)
        self.filename = hit.filename
        self.page = (hit.attributes or {}).get("page")


def _chunks(client: OpenAI, store: str, question: str, **options: Any) -> list[_Chunk]:
    found = client.vector_stores.search(store, query=question, max_num_results=_MOST, **options)
    chunks = [_Chunk(hit) for hit in found]
    require(chunks, "the search finds nothing; run the cells that fill the store again, and then this one.")
    return chunks


def _prompt(sent: Exchange, question: str, best: str, others: list[str]) -> None:
    """Raise NotYet unless the `input` of a request contains the question and the chunk `best`, and none of `others`."""
    tools = [tool.get("type") for tool in sent.sent.get("tools") or []]
    require("file_search" not in tools, "search by hand, without the tool `file_search`.")
    given_to_model = _flat(text_of(sent.sent.get("input")))
    require(question in given_to_model, "the check's question is not in `input`.")
    require(_flat(best) in given_to_model, f"the text of the best chunk for {question!r} is not in `input`.")
    # Neighbouring chunks overlap, so part of their text may be in the best chunk.
    rest = given_to_model.replace(_flat(best), " ")
    also = [text for text in others if len(_middle(text)) > 20 and _middle(text) in rest]
    require(not also, f"`input` contains {len(also)} more passage(s) of the store; put only the best chunk into it.")


def _number(function: Callable[[list[int | None]], float], ranks: list[int | None]) -> float:
    return float(call(function, list(ranks), kind=(Real, Decimal), wanted="a number"))


def _first(pages: list[str]) -> str:
    return next(iter(pages), "")


def _flat(text: str) -> str:
    return " ".join(text.split())


def _middle(text: str) -> str:
    flat = _flat(text)
    return flat[len(flat) // 4 : -len(flat) // 4]
