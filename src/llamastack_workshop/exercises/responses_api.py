"""Checks of chapter 2, The Responses API."""

import json
from collections.abc import Callable

from openai import OpenAI
from openai.types.responses import Response

from llamastack_workshop.exercises.check import NotYet, exercise, given, require

_QUESTION = "Name the capital of France."


@exercise
def streamed_text(function: Callable[[str], tuple[str, int]], client: OpenAI, model: str) -> str:
    """Check that `function(question)` streams an answer and returns its text and the number of its deltas."""
    answer = given(function(_QUESTION))
    require(isinstance(answer, tuple) and len(answer) == 2, "return two values: the text and the number of deltas.")
    text, deltas = answer
    require(isinstance(text, str), f"the text is a {type(text).__name__}; join the deltas of the events.")
    require(isinstance(deltas, int), f"the second value is a {type(deltas).__name__}, not a number of events.")
    require(text.strip(), "the text is empty; add up `event.delta` of the events that have one.")
    require(deltas > 1, "you counted at most one delta; loop over the stream to its end.")
    require(deltas <= len(text), "you counted more deltas than characters; count the response.output_text.delta only.")
    events = list(client.responses.create(model=model, input=_QUESTION, max_output_tokens=64, stream=True))
    require(deltas != len(events), "you counted events of every type; count the response.output_text.delta only.")
    return f"{deltas} deltas make {text!r}"


@exercise
def price_format(text_format: dict, client: OpenAI, model: str) -> str:
    """Check a `format` whose schema asks for a `product` (string) and a `price` (number)."""
    text_format = given(text_format)
    require(isinstance(text_format, dict), f"the format is a {type(text_format).__name__}, not a dictionary.")
    require(text_format.get("type") == "json_schema", 'the format\'s type is "json_schema".')
    require(text_format.get("name"), "the format needs a name.")
    schema = text_format.get("schema") or {}
    properties = schema.get("properties", {})
    require(set(properties) == {"product", "price"}, f"the properties are {sorted(properties)}, not price and product.")
    require(properties["product"].get("type") == "string", "product is a string.")
    require(properties["price"].get("type") in ("number", "integer"), "price is a number.")
    require(set(schema.get("required", [])) == {"product", "price"}, "make both properties required.")
    response = client.responses.create(
        model=model,
        input="The UltraBook costs 1299 euros. Write the product and its price as JSON.",
        text={"format": text_format},
    )
    try:
        result = json.loads(response.output_text)
    except json.JSONDecodeError as error:
        raise NotYet(f"with your format the answer was not JSON: {response.output_text[:80]!r}") from error
    require(set(result) == {"product", "price"}, f"with your format the answer was {result}; forbid other properties.")
    return f"the model answered {result}"


@exercise
def follow_up(function: Callable[[Response, str], Response], first: Response, client: OpenAI) -> str:
    """Check that `function(first, question)` asks a question that continues the response `first`."""
    question = "Where was the UltraBook designed?"
    answer = given(function(first, question))
    require(isinstance(answer, Response), f"return the whole response, not {type(answer).__name__}.")
    require(answer.id != first.id, "this is the first response; create a new one.")
    inputs = [_text(item.content) for item in client.responses.input_items.list(answer.id, order="asc")]
    require(question in inputs, "the question that the check asked is not in the input; hand it over as `input`.")
    require(first.output_text in inputs, "the model did not see the first response; hand over its id.")
    return f"the model saw {len(inputs)} items and answered {answer.output_text!r}"


def _text(content: str | list) -> str:
    """Return an input item's text, which the server gives back as a string or as a list of parts."""
    return content if isinstance(content, str) else content[0].text
