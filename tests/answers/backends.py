"""Answers to the exercises of chapter 18, One API over many backends."""

from collections.abc import Callable
from typing import Any

import httpx
from openai import OpenAI

from answers import Answer, Server
from llamastack_workshop.exercises import backends as check

type Probe = Callable[[str, str], Any]
QUESTION = {"role": "user", "content": "What is the capital of France?"}


def said(url: str, name: str, **parameters: Any) -> str:
    body = {"model": name, "messages": [QUESTION], "max_tokens": 16, "temperature": 0, **parameters}
    answer = httpx.post(f"{url}/chat/completions", json=body, timeout=120).raise_for_status()
    return answer.json()["choices"][0]["message"]["content"]


class FirstWord:
    """Uses the first word as `stop`, with OpenAI's client, and requires the answer to be empty."""

    def __call__(self, url: str, name: str) -> bool:
        client = OpenAI(base_url=url, api_key="none")
        asked: Any = {"model": name, "messages": [QUESTION], "max_tokens": 16, "temperature": 0}
        whole = client.chat.completions.create(**asked).choices[0].message.content or ""
        stream = client.chat.completions.create(**asked, stop=whole.split()[0], stream=True)
        return not "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices).strip()


def completed(url: str, name: str) -> bool:
    """Return whether `stop` cuts the text of the older completions API in the middle."""
    client = OpenAI(base_url=url, api_key="none")
    asked: Any = {"model": name, "prompt": "The capital of France is", "max_tokens": 12, "temperature": 0}
    whole = client.completions.create(**asked).choices[0].text
    return client.completions.create(**asked, stop=[whole[3:8]]).choices[0].text != whole


def compared(url: str, name: str) -> bool:
    whole = said(url, name)
    cut = said(url, name, stop=[whole.split()[-1], "another"])
    return len(cut) < len(whole)


def ends_by_itself(url: str, name: str) -> bool:
    body = {"model": name, "messages": [QUESTION], "max_tokens": 32, "stop": ["Paris"]}
    answer = httpx.post(f"{url}/chat/completions", json=body, timeout=120).json()
    return answer["choices"][0]["finish_reason"] == "stop"


def tgi_block(**changed: Any) -> dict[str, Any]:
    config = {"base_url": "${env.TGI_URL:=http://localhost:8080/v1}", "api_key": "${env.TGI_API_KEY:=none}"}
    return {"provider_id": "${env.TGI_URL:+tgi}", "provider_type": "remote::openai", "config": config} | changed


def configured(**changed: Any) -> dict[str, Any]:
    return tgi_block(config=tgi_block()["config"] | changed)


def keyless(kind: str, **more: Any) -> dict[str, Any]:
    """Return a block for a kind of provider that requires no key."""
    return tgi_block(provider_type=kind, config={"base_url": "${env.TGI_URL:=http://tgi:3000/v1}", **more})


def probe(style: str, make: Callable[[Server], Probe], message: str = "") -> Answer:
    return Answer(check.stop_probe, style, lambda server: [make(server), server.base_url, server.model], message)


def block(style: str, given: Any, message: str = "") -> Answer:
    return Answer(check.tgi_provider, style, lambda server: [given], message)


RIGHT = [
    probe("a class with OpenAI's client and a stream", lambda server: FirstWord()),
    probe("completions, and a stop in a word", lambda server: completed),
    probe("two words, and the lengths", lambda server: compared),
    block("no key for llama.cpp's kind", keyless("remote::llama-cpp-server")),
    block("vLLM's kind with a token", keyless("remote::vllm", api_token="${env.HF_TOKEN:=}")),
    block("another name for the key", configured(api_key="${env.TGI_KEY:=unused}")),
]

WRONG = [
    probe("a blank that returns None", lambda server: lambda url, name: None, "there is no answer yet"),
    probe("a text", lambda server: lambda url, name: said(url, name, stop=["Paris"]), "should return True or False"),
    probe("always True", lambda server: lambda url, name: True, "sent no request"),
    probe("knows the address", lambda server: lambda url, name: url == server.base_url, "the `url` that it was given"),
    probe(
        "another server",
        lambda server: lambda url, name: "Paris" not in said(server.base_url, server.model, stop=["Paris"]),
        "the `url` that it was given",
    ),
    probe(
        "another model",
        lambda server: lambda url, name: "Paris" not in said(url, server.model, stop=["Paris"]),
        "asks for another model than `name`",
    ),
    probe("sends no stop", lambda server: lambda url, name: bool(said(url, name)), "sends no `stop`"),
    probe(
        "takes a 200 for a sign",
        lambda server: lambda url, name: bool(said(url, name, stop=["no such word"])),
        "a server that never sees `stop`",
    ),
    probe("an answer that ends by itself", lambda server: ends_by_itself, "a server that never sees `stop`"),
    probe(
        "the wrong way round",
        lambda server: lambda url, name: "Paris" in said(url, name, stop=["Paris"]),
        "this server honours `stop`, but your probe returns False",
    ),
    block("in a list", [tgi_block()], "give the provider as a dictionary, not a list"),
    block("TGI's own kind", tgi_block(provider_type="remote::tgi"), "no server starts with remote::tgi"),
    block("another kind", tgi_block(provider_type="remote::passthrough"), "not remote::passthrough"),
    block("always on", tgi_block(provider_id="tgi"), "if TGI_URL is not set, this provider is on, as 'tgi'"),
    block("the address as the id", tgi_block(provider_id="${env.TGI_URL:=}"), "the id is 'http://tgi.example.com"),
    block("another id", tgi_block(provider_id="${env.TGI_URL:+openai}"), "the id is 'openai', not 'tgi'"),
    block(
        "on with the key", tgi_block(provider_id="${env.TGI_API_KEY:+tgi}"), "if TGI_URL is set, this provider is off"
    ),
    block(
        "an address of its own", configured(base_url="http://localhost:8080/v1"), "`base_url` is http://localhost:8080"
    ),
    block(
        ":+ in the address",
        configured(base_url="${env.TGI_URL:+http://localhost:8080/v1}"),
        "`base_url` is http://localhost:8080/v1; `${env.TGI_URL:=value}` follows the variable",
    ),
    block("/v1 twice", configured(base_url="${env.TGI_URL:=http://localhost:8080}/v1"), "`base_url` is http://tgi.exa"),
    block("no default for the address", configured(base_url="${env.TGI_URL}"), "no server starts if TGI_URL is not"),
    block(
        "no address without it", configured(base_url="${env.TGI_URL:=}"), "`base_url` is None: give a default address"
    ),
    block(
        "no default for the key",
        configured(api_key="${env.TGI_API_KEY}"),
        "no server starts if TGI_API_KEY is not set: give `api_key` a default",
    ),
    block("an empty key", configured(api_key="${env.TGI_API_KEY:=}"), "lists no models"),
    block("no key", keyless("remote::openai"), "lists no models"),
    block("a key in the file", configured(api_key="hf_secret"), "read `api_key` from its own variable"),
    block("the address as the key", configured(api_key="${env.TGI_URL:=none}"), "from its own variable"),
    block("the other name of the key", keyless("remote::vllm", api_key="${env.K:=none}"), "has no option 'api_key'"),
    block("no config", tgi_block(config={}), "has no `config`"),
]
