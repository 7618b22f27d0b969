"""The task with LlamaIndex. To run it, see task.py.

https://developers.llamaindex.ai/python/framework/integrations/llm/openai_like/
"""

import os

from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.llms.openai_like import OpenAILike  # was: from llama_index.llms.openai import OpenAI
from task import FOLLOW_UP, PRODUCT_TEXT, QUESTION, WEATHER_QUESTION, Product, get_weather, perform

MODEL = os.environ.get("MODEL", "gpt-4o-mini")  # was: MODEL = "gpt-4o-mini"
llm = OpenAILike(model=MODEL, is_chat_model=True, is_function_calling_model=True)  # was: llm = OpenAI(model=MODEL)


def question() -> str:
    return llm.complete(QUESTION).text


def stream() -> list[str]:
    return [piece.delta for piece in llm.stream_complete(QUESTION) if piece.delta]


def structured() -> dict:
    return llm.as_structured_llm(Product).complete(PRODUCT_TEXT).raw.model_dump()


def tool() -> dict:
    weather = FunctionTool.from_defaults(get_weather)
    messages = [ChatMessage(WEATHER_QUESTION)]
    answer = llm.chat_with_tools([weather], chat_history=messages)
    calls = llm.get_tool_calls_from_response(answer)
    messages.append(answer.message)
    for call in calls:
        result = str(weather(**call.tool_kwargs))
        messages.append(ChatMessage(result, role="tool", additional_kwargs={"tool_call_id": call.tool_id}))
    text = llm.chat_with_tools([weather], chat_history=messages).message.content
    return {"calls": [call.tool_kwargs for call in calls], "text": text}


def conversation() -> str:
    messages = [ChatMessage(QUESTION)]
    messages.append(llm.chat(messages).message)
    messages.append(ChatMessage(FOLLOW_UP))
    return llm.chat(messages).message.content


def lost() -> dict:
    """Return the context window to which LlamaIndex cuts the texts of a prompt; for an unknown model, it is small."""
    return {"llm.metadata.context_window": llm.metadata.context_window}


if __name__ == "__main__":
    perform(question, stream, structured, tool, conversation, lost)
