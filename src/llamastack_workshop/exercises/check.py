"""What every check shares: how it calls an answer, how it fails, and how the notebook shows the result."""

import asyncio
import dis
import inspect
import os
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from typing import Any

from llamastack_workshop.attending import record

# What a function that only says `pass`, or only has a docstring, compiles to.
_OPERATIONS_OF_A_BLANK = {
    *("RESUME", "NOP", "RETURN_CONST", "LOAD_CONST", "RETURN_VALUE"),
    # Those of an `async def`.
    *("RETURN_GENERATOR", "POP_TOP", "CALL_INTRINSIC_1", "RERAISE"),
}
_NO_ANSWER = "there is no answer yet. Replace `pass  # your code here`."


class NotYet(Exception):
    """An answer that is not right yet; the message says what is wrong and hints at the way."""

    def _render_traceback_(self) -> list[str]:
        """Tell IPython to show the message alone: a traceback through the check would help nobody."""
        return [f"✗ Not yet: {self}"]


class CheckFailed(Exception):
    """A fault of the check itself, which says nothing about the answer; `__cause__` is what happened."""

    def _render_traceback_(self) -> list[str]:
        return [f"! {self}"]


class Result:
    """What a check returns: it shows itself under the cell. `passed` is None where the check itself failed."""

    def __init__(self, passed: bool | None, message: str) -> None:
        self.passed = passed
        self.message = message

    def __repr__(self) -> str:
        if self.passed is None:
            return f"! {self.message}"
        return f"{'✓ Right' if self.passed else '✗ Not yet'}: {self.message}"


def exercise(check: Callable[..., str]) -> Callable[..., Result]:
    """Turn a function that returns praise, or raises NotYet, into a check for a notebook.

    The check calls the attendee's code through `call` or inside `your_code`, so that an exception out of it counts as
    a wrong answer and is named; any other exception is a fault of the check, and the attendee is told so.
    In a notebook that somebody works on, both are messages and "Run All Cells" goes on. Where WORKSHOP_CHECKS=raise (in
    the tests, and when the book is built) they are errors.
    """
    signature = inspect.signature(check)

    @wraps(check)
    def run(*answers: object) -> Result:
        name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
        try:
            signature.bind(*answers)
        except TypeError:
            failure: Exception = CheckFailed(_outdated(check))
        else:
            try:
                praise = check(*answers)
            except NotYet as problem:
                failure = problem
            except Exception as error:
                failure = CheckFailed(_own_fault(check, error))
                failure.__cause__ = error
            else:
                record.note(name, right=True)
                return Result(True, praise)
        # A fresh copy of a chapter has blanks, and takes nothing from what was solved.
        if isinstance(failure, NotYet) and str(failure) != _NO_ANSWER:
            record.note(name, right=False)
        if os.environ.get("WORKSHOP_CHECKS") == "raise":
            raise failure
        return Result(False if isinstance(failure, NotYet) else None, str(failure))

    return run


def require(condition: object, message: str) -> None:
    """Raise NotYet with `message` unless `condition` is true."""
    if not condition:
        raise NotYet(message)


def given[T](answer: T | None, kind: type[T] | tuple[type, ...] | None = None, wanted: str = "") -> T:
    """Return `answer`, which `wanted` describes ("a list of texts") and which is of the type `kind`, if that is given.

    Raises NotYet if it is what a blank exercise gives, None, or of another type. For what a function of the attendee's
    returns, use `call`.
    """
    require(answer is not None, _NO_ANSWER)
    return of_type(answer, kind, f"give {wanted}") if kind else answer


def of_type(value: Any, kind: type | tuple[type, ...], wanted: str) -> Any:
    """Return `value` if it is of the type `kind`; raise NotYet if not: "`wanted`, not list"."""
    # True is an int for Python, and no number for a reader.
    is_kind = isinstance(value, kind) and (kind is bool or not isinstance(value, bool) or bool in _each(kind))
    require(is_kind, f"{wanted}, not {_type_name(value)}.")
    return value


def require_function(answer: object) -> None:
    """Raise NotYet if `answer` is what a blank exercise gives, None or an empty function, or no function."""
    require(answer is not None and not _is_blank(answer), _NO_ANSWER)
    require(callable(answer), f"this is no function, but {_type_name(answer)}.")


def call(
    function: Callable[..., Any] | None,
    *arguments: object,
    kind: type | tuple[type, ...] | None = None,
    wanted: str = "",
    or_none: bool = False,
) -> Any:
    """Return what the attendee's `function`, also an `async` one, returns for `arguments`: a `kind`, if that is given.

    `wanted` describes that ("a list of texts"); `or_none` says that None is an answer too.
    Raises NotYet if the function is blank or no function, if it raises, or if it returns something else.
    """
    require_function(function)
    name = getattr(function, "__name__", "<lambda>")
    name = "your function" if name == "<lambda>" else f"`{name}`"
    with your_code():
        value = function(*arguments)
        if inspect.isawaitable(value):
            value = awaited(value)
    if value is None:
        require(or_none, f"{name} returns None here{f', not {wanted}' if wanted else ''}: does each branch `return`?")
        return None
    return of_type(value, kind, f"{name} should return {wanted}") if kind else value


@contextmanager
def your_code() -> Iterator[None]:
    """Run the attendee's code in this block: an exception in it is a wrong answer, whose kind and text are named."""
    try:
        yield
    except NotYet:
        raise
    except Exception as error:
        raise NotYet(f"running your code raised {type(error).__name__}: {error}") from error


def awaited(value: Awaitable[Any]) -> Any:
    """Return what `value` gives when it is awaited, in a thread with a loop of its own: a notebook's runs already."""

    async def finish() -> Any:
        return await value

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, finish()).result()


def _is_blank(function: object) -> bool:
    code = getattr(function, "__code__", None)
    if code is None:
        return False
    operations = {instruction.opname for instruction in dis.get_instructions(code)}
    returned = [constant for constant in code.co_consts if constant not in (None, inspect.getdoc(function))]
    return operations <= _OPERATIONS_OF_A_BLANK and not returned


def _outdated(check: Callable[..., str]) -> str:
    # Each module of checks begins with "Checks of chapter 12".
    found = re.search(r"chapter (\d+)", sys.modules[check.__module__].__doc__ or "")
    number = found[1] if found else "N"
    return (
        "This copy calls the check as an earlier version of the chapter did. Get a fresh copy, yours is kept beside "
        f"it: make reset CHAPTER={number} (or: uv run workshop reset {number})"
    )


def _own_fault(check: Callable[..., str], error: Exception) -> str:
    chapter = check.__module__.rpartition(".")[2]
    return (
        f"This check failed itself, which says nothing about your answer: {type(error).__name__}: {error} "
        f"Please report it, with your answer, as a fault of {chapter}.{check.__name__}."
    )


def _each(kind: type | tuple[type, ...]) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def _type_name(value: object) -> str:
    name = "function" if inspect.isfunction(value) else type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
