"""What every check shares: how it fails, and how the notebook shows the result."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any

from llamastack_workshop.exercises import record


class NotYet(Exception):
    """An answer that is not right yet; the message says what is wrong and hints at the way."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show the message alone: a traceback through the check would help nobody."""
        return [f"✗ Not yet: {self}"]


class Result:
    """What a check returns: it shows itself under the cell."""

    def __init__(self, passed: bool, message: str) -> None:
        self.passed = passed
        self.message = message

    def __repr__(self) -> str:
        return f"{'✓ Right' if self.passed else '✗ Not yet'}: {self.message}"


def exercise(check: Callable[..., str]) -> Callable[..., Result]:
    """Turn a function that returns praise, or raises NotYet, into a check for a notebook.

    In a notebook that somebody works on, a wrong answer is a message and "Run All Cells" goes on. Where
    WORKSHOP_CHECKS=raise (in the tests, and when the book is built) it is an error.
    An exception out of the attendee's own code counts as a wrong answer and is named.
    """

    @wraps(check)
    def run(*answers: object) -> Result:
        try:
            praise = check(*answers)
        except NotYet as problem:
            failure = problem
        except Exception as error:
            failure = NotYet(f"running your code raised {type(error).__name__}: {error}")
        else:
            record.note_solved(f"{check.__module__.rpartition('.')[2]}.{check.__name__}")
            return Result(True, praise)
        if os.environ.get("WORKSHOP_CHECKS") == "raise":
            raise failure
        return Result(False, str(failure))

    return run


def require(condition: object, message: str) -> None:
    """Raise NotYet with `message` unless `condition` is true."""
    if not condition:
        raise NotYet(message)


def given(answer: Any) -> Any:
    """Return `answer`; raise NotYet if it is what a blank exercise gives, None."""
    require(answer is not None, "there is no answer yet. Replace `pass  # your code here`.")
    return answer
