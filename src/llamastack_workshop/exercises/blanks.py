"""What the tests put before each solution: the check of its blank, which has to find no answer."""

from collections.abc import Iterator
from contextlib import contextmanager

from llamastack_workshop.exercises.check import NotYet


@contextmanager
def not_yet() -> Iterator[None]:
    """Run the check of an exercise that nobody has solved, where WORKSHOP_CHECKS=raise.

    Raises AssertionError if the check accepts that, or takes it for a wrong answer; and what the check raises if it
    fails itself.
    """
    try:
        yield
    except NotYet as told:
        assert str(told) and "raised" not in str(told), f"The check of a blank says: {told}"
    else:
        raise AssertionError("The check accepts a blank.")
