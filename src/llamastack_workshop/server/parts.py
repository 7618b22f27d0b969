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
# What instruments a server for its traces has to come before the imports, and so has what a caller's PYTHONPATH brings.
_BEFORE_IMPORTS = ("OTEL_", "PYTHONPATH")

# What `last_error` returns where there is none.
NO_ERROR = "its log names no error."

_START_TIMEOUT = 180  # seconds; a cold start on a slow disk, many times over

# Beyond what its file names, a server reads these: its log, its traces, where it stores and where models are.
_SERVER_PREFIXES = ("LLAMA_STACK_", "OGX_", "OTEL_", "WORKSHOP_")
# Some with such a beginning are for its clients.
_OF_CLIENTS = {"LLAMA_STACK_BASE_URL", "LLAMA_STACK_API_KEY"}
_SERVER_NAMES = ("SQLITE_STORE_DIR", "HF_HOME", "HF_HUB_OFFLINE")

# What llama.cpp's process is told, by the variable of run.yaml that names the address of each model.
_MODEL_OPTIONS = {
    "LLAMA_CPP_URL": "--chat-port",
    "EMBEDDINGS_URL": "--embeddings-port",
    "DRAFTS_URL": "--packaged-port",
}


def llama_stack(server: Server, port: int, log: Path, *, state: Path, variables: Mapping[str, str | None]) -> Child:
    """Return the process of a LlamaStack server for 127.0.0.1:`port`, which imports what it needs and then waits.

    `Child.send_line` lets it go on. It gets our environment variables that its configuration names; `variables` win
    over those, and None takes one away. What it keeps in `state`, its owner alone may read.
    Raises WorkshopError if a database that it stores in is damaged, or cannot be written to.
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
    """Return what is wrong with the file of `server`, or None if nothing is found: see `diagnosis`; this takes seconds.

    `variables` are the server's environment, `error` is what it said last, or nothing if it runs without a model.
    """
    # The tables of providers are those of the installed line.
    if server.python != OURS.python:
        return None
    command = [str(server.python), "-m", "llamastack_workshop.server.diagnosis", str(server.run_yaml), error]
    with suppress(subprocess.SubprocessError, ValueError, IndexError):
        said = subprocess.run(command, env={**variables, **PYTHON_OPTIONS}, capture_output=True, timeout=60, check=True)
        if lines := json.loads(said.stdout.splitlines()[-1]):
            return WorkshopError(*lines)
    return None


def wait_for_version(server: Child, port: int) -> str | None:
    """Return the version of the LlamaStack server once it answers on `port`, or None if it ends before.

    Raises TimeoutError if it does neither.
    """
    deadline = time.monotonic() + _START_TIMEOUT
    while (version := answering_version(port)) is None and server.running():
        if time.monotonic() > deadline:
            raise TimeoutError(f"The server did not answer in {_START_TIMEOUT} s.")
        time.sleep(0.1)
    return version if server.running() else None


def answering_version(port: int) -> str | None:
    """Return the version of the LlamaStack server that answers on `port`, or None."""
    # A waiting start asks ten times a second, and an HTTP client is slow to make.
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
    """Serve embedded models until the end of the block, each on the port that `numbers` has for its variable.

    The variables are LLAMA_CPP_URL (the chat model), EMBEDDINGS_URL, and DRAFTS_URL (the chat model as its package
    carries it). `chat_model` is one that is not ours; without it, WORKSHOP_MODEL chooses. `say` gets a line about each
    step.
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


# An exception in a log, and the lines below it. OGX indents it, because its message is part of a table.
_EXCEPTION = re.compile(r"^( *)(?:[\w.]+\.)?(\w+(?:Error|Exception)): (.+)(?=((?:\n.+){0,2}))", re.MULTILINE)


def last_error(log: str) -> str:
    """Return what the last exception in a server's log says, on one line."""
    found = list(_EXCEPTION.finditer(_with_tracebacks(log)))
    if not found:
        return NO_ERROR
    indent, kind, first, rest = found[-1].groups()
    below = rest.splitlines()[1:]
    # pydantic says which key on the second line and what is wrong with it on the third.
    if kind == "ValidationError":
        said = ", ".join(line.strip() for line in [first, *below])
    # A table breaks a long message, and indents the rest of it as far.
    elif indent:
        same = takewhile(lambda line: re.match(rf"{indent}\S", line), below)
        said = " ".join(line.strip() for line in [first, *same])
    else:
        said = first.strip()
    return f"{kind}: {said}".split(" [type=")[0][:300]


def _with_tracebacks(log: str) -> str:
    """Return a log with its tracebacks as text, also where each line of it is a JSON object."""
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
    # The two lines of an error of ours that the process printed before it ended, if it did.
    if match := re.search(r"^Error: (.*)\n  Fix: (.*)$", log, re.MULTILINE):
        raise WorkshopError(*match.groups())
    # What llama.cpp says.
    if match := re.search(r"couldn't bind .* port: (\d+)", log):
        raise WorkshopError(f"Another program took port {match[1]} while the embedded models started.", "Try again.")
    if match := re.search(r"error loading model: (.+)$", log, re.MULTILINE):
        raise WorkshopError(
            f"llama.cpp cannot load the model: {match[1]}.",
            f"Fetch its file anew, or choose another model. The log is {models.log}",
        )
    raise WorkshopError("The embedded model did not start.", f"Read {models.log}.")
