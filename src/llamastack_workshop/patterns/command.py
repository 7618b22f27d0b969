"""What the pattern commands share: their options, the server and the model, the run's journal, and clear errors."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from openai import APIError, APIStatusError, AsyncOpenAI, OpenAI
from pydantic import BaseModel
from rich.console import Console

from llamastack_workshop.patterns.steps import GateError, Journal, Reason, Step, StepError
from llamastack_workshop.server import stack, upstreams
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError, clear_errors, verbose

# Progress goes to standard error, so that standard output holds the result alone.
progress = Console(stderr=True, highlight=False)

DEFAULT_BASE_URL = "http://localhost:8321/v1"

Text = Annotated[
    str | None, typer.Option(help="The text itself (`--text - < FILE` reads a file). Without it, a short example.")
]
Model = Annotated[
    str | None, typer.Option(help="Model id, for example openai/gpt-4o-mini. Without it, the server's first one.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        help="The server, with /v1. Without it, LLAMA_STACK_BASE_URL or http://localhost:8321/v1; "
        "if nothing runs there, a server is started for this command."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as one JSON object: model, steps, result.")]
WithLangChain = Annotated[
    bool, typer.Option("--langchain", help="Run the version that is built with LangChain, in place of the plain one.")
]
Resume = Annotated[
    Path | None,
    typer.Option(help="Go on with a run that failed: the journal that it named. Its finished steps are not repeated."),
]
Timeout = Annotated[
    float, typer.Option(min=0.001, help="Seconds of silence from the server after which a step has failed.")
]


def pattern_app() -> typer.Typer:
    """Return an app for one pattern command."""
    return typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")


def run_app(app: typer.Typer) -> None:
    """Run a pattern command: with .env read, proxies bypassed, and errors in two lines."""
    with clear_errors():
        upstreams.load_dotenv_file()
        ports.bypass_proxies()
        app()


@dataclass(frozen=True)
class Run:
    """A run of a pattern: whom to ask, about what, and what has been done.

    The calls that it makes become steps of the journal.
    """

    base_url: str
    model: str
    text: str
    timeout: float
    journal: Journal
    started: float

    @property
    def client(self) -> OpenAI:
        return OpenAI(base_url=self.base_url, api_key="none", timeout=self.timeout, max_retries=0)

    @property
    def async_client(self) -> AsyncOpenAI:
        return AsyncOpenAI(base_url=self.base_url, api_key="none", timeout=self.timeout, max_retries=0)

    def llm(self, model: str | None = None) -> Any:
        """Return LangChain's ChatOpenAI for this run's model, or for `model`."""
        # LangChain's client takes a second to import, and only these runs need it.
        from llamastack_workshop.patterns.langchain_steps import chat_model

        return chat_model(self.base_url, model or self.model, self.timeout)

    def config(self) -> dict[str, Any]:
        """Return the configuration to invoke a runnable with, so that the calls in it become steps of this run."""
        from llamastack_workshop.patterns.langchain_steps import StepRecorder

        return {"callbacks": [StepRecorder(self.journal.add)]}

    def print(self, result: BaseModel, as_json: bool) -> None:
        """Say in one line what the run took, and print `result` on standard output, alone or with everything else."""
        steps = self.journal.steps
        calls = sum(step.attempts for step in steps if not step.kept)
        took = f"{calls} call{'s' if calls != 1 else ''}, {time.perf_counter() - self.started:.1f} s"
        progress.print(f"Done: {took}.", style="dim")
        if as_json:
            everything = {"model": self.model, "steps": [s.model_dump() for s in steps], "result": result.model_dump()}
            print(json.dumps(everything, indent=2, ensure_ascii=False))
        else:
            print(result.model_dump_json(indent=2))


@contextmanager
def pattern_run(
    pattern: str,
    default_text: str,
    *,
    text: str | None,
    model: str | None,
    base_url: str | None,
    langchain: bool,
    resume: Path | None,
    timeout: float,
) -> Iterator[Run]:
    """Yield a run of `pattern`; what goes wrong in it becomes a WorkshopError.

    A plain run has a journal on disk as long as it is not finished; if it fails, the error says how to go on with it.
    """
    if langchain and resume:
        raise WorkshopError("A run with LangChain keeps no journal.", "Leave out --langchain, or --resume.")
    if resume and not resume.is_file():
        raise WorkshopError(f"There is no journal {resume}.", "Give the path that the failed run named.")
    path = resume or paths.WORKSHOP_HOME / "runs" / f"{pattern}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.jsonl"
    journal = Journal(None if langchain else path, on_step=_show)
    if resume and (other := journal.about.get("pattern")) != pattern:
        if not other:
            raise WorkshopError(f"{resume} is not the journal of a run.", "Start afresh, without --resume.")
        raise WorkshopError(f"{resume} is the journal of another pattern.", f"llamastack-{other} --resume {resume}")
    text = read_text(text, default=journal.about.get("text", default_text))
    with connected(base_url, model or journal.about.get("model")) as (address, chosen):
        journal.describe(pattern=pattern, model=chosen, text=text)
        progress.print(f"{pattern} with {chosen}, {'with LangChain' if langchain else 'in plain Python'}:")
        run = Run(address, chosen, text, timeout, journal, time.perf_counter())
        try:
            with _clear_call_errors(address):
                yield run
        except (WorkshopError, KeyboardInterrupt) as error:
            if not (path.exists() and journal.path):
                raise
            again = f"llamastack-{pattern} --resume {_short(path)}" + (f" --base-url {base_url}" if base_url else "")
            how = f"The finished steps are kept; go on with: {again}"
            if isinstance(error, WorkshopError):
                raise WorkshopError(error.problem, f"{error.fix}\n       {how}") from error
            progress.print(how, soft_wrap=True)
            raise
        path.unlink(missing_ok=True)


@contextmanager
def connected(base_url: str | None, model: str | None) -> Iterator[tuple[str, str]]:
    """Yield the address of the server and the model to use (by default the first one it serves).

    Without `base_url`, LLAMA_STACK_BASE_URL or the default address is tried; if nothing runs there, a server is
    started for as long as the context lasts. Raises WorkshopError if the server or the model is not there.
    """
    named = base_url or os.environ.get("LLAMA_STACK_BASE_URL")
    if not named and ports.is_free(paths.DEFAULT_PORT):
        with _own_server() as running:
            yield running.base_url, _model(running.base_url, model)
        return
    base_url = (named or DEFAULT_BASE_URL).rstrip("/")
    yield base_url, _model(base_url, model)


def read_text(text: str | None, default: str) -> str:
    """Return `text`, standard input if it is "-", or `default` if it is None.

    Raises WorkshopError if there is nothing in it.
    """
    if text is None:
        return default
    content = sys.stdin.read() if text == "-" else text
    if not content.strip():
        raise WorkshopError("The text is empty.", "Give one with --text, or pipe one in and say --text -")
    return content.strip()


@contextmanager
def _own_server() -> Iterator[stack.Stack]:
    def say(line: str) -> None:
        progress.print(line, style="dim")

    say(f"No server runs at {DEFAULT_BASE_URL}: starting one for this command.")
    with (
        tempfile.TemporaryDirectory(prefix="workshop-command-") as state,
        stack.running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "command") as running,
    ):
        yield running


def _model(base_url: str, wanted: str | None) -> str:
    try:
        return stack.chosen_model(base_url, wanted)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        hint = "" if base_url.endswith("/v1") else " The address ends in /v1."
        raise WorkshopError(
            f"No LlamaStack server answers at {base_url}.{hint}",
            "Start one in another terminal: make llama-server (or: uv run workshop llama-server)",
        ) from error


@contextmanager
def _clear_call_errors(base_url: str) -> Iterator[None]:
    """Turn what a pattern raises into a WorkshopError."""
    try:
        yield
    except StepError as error:
        answer = f" Its last answer: {error.step.output[:120]!r}" if error.step.output else ""
        raise WorkshopError(f"{error}.{answer}", _REMEDIES[error.reason]) from error
    except APIStatusError as error:
        raise WorkshopError(
            f"The server refused the call (HTTP {error.status_code}): {str(error.message)[:200]}",
            _REMEDIES["refused"],
        ) from error
    except (APIError, httpx.HTTPError) as error:
        raise WorkshopError(
            f"The call to {base_url} failed: {error}",
            "See whether the server still runs (make doctor), or give it more time: --timeout 300",
        ) from error
    except GateError as error:
        raise WorkshopError(str(error)[:300], _CLEARER_TEXT) from error


_CLEARER_TEXT = "Try a clearer text or a larger --model; VERBOSE=true shows every step."
_REMEDIES: dict[Reason, str] = {
    "gate": _CLEARER_TEXT,
    "timeout": "Give it more time: --timeout 300",
    "connection": "See whether the server still runs: make doctor",
    "refused": "Shorten the text or choose another --model; the server's log says more.",
    "server": "Shorten the text or choose another --model; the server's log says more.",
}


def _short(path: Path) -> str:
    """Return `path` as it is typed from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _show(step: Step) -> None:
    tries = "" if step.attempts == 1 else f", {step.attempts} attempts"
    cost = f"{step.seconds:.1f} s, {step.input_tokens} tokens in, {step.output_tokens} out{tries}"
    if step.kept:
        cost = "kept from the earlier run"
    if verbose():
        progress.rule(f"{step.name}: {cost}", align="left")
        for title, text in (("prompt", step.prompt), ("output", step.output)):
            progress.print(title, style="bold")
            # Not markup: a text may have brackets of its own.
            progress.print(f"{text}\n", markup=False)
    else:
        progress.print(f"  {step.name} ({cost})")
