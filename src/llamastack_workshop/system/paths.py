"""The workshop's paths, all inside the repository folder."""

import os
from pathlib import Path

# The port that LlamaStack listens on by default.
DEFAULT_PORT = 8321

ROOT = Path(__file__).resolve().parents[3]
RUN_YAML = ROOT / "run.yaml"
NOTEBOOKS = ROOT / "notebooks"

# Measurements, for the pages that show them.
MEASUREMENTS = ROOT / "book" / "measurements"

# Everything that the workshop writes while it runs; `make clean` removes it.
WORKSHOP_HOME = ROOT / ".workshop"
MODELS = WORKSHOP_HOME / "models"
LOGS = Path(os.environ.get("WORKSHOP_LOGS") or WORKSHOP_HOME / "logs").absolute()

# The output of `make book`, `make slides` and `make bundle`; `make clean` removes it.
BUILD = ROOT / "_build"
SITE = BUILD / "html"
# The last file that a build of the site writes: without it, the site is incomplete.
SITE_COMPLETE = SITE / "downloads" / "llamastack-workshop-site.zip"
# The chapters with their outputs; slides are made from them.
EXECUTED = BUILD / "executed"
SLIDES = BUILD / "slides"

# The chapters as `make test` runs them: next to notebooks/, so that relative paths lead to the same files, and hidden,
# so that a search of the repository finds each chapter once.
PROOFS = ROOT / os.environ.get("WORKSHOP_PROOFS", ".proofs")

# An attendee's own copies of the chapters: theirs to keep, so `make clean` leaves them alone.
# In a classroom, where many share this folder, each has another.
WORK = Path(os.environ.get("WORKSHOP_WORK") or ROOT / "work").absolute()


def state(port: int) -> Path:
    """Return the state folder of a server on `port`: WORKSHOP_STATE, or a folder in .workshop/.

    Each port has its own, because two servers must not write to the same database.
    """
    own = WORKSHOP_HOME / ("state" if port == DEFAULT_PORT else f"state-{port}")
    return Path(os.environ.get("WORKSHOP_STATE") or own).absolute()


def logs(port: int) -> Path:
    """Return the log folder of a server on `port`."""
    return LOGS if port == DEFAULT_PORT else LOGS / str(port)


def output() -> Path:
    """Return the folder for what a command makes for its user: ours, or in a classroom one of the attendee's own."""
    return Path(os.environ.get("WORKSHOP_OUTPUT") or WORKSHOP_HOME).absolute()
