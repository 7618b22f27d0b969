"""The upstreams that LlamaStack can pass requests to: OpenAI, Ollama, vLLM, TGI, or the embedded model."""

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
# For the hub that larger models are downloaded from.
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
_LONGEST_LIST = 10_000_000  # bytes


class Choice(StrEnum):
    """The values of `--upstream`. `auto` is every upstream whose variable is set, or else the embedded model."""

    auto = "auto"
    embedded = "embedded"
    openai = "openai"
    ollama = "ollama"
    vllm = "vllm"
    tgi = "tgi"


@dataclass(frozen=True)
class Upstream:
    """A model server outside the workshop.

    `provider_id` is its provider in run.yaml, `variable` switches that on, `key_variable` holds the key, if any,
    `start` is advice on how to start it, `usual` is the usual value of `variable` for a local server.
    """

    provider_id: str
    variable: str
    key_variable: str | None
    start: str
    usual: str | None = None

    def is_set(self) -> bool:
        return bool(os.environ.get(self.variable))

    def base_url(self) -> str:
        """Return the address that run.yaml gives to the provider; `/models` is below it."""
        if self.provider_id == "openai":
            return os.environ.get("OPENAI_BASE_URL") or OPENAI_URL
        return os.environ[self.variable]

    def how_to_unset(self) -> str:
        """Return advice on how to use the embedded model instead."""
        return f"unset {self.variable} (also in .env), and leave out the stack, to use the embedded model."

    def display_name(self) -> str:
        """Return this upstream's name in messages, without the key or a password in the address."""
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
    """Read `.env` from the repository; variables that are already set take precedence.

    Spaces around keys and addresses are removed, because they are invisible and no server accepts them.
    Raises WorkshopError if the file is not UTF-8 text, or cannot be read.
    """
    file = paths.ROOT / ".env"
    again = "Copy .env.example to .env, and set it there."
    if file.is_dir():
        # Container tools create a folder if a file to be mounted does not exist.
        raise WorkshopError(".env is a folder, not a file.", f"Remove the folder. {again}")
    try:
        load_dotenv(file, encoding="utf-8")
    except UnicodeDecodeError as error:
        line = file.read_bytes()[: error.start].count(b"\n") + 1
        raise WorkshopError(
            f".env, line {line}, is not text in UTF-8.", "Correct that line, or save the file as UTF-8."
        ) from error
    except PermissionError as error:
        raise WorkshopError(".env is not readable.", "Make it readable: chmod u+r .env") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it contains a character that is not allowed in a variable"
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
    """Return `choice`; or, if `model` is given, set WORKSHOP_MODEL in this process, and return `Choice.embedded`.

    Raises WorkshopError if `model` is given and `choice` is an upstream, which has its own models.
    """
    if not model:
        return choice
    if choice not in (Choice.auto, Choice.embedded):
        raise WorkshopError(
            f"--model {model} is for the embedded model, but --upstream is {choice}.",
            "Leave one of them out, and unset WORKSHOP_UPSTREAM.",
        )
    os.environ["WORKSHOP_MODEL"] = model
    return Choice.embedded


def choose_for_stack(name: str) -> Choice | None:
    """Return the upstream that the stack `name` is named after, as in vllm or ogx-1.5/vllm; None if there is none.

    Unless the upstream's variable is set, this sets it to the usual address in this process: the stack's configuration
    has the same default.
    """
    upstream = next((u for u in UPSTREAMS if u.provider_id == name.split("/")[-1]), None)
    if upstream is None:
        return None
    if upstream.usual and not upstream.is_set():
        os.environ[upstream.variable] = upstream.usual
    return Choice(upstream.provider_id)


def models(upstream: Upstream, timeout: float = 10) -> list[str]:
    """Return the ids of the models that `upstream` lists, within `timeout` seconds.

    Raises WorkshopError if it does not answer, rejects the key, or does not have OpenAI's API at this address.
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
        trouble = "reports a rate limit or an exhausted quota" if status == 429 else "has an internal error"
        raise WorkshopError(
            f"{upstream.display_name()} {trouble} (HTTP {status}).",
            f"Wait and try again, check its log or your account, or {upstream.how_to_unset()}",
        )
    try:
        answer.raise_for_status()
        return [model["id"] for model in json.loads(content)["data"]]
    except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, RecursionError) as error:
        address = upstream.base_url().rstrip("/")
        fix = f"Open {address}/models in a browser" if address.endswith("/v1") else f"Give {address}/v1"
        raise WorkshopError(
            f"{upstream.display_name()} answers, but has no list of models at /models (HTTP {status}).",
            f"{hidden(fix)}: it has to return OpenAI's list of models. Or {upstream.how_to_unset()}",
        ) from error


def _get(url: str, headers: dict[str, str], timeout: float) -> tuple[httpx.Response, bytes]:
    """Return the response and its body; raise httpx.HTTPError if it takes over `timeout` seconds, or is over 10 MB."""
    deadline, content = time.monotonic() + timeout, b""
    with httpx.stream("GET", url, headers=headers, timeout=timeout) as answer:
        for part in answer.iter_bytes():
            content += part
            if len(content) > _LONGEST_LIST:
                raise httpx.ReadError(f"its list of models is longer than {_LONGEST_LIST // 1_000_000} MB")
            if time.monotonic() > deadline:
                raise httpx.ReadTimeout(f"no complete answer within {timeout:.0f} s")
    return answer, content


def _headers(upstream: Upstream) -> dict[str, str]:
    key = os.environ.get(upstream.key_variable) if upstream.key_variable else None
    if not key:
        return {}
    if not (key.isascii() and key.isprintable()):
        raise WorkshopError(
            f"{upstream.key_variable} contains invalid characters, such as curly quotes.",
            f"Retype it in .env, without quotes, or {upstream.how_to_unset()}",
        )
    return {"Authorization": f"Bearer {key}"}


def switches() -> set[str]:
    """Return the variables that each switch an upstream on, including the embedded model's."""
    return {upstream.variable for upstream in UPSTREAMS} | {"LLAMA_CPP_URL"}


def secrets() -> set[str]:
    """Return the variables that hold keys, or addresses that may contain a password."""
    keys = {upstream.key_variable for upstream in UPSTREAMS if upstream.key_variable}
    return keys | {upstream.variable for upstream in UPSTREAMS} | {"OPENAI_BASE_URL", *HUB_TOKENS}


def default_choice() -> Choice:
    """Return the choice in WORKSHOP_UPSTREAM, or `auto`; raise WorkshopError if it is not an upstream."""
    wanted = os.environ.get("WORKSHOP_UPSTREAM") or Choice.auto
    try:
        return Choice(wanted)
    except ValueError:
        raise WorkshopError(
            f"WORKSHOP_UPSTREAM={wanted} is not an upstream.", f"Set it to one of: {', '.join(Choice)}"
        ) from None


def _put_key(upstream: Upstream) -> str:
    return f"Put a valid {upstream.key_variable} into .env" if upstream.key_variable else "Disable its authentication"


def _reason(error: Exception) -> str:
    # Their messages quote the invalid value, which may be a key or a password.
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return "not a URL; it has to start with http:// or https://"
    text = hidden(str(error))
    return text[:80] if text else type(error).__name__
