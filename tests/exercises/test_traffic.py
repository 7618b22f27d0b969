"""The recording of an attendee's requests for the checks."""

import gc
from collections.abc import Iterator

from llamastack_workshop.exercises.traffic import recorded


def test_a_stream_that_was_left_unread_is_tidied_up_after_the_last_request() -> None:
    closed = []

    def stream() -> Iterator[int]:
        try:
            yield 1
        finally:
            closed.append(True)

    def abandon() -> None:
        unread = stream()
        next(unread)
        # A reference cycle: only the object itself refers to it, as a response and its stream refer to each other.
        itself: list[object] = [unread]
        itself.append(itself)

    with recorded():
        abandon()
        # This many new objects trigger Python's garbage collector.
        assert len([[] for _ in range(500_000)]) == 500_000
        assert not closed
    assert closed and gc.isenabled()
