"""The record of an attendee's solved exercises, in a file beside the copies of the chapters."""

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from llamastack_workshop.system import paths

# In work/, because it is the attendee's: `make clean` leaves it alone.
_FILE = ".progress.jsonl"


def note_solved(exercise: str) -> None:
    """Note that `exercise` (`module.check`) is solved, if this kernel runs an attendee's copy in `work/`."""
    # The repository's own chapters hold the solutions: running those is nobody's progress.
    if Path.cwd() == paths.WORK:
        entry = {"exercise": exercise, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        # A right answer stays right on a full disk; and the new line keeps it apart from one that was cut off.
        with suppress(OSError), (paths.WORK / _FILE).open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(entry)}\n")


def solved() -> Iterator[str]:
    """Yield each solved exercise, as often as it was solved.

    A line that was cut off or damaged, by a full disk, a crash or an editor, counts for nothing.
    """
    file = paths.WORK / _FILE
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n") if file.is_file() else []:
        try:
            exercise = json.loads(line)["exercise"]
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
        if isinstance(exercise, str):
            yield exercise
