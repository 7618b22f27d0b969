"""Checks of chapter 2, The Responses API."""

import json
from collections.abc import Callable
from typing import Any

from openai import APIStatusError, NotFoundError, OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import NotYet, exercise, given, of_type, require
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.schemas import require_schema
from llamastack_workshop.exercises.traffic import Exchange, request_for, text_of, watch

questions = QuickCheck(__name__)

# The types of the last event of a stream.
_LAST = {"response.completed", "response.incomplete", "response.failed"}
_TWO = "two values, the text and the number of deltas"
_QUESTIONS = ("Name the capital of Italy.", "Describe the sea in one sentence.")
_FACT, _FOLLOW_UP = "The PebblePhone was designed in Oslo.", "Which city was the PebblePhone designed in?"


@exercise
def streamed_text(function: Callable[[str], tuple[str, int]], client: OpenAI, model: str) -> str:
    """Check that `function(question)` streams an answer and returns its text and the number of its deltas."""
    for question in _QUESTIONS:
        answer, asked = watch(function, question, kind=(tuple, list), wanted=_TWO)
        require(len(answer) == 2, f"return {_TWO}, not {len(answer)}.")
        text, deltas = answer
        require(not isinstance(text, int), "these two values are in the wrong order: the text first.")
        of_type(text, str, "join the deltas of the events; the text should be a str")
        of_type(deltas, int, "the second value is the number of deltas; it should be an int")
        stream = next((one for one in reversed(asked) if one.streamed and question in one.prompt), asked[-1])
        require(question in stream.prompt, "the check's question is not in `input`.")
        require(
            stream.streamed and stream.path.endswith("/responses"),
            "the answer did not come as a stream of events: client.responses.create(…, stream=True).",
        )
        _compare(text, deltas, stream)
    return f"{deltas} deltas make {text!r}"


@exercise
def price_format(text_format: dict[str, Any], client: OpenAI, model: str) -> str:
    """Check a `format` whose schema asks for a `product` (string) and a `price` (number), and nothing else."""
    text_format = given(text_format, dict, "a format as a dictionary")
    require("format" not in text_format, "this is the value of `text`; give only the value of `format`.")
    require(text_format.get("type") == "json_schema", 'the format\'s type is "json_schema".')
    require("json_schema" not in text_format, "name and schema belong next to `type`, not under `json_schema`.")
    name = text_format.get("name")
    require(isinstance(name, str) and name.strip(), "the format needs a name, which is a string.")
    require("schema" in text_format, "the format has no `schema`.")
    laptop = {"product": "UltraBook", "price": 1299}
    require_schema(
        text_format["schema"],
        allowed=[
            (laptop, "product is a string, and price is a number."),
            ({"product": "PebblePhone", "price": 499.5}, "product is any string, and price is any number."),
        ],
        forbidden=[
            ({"product": "UltraBook"}, "make both properties required."),
            ({"price": 1299}, "make both properties required."),
            (laptop | {"price": "1299"}, "price is a number."),
            (laptop | {"price": None}, "price is a number."),
            (laptop | {"product": 7}, "product is a string."),
            (laptop | {"colour": "grey"}, "forbid other properties, as `specifications` does."),
        ],
    )
    try:
        response = client.responses.create(
            model=model,
            input="The UltraBook costs 1299 euros. Write the product and its price as JSON.",
            text={"format": text_format},
            max_output_tokens=100,
        )
    except APIStatusError as error:
        raise NotYet(f"the server rejects your format: {str(error)[:150]}") from error
    if response.status != "completed":
        return "your schema asks for a product and a price; the model did not finish its answer"
    try:
        return f"the model answered {json.loads(response.output_text)}"
    except json.JSONDecodeError as error:
        raise NotYet(f"with your format, the answer was not JSON: {response.output_text[:80]!r}") from error


@exercise
def follow_up(function: Callable[[Response, str], Response], first: Response, client: OpenAI) -> str:
    """Check that `function(earlier, question)` asks a question that continues the response `earlier`."""
    given(first, Response, "a response to continue")
    earlier = client.responses.create(model=first.model, input=_FACT, max_output_tokens=16)
    answer, asked = watch(function, earlier, _FOLLOW_UP, kind=Response, wanted="the whole new response")
    require(answer.id != earlier.id, "this is the earlier response; create a new one.")
    sent = request_for(answer, asked)
    seen = "\n".join(_seen(sent, earlier, client))
    require(_FOLLOW_UP in seen, "the check's question is not in the input; pass it as `input`.")
    # The answer may repeat the fact.
    require(
        earlier.output_text in seen and _FACT in seen.replace(earlier.output_text, "", 1),
        "the model did not see the earlier response, or its input; pass the `id` of the response that your function is "
        "given.",
    )
    return f"the model saw the earlier turn, and answered {answer.output_text!r}"


def _compare(text: str, deltas: int, stream: Exchange) -> None:
    """Raise NotYet, with a hint, unless `text` and `deltas` are those of `stream`."""
    ended = [event for event in stream.events if event.get("type") in _LAST]
    require(ended, "your function leaves the stream before its last event; loop over the stream to its end.")
    require(stream.deltas, "the stream had no text; ask with a higher `max_output_tokens`.")
    joined, count = "".join(stream.deltas), len(stream.deltas)
    if text.strip() != joined.strip():
        require(text.strip(), "the text is empty; add up `event.delta` of the events that have one.")
        require(joined.startswith(text), f"the text is {text[:60]!r}, but the deltas make {joined[:60]!r}.")
        raise NotYet(f"the text ends after {text[-20:]!r}; loop over the stream to its end.")
    counted = f"you counted {deltas}, but the stream had {count} of the type response.output_text.delta"
    require(deltas != len(stream.events), f"{counted}; you counted events of all types.")
    require(deltas not in (len(text), len(text.split())) or deltas == count, f"{counted}; you counted in the text.")
    require(deltas == count, f"{counted}.")


def _seen(sent: Exchange, earlier: Response, client: OpenAI) -> list[str]:
    """Return the texts that the model saw in the request `sent`."""
    try:
        kept = client.responses.input_items.list(sent.answer["id"], order="asc").data
    except NotFoundError:
        # Created with `store=False`: use the request itself.
        items = sent.sent.get("input")
        texts = [text_of(item) for item in items] if isinstance(items, list) else [text_of(items)]
        continued = sent.sent.get("previous_response_id") == earlier.id
        return texts + ([_FACT, earlier.output_text] if continued else [])
    return [text_of(item.to_dict(warnings=False)) for item in kept]
