"""The record of what an attendee's checks have said, in a file beside the copies of the chapters."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from llamastack_workshop.system import paths

# In work/, because it is the attendee's: `make clean` leaves it alone.
_FILE = ".progress.jsonl"


def note(exercise: str, right: bool) -> None:
    """Note what the check of `exercise` (`module.check`) said, if this kernel runs an attendee's copy in `work/`."""
    # The repository's own chapters hold the solutions: running those is nobody's progress.
    if Path.cwd() == paths.WORK:
        entry = {"exercise": exercise, "right": right, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        # A right answer stays right on a full disk; and the new line keeps it apart from one that was cut off.
        with suppress(OSError), (paths.WORK / _FILE).open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(entry)}\n")


def noted() -> Iterator[tuple[str, bool]]:
    """Yield each exercise whose answer was checked, as often as it was, oldest first, and whether it was right.

    A line that was cut off or damaged, by a full disk, a crash or an editor, counts for nothing.
    """
    file = paths.WORK / _FILE
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n") if file.is_file() else []:
        try:
            entry = json.loads(line)
            # Only right answers were noted once, without saying so.
            exercise, right = entry["exercise"], entry.get("right", True)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(exercise, str):
            yield exercise, bool(right)
