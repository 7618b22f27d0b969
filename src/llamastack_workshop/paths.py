"""Where things live, all inside the repository folder."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUN_YAML = ROOT / "run.yaml"
NOTEBOOKS = ROOT / "notebooks"

# Everything that the workshop writes while it runs; `make clean` removes it.
WORKSHOP_HOME = ROOT / ".workshop"
MODELS = WORKSHOP_HOME / "models"
LOGS = WORKSHOP_HOME / "logs"

# An attendee's own copies of the chapters: theirs to keep, so `make clean` leaves them alone.
WORK = ROOT / "work"


def state() -> Path:
    """Return the folder of the server's state: WORKSHOP_STATE, which run.yaml reads as well, or our own."""
    return Path(os.environ.get("WORKSHOP_STATE") or WORKSHOP_HOME / "state").absolute()
