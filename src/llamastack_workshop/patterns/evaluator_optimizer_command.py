"""The command `llamastack-evaluator-optimizer`."""

from typing import Annotated

import typer

from llamastack_workshop.patterns.command import (
    AsJson,
    BaseUrl,
    Model,
    Resume,
    Text,
    Timeout,
    WithLangChain,
    pattern_app,
    pattern_run,
    run_app,
)
from llamastack_workshop.patterns.evaluator_optimizer import FACTS_TEXT, MAX_ROUNDS, run_loop
from llamastack_workshop.system.errors import WorkshopError

app = pattern_app()
Rounds = Annotated[
    int | None,
    typer.Option(min=1, max=8, help="How many drafts to write at most.", show_default=str(MAX_ROUNDS)),
]


@app.command()
def command(
    text: Text = None,
    model: Model = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    langchain: WithLangChain = False,
    resume: Resume = None,
    timeout: Timeout = 60,
    rounds: Rounds = None,
) -> None:
    """Write one sentence about a laptop from a list of facts, and again until a grader finds nothing wrong with it.

    The text is a name and one to three facts: "Pebble: 2.4 GHz processor, 8 GB memory, 256 GB drive". Each round is a
    draft ("write 1"), which a second call reads back without the facts ("read 1"); what is missing or wrong goes into
    the next draft.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt, output,
    tokens and seconds. Exits with 1 if no draft fulfils the rubric: the result is then the best draft,
    with "accepted": false. Also exits with 1 if a step fails.
    """
    with pattern_run(
        "evaluator-optimizer",
        FACTS_TEXT,
        text=text,
        model=model,
        base_url=base_url,
        langchain=langchain,
        resume=resume,
        timeout=timeout,
    ) as run:
        rounds = rounds or run.journal.about.get("rounds", MAX_ROUNDS)
        run.journal.describe(rounds=rounds)
        if langchain:
            from llamastack_workshop.patterns.evaluator_optimizer_langchain import graph, result

            outcome = result(graph(run.llm(), max_rounds=rounds).invoke({"text": run.text}, run.config()))
        else:
            outcome = run_loop(run.client, run.model, run.text, run.journal, rounds)
        run.print(outcome, as_json)
        if not outcome.accepted:
            raise WorkshopError(
                f"No draft fulfils the rubric (--rounds {rounds}); the result is the best one.",
                'Try more --rounds or a larger --model; "feedback" says what each draft lacks.',
            )


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
