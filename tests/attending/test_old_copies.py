"""Attendees' copies of the chapters from before modules were moved still work."""

from llamastack_workshop.server import throwaway


def test_old_imports_lead_to_the_new_places() -> None:
    from llamastack_workshop.attending import progress
    from llamastack_workshop.server.throwaway import throwaway_model, throwaway_server

    assert progress.standings()
    assert (throwaway_model, throwaway_server) == (throwaway.throwaway_model, throwaway.throwaway_server)
