"""Start and stop the whole stack: the embedded models, and a LlamaStack server in front of them."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import yaml
from filelock import FileLock, Timeout

from llamastack_workshop.server import lines, old_names, parts, registry, run_yaml, stacks, upstreams
from llamastack_workshop.server.embedded import models as embedded
from llamastack_workshop.server.lines import Line
from llamastack_workshop.server.run_yaml import RunYaml
from llamastack_workshop.server.stacks import FOLDER, OURS, Server
from llamastack_workshop.system import files, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Child, wait_for_first_end

# The space for a server's state (at its start, and for some hundred responses) and for its logs, in bytes.
_STATE_SIZE = 20_000_000
_LOGS_SIZE = 1_000_000

# Database drivers that the lab does not install: the module and the package for each type of backend.
_DRIVERS = {"kv_postgres": ("psycopg2", "psycopg2-binary"), "sql_postgres": ("asyncpg", "asyncpg")}


# The wording of errors if the system, or SQLite, cannot write.
_REFUSED = re.compile(
    r"(?i)no space left|disk is full|quota exceeded|read-?only (file|database)|readonly|permission denied"
)


@dataclass(frozen=True)
class Stack:
    """A running LlamaStack server: its address, the ids of the language models that it lists, its version.

    `addresses` are those of its embedded models, by the variable of run.yaml that holds each;
    `children` are the processes, the server first.
    """

    url: str
    models: list[str]
    version: str
    addresses: dict[str, str]
    state: Path
    children: list[Child]

    @property
    def base_url(self) -> str:
        """The `base_url` for OpenAI clients."""
        return f"{self.url}/v1"

    @property
    def line(self) -> Line:
        """The release line of its version."""
        return lines.of_version(self.version)

    def variables(self) -> dict[str, str]:
        """Return the environment variables that lead notebooks and tests to this server and its parts."""
        places = {"LLAMA_STACK_BASE_URL": self.base_url, "WORKSHOP_STATE": str(self.state)}
        return {**self.addresses, **places, lines.VARIABLE: self.line.stack}

    def wait(self) -> None:
        """Block until the server or the embedded models end by themselves, then raise WorkshopError."""
        ended = wait_for_first_end(self.children)
        raise WorkshopError("A part of the stack ended by itself.", f"Start again; the reason is in {ended.log}")


@contextmanager
def running_stack(
    say: Say,
    *,
    port: int = paths.DEFAULT_PORT,
    upstream: upstreams.Choice | None = None,
    server: Server = OURS,
    state: Path | None = None,
    logs: Path | None = None,
) -> Iterator[Stack]:
    """Start the stack on 127.0.0.1:`port`, yield it once it serves a language model, and stop it after the block.

    `say` is called with a progress line for each step. Without `upstream`, WORKSHOP_UPSTREAM decides. `server` is the
    server to start; the embedded models run if its configuration refers to them. `state` and `logs` are the folders
    for its data and its logs.
    Raises WorkshopError if the stack cannot start.
    """
    active = upstreams.chosen(upstream or upstreams.default_choice())
    file = check_run_yaml(server)
    check_drivers(server)
    if "WORKSHOP_HOST" in server.variables() and (host := ports.listening_host()) != ports.HOST:
        say(f"The server listens on {host} (WORKSHOP_HOST): anyone who can reach its port can use it.")
    if not (file.content.get("server") or {}).get("host"):
        say(f"{file.name} has no `host` under `server`: anyone who can reach this machine can use the server.")
        say("To restrict it to this machine, set `host: 127.0.0.1` there.")
    active = [one for one in active if one.variable in server.variables()]
    check_port(port, server.line)
    if active and os.environ.get("WORKSHOP_MODEL"):
        say(f"{active[0].variable} is set, so WORKSHOP_MODEL is not used. To use it: --upstream embedded")
    for one in active:
        say(f"Checking {one.display_name()} …")
        upstreams.models(one)
    state, logs = state or stacks.state(port, server.line), logs or paths.logs(port)
    # Prompts and answers are stored in plain text, so no other user of this machine may read them.
    files.require_space(state, _STATE_SIZE)
    files.require_space(logs, _LOGS_SIZE)
    files.private_folder(state)

    numbers = _embedded_ports(port, server, with_chat=not active)
    # Here, a download can show its progress, and no process has to wait for it yet.
    foreign = embedded.chat_model(say) if "LLAMA_CPP_URL" in numbers and not embedded.is_ours() else None
    addresses = {variable: f"http://{ports.HOST}:{number}/v1" for variable, number in numbers.items()}
    off = upstreams.switches() - {one.variable for one in active}
    variables = {**dict.fromkeys(off), **addresses}
    with ExitStack() as cleanup:
        cleanup.enter_context(_alone_in(state, port))
        started = server
        if (active or foreign) and server.run_yaml in (OURS.run_yaml, *FOLDER.rglob("*.yaml")):
            started = replace(server, run_yaml=state / server.run_yaml.name)
            files.write_whole(started.run_yaml, run_yaml.without_short_texts(file))
        process = parts.llama_stack(started, port, logs / "llama-stack.log", state=state, variables=variables)
        cleanup.callback(process.stop)
        children = [process]
        if numbers:
            served = parts.embedded_models(numbers, logs / "embedded.log", say, foreign)
            children.append(cleanup.enter_context(served))
        say(f"Starting the {server.line.product} server …")
        process.send_line("go")
        environment = parts.server_environment(server, state=state, variables=variables)
        version = _require_version(process, port, server, environment)
        url = f"http://localhost:{port}"
        models = _require_language_models(url, process.log, server, environment)
        yield Stack(url, models, version, addresses, state, children)


@contextmanager
def _alone_in(state: Path, port: int) -> Iterator[None]:
    """Lock the folder `state` against other servers during the block; the lock ends with this process.

    Raises WorkshopError if another server uses it, or is about to.
    """
    lock = FileLock(state / "server.lock", timeout=0, mode=0o600)
    try:
        lock.acquire()
    except Timeout:
        other_port = f"or choose another port: --port {port + 10}"
        fix = f"Wait until it answers, and use that one, {other_port}"
        if os.environ.get("WORKSHOP_STATE"):
            fix = "Use that one, or unset WORKSHOP_STATE, which sets the folder."
        raise WorkshopError(f"Another server keeps its state in {state}, or is about to start.", fix) from None
    try:
        yield
    finally:
        lock.release()


def check_run_yaml(server: Server) -> RunYaml:
    """Return the configuration of `server`; raise WorkshopError if it is invalid, or for another release."""
    file = run_yaml.read(server.run_yaml)
    # The files for other lines, all of them in stacks/, use those lines' names.
    if server.python == OURS.python:
        old_names.check(file, os.environ)
        run_yaml.check_top(file)
        _check_external_providers(file)
    return file


def _check_external_providers(file: RunYaml) -> None:
    folder = registry.resolved(file.content.get("external_providers_dir") or "", os.environ)
    # A server would create a missing folder, and then not find the providers in it.
    if folder and not Path(folder).expanduser().is_dir():
        raise WorkshopError(
            f"{file.name}, line {file.lines['external_providers_dir',]}: external_providers_dir is no folder: {folder}",
            "Remove that line and the providers that come from the folder, or create the folder with them.",
        )


def check_drivers(server: Server) -> None:
    """Raise WorkshopError if the driver of a database of `server` is missing: it would start, and store nothing."""
    if server.python != OURS.python:
        return
    types = set()
    # If the file has another structure, the server reports the problem.
    with suppress(AttributeError):
        storage = yaml.safe_load(server.run_yaml.read_text(encoding="utf-8")).get("storage") or {}
        types = {backend.get("type") for backend in (storage.get("backends") or {}).values()}
    missing = sorted(package for kind, (module, package) in _DRIVERS.items() if kind in types and not find_spec(module))
    if missing:
        raise WorkshopError(
            f"{server.run_yaml.name} uses Postgres, whose driver is not installed: {', '.join(missing)}.",
            f"Run: scripts/uv pip install --no-config {' '.join(missing)}",
        )


def check_port(port: int, line: Line = lines.OURS) -> None:
    """Raise WorkshopError if a process already listens on `port`; for a server of `line`, suggest to use that one."""
    if ports.is_free(port):
        return
    process = ports.holder(port)
    who = f"process {process.pid} ({process.name()})" if process else "another process"
    stop = f"stop it (kill {process.pid})" if process else "stop it"
    version = parts.answering_version(port)
    other_port = f'choose another port: --port {port + 10} (with make: ARGS="--port {port + 10}")'
    if version:
        theirs = lines.of_version(version)
        article = "An" if theirs.product == "OGX" else "A"
        use = "Use that one, or" if theirs is line else f"For {line.name},"
        raise WorkshopError(
            f"{article} {theirs.product} server, version {version}, already answers on port {port}: {who}.",
            f"{use} {stop}, or {other_port}",
        )
    raise WorkshopError(
        f"Port {port} is taken by {who}, which does not answer as a LlamaStack server.",
        f"{stop.capitalize()}, or {other_port}",
    )


def reusable_server(port: int, line: Line = lines.OURS) -> str | None:
    """Return the base URL of a server on `port` that the workshop can use, or None if there is none.

    It must have the release of `line` and serve a language model.
    """
    if parts.answering_version(port) != line.release:
        return None
    base_url = f"http://localhost:{port}/v1"
    try:
        return base_url if language_models(base_url) else None
    except httpx.HTTPError:
        return None


def language_models(base_url: str, api_key: str | None = None) -> list[str]:
    """Return the ids of the models of type `llm` that the server at `base_url` (ending in /v1) lists and can reach.

    A server that was started by hand may list models of providers that are switched off: see `registry`.
    `api_key` is the token, if the server requires one. Raises httpx.HTTPError if the request fails.
    """
    headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    with httpx.Client(base_url=base_url, headers=headers, timeout=10) as client:
        listed = client.get("/models").raise_for_status().json()["data"]
        found = {one["id"]: one["custom_metadata"].get("provider_id") for one in listed if _is_llm(one)}
        # Only if needed: this request takes as long as the slowest provider, and the user may not be allowed to.
        if len(set(found.values())) > 1 and (answer := client.get("/providers")).is_success:
            on = {provider["provider_id"] for provider in answer.json()["data"]}
            return [id for id, provider in found.items() if provider in {*on, None}]
    return [*found]


def _is_llm(model: dict[str, Any]) -> bool:
    return model["custom_metadata"]["model_type"] == "llm"


def chosen_model(base_url: str, wanted: str | None, api_key: str | None = None) -> str:
    """Return the model `wanted`, or the first language model that the server at `base_url` lists.

    Raises WorkshopError if the server does not serve it, and httpx.HTTPError if there is no server.
    """
    served = language_models(base_url, api_key)
    if wanted is None and served:
        return served[0]
    if wanted not in served:
        raise WorkshopError(
            f"The server at {base_url} does not serve {wanted or 'any language model'}.",
            f"Choose one of: {', '.join(served)}. For openai/ models, set OPENAI_API_KEY in .env and restart it.",
        )
    return wanted


def _embedded_ports(port: int, server: Server, *, with_chat: bool) -> dict[str, int]:
    """Return the ports of the embedded models that `server` needs, by the variable of run.yaml that holds each."""
    wanted = {"LLAMA_CPP_URL": port + 1} if with_chat else {}
    wanted |= {v: near for v, near in (("EMBEDDINGS_URL", port + 2), ("DRAFTS_URL", port + 3)) if not os.environ.get(v)}
    return {
        variable: near if ports.is_free(near) else ports.free_port()
        for variable, near in wanted.items()
        if variable in server.variables()
    }


def _require_version(process: Child, port: int, server: Server, environment: Mapping[str, str]) -> str:
    """Return the server's version once it answers, or raise WorkshopError; `environment` is the server's."""
    try:
        version = parts.wait_for_version(process, port)
    except TimeoutError as error:
        raise WorkshopError(str(error), f"Read {process.log}") from None
    if version:
        return version
    # An answer may come from another server that has taken the port in the meantime.
    if parts.answering_version(port):
        raise WorkshopError(f"Another process took port {port} while the server started.", "Try again.")
    error, file = parts.last_error(process.log_text()), server.run_yaml.name
    if error == parts.NO_ERROR:
        raise WorkshopError(
            f"{server.line.product} ended during its start, and its log names no error.",
            f"Check for enough free memory (make doctor), and read {process.log}",
        )
    if _REFUSED.search(error):
        raise WorkshopError(
            f"{server.line.product} did not start, because it cannot write: {error}",
            f"Free some space, or make the folder writable; the log is {process.log}",
        )
    if found := parts.diagnosed(server, environment, error):
        restore = "; or restore it: git checkout run.yaml" if server.run_yaml == OURS.run_yaml else ""
        raise WorkshopError(found.problem, f"{found.fix}{restore}")
    raise WorkshopError(
        f"{server.line.product} did not start: {error}", f"Correct {file}; the whole log is {process.log}"
    )


def _require_language_models(url: str, log: Path, server: Server, environment: Mapping[str, str]) -> list[str]:
    """Return the ids of the server's language models, or none if it requires a token to list them."""
    try:
        models = language_models(f"{url}/v1")
    except httpx.HTTPStatusError as error:
        if error.response.status_code not in (401, 403):
            raise
        return []
    if not models:
        if server.run_yaml != OURS.run_yaml and (found := parts.diagnosed(server, environment, "")):
            raise found
        raise WorkshopError(
            "The server runs but serves no language model: its upstreams list none.",
            f"Load one there (for example: ollama pull llama3.2). For OpenAI, check OPENAI_MODEL. The log is {log}",
        )
    return models
