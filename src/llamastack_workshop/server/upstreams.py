"""Which model servers LlamaStack passes requests to: OpenAI, Ollama, vLLM, or the embedded model."""

import json
import os
import time
from dataclasses import dataclass
from enum import StrEnum

import httpx
from dotenv import load_dotenv

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.secrets import hidden

OPENAI_URL = "https://api.openai.com/v1"
# For the hub that larger models are fetched from.
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_LONGEST_LIST = 10_000_000  # bytes


class Choice(StrEnum):
    """What `--upstream` accepts. `auto` is every upstream whose variable is set, else the embedded model."""

    auto = "auto"
    embedded = "embedded"
    openai = "openai"
    ollama = "ollama"
    vllm = "vllm"
    tgi = "tgi"


@dataclass(frozen=True)
class Upstream:
    """A model server outside the workshop.

    `provider_id` is its provider in run.yaml, `variable` switches that on, `key_variable` holds the key where there
    is one, `start` says how to make it answer, `usual` is the value of `variable` for one on this machine.
    """

    provider_id: str
    variable: str
    key_variable: str | None
    start: str
    usual: str | None = None

    def is_set(self) -> bool:
        return bool(os.environ.get(self.variable))

    def base_url(self) -> str:
        """Return the address under which `/models` answers, as run.yaml gives it to the provider."""
        if self.provider_id == "openai":
            return os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        return os.environ[self.variable]

    def how_to_unset(self) -> str:
        """Return the advice for those who would rather not use this upstream."""
        return f"unset {self.variable} (also in .env), and name no stack, to use the embedded model."

    def display_name(self) -> str:
        """Return how messages name this upstream, without the key and without a password in the address."""
        address = hidden(self.base_url())
        return f"OpenAI at {address}" if self.provider_id == "openai" else f"{self.variable}={address}"


UPSTREAMS = (
    Upstream("openai", "OPENAI_API_KEY", "OPENAI_API_KEY", "Check the network and OPENAI_BASE_URL"),
    Upstream("ollama", "OLLAMA_URL", None, "Start it (ollama serve)", "http://localhost:11434/v1"),
    Upstream("vllm", "VLLM_URL", "VLLM_API_TOKEN", "Start it (vllm serve MODEL)", "http://localhost:8000/v1"),
    Upstream(
        "tgi",
        "TGI_URL",
        "TGI_API_KEY",
        "Start it (text-generation-launcher --model-id MODEL)",
        "http://localhost:8080/v1",
    ),
)


def load_dotenv_file() -> None:
    """Read `.env` from the repository; variables that are already set win.

    Blanks around keys and addresses, which nobody sees and no server takes, go.
    Raises WorkshopError if the file is not text in UTF-8, or cannot be read.
    """
    file = paths.ROOT / ".env"
    again = "Copy .env.example to .env, and set it there."
    if file.is_dir():
        # Container tools make one where a file is to be mounted that is not there.
        raise WorkshopError(".env is a folder, and no file.", f"Remove the folder. {again}")
    try:
        load_dotenv(file, encoding="utf-8")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise WorkshopError(
            f".env, line {line}, is not text in UTF-8.", "Write that line anew, or save the file as UTF-8."
        ) from error
    except PermissionError as error:
        raise WorkshopError(".env may not be read by this user.", "Let its owner read it: chmod u+r .env") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it holds a character that no variable can have"
        raise WorkshopError(f".env cannot be read: {reason}.", again) from error
    for name in secrets() & set(os.environ):
        os.environ[name] = os.environ[name].strip()


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
        if upstream.usual is None:
            fix = "Copy .env.example to .env and set OPENAI_API_KEY there, or use the embedded model."
        else:
            fix = f"Set it, for example {upstream.variable}={upstream.usual}"
        raise WorkshopError(f"{upstream.variable} is not set.", fix)
    return [upstream]


def choose_embedded(choice: Choice, model: str | None) -> Choice:
    """Return `choice`, or the embedded model where `model` says which; this sets WORKSHOP_MODEL in this process.

    Raises WorkshopError if `choice` is an upstream: it has models of its own.
    """
    if not model:
        return choice
    if choice not in (Choice.auto, Choice.embedded):
        raise WorkshopError(
            f"--model {model} is for the embedded model, and --upstream says {choice}.",
            "Leave one of them out, and unset WORKSHOP_UPSTREAM.",
        )
    os.environ["WORKSHOP_MODEL"] = model
    return Choice.embedded


def choose_for_stack(name: str) -> Choice | None:
    """Return the upstream after which the stack `name` is called, such as vllm or ogx-1.5/vllm, or None for the others.

    This sets the upstream's variable, in this process, to the usual address unless it has another already: the stack's
    own configuration has the same default.
    """
    upstream = next((u for u in UPSTREAMS if u.provider_id == name.split("/")[-1]), None)
    if upstream is None:
        return None
    if upstream.usual and not upstream.is_set():
        os.environ[upstream.variable] = upstream.usual
    return Choice(upstream.provider_id)


def models(upstream: Upstream, timeout: float = 10) -> list[str]:
    """Return the ids of the models that `upstream` lists, within `timeout` seconds.

    Raises WorkshopError if it does not answer, rejects the key, or does not speak OpenAI's API at this address.
    """
    url = upstream.base_url().rstrip("/") + "/models"
    try:
        answer, content = _get(url, _headers(upstream), timeout)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise WorkshopError(
            f"{upstream.display_name()} does not answer ({_reason(error)}).",
            f"{upstream.start}, or {upstream.how_to_unset()}",
        ) from error
    status = answer.status_code
    if status in (401, 403):
        raise WorkshopError(
            f"{upstream.display_name()} rejects the key (HTTP {status}).",
            f"{_put_key(upstream)}, or {upstream.how_to_unset()}",
        )
    if status == 429 or status >= 500:
        trouble = "has had too many requests, or your account has no credit left" if status == 429 else "is in trouble"
        raise WorkshopError(
            f"{upstream.display_name()} {trouble} (HTTP {status}).",
            f"Wait and try again, look at its own log or account, or {upstream.how_to_unset()}",
        )
    try:
        answer.raise_for_status()
        return [model["id"] for model in json.loads(content)["data"]]
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, RecursionError) as error:
        address = upstream.base_url().rstrip("/")
        fix = f"Look at {address}/models in a browser" if address.endswith("/v1") else f"Give {address}/v1"
        raise WorkshopError(
            f"{upstream.display_name()} answers, but has no list of models at /models (HTTP {status}).",
            f"{hidden(fix)}: there has to be OpenAI's list of models. Or {upstream.how_to_unset()}",
        ) from error


def _get(url: str, headers: dict[str, str], timeout: float) -> tuple[httpx.Response, bytes]:
    """Return the answer and its content; raise httpx.HTTPError if it takes over `timeout` s, or is over 10 MB."""
    deadline, content = time.monotonic() + timeout, b""
    with httpx.stream("GET", url, headers=headers, timeout=timeout) as answer:
        for part in answer.iter_bytes():
            content += part
            if len(content) > _LONGEST_LIST:
                raise httpx.ReadError(f"its list of models is longer than {_LONGEST_LIST // 1_000_000} MB")
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"no whole answer within {timeout:.0f} s")
    return answer, content


def _headers(upstream: Upstream) -> dict[str, str]:
    key = os.environ.get(upstream.key_variable) if upstream.key_variable else None
    if not key:
        return {}
    if not (key.isascii() and key.isprintable()):
        raise WorkshopError(
            f"{upstream.key_variable} holds characters that no key has, such as curly quotes.",
            f"Type it anew in .env, without quotes, or {upstream.how_to_unset()}",
        )
    return {"Authorization": f"Bearer {key}"}


def switches() -> set[str]:
    """Return the variables each of which switches an upstream on, the embedded model's included."""
    return {upstream.variable for upstream in UPSTREAMS} | {"LLAMA_CPP_URL"}


def secrets() -> set[str]:
    """Return the variables that hold keys, or addresses that may have a password in them."""
    keys = {upstream.key_variable for upstream in UPSTREAMS if upstream.key_variable}
    return keys | {upstream.variable for upstream in UPSTREAMS} | {"OPENAI_BASE_URL", *HUB_TOKENS}


def default_choice() -> Choice:
    """Return what WORKSHOP_UPSTREAM says; raises WorkshopError if that is not a choice."""
    wanted = os.environ.get("WORKSHOP_UPSTREAM") or Choice.auto
    try:
        return Choice(wanted)
    except ValueError:
        raise WorkshopError(
            f"WORKSHOP_UPSTREAM={wanted} is not an upstream.", f"Give one of: {', '.join(Choice)}"
        ) from None


def _put_key(upstream: Upstream) -> str:
    return f"Put a valid {upstream.key_variable} into .env" if upstream.key_variable else "Let it in without a key"


def _reason(error: Exception) -> str:
    # Their messages quote what is wrong, which may be a key or a password.
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return "that is not an address; one begins with http:// or https://"
    text = hidden(str(error))
    return text[:80] if text else type(error).__name__
