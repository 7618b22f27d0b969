"""The shared code of all checks: calling an answer, failing, and showing the result in the notebook."""

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

# The bytecode of a function that contains only `pass` or a docstring.
_OPERATIONS_OF_A_BLANK = {
    *("RESUME", "NOP", "RETURN_CONST", "LOAD_CONST", "RETURN_VALUE"),
    # Those of an `async def`.
    *("RETURN_GENERATOR", "POP_TOP", "CALL_INTRINSIC_1", "RERAISE"),
}
_NO_ANSWER = "there is no answer yet. Replace `pass  # your code here`."


class NotYet(Exception):
    """An answer that is not right yet; the message names the problem and gives a hint."""

    def _render_traceback_(self) -> list[str]:
        """Make IPython show only the message, because a traceback through the check would not help."""
        return [f"✗ Not yet: {self}"]


class CheckFailed(Exception):
    """A bug in the check itself, which says nothing about the answer; `__cause__` is the exception."""

    def _render_traceback_(self) -> list[str]:
        return [f"! {self}"]


class Result:
    """The result of a check, shown below the cell. `passed` is None if the check itself failed."""

    def __init__(self, passed: bool | None, message: str) -> None:
        self.passed = passed
        self.message = message

    def __repr__(self) -> str:
        if self.passed is None:
            return f"! {self.message}"
        return f"{'✓ Right' if self.passed else '✗ Not yet'}: {self.message}"


def exercise(check: Callable[..., str]) -> Callable[..., Result]:
    """Turn a function that returns praise, or raises NotYet, into a check for a notebook.

    The check runs the attendee's code through `call` or inside `your_code`, so that its exceptions count as a wrong
    answer and are named; any other exception is a bug in the check, and the attendee is told so.
    In an attendee's notebook, both are messages, and "Run All Cells" continues. With WORKSHOP_CHECKS=raise (in the
    tests, and when the book is built), they are exceptions.
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
        # Blanks are not recorded, so that a fresh copy of a chapter does not mark solved exercises as failing.
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
    """Return `answer`, which has to be of the type `kind`, if that is given; `wanted` describes it ("a list of texts").

    Raises NotYet if it is None, as in a blank exercise, or of another type. For the return value of an attendee's
    function, use `call`.
    """
    require(answer is not None, _NO_ANSWER)
    return of_type(answer, kind, f"give {wanted}") if kind else answer


def of_type(value: Any, kind: type | tuple[type, ...], wanted: str) -> Any:
    """Return `value` if it is of the type `kind`; raise NotYet if not: "`wanted`, not list"."""
    # In Python, True is an int, but it is not a number for a reader.
    is_kind = isinstance(value, kind) and (kind is bool or not isinstance(value, bool) or bool in _each(kind))
    require(is_kind, f"{wanted}, not {_type_name(value)}.")
    return value


def require_function(answer: object) -> None:
    """Raise NotYet if `answer` is None or an empty function, as in a blank exercise, or if it is not a function."""
    require(answer is not None and not _is_blank(answer), _NO_ANSWER)
    require(callable(answer), f"this is not a function, but {_type_name(answer)}.")


def call(
    function: Callable[..., Any] | None,
    *arguments: object,
    kind: type | tuple[type, ...] | None = None,
    wanted: str = "",
    or_none: bool = False,
) -> Any:
    """Return the value of the attendee's `function`, which may be `async`, for `arguments`: of type `kind`, if given.

    `wanted` describes the value ("a list of texts"); with `or_none`, None is a valid value too.
    Raises NotYet if the function is blank or not a function, if it raises, or if it returns something else.
    """
    require_function(function)
    name = getattr(function, "__name__", "<lambda>")
    name = "your function" if name == "<lambda>" else f"`{name}`"
    with your_code():
        value = function(*arguments)
        if inspect.isawaitable(value):
            value = awaited(value)
    if value is None:
        require(or_none, f"{name} returns None here{f', not {wanted}' if wanted else ''}: does every branch `return`?")
        return None
    return of_type(value, kind, f"{name} should return {wanted}") if kind else value


@contextmanager
def your_code() -> Iterator[None]:
    """Run the attendee's code in the block: an exception in it becomes NotYet, with its type and message."""
    try:
        yield
    except NotYet:
        raise
    except Exception as error:
        raise NotYet(f"running your code raised {type(error).__name__}: {error}") from error


def awaited(value: Awaitable[Any]) -> Any:
    """Return the result of awaiting `value`, in a thread with its own event loop: the notebook's is already running."""

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
    # The docstring of each module of checks starts with "Checks of chapter 12".
    found = re.search(r"chapter (\d+)", sys.modules[check.__module__].__doc__ or "")
    number = found[1] if found else "N"
    return (
        "This copy calls the check like an earlier version of the chapter. Get a fresh copy; your version is kept: "
        f"make reset CHAPTER={number} (or: uv run workshop reset {number})"
    )


def _own_fault(check: Callable[..., str], error: Exception) -> str:
    chapter = check.__module__.rpartition(".")[2]
    return (
        f"The check itself failed, which says nothing about your answer: {type(error).__name__}: {error} "
        f"Please report it, with your answer, as a bug in {chapter}.{check.__name__}."
    )


def _each(kind: type | tuple[type, ...]) -> tuple[type, ...]:
    return kind if isinstance(kind, tuple) else (kind,)


def _type_name(value: object) -> str:
    name = "function" if inspect.isfunction(value) else type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
