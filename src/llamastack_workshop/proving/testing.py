"""Run the tests: every chapter with nbmake, and the tests of the package, against dedicated servers."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from llamastack_workshop.attending import chapters
from llamastack_workshop.proving import kernels, proofs, suite_record
from llamastack_workshop.publishing.book_pages.markdown import notebooks
from llamastack_workshop.server import stacks, upstreams
from llamastack_workshop.server.embedded.threads import usable_cores
from llamastack_workshop.server.stack import Stack, running_stack
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import Say
from llamastack_workshop.system.processes import run_group

# The markers of the tests that `make test` leaves out; pyproject.toml describes them.
ONLY_IN_ALL = ["pinned_server", "whole_blanks", "measures", "other_lines", "installs", "dear"]
# The marker of the tests that `make test-all` leaves out, too.
NIGHTLY = "nightly"

# Limited, because each worker has its own server and model, which take memory.
_MOST_WORKERS = 4

_TESTS = "tests"


def run_tests(arguments: list[str], stack_name: str | None, say: Say, *, everything: bool = False) -> int:
    """Run pytest with `arguments`, and return its exit status.

    The nightly tests are left out and, without `everything`, those with a marker in ONLY_IN_ALL, unless `arguments`
    select tests by a path, with -k or with -m.
    The servers listen on free ports, and their state is deleted when the tests end. With `stack_name`, they have that
    configuration in stacks/, and only the chapters run, because the tests are about the installed server.
    The chapters' outputs with the installed server are used for the book.
    Raises WorkshopError if a server does not start.
    """
    logs = paths.LOGS / "test"
    shutil.rmtree(logs, ignore_errors=True)
    workers = min(_MOST_WORKERS, usable_cores() + 1)  # one more, because each waits for servers now and then
    with proofs.folder() as proven, _running_stacks(workers, stack_name, logs, say) as running:
        # Other pages need no server.
        proofs.write(proven, chapters.chapters() if stack_name else notebooks())
        arguments = [_with_proofs(word, proven) for word in arguments]
        say(f"Testing against {running[0].url} ({', '.join(running[0].models[:3])}) …")
        environment = {**os.environ, **running[0].variables(), "WORKSHOP_LOGS": str(logs)}
        environment["WORKSHOP_PROOFS"] = proven.name
        environment["WORKSHOP_TEST_STACKS"] = json.dumps([stack.variables() for stack in running])
        recording = [] if stack_name else suite_record.options(arguments, running, "test-all" if everything else "test")
        if stack_name:
            arguments = [*arguments, "-p", "llamastack_workshop.proving.outcomes", "--stack", stack_name]
        if not stack_name and (left_out := selection(arguments, everything=everything)):
            arguments = [*arguments, *left_out]
            if not everything:
                say("Leaving out slow tests that seldom fail: make test-all runs them, too.")
        tests = [proven.name] if stack_name else [proven.name, _TESTS]
        try:
            status = _run_pytest([*recording, *arguments], tests, workers, kernels.in_moulds(environment))
        finally:
            if not stack_name:
                proofs.hand_to_the_book(proven)
    if status:
        say(f"The servers' logs are in {logs.relative_to(paths.ROOT)}/")
    return status


@contextmanager
def _running_stacks(number: int, stack_name: str | None, logs: Path, say: Say) -> Iterator[list[Stack]]:
    """Start a stack for each of `number` workers, and stop them at the end.

    A model has a lower total throughput for two concurrent requests than for one after the other: measured on 2 cores
    of an AMD EPYC on 2026-11-27, 61 against 102 tokens per second.
    """
    server = stacks.server(stack_name, say) if stack_name else stacks.OURS
    upstream = upstreams.choose_for_stack(stack_name) if stack_name else None
    if number > 1:
        # There are as many models as cores, so each gets one thread.
        os.environ.setdefault("WORKSHOP_THREADS", "1")
    with tempfile.TemporaryDirectory(prefix="workshop-test-") as folder, ExitStack() as started:
        yield [
            started.enter_context(
                running_stack(
                    say,
                    port=ports.free_port(),
                    upstream=upstream,
                    server=server,
                    state=Path(folder, str(index)),
                    logs=logs / str(index),
                )
            )
            for index in range(number)
        ]


def _with_proofs(word: str, proven: Path) -> str:
    """Return `word`, with the path of a notebook of the book replaced by that of its proof in `proven`."""
    folder, *rest = word.split("/")
    is_notebook = folder == paths.NOTEBOOKS.name or (folder == "book" and word.endswith(".ipynb"))
    return "/".join([proven.name, *rest]) if is_notebook else word


def selection(arguments: list[str], *, everything: bool) -> list[str]:
    """Return the options that leave tests out; none, if `arguments` select tests."""
    if _name_tests(arguments) or any(word.startswith(("-k", "-m")) for word in arguments):
        return []
    return ["-m", f"not ({' or '.join([NIGHTLY, *([] if everything else ONLY_IN_ALL)])})"]


def _name_tests(arguments: list[str]) -> bool:
    return any((paths.ROOT / word.split("::")[0]).exists() for word in arguments if not word.startswith("-"))


def _run_pytest(arguments: list[str], tests: list[str], workers: int, environment: dict[str, str]) -> int:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbmake",
        # Write the outputs into the proofs.
        "--overwrite",
        f"--numprocesses={workers}",
        # One worker per file, so that a file starts its servers once. Files run in the order of their collection.
        "--dist=loadfile",
        "--no-loadscope-reorder",
    ]
    chosen = [] if _name_tests(arguments) else tests
    return run_group([*command, *arguments, *chosen], cwd=paths.ROOT, env=environment)
