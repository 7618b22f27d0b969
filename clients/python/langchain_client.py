"""The task with LangChain. To run it, see task.py.

https://docs.langchain.com/oss/python/integrations/chat/openai
"""

import os

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool as as_tool
from langchain_openai import ChatOpenAI
from task import FOLLOW_UP, PRODUCT_TEXT, QUESTION, WEATHER_QUESTION, Product, get_weather, perform

MODEL = os.environ.get("MODEL", "gpt-4o-mini")  # was: MODEL = "gpt-4o-mini"
llm = ChatOpenAI(model=MODEL)


def question() -> str:
    return llm.invoke(QUESTION).text


def stream() -> list[str]:
    return [chunk.text for chunk in llm.stream(QUESTION) if chunk.text]


def structured() -> dict:
    return llm.with_structured_output(Product).invoke(PRODUCT_TEXT).model_dump()


def tool() -> dict:
    weather = as_tool(get_weather)
    with_tool = llm.bind_tools([weather])
    messages = [HumanMessage(WEATHER_QUESTION)]
    messages.append(with_tool.invoke(messages))
    calls = messages[-1].tool_calls
    messages.extend(weather.invoke(call) for call in calls)
    return {"calls": [call["args"] for call in calls], "text": with_tool.invoke(messages).text}


def conversation() -> str:
    messages = [HumanMessage(QUESTION)]
    messages.append(llm.invoke(messages))
    messages.append(HumanMessage(FOLLOW_UP))
    return llm.invoke(messages).text


def lost() -> dict:
    """Return LangChain's profile of the model, such as its token limits and whether it can call tools."""
    return {"llm.profile": llm.profile}


if __name__ == "__main__":
    perform(question, stream, structured, tool, conversation, lost)
