"""How LlamaStack handles a model server's errors: chapter 9 describes its retries, and the errors that clients get."""

from collections.abc import Iterator

import pytest
import yaml
from openai import APIStatusError, OpenAI
from upstream import STATUSES, Upstream, upstream

from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths


@pytest.fixture(scope="module")
def refusing(base_url: str, model: str) -> Iterator[tuple[OpenAI, Upstream]]:
    """A client without retries, for a server whose model server returns errors."""
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    with upstream(base_url, model) as seen:
        config = {"api_key": "none", "base_url": seen.base_url}
        provider = {"provider_id": "up", "provider_type": "remote::openai", "config": config}
        configuration["providers"]["inference"].append(provider)
        with throwaway_server(configuration, upstream_variables(base_url, model)) as server:
            assert server.error is None
            yield OpenAI(base_url=server.base_url, api_key="none", max_retries=0), seen


@pytest.mark.parametrize("status", STATUSES)
def test_responses_turn_each_refusal_into_a_500_and_chat_completions_pass_it_on(
    refusing: tuple[OpenAI, Upstream], status: int
) -> None:
    client, seen = refusing
    model = f"status-{status}"
    # After a failed request, the server closes the connection without announcing it.
    own = OpenAI(base_url=client.base_url, api_key="none", max_retries=0)
    with pytest.raises(APIStatusError) as by_responses:
        own.responses.create(model=f"up/{model}", input="Hello")
    *_, last = client.responses.create(model=f"up/{model}", input="Hello", stream=True)
    with pytest.raises(APIStatusError) as by_chat:
        client.chat.completions.create(model=f"up/{model}", messages=[{"role": "user", "content": "Hello"}])
    assert (by_responses.value.status_code, last.type, by_chat.value.status_code) == (500, "response.failed", status)
    assert "retry-after" not in {*by_responses.value.response.headers, *by_chat.value.response.headers}
    # One attempt for each of the three requests, or three.
    assert seen.asked[model] == (9 if status in (429, 500, 503) else 3)
