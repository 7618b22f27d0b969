"""The command `workshop eval`: a run with progress, a table, and the comparison with the recorded figures."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from llamastack_workshop.evaluating import record as records
from llamastack_workshop.evaluating.cases import REQUESTS, load
from llamastack_workshop.evaluating.record import Result
from llamastack_workshop.evaluating.report import table, wrong_answer
from llamastack_workshop.evaluating.run import chosen, evaluate
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import Say


def run(
    console: Console,
    say: Say,
    kinds: list[str],
    model: str | None,
    base_url: str | None,
    requests: Path | None,
    *,
    record: bool = False,
    verbose: bool = False,
) -> bool:
    """Evaluate a model, print the results, and return whether they are no worse than the recorded ones.

    With `record`, the figures are recorded. `requests` is another data set than ours, without recorded figures.
    Raises WorkshopError like `load` and `evaluate`.
    """
    cases = load(requests or REQUESTS)
    wanted = chosen(kinds, cases)
    left = dict.fromkeys((case.kind for case in wanted), 0)
    for case in wanted:
        left[case.kind] += 1
    results: list[Result] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(wanted))

        def on_result(result: Result) -> None:
            results.append(result)
            progress.update(task, advance=1, description=result.kind)
            if verbose and result.problem:
                console.print(wrong_answer(result), soft_wrap=True)
            left[result.kind] -= 1
            if not left[result.kind]:
                of_kind = [one for one in results if one.kind == result.kind]
                right = sum(one.problem is None for one in of_kind)
                say(f"  {result.kind}: {right} of {len(of_kind)}, {sum(one.seconds for one in of_kind):.0f} s")

        try:
            done = evaluate(cases, kinds, model, base_url, say, on_result)
        except KeyboardInterrupt:
            kept = f"{len(results)} of {len(wanted)} answers are kept; the same command continues from there."
            console.print(kept, soft_wrap=True)
            raise
    figures = None if requests else records.recorded().get(done.model)
    console.print(table(done.model, done.results, figures))
    console.print(f"The answers are in {done.path.relative_to(paths.ROOT)}", soft_wrap=True)
    if record:
        records.record(done.model, done.results)
        console.print(f"The figures are in {records.RECORD.relative_to(paths.ROOT)}", soft_wrap=True)
        return True
    if not figures:
        console.print("Nothing is recorded for this, so nothing was compared.")
        return True
    dropped = records.drops(figures, done.results)
    if dropped:
        console.print(f"Worse than recorded on {figures['date']}, beyond chance: {', '.join(dropped)}", soft_wrap=True)
    else:
        console.print(f"Not significantly worse than recorded on {figures['date']}.", soft_wrap=True)
    return not dropped
