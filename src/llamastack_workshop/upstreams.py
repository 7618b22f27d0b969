"""Which model servers LlamaStack passes requests to: OpenAI, Ollama, vLLM, or the embedded model."""

import os
from dataclasses import dataclass
from enum import StrEnum

import httpx
from dotenv import load_dotenv

from llamastack_workshop import paths
from llamastack_workshop.errors import WorkshopError

OPENAI_URL = "https://api.openai.com/v1"


class Choice(StrEnum):
    """What `--upstream` accepts. `auto` is every upstream whose variable is set, else the embedded model."""

    auto = "auto"
    embedded = "embedded"
    openai = "openai"
    ollama = "ollama"
    vllm = "vllm"


@dataclass(frozen=True)
class Upstream:
    """A model server outside the workshop.

    `provider_id` is its provider in run.yaml, `variable` switches that on, `start` says how to make it answer.
    """

    provider_id: str
    variable: str
    start: str

    def is_set(self) -> bool:
        return bool(os.environ.get(self.variable))

    def base_url(self) -> str:
        """Return the address under which `/models` answers, as run.yaml gives it to the provider."""
        if self.provider_id == "openai":
            return os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        return os.environ[self.variable]

    def key_variable(self) -> str:
        """Return the variable that holds the key, where the upstream wants one."""
        return "OPENAI_API_KEY" if self.provider_id == "openai" else "VLLM_API_TOKEN"

    def do_without(self) -> str:
        """Return the advice for those who would rather not use this upstream."""
        return f"unset {self.variable} (also in .env) to use the embedded model."

    def shown(self) -> str:
        """Return how messages name this upstream. It never contains the key."""
        return f"OpenAI at {self.base_url()}" if self.provider_id == "openai" else f"{self.variable}={self.base_url()}"


UPSTREAMS = (
    Upstream("openai", "OPENAI_API_KEY", "Check the network and OPENAI_BASE_URL"),
    Upstream("ollama", "OLLAMA_URL", "Start it (ollama serve)"),
    Upstream("vllm", "VLLM_URL", "Start it (vllm serve MODEL)"),
)


def load_dotenv_file() -> None:
    """Read `.env` from the repository; variables that are already set win."""
    load_dotenv(paths.ROOT / ".env")


def chosen(choice: Choice) -> list[Upstream]:
    """Return the upstreams to use; an empty list means the embedded chat model.

    Raises WorkshopError if `choice` names one whose variable is not set.
    """
    if choice is Choice.embedded:
        return []
    if choice is Choice.auto:
        return [upstream for upstream in UPSTREAMS if upstream.is_set()]
    upstream = next(u for u in UPSTREAMS if u.provider_id == choice)
    if not upstream.is_set():
        fix = {
            "openai": "Copy .env.example to .env and set OPENAI_API_KEY there, or leave out --upstream openai.",
            "ollama": "Set it, for example OLLAMA_URL=http://localhost:11434/v1",
            "vllm": "Set it, for example VLLM_URL=http://localhost:8000/v1",
        }[choice]
        raise WorkshopError(f"{upstream.variable} is not set.", fix)
    return [upstream]


def models(upstream: Upstream, timeout: float = 10) -> list[str]:
    """Return the ids of the models that `upstream` lists, within `timeout` seconds.

    Raises WorkshopError if it does not answer, rejects the key, or does not speak OpenAI's API at this address.
    """
    url = upstream.base_url().rstrip("/") + "/models"
    # Ollama takes no key, and would ignore one.
    key = os.environ.get(upstream.key_variable())
    headers = {"Authorization": f"Bearer {key}"} if key and upstream.provider_id != "ollama" else {}
    try:
        answer = httpx.get(url, headers=headers, timeout=timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WorkshopError(
            f"{upstream.shown()} does not answer ({_reason(error)}).", f"{upstream.start}, or {upstream.do_without()}"
        ) from error
    if answer.status_code in (401, 403):
        raise WorkshopError(
            f"{upstream.shown()} rejects the key (HTTP {answer.status_code}).",
            f"Put a valid {upstream.key_variable()} into .env, or {upstream.do_without()}",
        )
    try:
        return [model["id"] for model in answer.raise_for_status().json()["data"]]
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError) as error:
        raise WorkshopError(
            f"{upstream.shown()} answers, but has no list of models at {url} (HTTP {answer.status_code}).",
            f"Give the address that ends in /v1, for example {upstream.base_url().rstrip('/').removesuffix('/v1')}/v1",
        ) from error


def environment(active: list[Upstream]) -> dict[str, str]:
    """Return this process's environment without the variables of upstreams that are not `active`."""
    off = {upstream.variable for upstream in UPSTREAMS} - {upstream.variable for upstream in active}
    # An upstream of its own that the user did not ask for would be one more provider in the list.
    off.add("LLAMA_CPP_URL")
    return {name: value for name, value in os.environ.items() if name not in off}


def _reason(error: Exception) -> str:
    text = str(error)
    return text[:80] if text else type(error).__name__
