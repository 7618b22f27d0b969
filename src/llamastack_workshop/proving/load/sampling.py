"""The processor time and the memory of a classroom's processes: of each part, of the attendees, and of Locust."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import psutil

from llamastack_workshop.system import machine

PEOPLE, GENERATOR, OTHERS = "people", "Locust", "other programs"
_HUB = "JupyterHub"
_SINGLE_USER = "jupyterhub.singleuser"
# Those of the machine.
_IDLE = ("idle", "iowait")


class Sampler:
    """Adds up what the processes under `process_ids` do, by part; call `sample` every few seconds."""

    def __init__(self, process_ids: Callable[[], dict[str, list[int]]]) -> None:
        self._process_ids = process_ids
        self._seen: dict[psutil.Process, float] = {}
        self.reset()

    def reset(self) -> None:
        """Begin to count processor time anew."""
        self._used: dict[str, float] = {}
        self._started, self._busy = time.monotonic(), _busy()

    def sample(self) -> None:
        for part, processes in self.processes().items():
            for process in processes:
                with suppress(psutil.Error):
                    times = process.cpu_times()
                    total = times.user + times.system
                    # One that is new has started since the last sample.
                    self._used[part] = self._used.get(part, 0.0) + total - self._seen.get(process, 0.0)
                    self._seen[process] = total

    def seconds(self) -> dict[str, float]:
        """Return the processor time of each part since `reset`, in seconds."""
        return {part: round(total, 1) for part, total in self._used.items()}

    def cores(self) -> dict[str, float]:
        """Return how many cores each part has kept busy since `reset`, and other programs of this machine."""
        seconds = time.monotonic() - self._started
        used = {part: round(total / seconds, 3) for part, total in self._used.items()}
        others = (_busy() - self._busy) / seconds - sum(used.values())
        return {**used, OTHERS: round(max(0.0, others), 3)}

    def memory(self) -> dict[str, float]:
        """Return the memory of each part in bytes; what several processes share is divided among them (PSS)."""
        return {part: sum(map(_memory, processes)) for part, processes in self.processes().items()}

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return the living processes of each part; the attendees' are a part of their own, and not of the hub."""
        found = {part: list(_with_descendants(ids)) for part, ids in self._process_ids().items()}
        people = {one for lab in found.get(_HUB, []) if _is_lab(lab) for one in _with_descendants([lab.pid])}
        if _HUB in found:
            found[_HUB] = [one for one in found[_HUB] if one not in people]
            found[PEOPLE] = list(people)
        return found


def _with_descendants(ids: Iterable[int]) -> Iterable[psutil.Process]:
    for id in ids:
        with suppress(psutil.Error):
            process = psutil.Process(id)
            yield from [process, *process.children(recursive=True)]


def _is_lab(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return _SINGLE_USER in process.cmdline()
    return False


def _memory(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return process.memory_full_info().pss
    return 0.0


def _busy() -> float:
    """Return the processor time that this machine has spent, in seconds."""
    times = psutil.cpu_times()
    guests = times.guest + times.guest_nice
    return sum(times) - guests - sum(getattr(times, name) for name in _IDLE)


def circumstances() -> dict[str, str]:
    """Return the date and the machine, as measurements are published with them."""
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": f"{machine.cores()} cores ({machine.processor()})",
    }
