"""The task with OpenAI's own SDK. To run it, see task.py.

https://github.com/openai/openai-python
"""

import json
import os

from openai import OpenAI
from task import FOLLOW_UP, PRODUCT_TEXT, QUESTION, WEATHER_QUESTION, Product, get_weather, perform

MODEL = os.environ.get("MODEL", "gpt-4o-mini")  # was: MODEL = "gpt-4o-mini"
client = OpenAI()


def question() -> str:
    return client.responses.create(model=MODEL, input=QUESTION).output_text


def stream() -> list[str]:
    events = client.responses.create(model=MODEL, input=QUESTION, stream=True)
    return [event.delta for event in events if event.type == "response.output_text.delta"]


def structured() -> dict:
    response = client.responses.parse(model=MODEL, input=PRODUCT_TEXT, text_format=Product)
    return response.output_parsed.model_dump()


def tool() -> dict:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    weather = {"type": "function", "name": "get_weather", "description": get_weather.__doc__, "parameters": parameters}
    response = client.responses.create(model=MODEL, input=WEATHER_QUESTION, tools=[weather])
    calls = {item.call_id: json.loads(item.arguments) for item in response.output if item.type == "function_call"}
    outputs = [
        {"type": "function_call_output", "call_id": call_id, "output": get_weather(**arguments)}
        for call_id, arguments in calls.items()
    ]
    answer = client.responses.create(model=MODEL, input=outputs, tools=[weather], previous_response_id=response.id)
    return {"calls": list(calls.values()), "text": answer.output_text}


def conversation() -> str:
    first = client.responses.create(model=MODEL, input=QUESTION)
    return client.responses.create(model=MODEL, input=FOLLOW_UP, previous_response_id=first.id).output_text


def lost() -> dict:
    """Call `models.retrieve`, whose answer has LlamaStack's own format."""
    return {"client.models.retrieve(MODEL).id": client.models.retrieve(MODEL).id}


if __name__ == "__main__":
    perform(question, stream, structured, tool, conversation, lost)
