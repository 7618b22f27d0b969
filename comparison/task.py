"""The task of all three programs: the prompts of chapters 3 and 4, a schema, and a minimal gate."""

import re

from pydantic import BaseModel, Field

EXTRACT = "Extract the technical specifications from the following text:\n\n{text}"
TRANSFORM = (
    "Transform the following specifications into a JSON object with 'cpu', 'memory' and 'storage' as keys:\n\n{text}"
)


class Specifications(BaseModel):
    """The technical specifications of a product."""

    cpu: str = Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})? GHz$")
    memory: str = Field(pattern="^[0-9]{1,4} ?[GT]B$")
    storage: str = Field(pattern="^[0-9]{1,4} ?[GT]B$")


def gate(answer: str) -> str:
    """Return `answer` if it contains a digit; raise ValueError otherwise."""
    if not re.search(r"\d", answer):
        raise ValueError(f"no number in {answer!r}")
    return answer
