"""The parts of a stack as child processes: a LlamaStack server, and the embedded models."""

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path

import httpx

from llamastack_workshop.server import registry
from llamastack_workshop.server.embedded import weights
from llamastack_workshop.server.embedded.models import ChatModel
from llamastack_workshop.server.embedded.serve import READY
from llamastack_workshop.server.stacks import OURS, Server
from llamastack_workshop.system import environment, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.forked import Forked, Mould
from llamastack_workshop.system.processes import PYTHON_OPTIONS, Child, Spawned

MOULD = Mould("llamastack_workshop.server.mould", "WORKSHOP_MOULD", ("LLAMA_STACK_", "OGX_", "HF_"))
# Instrumentation for traces has to be loaded before the imports, and so do modules on a caller's PYTHONPATH.
_BEFORE_IMPORTS = ("OTEL_", "PYTHONPATH")

# The result of `last_error` if there is none.
NO_ERROR = "its log names no error."

_START_TIMEOUT = 180  # seconds; many times a cold start on a slow disk

# Variables that a server reads in addition to those in its file: for its log, traces, storage and models.
_SERVER_PREFIXES = ("LLAMA_STACK_", "OGX_", "OTEL_", "WORKSHOP_")
# Variables with these prefixes that are for clients.
_OF_CLIENTS = {"LLAMA_STACK_BASE_URL", "LLAMA_STACK_API_KEY"}
_SERVER_NAMES = ("SQLITE_STORE_DIR", "HF_HOME", "HF_HUB_OFFLINE")

# The option for each model's port, by the variable of run.yaml that holds the model's address.
_MODEL_OPTIONS = {
    "LLAMA_CPP_URL": "--chat-port",
    "EMBEDDINGS_URL": "--embeddings-port",
    "DRAFTS_URL": "--packaged-port",
}


def llama_stack(server: Server, port: int, log: Path, *, state: Path, variables: Mapping[str, str | None]) -> Child:
    """Return the process of a LlamaStack server for 127.0.0.1:`port`, which does its imports and then waits.

    `Child.send_line` lets it continue. It inherits the environment variables that its configuration names; `variables`
    override those, and None removes one. Its files in `state` are readable by their owner only.
    Raises WorkshopError if one of its databases is damaged or not writable.
    """
    chosen = server_environment(server, state=state, variables=variables)
    registry.check_databases(server.run_yaml, chosen)
    registry.forget_models(server.run_yaml, chosen)
    arguments = [str(server.run_yaml), "--port", str(port)]
    may_fork = server.python == OURS.python and not any(name.startswith(_BEFORE_IMPORTS) for name in chosen)
    if may_fork and (address := MOULD.address(chosen)):
        with suppress(OSError):
            return Forked(address, arguments, chosen, log)
    return Spawned(
        "llamastack_workshop.server.run_server",
        *arguments,
        environment=chosen,
        log=log,
        python=server.python,
        private=True,
    )


def server_environment(server: Server, *, state: Path, variables: Mapping[str, str | None]) -> dict[str, str]:
    """Return the environment variables of a LlamaStack server; see `llama_stack`."""
    inherited = environment.named([*server.variables(), *_SERVER_NAMES], _SERVER_PREFIXES)
    inherited = environment.without(_OF_CLIENTS - server.variables(), inherited)
    places = {
        "WORKSHOP_STATE": str(state),
        "TIKTOKEN_CACHE_DIR": str(weights.tokenizer_cache()),
    }
    return {name: value for name, value in {**inherited, **places, **variables}.items() if value is not None}


def diagnosed(server: Server, variables: Mapping[str, str], error: str) -> WorkshopError | None:
    """Return the problem with the file of `server`, or None if there is none: see `diagnosis`. This takes seconds.

    `variables` are the server's environment, `error` is its last error, or empty if it runs without a model.
    """
    # The diagnosis uses the installed line's registry of providers.
    if server.python != OURS.python:
        return None
    command = [str(server.python), "-m", "llamastack_workshop.server.diagnosis", str(server.run_yaml), error]
    with suppress(subprocess.SubprocessError, ValueError, IndexError):
        said = subprocess.run(command, env={**variables, **PYTHON_OPTIONS}, capture_output=True, timeout=60, check=True)
        if lines := json.loads(said.stdout.splitlines()[-1]):
            return WorkshopError(*lines)
    return None


def wait_for_version(server: Child, port: int) -> str | None:
    """Return the version of the LlamaStack server once it answers on `port`, or None if it ends first.

    Raises TimeoutError if it does neither within 180 s.
    """
    deadline = time.monotonic() + _START_TIMEOUT
    while (version := answering_version(port)) is None and server.running():
        if time.monotonic() > deadline:
            raise TimeoutError(f"Timed out waiting for the server: no answer within {_START_TIMEOUT} s.")
        time.sleep(0.1)
    return version if server.running() else None


def answering_version(port: int) -> str | None:
    """Return the version of the LlamaStack server that answers on `port`, or None."""
    # A waiting start polls ten times a second, and an HTTP client is slow to create.
    if ports.is_free(port):
        return None
    try:
        return httpx.get(f"http://{ports.HOST}:{port}/v1/version", timeout=3).json()["version"]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def embedded_models(
    numbers: Mapping[str, int], log: Path, say: Say, chat_model: ChatModel | None = None
) -> Iterator[Child]:
    """Serve embedded models until the end of the block, each on its port in `numbers`, which has variables as keys.

    The variables are LLAMA_CPP_URL (the chat model), EMBEDDINGS_URL, and DRAFTS_URL (the chat model as packaged).
    `chat_model` is a model that is not ours; without it, WORKSHOP_MODEL decides. `say` is called with a progress line
    for each step.
    Raises WorkshopError if they do not start.
    """
    arguments = [word for variable, port in numbers.items() for word in (_MODEL_OPTIONS[variable], str(port))]
    if chat_model:
        arguments += ["--chat-name", chat_model.name, "--chat-file", str(chat_model.path)]
    models = Spawned(
        "llamastack_workshop.server.embedded.serve",
        *arguments,
        environment=environment.named(["WORKSHOP_MODEL", "WORKSHOP_THREADS", "VERBOSE"]),
        log=log,
        read_output=True,
    )
    try:
        _wait_until_loaded(models, say)
        yield models
    finally:
        models.stop()


# An exception in a log, and the lines below it. OGX indents it as part of a table.
_EXCEPTION = re.compile(r"^( *)(?:[\w.]+\.)?(\w+(?:Error|Exception)): (.+)(?=((?:\n.+){0,2}))", re.MULTILINE)


def last_error(log: str) -> str:
    """Return the message of the last exception in a server's log, on one line."""
    found = list(_EXCEPTION.finditer(_with_tracebacks(log)))
    if not found:
        return NO_ERROR
    indent, kind, first, rest = found[-1].groups()
    below = rest.splitlines()[1:]
    # pydantic names the key on the second line, and the problem on the third.
    if kind == "ValidationError":
        said = ", ".join(line.strip() for line in [first, *below])
    # A table wraps a long message, with the same indentation.
    elif indent:
        same = takewhile(lambda line: re.match(rf"{indent}\S", line), below)
        said = " ".join(line.strip() for line in [first, *same])
    else:
        said = first.strip()
    return f"{kind}: {said}".split(" [type=")[0][:300]


def _with_tracebacks(log: str) -> str:
    """Return a log with its tracebacks as plain text, even if each of its lines is a JSON object."""
    if not log.lstrip().startswith("{"):
        return log
    entries = (json.loads(line) for line in log.splitlines() if line.startswith("{") and line.endswith("}"))
    return "\n".join(f"{entry.get('event', '')}\n{entry.get('exception', '')}" for entry in entries)


def _wait_until_loaded(models: Spawned, say: Say) -> None:
    for line in models.output:
        text = line.decode().strip()
        if text == READY:
            return
        say(text)
    log = models.log_text()
    # A WorkshopError that the process printed before it ended.
    if match := re.search(r"^Error: (.*)\n  Fix: (.*)$", log, re.MULTILINE):
        raise WorkshopError(*match.groups())
    # Messages of llama.cpp.
    if match := re.search(r"couldn't bind .* port: (\d+)", log):
        raise WorkshopError(f"Another program took port {match[1]} while the embedded models started.", "Try again.")
    if match := re.search(r"error loading model: (.+)$", log, re.MULTILINE):
        raise WorkshopError(
            f"llama.cpp cannot load the model: {match[1]}.",
            f"Download its file again, or choose another model. The log is {models.log}",
        )
    raise WorkshopError("The embedded model did not start.", f"Read {models.log}.")
