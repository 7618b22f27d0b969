"""Shared code of the patterns' LangChain versions: the models, gates on a runnable, and a record of each step."""

import time
from collections.abc import Callable
from operator import itemgetter
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable, RunnableLambda, RunnablePassthrough
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import LengthFinishReasonError
from pydantic import ValidationError

from llamastack_workshop.patterns.steps import OBJECTION, GateError, Step

# Raised for a structured output that is truncated or does not match its schema, before its gate runs.
MALFORMED = (ValidationError, OutputParserException, LengthFinishReasonError)


def chat_model(base_url: str, model: str, *, api_key: str = "none", timeout: float = 60, **options: Any) -> ChatOpenAI:
    """Return LangChain's client for the server at `base_url`, with greedy decoding and without retries.

    `api_key` is the token, if the server requires one; `timeout` is in seconds. The client uses chat completions, or
    the Responses API with `use_responses_api=True`; further `options` are those of ChatOpenAI.
    """
    return ChatOpenAI(
        base_url=base_url,
        api_key=api_key,
        model=model,
        temperature=0,
        timeout=timeout,
        max_retries=0,
        **options,
    )


def embedding_model(base_url: str, model: str, *, api_key: str = "none", timeout: float = 60) -> OpenAIEmbeddings:
    """Return LangChain's client for the embedding model `model` of the server at `base_url`, without retries."""
    return OpenAIEmbeddings(
        base_url=base_url,
        api_key=api_key,
        model=model,
        timeout=timeout,
        max_retries=0,
        # Otherwise, it downloads OpenAI's vocabulary to count tokens, and sends token ids instead of text.
        check_embedding_ctx_length=False,
    )


def gated(
    name: str, llm: Runnable[str, Any], gate: Callable[[Any, dict], str | None] = lambda answer, given: None
) -> Runnable[dict, Any]:
    """Return a step that takes a dictionary with a `prompt`, and retries once if `gate` rejects the answer.

    `llm` returns the value that the gate judges: end it with a parser, or give it a structured output, which is a gate
    in itself. The gate is called with the answer and the step's input. The retry is the fallback of the first attempt;
    `exception_key` passes it the objection. Raises GateError if the gate rejects both answers, or if neither can be
    parsed.
    """

    def judge(given: dict[str, Any]) -> Any:
        if problem := gate(given["answer"], given):
            raise GateError(name, problem)
        return given["answer"]

    def objection(given: dict[str, Any]) -> str:
        return OBJECTION.format(prompt=given["prompt"], problem=_problem(given["error"]))

    def give_up(given: dict[str, Any]) -> None:
        raise GateError(name, _problem(given["error"]))

    answer = itemgetter("prompt") | llm.with_config(run_name=name)
    first = RunnablePassthrough.assign(answer=answer) | RunnableLambda(judge)
    again = RunnablePassthrough.assign(prompt=objection) | first
    twice = first.with_fallbacks([again], exceptions_to_handle=(GateError, *MALFORMED), exception_key="error")
    return twice.with_fallbacks([RunnableLambda(give_up)], exceptions_to_handle=MALFORMED, exception_key="error")


def _problem(error: Exception) -> str:
    return error.problem if isinstance(error, GateError) else str(error).splitlines()[0]


class StepRecorder(BaseCallbackHandler):
    """A callback that creates a Step for each call of a model, and calls `on_step` with it.

    The step is named after the runnable that made the call: see `with_config(run_name=…)`.
    """

    def __init__(self, on_step: Callable[[Step], None]) -> None:
        self._on_step = on_step
        self._running: dict[UUID, tuple[Step, float]] = {}
        self._names: dict[UUID, str] = {}

    def on_chain_start(
        self, serialized: dict[str, Any], inputs: Any, *, run_id: UUID, parent_run_id: UUID | None = None, **more: Any
    ) -> None:
        name = more.get("name") or ""
        # LangChain's own runnables have names such as RunnableSequence; ours start with a lower-case letter.
        own = name if name[:1].islower() else ""
        self._names[run_id] = own or self._names.get(parent_run_id, "")

    def on_chat_model_start(
        self,
        serialized: dict[str, Any],
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        **more: Any,
    ) -> None:
        name = more.get("name") or ""
        name = name if name[:1].islower() else self._names.get(parent_run_id, "")
        prompt = "\n\n".join(message.text for message in messages[0])
        self._running[run_id] = Step(name=name or "model", prompt=prompt, attempts=1), time.perf_counter()

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        step, started = self._running.pop(run_id)
        message = response.generations[0][0].message
        usage = message.usage_metadata or {}
        step.seconds = time.perf_counter() - started
        step.output = message.text
        step.response_id = message.response_metadata.get("id", "")
        step.input_tokens, step.output_tokens = usage.get("input_tokens", 0), usage.get("output_tokens", 0)
        self._on_step(step)
