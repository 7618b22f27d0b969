"""Reproduce the adapter from a clone: `make adapter` runs this program for each round of training.

It installs PyTorch and the other packages of the training in a separate environment, makes the data, and trains.
Progress is kept in `.workshop/training/`: after Ctrl-C or a crash, the same command resumes. If the code, the texts or
the options have changed, the training starts over.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
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
_MORE = "These options are passed on to `training/train.py`: --rank, --rate, --epochs, --batch, --mixed, --steps."


@dataclass(frozen=True)
class Round:
    """A round of training: how many examples, how many requests that the untrained model answers itself, and the options."""

    examples: int
    own: int
    options: tuple[str, ...]


ROUNDS = {
    1: Round(200_000, 3600, ("--rate", "1.5e-3", "--epochs", "1.35", "--batch", "16384")),
    2: Round(30_000, 0, ("--rate", "8e-4", "--epochs", "0.8", "--batch", "6144", "--mixed", "3", "--held-out", "400")),
}


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
    """Return a hash of the code, the texts, the packages and the options of a training (8 hexadecimal digits)."""
    files = [path for ending in ("py", "yaml") for path in sorted(Path(__file__).parent.rglob(f"*.{ending}"))]
    sources = [*files, TEMPLATE, REQUIREMENTS]
    return hashlib.sha256(b"\0".join([options.encode(), *(source.read_bytes() for source in sources)])).hexdigest()[:8]


def main() -> None:
    """Make the data unless it exists, and replace this process with the training."""
    parser = argparse.ArgumentParser(prog="make adapter", description=__doc__.splitlines()[0], epilog=_MORE)
    parser.add_argument("--round", type=int, choices=ROUNDS, default=1)
    parser.add_argument("--start", type=Path, help="folder with the adapter of round 1, for round 2; default: the one trained here")
    parser.add_argument("--examples", type=int, help="number of examples in each round")
    parser.add_argument("--own", type=int, help="number of requests that the untrained model answers itself, in round 1")
    arguments, options = parser.parse_known_args()
    this = ROUNDS[arguments.round]
    examples = this.examples if arguments.examples is None else arguments.examples
    own = this.own if arguments.own is None or not this.own else arguments.own
    # The second round depends on all that made the first.
    given = f"{arguments.examples} {arguments.own} {options}"
    out = FOLDER / f"round-{arguments.round}-{version(given)}"
    start = [] if arguments.round == 1 else ["--start", str(arguments.start or FOLDER / f"round-1-{version(given)}")]
    with clear_errors():
        if start and not (Path(start[1]) / "adapter_model.safetensors").exists():
            raise WorkshopError(f"There is no adapter of round 1 in {start[1]}.", "Run `make adapter`, which trains both rounds.")
        weights = SMOLLM2.verified_path().parent
        python = str(environment())
        os.environ["PYTHONPATH"] = os.pathsep.join([str(paths.ROOT), str(paths.ROOT / "src")])
        print(f"Round {arguments.round} of {len(ROUNDS)}", flush=True)
        data = out / "tokens.npz"
        if not data.exists():
            out.mkdir(parents=True, exist_ok=True)
            part = out / "part.npz"
            counts = ["--round", str(arguments.round), "--examples", str(examples), "--own", str(own), "--seed", str(SEED)]
            made = subprocess.run([python, "-m", "training.data", "--weights", str(weights), *counts, "--out", str(part)])
            if made.returncode:
                raise SystemExit(made.returncode)
            part.rename(data)
        command = [python, "-m", "training.train", "--weights", str(weights), "--data", str(data), "--out", str(out), *start, *this.options, *options]
        # Replace this process, so that stopping the command stops the training.
        os.execv(python, command)


if __name__ == "__main__":
    main()
