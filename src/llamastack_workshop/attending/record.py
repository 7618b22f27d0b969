"""The record of the results of an attendee's checks, in a file next to the copies of the chapters."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from llamastack_workshop.system import paths

# In work/, because it belongs to the attendee: `make clean` leaves it alone.
FILE = ".progress.jsonl"


def note(exercise: str, right: bool) -> None:
    """Record the result of the check `exercise` (`module.check`), if this kernel runs an attendee's copy in `work/`."""
    # The repository's own chapters contain the solutions: running them is not progress.
    if Path.cwd() == paths.WORK:
        entry = {"exercise": exercise, "right": right, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        # A full disk must not make a check fail. The leading newline separates the entry from a truncated one.
        with suppress(OSError), (paths.WORK / FILE).open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(entry)}\n")


def noted() -> Iterator[tuple[str, bool]]:
    """Yield the exercise and the result (right or not) of each check that the attendee's record has, oldest first."""
    file = paths.WORK / FILE
    if file.is_file():
        yield from read(file.read_bytes())


def read(content: bytes) -> Iterator[tuple[str, bool]]:
    """Yield the exercise and the result (right or not) of each check in the `content` of a record, oldest first.

    Lines that were truncated or damaged, by a full disk, a crash or an editor, are ignored.
    """
    for line in content.decode(errors="replace").split("\n"):
        try:
            entry = json.loads(line)
            # Old records contain only right answers, without the key.
            exercise, right = entry["exercise"], entry.get("right", True)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(exercise, str):
            yield exercise, bool(right)
