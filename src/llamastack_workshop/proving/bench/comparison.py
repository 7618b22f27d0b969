"""Comparing the programs in comparison/, for chapter 16.

The programs take turns, so that a change in the machine's speed affects all of them. The model's own time is read from
llama.cpp's counters, and separated from the rest of a call.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import yaml

from llamastack_workshop.proving.bench import llama_cpp
from llamastack_workshop.proving.bench.figures import Plan, in_turn, spread
from llamastack_workshop.proving.bench.footprint import INSTALLS, installation, lines_of
from llamastack_workshop.server.stack import Stack
from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError

PROGRAMS = ("pure", "langchain_chat", "hybrid")

AT_ONCE = 4
_STEPS = 2
# Long enough to kill the server while the model is still writing.
_LONG_TEXT = " ".join(f"The drive number {n} has {n} TB and costs {n}00 euros." for n in range(1, 25))
_TAGS = {"pure": "A", "langchain_chat": "B", "hybrid": "C", "without_llamastack": "D"}
_NAMES = ("UltraBook", "Pebble", "Titan", "Nimbus", "Orca", "Falcon", "Breeze", "Summit")


def measure(running: Stack, plan: Plan, say: Say) -> dict[str, Any]:
    """Return the figures of each program, and the size of an installation with LangGraph; in seconds and MB."""
    figures: dict[str, Any] = {"programs": {}}
    for name in PROGRAMS:
        figures["programs"][name] = {"lines": lines_of(name), **installation(INSTALLS[name])}
    figures["with_langgraph"] = installation(INSTALLS["langgraph"])
    say("Measuring import times and memory of the programs …")
    _add(figures, "import", _imports(running, plan, say))
    say("Measuring one chain of two calls at a time, and the stream of one call …")
    _add(figures, "chain", _chains(running, plan, say))
    say(f"Measuring {AT_ONCE} concurrent chains …")
    _add(figures, "at_once", _at_once(running, plan, say))
    say("Provoking a truncated answer, a timeout, a dead server, and one that dies in mid-stream …")
    _add(figures, "failures", _failures(running))
    return figures


class _Program:
    """A program of comparison/ that runs as a separate process and executes requests."""

    def __init__(self, name: str, base_url: str, model: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "llamastack_workshop.proving.bench.program", name, base_url, model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C goes only to the measuring command, which then ends the programs.
            start_new_session=True,
        )
        self.imported = self.answer()

    def answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise WorkshopError("A program in comparison/ ended by itself.", "Fix the error in its traceback above.")
        return json.loads(line)

    def send(self, command: str, **arguments: Any) -> None:
        self._process.stdin.write(json.dumps({"command": command, **arguments}) + "\n")
        self._process.stdin.flush()

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        self.send(command, **arguments)
        return self.answer()

    def fail(self, options: dict[str, Any], text: str, limit: int | None = None) -> dict[str, Any]:
        return self.request("fail", options=options, text=text, limit=limit, stream=False)

    def stop(self) -> None:
        # Killing is safe: it has no data, and it may be waiting for an answer.
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


@contextmanager
def _programs(running: Stack, *more: tuple[str, str, str, str]) -> Iterator[dict[str, _Program]]:
    """Yield all programs, connected to the server; `more` are further ones, as (key, name, address, model)."""
    model = running.models[0]
    wanted = [(name, name, running.base_url, model) for name in PROGRAMS]
    with ExitStack() as cleanup:
        started = {}
        for key, name, base_url, served in [*wanted, *more]:
            started[key] = _Program(name, base_url, served)
            cleanup.callback(started[key].stop)
        yield started


def _imports(running: Stack, plan: Plan, say: Say) -> dict[str, dict[str, Any]]:
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
    for number in plan.numbers(say):
        with _programs(running) as programs:
            for name in PROGRAMS:
                if number > 0:
                    seen[name].append(programs[name].imported)
    return {
        name: {"seconds": spread(one["seconds"] for one in runs), "mb": spread(one["megabytes"] for one in runs)}
        for name, runs in seen.items()
    }


def _chains(running: Stack, plan: Plan, say: Say) -> dict[str, dict[str, Any]]:
    """Time the chain in all programs, and in one that calls llama.cpp directly, without LlamaStack."""
    upstream = running.addresses["LLAMA_CPP_URL"]
    direct = ("without_llamastack", "langchain_chat", upstream, running.models[0].split("/", 1)[1])
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in (*PROGRAMS, "without_llamastack")}
    with _programs(running, direct) as programs:
        for number in plan.numbers(say):
            for name, program in in_turn(programs, number):
                before = llama_cpp.counted(upstream).seconds
                ran = program.request("run", text=_text(_TAGS[name], number))
                model = llama_cpp.counted(upstream).seconds - before
                streamed = program.request("stream", text=_text(_TAGS[name], number + 100))
                if number > 0:
                    seen[name].append(
                        {
                            "seconds": ran["seconds"],
                            "model_seconds": model,
                            "overhead_per_step": (ran["seconds"] - model) / _STEPS,
                            "client_cpu_per_step": ran["cpu_seconds"] / _STEPS,
                            "first_token_seconds": streamed["first_token_seconds"],
                            "mb": ran["megabytes"],
                        }
                    )
    return _summary(seen)


def _at_once(running: Stack, plan: Plan, say: Say) -> dict[str, dict[str, Any]]:
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
    with _programs(running) as programs:
        for number in plan.numbers(say):
            for name, program in in_turn(programs, number):
                texts = [_text(_TAGS[name], 1000 + number * AT_ONCE + n) for n in range(AT_ONCE)]
                ran = program.request("run_all", texts=texts)
                if number > 0:
                    seen[name].append({"seconds": ran["seconds"], "client_cpu_seconds": ran["cpu_seconds"]})
    return _summary(seen)


def _failures(running: Stack) -> dict[str, dict[str, Any]]:
    """Provoke each failure once in each program."""
    nowhere = f"http://{ports.HOST}:{ports.free_port()}/v1"
    text = _text("A", 1)
    with _programs(running) as programs:
        seen = {
            name: {
                "cut_off": program.fail({}, text, limit=16),
                "timeout": program.fail({"timeout": 0.05}, text),
                "dead": program.fail({"base_url": nowhere}, text),
            }
            for name, program in programs.items()
        }
        for name, broken in _killed(running, programs).items():
            seen[name]["killed"] = broken
    return seen


def _killed(running: Stack, programs: dict[str, _Program]) -> dict[str, dict[str, Any]]:
    """Kill a server while all programs stream from it."""
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    model = running.models[0]
    with throwaway_server(configuration, upstream_variables(running.base_url, model)) as server:
        options = {"base_url": server.base_url, "model": f"openai/{model}"}
        for program in programs.values():
            program.send("fail", options=options, text=_LONG_TEXT, limit=None, stream=True)
        for program in programs.values():
            program.answer()
        server.kill()
        return {name: program.answer() for name, program in programs.items()}


def _text(tag: str, number: int) -> str:
    """Return the text of a round, which is the same for all programs except for its tag.

    The tag is near the start, so that no program benefits from another one's prompt in the model's cache.
    """
    product, storage = _NAMES[number % len(_NAMES)], 1 + number % 9
    return f"The {product} {tag} has a 3.5 GHz octa-core processor, 16GB of RAM, and a {storage}TB SSD."


def _summary(seen: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Return the spread of each figure, and of its ratio to the pure program's in the same round."""
    summary: dict[str, dict[str, Any]] = {}
    for name, runs in seen.items():
        summary[name] = {key: spread([run[key] for run in runs]) for key in runs[0]}
        pairs = list(zip(runs, seen["pure"], strict=True))
        summary[name]["ratio_to_pure"] = {
            key: spread([run[key] / pure[key] for run, pure in pairs if pure[key]]) for key in runs[0]
        }
    return summary


def _add(figures: dict[str, Any], key: str, by_program: dict[str, dict[str, Any]]) -> None:
    for name, found in by_program.items():
        figures["programs"].setdefault(name, {})[key] = found
