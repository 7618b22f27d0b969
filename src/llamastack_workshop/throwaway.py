"""The old location of `throwaway_server`, for copies of the chapters in `work/` that attendees have changed."""

from llamastack_workshop.server.throwaway import throwaway_model, throwaway_server

__all__ = ["throwaway_model", "throwaway_server"]
