"""Clients that disconnect: LlamaStack continues to read from the model server, as described in chapter 9."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice

import pytest
import yaml
from openai import APITimeoutError, OpenAI
from upstream import Upstream, upstream

from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths

TOKENS = 80


@pytest.fixture(scope="module")
def counted(base_url: str, model: str) -> Iterator[tuple[OpenAI, Upstream]]:
    """A client of a server whose model server counts the lines that it writes."""
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    with upstream(base_url, model) as seen:
        config = {"api_key": "none", "base_url": seen.base_url}
        provider = {"provider_id": "up", "provider_type": "remote::openai", "config": config}
        configuration["providers"]["inference"].append(provider)
        with throwaway_server(configuration, upstream_variables(base_url, model)) as server:
            assert server.error is None
            yield OpenAI(base_url=server.base_url, api_key="none", max_retries=0), seen


def closed_stream(client: OpenAI, prompt: str) -> None:
    with client.responses.create(model="up/counted", input=prompt, max_output_tokens=TOKENS, stream=True) as stream:
        list(islice(stream, 8))


def timed_out(client: OpenAI, prompt: str) -> None:
    with suppress(APITimeoutError):
        client.with_options(timeout=0.3).responses.create(model="up/counted", input=prompt, max_output_tokens=TOKENS)


def closed_chat(client: OpenAI, prompt: str) -> None:
    messages = [{"role": "user", "content": prompt}]
    with client.chat.completions.create(
        model="up/counted", messages=messages, max_tokens=TOKENS, stream=True
    ) as stream:
        list(islice(stream, 4))


@pytest.mark.parametrize("vanish", [closed_stream, timed_out, closed_chat])
def test_the_model_writes_to_its_limit_for_a_client_that_has_gone(
    counted: tuple[OpenAI, Upstream], vanish: Callable[[OpenAI, str], None]
) -> None:
    client, seen = counted
    prompt = f"Write a long story about a ship that is called {vanish.__name__}."
    vanish(client, prompt)
    # A stream had sent about six tokens by then.
    written = seen.written[prompt]
    assert written < TOKENS / 2
    deadline = time.monotonic() + 60
    while prompt not in seen.ended and time.monotonic() < deadline:
        time.sleep(0.2)
    assert prompt in seen.ended and seen.written[prompt] >= TOKENS
