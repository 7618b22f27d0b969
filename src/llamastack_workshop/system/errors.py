"""What people are told: errors that name the command which fixes them, and what a long job is doing."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# What is given to a function that takes a while; it is called with one line of text for each step.
Say = Callable[[str], None]


class WorkshopError(Exception):
    """A failure that the user can put right.

    `problem` names what is wrong, `fix` what to do about it; each is one short line.
    """

    def __init__(self, problem: str, fix: str) -> None:
        super().__init__(f"{problem}\n{fix}")
        self.problem = problem
        self.fix = fix


def verbose() -> bool:
    """Whether the user asked for details with VERBOSE=true (or 1, yes, on)."""
    return os.environ.get("VERBOSE", "").strip().lower() in {"1", "true", "yes", "on"}


@contextmanager
def clear_errors() -> Iterator[None]:
    """Print a WorkshopError as two lines and exit with status 1; with VERBOSE=true, show the traceback too.

    Ctrl-C exits with status 130, the shell's convention for SIGINT.
    """
    try:
        yield
    except WorkshopError as error:
        if verbose():
            raise
        print(f"Error: {error.problem}\n  Fix: {error.fix}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(130) from None
