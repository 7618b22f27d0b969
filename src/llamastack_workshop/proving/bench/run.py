"""The whole measurement in one run with one server, and the files that the book reads."""

import json
import tempfile
from pathlib import Path
from typing import Any

from llamastack_workshop.proving import suite_record
from llamastack_workshop.proving.bench import comparison, gateway, llama_cpp, starts
from llamastack_workshop.proving.bench.figures import Plan, circumstances
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import files, paths, ports
from llamastack_workshop.system.errors import Say


def measure(plan: Plan, say: Say, *, cold: bool = False) -> dict[str, dict[str, Any]]:
    """Return two sets of figures: `comparison`, of the programs in comparison/, and `costs`, of everything else.

    Times are in seconds, sizes in MB. With `cold`, `costs` includes the cold start. The times of the test suites are
    those of the latest recorded runs on this machine; the tests are not run here.
    Raises WorkshopError if the server does not start.
    """
    stack = starts.measure_stack(plan, say, cold=cold)
    with (
        tempfile.TemporaryDirectory(prefix="workshop-bench-") as state,
        running_stack(
            say, port=ports.free_port(), upstream=Choice.embedded, state=Path(state), logs=paths.LOGS / "bench"
        ) as running,
    ):
        measured = circumstances(plan, running.models[0])
        costs = {
            "measured": measured,
            "stack": stack,
            "throwaway": starts.measure_throwaway(running, plan, say),
            "model": llama_cpp.measure(running, plan, say),
            "gateway": gateway.measure(running, plan, say),
            "suites": suite_record.recorded(),
        }
        return {"comparison": {"measured": measured, **comparison.measure(running, plan, say)}, "costs": costs}


def write(figures: dict[str, dict[str, Any]], folder: Path = paths.MEASUREMENTS) -> list[Path]:
    """Write each set of figures to a JSON file with its name in `folder`, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in figures.items():
        written.append(folder / f"{name}.json")
        files.write_whole(written[-1], json.dumps(content, indent=2) + "\n")
    return written
