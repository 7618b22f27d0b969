"""Running a pattern from the command line: options, server, model, journal, and clear errors."""

import json
import os
import re
import shlex
import shutil
import sys
import tempfile
import textwrap
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from openai import APIError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAI
from pydantic import BaseModel

from llamastack_workshop.patterns.parallelization import APART
from llamastack_workshop.patterns.product_texts import EXAMPLE, UnclearText
from llamastack_workshop.patterns.steps import DENIED, GateError, Journal, Reason, Step, StepError, refusal_reason, told
from llamastack_workshop.server import stack
from llamastack_workshop.system import files, paths, ports
from llamastack_workshop.system.console import PlainConsole
from llamastack_workshop.system.errors import WorkshopError, verbose

# Progress goes to standard error, so that standard output contains only the result.
progress = PlainConsole(stderr=True)

DEFAULT_BASE_URL = "http://localhost:8321/v1"


@dataclass(frozen=True)
class Options:
    """The options that all pattern commands have."""

    text: Annotated[
        str | None, typer.Option(help="The text (`--text - < FILE` reads a file). By default, a short example.")
    ] = None
    model: Annotated[
        str | None,
        typer.Option(help="Model id, for example openai/gpt-4o-mini. By default, the server's first model."),
    ] = None
    base_url: Annotated[
        str | None,
        typer.Option(
            help="The server's address, with /v1. By default, LLAMA_STACK_BASE_URL or http://localhost:8321/v1; "
            "if no server is running there, one is started for this command."
        ),
    ] = None
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON object: model, steps and result.")
    ] = False
    langchain: Annotated[
        bool,
        typer.Option("--langchain", help="Run the LangChain version instead of plain Python."),
    ] = False
    resume: Annotated[
        Path | None,
        typer.Option(help="Resume a failed run from the journal that it named. Finished steps are not repeated."),
    ] = None
    timeout: Annotated[
        float, typer.Option(min=0.001, help="Seconds without data from the server after which a step fails.")
    ] = 60


@dataclass(frozen=True)
class Run:
    """A run of a pattern: its server, model and text, and the journal with the steps so far.

    `options` are those of the command line, where `base_url`, `model` and `text` may be None; here they are resolved.
    `api_key` is the token for the server, or None. `started` is a value of `time.perf_counter()`.
    """

    options: Options
    base_url: str
    api_key: str | None
    model: str
    text: str
    journal: Journal
    started: float

    @property
    def client(self) -> OpenAI:
        """Return a client for the server, without retries."""
        return OpenAI(max_retries=0, **self._connection)

    @property
    def async_client(self) -> AsyncOpenAI:
        """Return an asynchronous client for the server, without retries."""
        return AsyncOpenAI(max_retries=0, **self._connection)

    def llm(self, model: str | None = None) -> Any:
        """Return LangChain's ChatOpenAI for this run's model, or for `model`."""
        # LangChain's client takes a second to import, and only LangChain runs need it.
        from llamastack_workshop.patterns.langchain_steps import chat_model

        return chat_model(model=model or self.model, **self._connection)

    def embeddings(self, model: str) -> Any:
        """Return LangChain's OpenAIEmbeddings for the embedding model `model`."""
        from llamastack_workshop.patterns.langchain_steps import embedding_model

        return embedding_model(model=model, **self._connection)

    def config(self) -> dict[str, Any]:
        """Return the configuration for invoking a runnable, with which its model calls become steps of this run."""
        from llamastack_workshop.patterns.langchain_steps import StepRecorder

        return {"callbacks": [StepRecorder(self.journal.add)]}

    def print(self, result: BaseModel) -> None:
        """Report the number of calls and the time; print `result` on standard output, with --json as part of all."""
        steps = self.journal.steps
        calls = sum(step.attempts for step in steps if not step.kept)
        took = f"{calls} call{'s' if calls != 1 else ''}, {time.perf_counter() - self.started:.1f} s"
        progress.print(f"Done: {took}.", style="dim")
        if self.options.as_json:
            everything = {"model": self.model, "steps": [s.model_dump() for s in steps], "result": result.model_dump()}
            print(json.dumps(everything, indent=2, ensure_ascii=False))
        else:
            print(result.model_dump_json(indent=2))

    @property
    def _connection(self) -> dict[str, Any]:
        # The clients require a key, even for a server that does not.
        return {"base_url": self.base_url, "api_key": self.api_key or "none", "timeout": self.options.timeout}


@contextmanager
def pattern_run(pattern: str, default_text: str, options: Options) -> Iterator[Run]:
    """Yield a run of `pattern`, on `default_text` if `options` has no text; errors become WorkshopErrors.

    A plain run has a journal on disk until it is finished; if it fails, the error says how to resume it.
    """
    resume = options.resume
    if options.langchain and resume:
        raise WorkshopError("A run with LangChain keeps no journal.", "Leave out --langchain, or --resume.")
    if resume and not resume.is_file():
        raise WorkshopError(f"There is no journal {resume}.", "Give the path that the failed run named.")
    name = f"{pattern}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.jsonl"
    path = resume or files.private_folder(paths.output() / "runs") / name
    journal = Journal(None if options.langchain else path, on_step=_show)
    if resume and (other := journal.metadata.get("pattern")) != pattern:
        if not other:
            raise WorkshopError(f"{resume} is not the journal of a run.", "Start over, without --resume.")
        raise WorkshopError(f"{resume} is the journal of another pattern.", f"llamastack-{other} --resume {resume}")
    text = read_text(options.text, default=journal.metadata.get("text", default_text))
    api_key = token()
    with connected(options.base_url, options.model or journal.metadata.get("model"), api_key) as (base_url, model):
        journal.update_metadata(pattern=pattern, model=model, text=text)
        progress.print(f"{pattern} with {model}, {'with LangChain' if options.langchain else 'in plain Python'}:")
        run = Run(options, base_url, api_key, model, text, journal, time.perf_counter())
        try:
            with _clear_call_errors(run):
                yield run
        except (WorkshopError, KeyboardInterrupt) as error:
            how = _how_to_resume(pattern, path, run, error)
            if isinstance(error, KeyboardInterrupt):
                progress.print(how, soft_wrap=True)
                raise
            if not how:
                raise
            told_too = WorkshopError(error.problem, f"{error.fix}\n       {how}")
            raise told_too.with_traceback(error.__traceback__) from error.__cause__
        path.unlink(missing_ok=True)


def _how_to_resume(pattern: str, path: Path, run: Run, error: BaseException) -> str:
    """Return a sentence with the command that resumes the run that ended with `error`, or "" if it cannot resume."""
    if run.options.langchain:
        return "A run with LangChain does not keep its steps; a run without --langchain does."
    if not path.exists():
        return "" if isinstance(error, WorkshopError) else "No step was finished."
    further = list(error.options) if isinstance(error, Again) else []
    if isinstance(error, GateFailed | UnclearText):
        # The same model would give the same answer to the same text.
        others = [] if isinstance(error, UnclearText) else _other_models(run)
        further = ["--model", others[-1]] if others else ["--text", "-"] if pattern in _KEEPS_PARTS else []
        if not further:
            if not run.options.resume:
                path.unlink()
            return ""
    words = [*_command(f"llamastack-{pattern}"), "--resume", _short(path)]
    if run.options.base_url:
        words += ["--base-url", run.options.base_url]
    words += further
    differently = {"--model": ", with another model,", "--text": ", with the corrected text as standard input,"}
    how = differently.get(further[0], "") if isinstance(error, GateFailed | UnclearText) else ""
    return f"The finished steps are kept; go on{how} with: {shlex.join(words)}"


# Patterns whose steps each read one part of the text: the others stay valid when that part is corrected.
_KEEPS_PARTS = ("parallelization", "orchestrator-workers")


def _command(name: str) -> list[str]:
    """Return the words that run the command `name` in the shell that started this one."""
    if "UV_RUN_RECURSION_DEPTH" in os.environ:
        return ["uv", "run", name]
    script = Path(sys.argv[0])
    return [_short(script.absolute())] if script.name == name and not shutil.which(name) else [name]


def _other_models(run: Run) -> list[str]:
    try:
        return [model for model in stack.language_models(run.base_url, run.api_key) if model != run.model]
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return []


class GateFailed(WorkshopError):
    """Neither of the model's answers passed the gate of a step."""


class Again(WorkshopError):
    """A failure that further `options` may prevent when the run is resumed, as words of a command line."""

    def __init__(self, problem: str, fix: str, *options: str) -> None:
        super().__init__(problem, fix)
        self.options = options


def token() -> str | None:
    """Return the value of LLAMA_STACK_API_KEY, or None if it is empty or not set.

    Raises WorkshopError if it cannot be sent in an HTTP header.
    """
    value = os.environ.get("LLAMA_STACK_API_KEY", "").strip()
    # Checked here, because the HTTP client's error would show the whole header.
    if not (value.isascii() and value.isprintable()):
        raise WorkshopError("LLAMA_STACK_API_KEY contains invalid characters.", _VALID_TOKEN)
    return value or None


@contextmanager
def connected(base_url: str | None, model: str | None, api_key: str | None) -> Iterator[tuple[str, str]]:
    """Yield the address of the server and the model to use (by default, the server's first model).

    Without `base_url`, LLAMA_STACK_BASE_URL or the default address is tried; if no server is running there, one is
    started for the block. Raises WorkshopError if the server or the model is not available, or if the server rejects
    `api_key`.
    """
    given, named = base_url, base_url or os.environ.get("LLAMA_STACK_BASE_URL")
    if not named and ports.is_free(paths.DEFAULT_PORT):
        with _own_server() as running:
            yield running.base_url, _model(running.base_url, model, api_key)
        return
    base_url = (named or DEFAULT_BASE_URL).rstrip("/")
    if not base_url.startswith(("http://", "https://")):
        source = "--base-url" if named == given else "LLAMA_STACK_BASE_URL"
        host = base_url.split("://")[-1]
        raise WorkshopError(f"{source} {base_url} does not start with http:// or https://.", f"Give http://{host}")
    yield base_url, _model(base_url, model, api_key)


def read_text(text: str | None, default: str) -> str:
    """Return `text`, standard input if it is "-", or `default` if it is None.

    Raises WorkshopError if it is empty, or if standard input is not UTF-8.
    """
    if text is None:
        return default
    try:
        content = sys.stdin.buffer.read().decode("utf-8-sig") if text == "-" else text
    except UnicodeDecodeError as error:
        raise WorkshopError(
            f"Standard input is not UTF-8 text: byte {error.start + 1} is invalid.",
            "Save the file as UTF-8, or convert it: iconv -f latin1 -t utf-8 FILE",
        ) from error
    if not content.strip():
        raise WorkshopError("The text is empty.", "Give one with --text, or pipe one in and say --text -")
    # Some systems write "é" as two characters, the second of which is no letter.
    return unicodedata.normalize("NFC", content.strip())


@contextmanager
def _own_server() -> Iterator[stack.Stack]:
    def say(line: str) -> None:
        progress.print(line, style="dim")

    say(f"No server is running at {DEFAULT_BASE_URL}: starting one for this command.")
    with (
        tempfile.TemporaryDirectory(prefix="workshop-command-") as state,
        stack.running_stack(say, port=ports.free_port(), state=Path(state), logs=paths.LOGS / "command") as running,
    ):
        yield running


def _model(base_url: str, wanted: str | None, api_key: str | None) -> str:
    try:
        return stack.chosen_model(base_url, wanted, api_key)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
        if isinstance(error, httpx.HTTPStatusError) and (status := error.response.status_code) in DENIED:
            wish = "rejects the token in LLAMA_STACK_API_KEY" if api_key else "requires a token"
            raise WorkshopError(f"The server at {base_url} {wish} (HTTP {status}).", _VALID_TOKEN) from error
        hint = "" if base_url.endswith("/v1") else " The address ends in /v1."
        start = _start_command(base_url)
        fix = f"Start one in another terminal: {start}" if start else f"Check the address: curl {base_url}/models"
        raise WorkshopError(f"No LlamaStack server answers at {base_url}.{hint}", fix) from error


def _start_command(base_url: str) -> str | None:
    """Return the command that starts a server at `base_url`, or None if it is on another machine."""
    url = httpx.URL(base_url)
    if url.host not in ("localhost", "127.0.0.1", "::1"):
        return None
    if url.port == paths.DEFAULT_PORT:
        return "make llama-server (or: uv run workshop llama-server)"
    return f'make llama-server ARGS="--port {url.port or 80}"'


@contextmanager
def _clear_call_errors(run: Run) -> Iterator[None]:
    """Turn a pattern's exceptions into WorkshopErrors; with VERBOSE=true, show the failed step first."""
    try:
        yield
    except StepError as error:
        if verbose():
            _show_failed(error.step)
        fix = _remedy(error.reason, str(error), run)
        if error.reason == "text":
            raise UnclearText(f"{error}.", fix) from None
        problem = f"{error}.{_last_answer(error.step.output)}"
        if error.reason == "gate":
            raise GateFailed(problem, fix) from None
        if error.reason == "timeout":
            raise Again(problem, fix, "--timeout", _longer(run)) from error
        raise WorkshopError(problem, fix) from error
    except APITimeoutError as error:
        raise Again(
            f"The call to {run.base_url} timed out.", _remedy("timeout", "", run), "--timeout", _longer(run)
        ) from error
    except APIStatusError as error:
        raise WorkshopError(
            f"The server rejected the request (HTTP {error.status_code}): {told(str(error.message))}",
            _remedy(refusal_reason(error), f"HTTP {error.status_code} {error.message}", run),
        ) from error
    except (APIError, httpx.HTTPError) as error:
        raise WorkshopError(
            f"The call to {run.base_url} failed: {told(str(error))}", _remedy("connection", str(error), run)
        ) from error
    except GateError as error:
        answers = [step.output for step in run.journal.steps if step.name == error.name]
        problem = f"{textwrap.shorten(str(error), 300, placeholder=' …')}.{_last_answer(*answers[-1:])}"
        raise GateFailed(problem, _remedy("gate", "", run)) from None


def _last_answer(answer: str = "") -> str:
    return f" Its last answer: {textwrap.shorten(answer, 120, placeholder=' …')!r}" if answer.strip() else ""


_VALID_TOKEN = "Set LLAMA_STACK_API_KEY, in the shell or in .env, to a token that this server accepts (chapter 20)."
_DENIED = "Set LLAMA_STACK_API_KEY, in the shell or in .env, to a token with permission for this (chapter 20)."
# Patterns for a server's messages, with the fix for each.
_REFUSALS = {
    r"(?i)physical batch size": "Shorten the text: this is the limit of the embedding model, regardless of --model. "
    "Or let the language model find the topic: --by model",
    r"(?i)context (?:size|length|window)|prompt is too long|token limit|(?:too many|maximum) .*tokens": "Shorten the "
    "text, or choose a --model with a longer context.",
    r"HTTP 404|(?i:not found)": "Choose another --model; the default is the server's first one.",
    r"HTTP 429": "Wait a while, and run it again.",
    r"HTTP 5\d\d|(?i:connection error|unavailable)": "Check the server's log: the model behind it may have ended. "
    "Then start the server again.",
}


def _remedy(reason: Reason, message: str, run: Run) -> str:
    """Return the fix for a step of `run` that failed for `reason`, with `message`."""
    if reason == "text" and APART in message:
        return "Put a blank line between two laptops."
    if reason == "text":
        return f"Write each laptop like this: {EXAMPLE!r}"
    if reason == "gate":
        return f"Try a clearer text or a larger --model{'' if verbose() else '; VERBOSE=true shows every step'}."
    if reason == "timeout":
        return f"Give it more time: --timeout {_longer(run)}"
    if reason == "denied":
        return _DENIED
    if reason == "connection":
        start = _start_command(run.base_url)
        again = f"; if none does: {start}" if start else ""
        return f"See whether a server still answers: curl {run.base_url}/models{again}"
    found = next((fix for pattern, fix in _REFUSALS.items() if re.search(pattern, message)), None)
    return found or "Change the text or the --model as the message says; the server's log has the details."


def _longer(run: Run) -> str:
    return f"{max(300, 2 * run.options.timeout):.0f}"


def _short(path: Path) -> str:
    """Return `path` relative to the current folder, if it is inside it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _show(step: Step) -> None:
    tries = "" if step.attempts == 1 else f", {step.attempts} attempts"
    cost = f"{step.seconds:.1f} s, {step.input_tokens} tokens in, {step.output_tokens} out{tries}"
    if step.kept:
        cost = "kept from the earlier run"
    if verbose():
        _show_all(f"{step.name}: {cost}", step)
    else:
        progress.print(f"  {step.name} ({cost})")


def _show_failed(step: Step) -> None:
    tries = f", {step.attempts} attempts" if step.attempts > 1 else ""
    _show_all(f"{step.name}: failed{tries}", step)


def _show_all(title: str, step: Step) -> None:
    """Print the prompt of a step, the answers that failed its gate, and its output."""
    progress.rule(title, align="left")
    rejected = [(f"answer {n}: {one.objection}", one.answer) for n, one in enumerate(step.rejected, 1)]
    passed = [] if rejected and step.output == step.rejected[-1].answer else [("output", step.output)]
    for heading, text in (("prompt", step.prompt), *rejected, *passed):
        progress.print(heading, style="bold")
        # Not markup: a text may contain brackets.
        progress.print(f"{text}\n")
