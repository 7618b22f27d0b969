"""The data set: requests like those of attendees, one JSON object per line, each with the rule for a right answer."""

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llamastack_workshop.evaluating.rules import Right
from llamastack_workshop.patterns.steps import OBJECTION
from llamastack_workshop.system.errors import WorkshopError

REQUESTS = Path(__file__).with_name("requests.jsonl")


class Case(BaseModel):
    """A request, and the rule for a right answer.

    `input` is the user's text; if there are several turns, the model answers each, and the last answer counts.
    `objection` is the problem with an earlier answer, put into the prompt as the patterns do. `schema` is the answer's
    JSON schema, `tools` are functions, and `documents` are files for file_search, by name.
    """

    model_config = ConfigDict(extra="forbid")

    id: str
    kind: str
    input: str | list[str]
    objection: str = ""
    instructions: str = ""
    answer_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    tools: list[dict[str, Any]] = []
    documents: dict[str, str] = {}
    right: Right

    @property
    def turns(self) -> list[str]:
        """Return the user's texts, one per turn."""
        turns = [self.input] if isinstance(self.input, str) else self.input
        return [OBJECTION.format(prompt=turns[0], problem=self.objection)] if self.objection else turns

    @property
    def digest(self) -> str:
        """Return a digest of the case; figures are compared only if it is the same."""
        return hashlib.sha256(self.model_dump_json(by_alias=True, exclude_unset=True).encode()).hexdigest()[:8]


def load(path: Path = REQUESTS) -> list[Case]:
    """Return the cases in `path`. Raises WorkshopError if a line is not a case, or if an id is a duplicate."""
    cases: dict[str, Case] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate_json(line)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            problem = f"{path.name}, line {number}: {place + ': ' if place else ''}{first['msg']}."
            raise WorkshopError(problem, "Correct the line; see the others for the form of a case.") from error
        if case.id in cases:
            raise WorkshopError(
                f"{path.name}, line {number}: the id {case.id} is a duplicate.", "Give the case another id."
            )
        cases[case.id] = case
    return list(cases.values())
