"""Measure the programs in comparison/ side by side, in one run, against a server of their own.

The programs take turns, so that a machine that becomes slower becomes so for all of them. What the model itself takes
is read from llama.cpp's counters and told apart from the rest of a call.
"""

import ast
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import psutil
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from llamastack_workshop.server.stack import Stack, running_stack
from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError

RESULTS = paths.ROOT / "book" / "measurements" / "comparison.json"
PROGRAMS = ("pure", "langchain_chat", "hybrid")

# What a reader installs for each program.
INSTALLS = {
    "pure": ("openai", "pydantic"),
    "langchain_chat": ("langchain-core", "langchain-openai", "pydantic"),
    "hybrid": ("langchain-core", "langchain-openai", "pydantic"),
    "langgraph": ("langchain-core", "langchain-openai", "langgraph", "pydantic"),
}
AT_ONCE = 4
_STEPS = 2
# Long enough to kill the server while the model still writes.
_LONG_TEXT = " ".join(f"The drive number {n} has {n} TB and costs {n}00 euros." for n in range(1, 25))
_TAGS = {"pure": "A", "langchain_chat": "B", "hybrid": "C", "without_llamastack": "D"}
_NAMES = ("UltraBook", "Pebble", "Titan", "Nimbus", "Orca", "Falcon", "Breeze", "Summit")


def measure(rounds: int, say: Say) -> dict[str, Any]:
    """Return all figures of the comparison, `rounds` of each; times are in seconds, sizes in MB.

    Raises WorkshopError if the server does not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="workshop-bench-") as state,
        running_stack(
            say, port=ports.free_port(), upstream=Choice.embedded, state=Path(state), logs=paths.LOGS / "bench"
        ) as running,
    ):
        figures: dict[str, Any] = {"measured": _circumstances(running, rounds), "programs": {}}
        for name in PROGRAMS:
            figures["programs"][name] = {"lines": lines_of(name), **installation(INSTALLS[name])}
        figures["with_langgraph"] = installation(INSTALLS["langgraph"])
        say("How long the programs take to import, and what they add to memory …")
        _add(figures, "import", _imports(running, rounds))
        say("One chain of two calls at a time, and the stream of one call …")
        _add(figures, "chain", _chains(running, rounds))
        say(f"{AT_ONCE} chains at once …")
        _add(figures, "at_once", _at_once(running, rounds))
        say("An answer that is cut off, a timeout, a dead server, and one that dies in mid-stream …")
        _add(figures, "failures", _failures(running))
    return figures


def write(figures: dict[str, Any], path: Path = RESULTS) -> None:
    """Write `figures` to `path` as JSON."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


def lines_of(name: str) -> int:
    """Return how many lines of a program are code: neither blank, nor a comment, nor a docstring, nor an import.

    The hybrid is the LangChain program with an argument more: its lines count too.
    """
    text = (paths.ROOT / "comparison" / f"{name}.py").read_text(encoding="utf-8")
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_docstring or isinstance(node, ast.Import | ast.ImportFrom):
            skipped.update(range(node.lineno, node.end_lineno + 1))
    code = [n for n, line in enumerate(text.splitlines(), 1) if line.strip() and not line.strip().startswith("#")]
    own = len(set(code) - skipped)
    return own + (lines_of("langchain_chat") if name == "hybrid" else 0)


def installation(packages: tuple[str, ...]) -> dict[str, float]:
    """Return how many distributions `packages` bring with them, themselves included, and what their files weigh.

    A distribution that pyproject.toml leaves out of the lab counts, because a reader who installs `packages` alone gets
    it; its weight is not known here.
    """
    found: set[str] = set()
    wanted = [Requirement(package) for package in packages]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if name in found:
            continue
        found.add(name)
        if not _is_installed(name):
            continue
        for line in metadata.requires(name) or []:
            further = Requirement(line)
            if further.marker is None or any(further.marker.evaluate({"extra": e}) for e in requirement.extras or {""}):
                wanted.append(further)
    files = [file.locate() for name in found if _is_installed(name) for file in metadata.files(name) or []]
    size = sum(file.stat().st_size for file in files if file.is_file() and file.suffix != ".pyc")
    return {"distributions": len(found), "installed_mb": round(size / 1e6, 1)}


def _is_installed(name: str) -> bool:
    return any(metadata.distributions(name=name))


class _Program:
    """A program of comparison/ that runs as a process of its own and takes orders."""

    def __init__(self, name: str, base_url: str, model: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "llamastack_workshop.proving.bench_program", name, base_url, model],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for the command that measures; it then ends the programs.
            start_new_session=True,
        )
        self.imported = self.answer()

    def answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        if not line:
            raise WorkshopError("A program in comparison/ ended by itself.", "Mend what its traceback above says.")
        return json.loads(line)

    def send(self, do: str, **order: Any) -> None:
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()

    def do(self, do: str, **order: Any) -> dict[str, Any]:
        self.send(do, **order)
        return self.answer()

    def fail(self, options: dict[str, Any], text: str, limit: int | None = None) -> dict[str, Any]:
        return self.do("fail", options=options, text=text, limit=limit, stream=False)

    def stop(self) -> None:
        # It has nothing to lose, and may wait for an answer.
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


@contextmanager
def _programs(running: Stack, *more: tuple[str, str, str, str]) -> Iterator[dict[str, _Program]]:
    """Yield all programs, connected to the server; `more` are further ones: key, name, address and model."""
    model = running.models[0]
    wanted = [(name, name, running.base_url, model) for name in PROGRAMS]
    with ExitStack() as cleanup:
        started = {}
        for key, name, base_url, served in [*wanted, *more]:
            started[key] = _Program(name, base_url, served)
            cleanup.callback(started[key].stop)
        yield started


def _imports(running: Stack, rounds: int) -> dict[str, dict[str, Any]]:
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
    # One round that does not count: it reads the files from the disk.
    for number in range(rounds + 1):
        with _programs(running) as programs:
            for name in PROGRAMS:
                if number:
                    seen[name].append(programs[name].imported)
    return {
        name: {"seconds": _spread(one["seconds"] for one in runs), "mb": _spread(one["megabytes"] for one in runs)}
        for name, runs in seen.items()
    }


def _chains(running: Stack, rounds: int) -> dict[str, dict[str, Any]]:
    """Time the chain in all programs, and in one that speaks to llama.cpp without LlamaStack between."""
    upstream = running.addresses["LLAMA_CPP_URL"]
    direct = ("without_llamastack", "langchain_chat", upstream, running.models[0].split("/", 1)[1])
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in (*PROGRAMS, "without_llamastack")}
    with _programs(running, direct) as programs:
        for number in range(rounds + 1):
            for name, program in _in_turn(programs, number):
                before = _model_seconds(upstream)
                ran = program.do("run", text=_text(_TAGS[name], number))
                model = _model_seconds(upstream) - before
                streamed = program.do("stream", text=_text(_TAGS[name], number + 100))
                if number:
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


def _at_once(running: Stack, rounds: int) -> dict[str, dict[str, Any]]:
    seen: dict[str, list[dict[str, float]]] = {name: [] for name in PROGRAMS}
    with _programs(running) as programs:
        for number in range(rounds + 1):
            for name, program in _in_turn(programs, number):
                texts = [_text(_TAGS[name], 1000 + number * AT_ONCE + n) for n in range(AT_ONCE)]
                ran = program.do("run_all", texts=texts)
                if number:
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


def _in_turn(programs: dict[str, _Program], number: int) -> list[tuple[str, _Program]]:
    """Return the programs, another one first in each round."""
    items = list(programs.items())
    first = number % len(items)
    return items[first:] + items[:first]


def _model_seconds(upstream: str) -> float:
    """Return how long llama.cpp at `upstream` has worked so far: reading prompts and writing answers."""
    text = httpx.get(upstream.removesuffix("/v1") + "/metrics", timeout=10).raise_for_status().text
    counters = ("prompt_seconds_total", "tokens_predicted_seconds_total")
    return sum(float(re.search(rf"^llamacpp:{name} (\S+)", text, re.MULTILINE)[1]) for name in counters)


def _text(tag: str, number: int) -> str:
    """Return the text of a round: the same for all programs but for its tag.

    The tag comes early, so that no program finds the rest of another one's prompt in the model's cache.
    """
    product, storage = _NAMES[number % len(_NAMES)], 1 + number % 9
    return f"The {product} {tag} has a 3.5 GHz octa-core processor, 16GB of RAM, and a {storage}TB SSD."


def _spread(values: Iterator[float] | list[float]) -> dict[str, float]:
    """Return the median, the least and the largest of `values`."""
    ordered = sorted(values)
    return {"median": round(median(ordered), 4), "min": round(ordered[0], 4), "max": round(ordered[-1], 4)}


def _summary(seen: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, Any]]:
    """Return the spread of each figure, and of its ratio to the pure program's, taken round by round."""
    summary: dict[str, dict[str, Any]] = {}
    for name, runs in seen.items():
        summary[name] = {key: _spread([run[key] for run in runs]) for key in runs[0]}
        pairs = list(zip(runs, seen["pure"], strict=True))
        summary[name]["ratio_to_pure"] = {
            key: _spread([run[key] / pure[key] for run, pure in pairs if pure[key]]) for key in runs[0]
        }
    return summary


def _add(figures: dict[str, Any], key: str, by_program: dict[str, dict[str, Any]]) -> None:
    for name, found in by_program.items():
        figures["programs"].setdefault(name, {})[key] = found


def _circumstances(running: Stack, rounds: int) -> dict[str, Any]:
    versions = ("llama-stack", "openai", "langchain-core", "langchain-openai", "langgraph", "pydantic")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        "model": running.models[0],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in versions},
    }


def _processor() -> str:
    """Return the processor's name, where the system tells it."""
    information = Path("/proc/cpuinfo")
    if information.exists() and (match := re.search(r"model name\s*: (.*)", information.read_text())):
        return match[1].strip()
    return platform.processor() or platform.machine()
