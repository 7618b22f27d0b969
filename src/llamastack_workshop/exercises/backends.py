"""Checks of chapter 18, One API over many backends."""

from collections.abc import Callable
from typing import Any

from llamastack_workshop.exercises.check import call, exercise, given, of_type, require
from llamastack_workshop.exercises.filling_in import filled_in, options_of, plain, variables_in
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.exercises.relay import relay

questions = QuickCheck(__name__)

_PASS_EVERYTHING_ON = {"remote::openai", "remote::vllm", "remote::llama-cpp-server"}
_KEYS = {"remote::vllm": "api_token"}  # the others call it api_key
_ADDRESS = "http://tgi.example.com:3000/v1"


@exercise
def stop_probe(function: Callable[[str, str], bool], base_url: str, model: str) -> str:
    """Check that `function(url, name)` distinguishes a server that honours `stop` from one that drops it."""
    # Separate servers, to catch answers with the chapter's address and model hard-coded.
    name = f"relayed/{model}"

    def honours(body: dict[str, Any]) -> dict[str, Any]:
        return body | {"model": model} if "model" in body else body

    def drops(body: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in honours(body).items() if key != "stop"}

    for change, right in ((honours, True), (drops, False)):
        with relay(base_url, change) as server:
            verdict = call(function, server.base_url, name, kind=bool, wanted="True or False")
        require(server.asked, f"your probe sent no request to {server.base_url}, the `url` that it was given.")
        posted = [body for body in server.asked if "model" in body]
        require(all(body["model"] == name for body in posted), "your probe asks for another model than `name`.")
        require(any(body.get("stop") for body in posted), "your probe sends no `stop` to the server.")
        require(
            verdict or not right,
            "this server honours `stop`, but your probe returns False: does the answer contain the word?",
        )
        require(
            right or not verdict,
            "your probe returns True for a server that never sees `stop`: send a request without it too, and compare "
            "the answers.",
        )
    return "True for a relay in front of your server, and False for one that removes `stop`"


@exercise
def tgi_provider(block: dict[str, Any]) -> str:
    """Check a provider for TGI at TGI_URL: off if that is not set, and of a type with which a server starts.

    LlamaStack's own function substitutes the variables.
    """
    block = of_type(plain(given(block)), dict, "give the provider as a dictionary")
    for key in ("provider_id", "provider_type", "config"):
        require(block.get(key), f"the block has no `{key}`.")
    kind, config = block["provider_type"], of_type(block["config"], dict, "`config` is a dictionary")
    require(kind != "remote::tgi", "no server starts with remote::tgi; use a type for any server with OpenAI's API.")
    require(
        kind in _PASS_EVERYTHING_ON,
        f"use a provider type that passes everything on: {', '.join(sorted(_PASS_EVERYTHING_ON))}, not {kind}.",
    )
    for option in config:
        require(option in options_of(kind), f"{kind} has no option {option!r}, and ignores it.")
    require(config.get("base_url"), "`config` has no `base_url`.")

    off, on = filled_in(block), filled_in(block, TGI_URL=_ADDRESS)
    require(
        not off,
        f"if TGI_URL is not set, this provider is on, as {off.get('provider_id')!r}; "
        "`${env.NAME:+value}` is empty if NAME is not set.",
    )
    require(on, "if TGI_URL is set, this provider is off.")
    require(on["provider_id"] == "tgi", f"if TGI_URL is set, the id is {on['provider_id']!r}, not 'tgi'.")
    found = str(on["config"]["base_url"])
    require(
        found.rstrip("/") == _ADDRESS,
        f"if TGI_URL is {_ADDRESS}, `base_url` is {found}; `${{env.TGI_URL:=value}}` follows the variable.",
    )
    _has_values(kind, config)
    return f"{kind}, at TGI_URL, and off if that is not set"


def _has_values(kind: str, config: dict[str, Any]) -> None:
    """Raise NotYet unless the address, and the key if it is needed, have a value without their variables."""
    name = _KEYS.get(kind, "api_key")
    # An id that is always on, to see the values that a server reads if TGI_URL is not set.
    always_on = {"provider_id": "tgi", "config": config}
    unset = filled_in(always_on)["config"]
    require(
        str(unset["base_url"]).startswith(("http://", "https://")),
        f"if TGI_URL is not set, `base_url` is {unset['base_url']!r}: give a default address.",
    )
    require(kind != "remote::openai" or unset.get(name), "without an `api_key`, remote::openai lists no models.")
    if name in config:
        own = variables_in(config[name]) - {"TGI_URL"}
        require(own, f"read `{name}` from its own variable, as `${{env.TGI_API_KEY:=none}}`.")
        key = filled_in(always_on, **dict.fromkeys(own, "hf_of_yours"))["config"][name]
        require(key == "hf_of_yours", f"if {', '.join(sorted(own))} is 'hf_of_yours', `{name}` is {key!r}.")
