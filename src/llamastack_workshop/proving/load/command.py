"""The command `workshop load`: the stages with progress, a table, and the file with the figures."""

import json
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from llamastack_workshop.proving.load import report
from llamastack_workshop.proving.load.run import CHAPTERS, Plan, measure, read_accounts
from llamastack_workshop.proving.load.sampling import circumstances
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import files, paths
from llamastack_workshop.system.errors import Say

OUTPUT = paths.WORKSHOP_HOME / "load.json"
RECORD = paths.MEASUREMENTS / "load.json"


def plan(
    people: str,
    minutes: float,
    think: float,
    port: int,
    replicas: int,
    upstream: Choice,
    url: str | None,
    accounts: Path | None,
) -> Plan:
    """Return the plan that the options of the command describe; raise typer.BadParameter if they don't."""
    numbers = [word.strip() for word in people.split(",")]
    if not all(word.isdecimal() and 0 < int(word) <= 400 for word in numbers):
        raise typer.BadParameter(
            f"{people} is not a list of numbers from 1 to 400, such as 1,10,40", None, None, "people"
        )
    return Plan(
        people=[int(word) for word in numbers],
        seconds=60 * minutes,
        think=think,
        port=port,
        options={"replicas": replicas, "upstream": upstream},
        url=url,
        accounts=read_accounts(accounts) if accounts else (),
    )


def run(console: Console, say: Say, plan: Plan, output: Path) -> None:
    """Measure the stages of `plan`, print a table, and write the figures to `output`, after each stage.

    Raises WorkshopError like `measure`.
    """
    found: dict[str, Any] = {
        **circumstances(),
        "think_seconds": plan.think,
        "servers": plan.options.get("replicas"),
        "chapters": CHAPTERS,
        "stages": [],
    }
    try:
        for stage in measure(plan, say):
            found["stages"].append(stage)
            output.parent.mkdir(parents=True, exist_ok=True)
            files.write_whole(output, json.dumps(found, indent=1) + "\n")
    finally:
        if found["stages"]:
            console.print(report.table(found["stages"]))
            for line in report.remarks(found["stages"]):
                console.print(line, soft_wrap=True)
            console.print(f"The figures are in {output}", soft_wrap=True)
