"""Where uv is, which installs everything else."""

import os

from llamastack_workshop.system import paths


def command() -> str:
    """Return the command that runs uv."""
    # `uv run` names itself. Without it, as under conda, our script finds or fetches one; Windows cannot run the script.
    return os.environ.get("UV") or ("uv" if os.name == "nt" else str(paths.ROOT / "scripts" / "uv"))
