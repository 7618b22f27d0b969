"""Put people into a classroom, stage by stage, and measure what they get and what it costs."""

import io
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from llamastack_workshop.classroom import room
from llamastack_workshop.proving.load import figures
from llamastack_workshop.proving.load.sampling import GENERATOR, Sampler
from llamastack_workshop.proving.load.settings import Settings
from llamastack_workshop.system import environment, files, own_environment, paths
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Spawned

HOME = paths.WORKSHOP_HOME / "load"
_SETTINGS = HOME / "settings.json"
_PLACES = room.Places(HOME / "classroom", HOME / "people", paths.LOGS / "load")
_ATTENDEES = Path(__file__).with_name("attendees.py")
# They run as they are on one machine: they start no servers of their own.
CHAPTERS = ["02-responses-api", "03-prompt-chaining", "04-langchain-hybrid", "06-tools"]
_ARRIVE_WITHIN = 30  # seconds
_PATIENCE = 600  # seconds, as long as the openai client has
_BETWEEN_SAMPLES = 2  # seconds
_BETWEEN_LINES = 15  # seconds


@dataclass(frozen=True)
class Plan:
    """The numbers of people, one stage for each; `seconds` is how long each stage is measured, and `think` how long
    people think on average between two cells. `url` and `accounts` are those of a classroom that runs already."""

    people: Sequence[int]
    seconds: float
    think: float
    port: int
    options: dict[str, Any] = field(default_factory=dict)
    url: str | None = None
    accounts: Sequence[tuple[str, str]] = ()


def measure(plan: Plan, say: Say) -> Iterator[dict[str, Any]]:
    """Yield the figures of each stage of `plan`.

    Raises WorkshopError if the classroom or Locust does not start, or if there are too few accounts.
    """
    if os.name != "posix":
        raise WorkshopError("Load is measured where classrooms run: on Linux.", "Use a machine with Linux.")
    installing = "Installing Locust into an environment of its own (once, some seconds) …"
    python = own_environment.python_of("load", ("load",), say, installing)
    with _classroom(plan, say) as (url, accounts, running):
        if len(accounts) < max(plan.people):
            raise WorkshopError(
                f"There are {len(accounts)} accounts for {max(plan.people)} people.", "Name as many, or fewer people."
            )
        for people in plan.people:
            yield _stage(people, plan, url, accounts[:people], running, python, say)


def read_accounts(file: Path) -> list[tuple[str, str]]:
    """Return the names and passwords in `file`, which has one of each in a line, as a classroom prints them.

    Raises WorkshopError if a line has something else.
    """
    words = [line.split() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    if wrong := next((number for number, line in enumerate(words, 1) if len(line) != 2), None):
        raise WorkshopError(
            f"{file}: line {wrong} is not a name and a password.", "Copy the lines that `make classroom` has printed."
        )
    return [(name, password) for name, password in words]


@contextmanager
def _classroom(plan: Plan, say: Say) -> Iterator[tuple[str, list[tuple[str, str]], room.Room | None]]:
    """Yield the address and the accounts of a classroom, and the classroom itself if it's one of ours."""
    if plan.url:
        files.private_folder(HOME)
        yield plan.url.rstrip("/"), list(plan.accounts), None
        return
    shutil.rmtree(HOME, ignore_errors=True)
    files.private_folder(HOME)
    HOME.chmod(0o711 if os.geteuid() == 0 else 0o700)
    options = room.Options(users=max(plan.people), port=plan.port, places=_PLACES, **plan.options)
    try:
        # Nobody needs to see the passwords.
        with room.running_room(Console(file=io.StringIO()), say, say, options) as running:
            yield running.url, list(running.passwords.items()), running
    finally:
        shutil.rmtree(HOME, ignore_errors=True)


def _stage(
    people: int,
    plan: Plan,
    url: str,
    accounts: list[tuple[str, str]],
    running: room.Room | None,
    python: Path,
    say: Say,
) -> dict[str, Any]:
    say(f"{people} {'people log' if people > 1 else 'person logs'} in …")
    events = HOME / f"{people}.jsonl"
    events.unlink(missing_ok=True)
    settings = Settings(url, accounts, CHAPTERS, plan.think, plan.seconds, _PATIENCE, events)
    locust = _locust(python, people, settings)
    sampler = Sampler(lambda: {**(running.process_ids() if running else {}), GENERATOR: [locust.pid]})
    measured: dict[str, Any] = {}
    try:
        phase, line, sampled = "", time.monotonic(), 0.0
        while locust.running():
            if running:
                running.look_after()
            time.sleep(0.5)
            if time.monotonic() - sampled < _BETWEEN_SAMPLES:
                continue
            sampler.sample()
            sampled = time.monotonic()
            seen = figures.read(events)
            before, phase = phase, _phase(seen)
            if phase != before and phase == "ready":
                say(f"{people}: all are in; measuring for {plan.seconds:.0f} s …")
                measured["opening_seconds"] = sampler.seconds()
                sampler.reset()
            if phase != before and phase == "over":
                measured |= {"cores": sampler.cores(), "memory": sampler.memory()}
            if time.monotonic() - line > _BETWEEN_LINES:
                say(f"{people}: {_progress(seen)}")
                line = time.monotonic()
    finally:
        locust.stop()
        # It has passwords.
        _SETTINGS.unlink(missing_ok=True)
    if locust.status or _phase(figures.read(events)) != "over":
        raise WorkshopError("Locust ended before its time.", f"Read {locust.log}")
    return {**figures.figures(people, figures.read(events)), **measured}


def _locust(python: Path, people: int, settings: Settings) -> Spawned:
    with files.open_private(_SETTINGS) as file:
        file.write(settings.written().encode())
    words = ["--headless", "--users", str(people), "--spawn-rate", str(max(1, people / _ARRIVE_WITHIN))]
    return Spawned(
        "llamastack_workshop.system.program",
        "--",
        *[str(python), "-m", "locust", "-f", str(_ATTENDEES), *words, "--only-summary", "--exit-code-on-error", "0"],
        environment={
            **environment.named(),
            "WORKSHOP_LOAD": str(_SETTINGS),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(paths.ROOT / "src"), os.environ.get("PYTHONPATH")])),
        },
        log=_PLACES.log(f"locust-{people}"),
    )


def _phase(events: Sequence[figures.Event]) -> str:
    kinds = {one["kind"] for one in events}
    return next((kind for kind in ("over", "ready") if kind in kinds), "")


def _progress(events: Sequence[figures.Event]) -> str:
    counted = {kind: sum(one["kind"] == kind and not one["error"] for one in events) for kind in ("cell", "answer")}
    in_room = sum(one["kind"] == "open" and one["name"] == "kernel" and not one["error"] for one in events)
    return f"{in_room} chapters are open, {counted['cell']} cells have run, {counted['answer']} answers were given"
