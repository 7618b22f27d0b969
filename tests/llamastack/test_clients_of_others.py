"""Two third-party clients, where the pinned server differs from OpenAI's: chapters 2, 4, 7 and 8."""

import httpx
import pytest
from langchain_openai import ChatOpenAI
from openai import BadRequestError
from responses_live import PRICE_QUESTION, Live


def ends_in_a_nameless_call(live: Live, tool: dict[str, object]) -> bool:
    """Stream an answer with a server-side tool, and send it back. Returns whether that fails as the chapters say."""
    llm = ChatOpenAI(
        base_url=live.base_url, api_key="none", model=live.model, temperature=0, max_tokens=64, use_responses_api=True
    ).bind_tools([tool])
    first, *others = llm.stream(PRICE_QUESTION)
    message = sum(others, start=first)
    if [call["name"] for call in message.tool_calls + message.invalid_tool_calls] not in ([""], [None]):
        return False
    with pytest.raises(BadRequestError):
        llm.invoke([("human", PRICE_QUESTION), message, ("human", "Say it again.")])
    whole = llm.invoke(PRICE_QUESTION)
    assert not whole.tool_calls and llm.invoke([("human", PRICE_QUESTION), whole, ("human", "Say it again.")])
    return True


@pytest.mark.parametrize("kind", ["file_search", "mcp"])
def test_langchain_streams_a_call_of_the_servers_own_tool_without_a_name(kind: str, live: Live) -> None:
    (tool,) = getattr(live, kind)["tools"]
    assert ends_in_a_nameless_call(live, tool)


@pytest.mark.parametrize(("version", "status"), [("0.6.1", 200), ("0.6.9", 200), ("0.5.4", 426), ("0.7.1", 426)])
def test_llama_stack_client_has_to_be_of_the_servers_line(version: str, status: int, base_url: str) -> None:
    reply = httpx.get(f"{base_url}/models", headers={"X-LlamaStack-Client-Version": version})
    assert reply.status_code == status
    assert status == 200 or "is not compatible with server version" in reply.text
