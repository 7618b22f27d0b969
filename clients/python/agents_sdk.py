"""The task with the OpenAI Agents SDK. To run it, see task.py.

https://github.com/openai/openai-agents-python
"""

import json
import os

from agents import (
    Agent,
    OpenAIProvider,  # new
    Runner,
    WebSearchTool,
    function_tool,
    set_tracing_disabled,  # new
)
from task import FOLLOW_UP, PRODUCT_TEXT, QUESTION, WEATHER_QUESTION, Product, get_weather, perform

MODEL = OpenAIProvider().get_model(os.environ.get("MODEL", "gpt-4o-mini"))  # was: MODEL = "gpt-4o-mini"
set_tracing_disabled(True)  # new
agent = Agent(name="Assistant", model=MODEL)


async def question() -> str:
    return (await Runner.run(agent, QUESTION)).final_output


async def stream() -> list[str]:
    return [
        event.data.delta
        async for event in Runner.run_streamed(agent, QUESTION).stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]


async def structured() -> dict:
    with_schema = agent.clone(output_type=Product)
    return (await Runner.run(with_schema, PRODUCT_TEXT)).final_output.model_dump()


async def tool() -> dict:
    result = await Runner.run(agent.clone(tools=[function_tool(get_weather)]), WEATHER_QUESTION)
    calls = [json.loads(item.raw_item.arguments) for item in result.new_items if item.type == "tool_call_item"]
    return {"calls": calls, "text": result.final_output}


async def conversation() -> str:
    first = await Runner.run(agent, QUESTION)
    return (await Runner.run(agent, FOLLOW_UP, previous_response_id=first.last_response_id)).final_output


async def lost() -> dict:
    """Use a tool that OpenAI hosts."""
    try:
        answer = (await Runner.run(agent.clone(tools=[WebSearchTool()]), QUESTION)).final_output
    except Exception as error:
        answer = str(error)
    return {"WebSearchTool()": answer}


if __name__ == "__main__":
    perform(question, stream, structured, tool, conversation, lost)
