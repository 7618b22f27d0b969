"""Reproduce the adapter from a clone: `make adapter`.

It installs PyTorch and the other packages of the training in a separate environment, makes the data, and trains.
Progress is kept in `.workshop/training/`: after Ctrl-C or a crash, the same command resumes. If the code or the options
have changed, the training starts over.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from llamastack_workshop.server.embedded.weights import SMOLLM2
from llamastack_workshop.system import paths, uv
from llamastack_workshop.system.errors import WorkshopError, clear_errors
from training.render import TEMPLATE

FOLDER = paths.WORKSHOP_HOME / "training"
REQUIREMENTS = uv.REQUIREMENTS / "training.txt"
SEED = 3

_GB = 1_000_000_000
_SPACE = 6 * _GB
_MORE = "These options are passed on to `training/train.py`: --rank, --rate, --epochs, --batch, --steps."


def environment() -> Path:
    """Return the Python executable of the training environment, which is created if it doesn't exist.

    Raises WorkshopError if there is too little disk space, or if a package can't be installed.
    """
    folder = FOLDER / f"environment-{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:8]}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "complete").exists():
        folder.mkdir(parents=True, exist_ok=True)
        if (free := shutil.disk_usage(folder).free) < _SPACE:
            problem = f"PyTorch needs 5 GB in {FOLDER}, but only {free / _GB:.1f} GB are free there."
            raise WorkshopError(problem, f"Free {_SPACE // _GB} GB, and run the same command again.")
        print("Installing PyTorch into a separate environment (once, 5 GB) …", flush=True)
        uv.make_environment(folder, sys.executable)
        uv.install(python, "training")
        (folder / "complete").touch()
    return python


def version(options: str) -> str:
    """Return a hash of the code, the packages and the options of a training (8 hexadecimal digits)."""
    sources = [*sorted(Path(__file__).parent.rglob("*.py")), TEMPLATE, REQUIREMENTS]
    return hashlib.sha256(b"\0".join([options.encode(), *(source.read_bytes() for source in sources)])).hexdigest()[:8]


def main() -> None:
    """Make the data unless it exists, and replace this process with the training."""
    parser = argparse.ArgumentParser(prog="make adapter", description=__doc__.splitlines()[0], epilog=_MORE)
    parser.add_argument("--examples", type=int, default=200_000)
    parser.add_argument("--own", type=int, default=3600, help="number of requests that the untrained model answers itself")
    arguments, options = parser.parse_known_args()
    with clear_errors():
        weights = SMOLLM2.verified_path().parent
        python = str(environment())
        os.environ["PYTHONPATH"] = os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "src")])
        out = FOLDER / version(f"{arguments} {options}")
        data = out / "tokens.npz"
        if not data.exists():
            out.mkdir(exist_ok=True)
            part = out / "part.npz"
            counts = ["--examples", str(arguments.examples), "--own", str(arguments.own), "--seed", str(SEED)]
            made = subprocess.run([python, "-m", "training.data", "--weights", str(weights), *counts, "--out", str(part)])
            if made.returncode:
                raise SystemExit(made.returncode)
            part.rename(data)
        command = [python, "-m", "training.train", "--weights", str(weights), "--data", str(data), "--out", str(out), *options]
        # Replace this process, so that stopping the command stops the training.
        os.execv(python, command)


if __name__ == "__main__":
    main()
