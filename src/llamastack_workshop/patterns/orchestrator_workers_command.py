"""The command `llamastack-orchestrator-workers`."""

import asyncio

from llamastack_workshop.patterns.command import (
    AsJson,
    BaseUrl,
    Model,
    Resume,
    Run,
    Text,
    Timeout,
    WithLangChain,
    pattern_app,
    pattern_run,
    run_app,
)
from llamastack_workshop.patterns.orchestrator_workers import REVIEW, Comparison, run_workers

app = pattern_app()


@app.command()
def command(
    text: Text = None,
    model: Model = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    langchain: WithLangChain = False,
    resume: Resume = None,
    timeout: Timeout = 60,
) -> None:
    """Compare the laptops that a review names: a plan, a worker for each laptop, and advice from what they found.

    The plan decides how many workers there are; two at a time run. Each reads the sentences about its laptop. The text
    calls the values memory (or RAM) and drive (or SSD, storage), gives sizes in GB or TB, and prices in euros.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a step fails its gate twice; the
    error names the worker, and the workers that finished are kept for --resume.
    """
    with pattern_run(
        "orchestrator-workers",
        REVIEW,
        text=text,
        model=model,
        base_url=base_url,
        langchain=langchain,
        resume=resume,
        timeout=timeout,
    ) as run:
        if langchain:
            from llamastack_workshop.patterns.orchestrator_workers_langchain import compare

            result = compare(run.llm(), run.text, run.config())
        else:
            result = asyncio.run(_run(run))
        run.print(result, as_json)


async def _run(run: Run) -> Comparison:
    async with run.async_client as client:
        return await run_workers(client, run.model, run.text, run.journal)


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
