"""Startup times: of the whole stack, cold and warm, and of a throw-away server, with and without the mould."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from llamastack_workshop.proving.bench.figures import Plan, in_turn, ratio, spread
from llamastack_workshop.server.parts import answering_version
from llamastack_workshop.server.stack import Stack, language_models
from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import environment, files, paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import interrupt_group

# A cold start downloads some 390 MB each time.
_MOST_COLD_ROUNDS = 3
_MOULD = "WORKSHOP_MOULD"


def measure_stack(plan: Plan, say: Say, *, cold: bool) -> dict[str, Any]:
    """Return the time and CPU time of the stack from its command to the first answer of the Responses API.

    A warm start is `workshop llama-server` in this installation. With `cold`, a cold start is `make llama-server` in a
    fresh clone of the last commit, with an empty home folder, and so with empty caches.
    Raises WorkshopError if the stack ends before it answers.
    """
    say("Measuring a warm start of the stack, from the command to the first answer …")
    warm = [_warm_start() for _ in plan.numbers(say)][plan.warm_ups :]
    figures: dict[str, Any] = {"warm": _spreads(warm)}
    if cold:
        rounds = range(min(plan.rounds, _MOST_COLD_ROUNDS))
        say(f"Measuring a cold start, including all downloads, {len(rounds)} time(s) …")
        figures["cold"] = _spreads([_cold_start() for _ in rounds])
    return figures


def measure_throwaway(running: Stack, plan: Plan, say: Say) -> dict[str, Any]:
    """Return the costs of a throw-away server until it answers, forked from the mould and as a separate process.

    Its memory is the part that it does not share. On systems without a mould, both are separate processes.
    """
    say("Measuring a throw-away server, forked from the mould and started alone …")
    sides = {"forked": nullcontext, "by_itself": _without_mould}
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for number in plan.numbers(say):
        for name, condition in in_turn(sides, number):
            with condition():
                start = _throwaway_start(running)
            if number > 0:
                seen[name].append(start)
    figures = {name: _spreads(starts) for name, starts in seen.items()}
    figures["ratio"] = {
        key: ratio((one[key] for one in seen["forked"]), (one[key] for one in seen["by_itself"]))
        for key in seen["forked"][0]
    }
    return figures


def _warm_start() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="workshop-warm-") as folder:
        command = [sys.executable, "-m", "llamastack_workshop.cli", "llama-server"]
        # As in a fresh terminal: without an existing mould, and with its own state.
        ours = {"WORKSHOP_STATE": f"{folder}/state", "WORKSHOP_LOGS": f"{folder}/logs"}
        return _first_answer(
            command, paths.ROOT, environment.without([_MOULD]) | ours, paths.LOGS / "bench" / "warm.log"
        )


def _cold_start() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="workshop-cold-") as folder:
        clone, home = Path(folder) / "clone", Path(folder) / "home"
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", str(paths.ROOT), str(clone)], check=True)
        # The sources of packages and Python stay those of the machine; only its caches have to be empty.
        inherited = environment.named(prefixes=("PIP_", "UV_"))
        unwanted = {"VIRTUAL_ENV", "CONDA_PREFIX", *(name for name in inherited if name.startswith("XDG_"))}
        unwanted |= {"UV_CACHE_DIR", "PIP_CACHE_DIR"}
        pyenv = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
        variables = environment.without(unwanted, inherited) | {"HOME": str(home), "PYENV_ROOT": pyenv}
        return _first_answer(["make", "llama-server"], clone, variables, paths.LOGS / "bench" / "cold.log")


def _first_answer(command: list[str], folder: Path, variables: dict[str, str], log: Path) -> dict[str, float]:
    """Run `command`, which starts the stack, until it has answered once; return the time and CPU time in seconds."""
    port = ports.free_port()
    options = ["--port", str(port), "--upstream", "embedded"]
    command = [*command, f"ARGS={' '.join(options)}"] if command[0] == "make" else [*command, *options]
    with files.open_log(log) as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C goes only to the measuring command, which then ends this one.
            start_new_session=True,
        )
    try:
        while answering_version(port) is None:
            if process.poll() is not None:
                raise WorkshopError("A start of the stack ended before the server answered.", f"Read {log}")
            time.sleep(0.05)
        base_url = f"http://{ports.HOST}:{port}/v1"
        question = {"model": language_models(base_url)[0], "input": "Say hello.", "max_output_tokens": 16}
        httpx.post(f"{base_url}/responses", json=question, timeout=60).raise_for_status()
        return {"seconds": time.perf_counter() - started, "cpu_seconds": _cpu_seconds_of_tree(process.pid)}
    finally:
        interrupt_group(process)


def _cpu_seconds_of_tree(pid: int) -> float:
    """Return the CPU time of a process and its descendants, including those that have ended, in seconds."""
    top = psutil.Process(pid)
    spent = [process.cpu_times() for process in [top, *top.children(recursive=True)]]
    return sum(one.user + one.system + one.children_user + one.children_system for one in spent)


def _throwaway_start(running: Stack) -> dict[str, float]:
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    variables = upstream_variables(running.base_url, running.models[0])
    started = time.perf_counter()
    with throwaway_server(configuration, variables) as server:
        seconds = time.perf_counter() - started
        process = psutil.Process(server.process.pid)
        spent = process.cpu_times()
        return {
            "seconds": seconds,
            "cpu_seconds": spent.user + spent.system,
            "mb": process.memory_full_info().uss / 1e6,
        }


@contextmanager
def _without_mould() -> Iterator[None]:
    """Make servers start without a mould during the block: the folder for moulds is empty."""
    before = os.environ.get(_MOULD)
    with tempfile.TemporaryDirectory(prefix="workshop-no-mould-") as empty:
        os.environ[_MOULD] = empty
        try:
            yield
        finally:
            if before is None:
                del os.environ[_MOULD]
            else:
                os.environ[_MOULD] = before


def _spreads(runs: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    return {key: spread(run[key] for run in runs) for key in runs[0]}
