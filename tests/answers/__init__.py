"""Answers for the tests of the checks: one module per chapter, named like the module with its checks.

Each has a list RIGHT of correct answers in several styles, and a list WRONG of answers with part of the check's
message.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from openai import OpenAI
from pydantic import BaseModel, Field

from llamastack_workshop.exercises.check import Result


@dataclass(frozen=True)
class Server:
    """The live server for answers that use one; `base_url` ends in /v1, `embedding` is its embedding model's id."""

    client: OpenAI
    model: str
    base_url: str
    embedding: str


class Specifications(BaseModel, extra="forbid"):
    """The class of chapters 3 and 4, whose patterns go to the server with the schema."""

    cpu: str = Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})? GHz( [a-z0-9-]{1,16})?$")
    memory: str = Field(pattern=r"^[0-9]{1,4} ?[GT]B$")
    storage: str = Field(pattern=r"^[0-9]{1,4} ?[GT]B$")


@dataclass(frozen=True)
class Answer:
    """An answer to the exercise of `check`; `arguments` returns what the notebook passes to the check.

    `style` distinguishes the right answers; for a wrong one, `said` is a part of the check's message.
    """

    check: Callable[..., Result]
    style: str
    arguments: Callable[[Server], Sequence[Any]]
    said: str = ""

    @property
    def exercise(self) -> str:
        """The exercise's name, `module.check`."""
        return f"{self.check.__module__.rpartition('.')[2]}.{self.check.__name__}"

    def __str__(self) -> str:
        return f"{self.exercise}: {self.style}"


# The exercises whose answers take seconds, because they use the model or start a server.
DEAR = {
    "backends.stop_probe",
    "branching_chains.goes_on_or_begins",
    "break_it.answers_responses",
    "break_it.serves_files",
    "data_sovereignty.forgets",
    "drop_in.brought_over",
    "file_search.answer_with_source",
    "langchain_hybrid.batch_results",
    "langchain_hybrid.summary_chain",
    "mcp_tools.approval_by_rule",
    "mcp_tools.own_tool",
    "parallelization.runs_bounded",
    "production_client.continued_or_begun",
    "production_client.nothing_left_behind",
    "prompt_chaining.three_steps",
    "responses_api.follow_up",
    "responses_api.streamed_text",
    "safety_shields.closed_gate",
    "safety_shields.guarded_stream",
    "server_setup.short_answer",
    "the_wire.server_is_doing",
    "tools.only_one_tool",
    "tools.weather_tool",
    "two_servers.readiness",
}


def tried() -> tuple[list[Answer], list[Answer]]:
    """Return the right and the wrong answers of all chapters."""
    modules = [import_module(f"{__name__}.{found.name}") for found in iter_modules(__path__)]
    return [one for module in modules for one in module.RIGHT], [one for module in modules for one in module.WRONG]
