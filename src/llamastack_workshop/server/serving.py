"""Running a stack in the foreground: start it, announce it, and serve until Ctrl-C."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.text import Text

from llamastack_workshop.server import stacks, upstreams
from llamastack_workshop.server.stack import Stack, running_stack
from llamastack_workshop.system import files, locks, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError

_SHOWN_MODELS = 5
_SHOWN_PEOPLE = 3


def serve(
    console: Console, say: Say, *, port: int, upstream: upstreams.Choice, run_yaml: Path | None, stack_name: str | None
) -> None:
    """Run a stack on 127.0.0.1:`port` until Ctrl-C.

    Its configuration is stacks/`stack_name`.yaml, the file `run_yaml`, or our own.
    Raises WorkshopError if it cannot start, or if one of its processes ends by itself.
    """
    started = time.monotonic()
    if run_yaml and stack_name:
        raise WorkshopError("--stack and --run-yaml both name a configuration.", "Give only one of them.")
    server, upstream = chosen(stack_name, upstream, say)
    if run_yaml:
        server = stacks.Server(run_yaml)
    with ExitStack() as cleanup:
        with only_start(port, say):
            stack = running_stack(say, port=port, upstream=upstream, server=server)
            running = cleanup.enter_context(stack)
        announce(console, running, seconds=time.monotonic() - started)
        with until_ctrl_c(console, "\nCtrl-C stops it."):
            running.wait()


@contextmanager
def only_start(port: int, say: Say) -> Iterator[None]:
    """Let only one command in this folder at a time start a server on `port` in the block; others wait."""
    lock_file = files.private_folder(paths.logs(port)) / "starting.lock"
    waiting = f"Waiting for another command that is starting a server on port {port} …"
    with locks.one_at_a_time(lock_file, say, waiting):
        yield


def announce(console: Console, running: Stack, *, seconds: float) -> None:
    """Print the stack's address, startup time in `seconds` and models, and a request to try."""
    console.print(f"{running.line.product} {running.version} is ready, {seconds:.0f} s after the start.")
    console.print("  URL     ", Text(running.url, style="bold"))
    console.print(f"  clients  base_url={running.base_url}")
    if not running.models:
        console.print("  models   cannot be listed: this server requires a token")
        return
    shown = running.models[:_SHOWN_MODELS] + (["…"] if len(running.models) > _SHOWN_MODELS else [])
    console.print(f"  models   {', '.join(shown)}")
    path, question = "responses", '"input": "What is the capital of France?"'
    # A gateway without the agents API has no Responses API.
    if httpx.post(f"{running.base_url}/responses", json={}, timeout=10).status_code == 404:
        path, question = (
            "chat/completions",
            '"messages": [{"role": "user", "content": "What is the capital of France?"}]',
        )
    body = f'{{"model": "{running.models[0]}", {question}}}'
    curl = f"curl {running.base_url}/{path} -H 'Content-Type: application/json' -d '{body}'"
    console.print(f"  try      {curl}", soft_wrap=True)
    if others := ports.other_people():
        who = ", ".join(others[:_SHOWN_PEOPLE])
        console.print(
            f"  others   on this machine ({who}) can use it too, and read the responses that it stores. "
            "Chapter 20 shows a server that requires a token.",
            soft_wrap=True,
        )


@contextmanager
def until_ctrl_c(console: Console, hint: str) -> Iterator[None]:
    """Print `hint`; Ctrl-C in the block ends it normally, instead of as an error."""
    console.print(hint)
    try:
        yield
    except KeyboardInterrupt:
        console.print("Stopping …")


def chosen(stack_name: str | None, upstream: upstreams.Choice, say: Say) -> tuple[stacks.Server, upstreams.Choice]:
    """Return the server chosen by --stack, or ours, and its upstream: the one it is named after, or --upstream.

    Raises WorkshopError if there is no such stack, if it cannot be installed, or if the two options contradict.
    """
    if stack_name is None:
        return stacks.OURS, upstream
    server, its_own = stacks.server(stack_name, say), upstreams.choose_for_stack(stack_name)
    if its_own and upstream not in (upstreams.Choice.auto, its_own):
        raise WorkshopError(
            f"The stack {stack_name} has its own upstream, but --upstream is {upstream}.",
            "Leave out --upstream and --model, and unset WORKSHOP_UPSTREAM.",
        )
    return server, its_own or upstream
