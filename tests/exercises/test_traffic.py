"""What the checks read along of an attendee's requests."""

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
        # Only itself holds it, as a response and its stream hold each other.
        itself: list[object] = [unread]
        itself.append(itself)

    with recorded():
        abandon()
        # So many new objects would have Python tidy up.
        assert len([[] for _ in range(500_000)]) == 500_000
        assert not closed
    assert closed and gc.isenabled()
