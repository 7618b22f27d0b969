"""What every check shares: how it fails, and how the notebook shows the result."""

import os
from collections.abc import Callable
from functools import wraps


class NotYet(Exception):
    """An answer that is not right yet; the message says what is wrong and hints at the way."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show the message alone: a traceback through the check would help nobody."""
        return [f"Not yet: {self}"]


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
            if any(answer is None or answer is ... for answer in answers):
                raise NotYet(
                    "there is no answer yet. Replace the line `...  # your code here` and run that cell again."
                )
            return Result(True, check(*answers))
        except NotYet as problem:
            if os.environ.get("WORKSHOP_CHECKS") == "raise":
                raise
            return Result(False, str(problem))
        except Exception as error:
            problem = NotYet(f"your code raised {type(error).__name__}: {error}")
            if os.environ.get("WORKSHOP_CHECKS") == "raise":
                raise problem from error
            return Result(False, str(problem))

    return run
