"""Messages to the user: errors with their fix, and progress lines."""

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llamastack_workshop.system.printing import visible
from llamastack_workshop.system.secrets import hidden

# A callback for progress: a long-running function calls it with one line of text per step.
Say = Callable[[str], None]


class WorkshopError(Exception):
    """A failure that the user can fix.

    `problem` and `fix` (the remedy) are one short line each.
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
    """Print a WorkshopError or an OSError as two lines and exit with status 1; with VERBOSE=true, let it propagate.

    Ctrl-C exits with status 130, the shell's convention for SIGINT.
    """
    try:
        yield
    except (WorkshopError, OSError) as error:
        if verbose():
            raise
        told = error if isinstance(error, WorkshopError) else refused(error)
        print(visible(hidden(f"Error: {told.problem}\n  Fix: {told.fix}")), file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        raise SystemExit(130) from None


def refused(error: OSError) -> WorkshopError:
    """Return a WorkshopError that explains an OSError to the user."""
    reason = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    problem = f"{error.filename}: {reason}." if error.filename else f"{reason}."
    if error.errno == errno.ENOENT and not error.filename:
        # Python does not name the certificate file that is missing.
        for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
            if (value := os.environ.get(name)) and not Path(value).exists():
                return WorkshopError(f"{name}={value} does not exist.", f"Correct it, or unset {name}.")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkshopError(problem, "Make room there, and run the same command again.")
    if error.errno == errno.EROFS:
        return WorkshopError(problem, "Use a copy of this repository in a folder that you can write to.")
    if error.errno in (errno.EACCES, errno.EPERM):
        return WorkshopError(
            problem, "Use a copy of this repository that you own, or ask its owner for write permission."
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return WorkshopError(problem, "A folder belongs there: rename the file, or the link, that has its name.")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return WorkshopError(problem, "Close some programs, or raise the limit of open files: ulimit -n 4096")
    return WorkshopError(problem, "Fix that, and run the same command again; VERBOSE=true shows the traceback.")
