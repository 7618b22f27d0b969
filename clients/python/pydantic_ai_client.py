"""The task with Pydantic AI. To run it, see task.py.

https://ai.pydantic.dev/models/openai/
"""

import os

from pydantic_ai import Agent
from task import FOLLOW_UP, PRODUCT_TEXT, QUESTION, WEATHER_QUESTION, Product, get_weather, perform

MODEL = os.environ.get("MODEL", "gpt-4o-mini")  # was: MODEL = "gpt-4o-mini"
agent = Agent(f"openai:{MODEL}")


async def question() -> str:
    return (await agent.run(QUESTION)).output


async def stream() -> list[str]:
    async with agent.run_stream(QUESTION) as run:
        return [piece async for piece in run.stream_text(delta=True, debounce_by=None)]


async def structured() -> dict:
    return (await agent.run(PRODUCT_TEXT, output_type=Product)).output.model_dump()


async def tool() -> dict:
    result = await Agent(f"openai:{MODEL}", tools=[get_weather]).run(WEATHER_QUESTION)
    parts = [part for message in result.all_messages() for part in message.parts]
    calls = [part.args_as_dict() for part in parts if part.part_kind == "tool-call"]
    return {"calls": calls, "text": result.output}


async def conversation() -> str:
    first = await agent.run(QUESTION)
    return (await agent.run(FOLLOW_UP, message_history=first.all_messages())).output


async def lost() -> dict:
    """Compute the cost of a response: Pydantic AI only knows the prices of OpenAI's models."""
    response = (await agent.run(QUESTION)).response
    try:
        cost = str(response.cost().total_price)
    except LookupError as error:
        cost = str(error)
    return {"response.cost()": cost}


if __name__ == "__main__":
    perform(question, stream, structured, tool, conversation, lost)
