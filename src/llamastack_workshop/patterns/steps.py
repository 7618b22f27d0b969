"""One step of a pattern: a call of the Responses API, the gate that judges its answer, and the journal that records it.

A gate is a function that returns None if an answer passes, and otherwise the objection to it. If an answer fails its
gate, the step is retried once, with the objection in the prompt; a second failure is an error.
Gates between steps come from https://www.anthropic.com/engineering/building-effective-agents.
"""

import json
import re
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import httpx
from openai import APIConnectionError, APIError, APIStatusError, APITimeoutError, AsyncOpenAI, OpenAI
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from llamastack_workshop.system import files
from llamastack_workshop.system.errors import WorkshopError

Gate = Callable[[str], str | None]

OBJECTION = "{prompt}\n\nYour last answer was not accepted: {problem}. Try again."


class Rejected(BaseModel):
    """An answer that failed its gate, and the objection."""

    answer: str
    objection: str


class Step(BaseModel):
    """One finished step: its prompt, its output, and its tokens and time, summed over all attempts.

    `rejected` are the answers that failed the gate. `first_token_seconds` counts from the request of the last attempt.
    `kept` is true if the step comes from an earlier run.
    """

    name: str
    prompt: str
    output: str = ""
    response_id: str = ""
    rejected: list[Rejected] = []
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    first_token_seconds: float = 0
    seconds: float = 0
    kept: bool = False


# "text" means that there was no call, because the text lacks information that the step needs.
Reason = Literal["text", "gate", "timeout", "connection", "denied", "refused", "server"]

# The status codes for an unknown token, and for a token without permission.
DENIED = (401, 403)


class StepError(Exception):
    """A step failed: `reason` is the kind of failure, `step` holds the results so far."""

    def __init__(self, step: Step, reason: Reason, problem: str) -> None:
        super().__init__(f"Step {step.name!r} {problem}")
        self.step = step
        self.reason = reason


class GateError(Exception):
    """An answer failed its gate in a LangChain run: `name` is the step, `problem` the objection."""

    def __init__(self, name: str, problem: str) -> None:
        # The first failure has a fallback, so this message is seen only after the second one.
        super().__init__(f"Step {name!r} failed its gate twice: {problem}")
        self.name = name
        self.problem = problem


class Journal:
    """The finished steps of a run, in the order in which they finished.

    With a `path`, each step is written to that file as soon as it is finished, one JSON object per line, after a first
    line with the run's `metadata`. If the file exists, its steps are `kept`, and `find` returns them: that is how a run
    is resumed. `on_step` is called with each finished step.
    """

    def __init__(
        self,
        path: Path | None = None,
        metadata: dict[str, Any] | None = None,
        on_step: Callable[[Step], None] = lambda step: None,
    ) -> None:
        self.path = path
        self.metadata = metadata or {}
        self.on_step = on_step
        self.steps: list[Step] = []
        self.kept: dict[tuple[str, str], Step] = {}
        if path and path.exists():
            self._read(path)

    def find(self, name: str, prompt: str) -> Step | None:
        """Return the kept step with this name and prompt, after adding it to this run's steps, or None."""
        step = self.kept.pop((name, prompt), None)
        if step:
            self._note(step)
        return step

    def add(self, step: Step) -> Step:
        """Record a finished step, and return it."""
        if self.path:
            first = not self.path.exists()
            if first:
                # It holds prompts and answers.
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                files.open_private(self.path).close()
            with files.naming(self.path), self.path.open("a", encoding="utf-8") as file:
                if first:
                    file.write(self._first_line())
                file.write(step.model_dump_json() + "\n")
        self._note(step)
        return step

    def update_metadata(self, **values: Any) -> None:
        """Add `values` to the metadata, also on disk, for a run that resumes this one."""
        self.metadata |= values
        if self.path and self.path.exists():
            _, *steps = _lines(self.path.read_text(encoding="utf-8"))
            files.write_whole(self.path, "".join([self._first_line(), *steps]))

    def _first_line(self) -> str:
        return json.dumps(self.metadata, ensure_ascii=False) + "\n"

    def _note(self, step: Step) -> None:
        self.steps.append(step)
        self.on_step(step)

    def _read(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
            metadata, *lines = [line for line in _lines(text) if line.endswith("\n")]
            self.metadata = dict(json.loads(metadata))
            steps = [Step.model_validate_json(line) for line in lines]
        except (OSError, ValueError, TypeError) as error:
            raise WorkshopError(f"{path} is not the journal of a run.", "Start over, without --resume.") from error
        if not text.endswith("\n"):
            # The last line is incomplete, because the process ended while writing it: drop it.
            files.write_whole(path, "".join([metadata, *lines]))
        self.kept = {(step.name, step.prompt): step.model_copy(update={"kept": True}) for step in steps}


def _lines(text: str) -> list[str]:
    """Return the lines of `text` with their ends; unlike `str.splitlines`, keep U+2028, which JSON allows."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def ask(
    client: OpenAI,
    model: str,
    name: str,
    prompt: str,
    *,
    journal: Journal,
    gate: Gate = lambda answer: None,
    schema: type[BaseModel] | None = None,
    max_output_tokens: int | None = None,
) -> Step:
    """Send `prompt`, retry once if `gate` rejects the answer, and return the step, recorded in `journal`.

    `schema` is a class whose JSON schema the answer must follow. If the journal already has the step, there is no
    call. Raises StepError if the gate rejects both answers, or if a call fails.
    """
    if kept := journal.find(name, prompt):
        return kept
    attempts = _Attempts(model, name, prompt, gate, schema, max_output_tokens)
    while attempts.unfinished():
        with attempts.attempt() as request, client.responses.create(**request, stream=True) as events:
            for event in events:
                attempts.handle(event)
    return journal.add(attempts.step)


async def ask_async(
    client: AsyncOpenAI,
    model: str,
    name: str,
    prompt: str,
    *,
    journal: Journal,
    gate: Gate = lambda answer: None,
    schema: type[BaseModel] | None = None,
    max_output_tokens: int | None = None,
) -> Step:
    """Do the same as `ask`, asynchronously."""
    if kept := journal.find(name, prompt):
        return kept
    attempts = _Attempts(model, name, prompt, gate, schema, max_output_tokens)
    while attempts.unfinished():
        with attempts.attempt() as request:
            async with await client.responses.create(**request, stream=True) as events:
                async for event in events:
                    attempts.handle(event)
    return journal.add(attempts.step)


def refusal_reason(error: APIStatusError) -> Reason:
    """Return the reason for a request that the server rejected."""
    return "denied" if error.status_code in DENIED else "refused"


def told(message: str) -> str:
    """Return a server's error message, shortened to one line; for nested errors, the innermost message."""
    inner = re.compile(r"""['"](?:message|detail|msg)['"]:\s*(['"])(.+?)(?:(?<!\\)\1\s*[,}]|$)""", re.DOTALL)
    while found := inner.search(message):
        message = found[2]
    return textwrap.shorten(message.replace("\\", ""), 200, placeholder=" …")


def answer_schema(**fields: Any) -> type[BaseModel]:
    """Return the schema of an answer that is an object with exactly these fields; the values are their types."""
    return create_model(
        "Answer", __config__=ConfigDict(extra="forbid"), **{name: (of_type, ...) for name, of_type in fields.items()}
    )


def one_of(values: Iterable[Any]) -> Any:
    """Return a type that allows only these values, at least one."""
    return Literal[tuple(values)]


def schema_gate(schema: type[BaseModel]) -> Gate:
    """Return a gate that accepts JSON that matches `schema`; the objection names the first mismatch."""

    def gate(answer: str) -> str | None:
        try:
            schema.model_validate_json(answer)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"]) or "the answer"
            return f"{place}: {first['msg']}"
        return None

    return gate


class _Attempts:
    """The attempts at one step: the requests, and the answers so far."""

    def __init__(
        self,
        model: str,
        name: str,
        prompt: str,
        gate: Gate,
        schema: type[BaseModel] | None,
        max_output_tokens: int | None,
    ) -> None:
        self.step = Step(name=name, prompt=prompt)
        self._gate = gate
        self._problem: str | None = None
        self._started = 0.0
        self._text_has_begun = False
        self._options: dict[str, Any] = {"model": model, "temperature": 0}
        if schema:
            form = {"type": "json_schema", "name": "answer", "schema": schema.model_json_schema(), "strict": True}
            self._options["text"] = {"format": form}
        if max_output_tokens:
            self._options["max_output_tokens"] = max_output_tokens

    def unfinished(self) -> bool:
        """Return whether another attempt is needed; raise StepError after the second answer that fails its gate."""
        if self.step.attempts == 2 and self._problem:
            raise StepError(self.step, "gate", f"failed its gate twice: {self._problem}")
        return self.step.attempts == 0 or self._problem is not None

    @contextmanager
    def attempt(self) -> Iterator[dict[str, Any]]:
        """Yield the request of the next attempt; any error in the block becomes a StepError."""
        self.step.attempts += 1
        prompt = self.step.prompt
        if self._problem:
            prompt = OBJECTION.format(prompt=prompt, problem=self._problem)
        answered = self.step.response_id
        self._text_has_begun = False
        self._started = time.perf_counter()
        try:
            yield {**self._options, "input": prompt}
        # During a stream, the errors are those of httpx.
        except (APITimeoutError, httpx.TimeoutException) as error:
            raise StepError(self.step, "timeout", "timed out waiting for the server") from error
        except APIStatusError as error:
            problem = f"was rejected by the server (HTTP {error.status_code}): {told(str(error.message))}"
            raise StepError(self.step, refusal_reason(error), problem) from error
        except (APIConnectionError, httpx.TransportError) as error:
            raise StepError(self.step, "connection", "lost the connection to the server") from error
        except APIError as error:
            raise StepError(self.step, "server", f"failed on the server: {told(error.message)}") from error
        if self.step.response_id == answered:
            raise StepError(self.step, "connection", "received an incomplete stream")

    def handle(self, event: ResponseStreamEvent) -> None:
        """Process an event of the stream."""
        elapsed = time.perf_counter() - self._started
        if event.type == "response.output_text.delta" and not self._text_has_begun:
            self._text_has_begun = True
            self.step.first_token_seconds = elapsed
        elif event.type in ("response.completed", "response.incomplete"):
            self._finish(event.response, elapsed)
        elif event.type == "response.failed":
            raise StepError(self.step, "server", f"failed on the server: {told(event.response.error.message)}")

    def _finish(self, response: Response, seconds: float) -> None:
        self.step.response_id = response.id
        self.step.output = response.output_text
        self.step.seconds += seconds
        self.step.input_tokens += response.usage.input_tokens
        self.step.output_tokens += response.usage.output_tokens
        self._problem = self._gate(response.output_text)
        if self._problem:
            self.step.rejected.append(Rejected(answer=response.output_text, objection=self._problem))
