"""The wrapper that the tests put around the check of each blank, before its solution: the check has to reject it."""

from collections.abc import Iterator
from contextlib import contextmanager

from llamastack_workshop.exercises.check import NotYet


@contextmanager
def not_yet() -> Iterator[None]:
    """Run the check of an unsolved exercise in the block, with WORKSHOP_CHECKS=raise.

    Raises AssertionError if the check accepts the blank, or treats it as a wrong answer. If the check itself fails, its
    exception propagates.
    """
    try:
        yield
    except NotYet as told:
        assert str(told) and "raised" not in str(told), f"The check of a blank says: {told}"
    else:
        raise AssertionError("The check accepts a blank.")
