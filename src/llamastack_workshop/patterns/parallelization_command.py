"""The command `llamastack-parallelization`."""

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
from llamastack_workshop.patterns.parallelization import CATALOG_TEXT, Catalog, run_votes

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
    """Extract memory, drive and price from every section of a text at the same time, and let phrasings vote.

    Sections are paragraphs with sizes in GB or TB and a price in euros. Each is asked in three phrasings; a field
    without a majority is null, and "agreement" is the number of votes that the least agreed field has.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a part fails; the parts that finished are kept for --resume, also
    with a --text in which you correct the section that failed.
    """
    with pattern_run(
        "parallelization",
        CATALOG_TEXT,
        text=text,
        model=model,
        base_url=base_url,
        langchain=langchain,
        resume=resume,
        timeout=timeout,
    ) as run:
        if langchain:
            from llamastack_workshop.patterns.parallelization_langchain import catalog

            result = catalog(run.llm()).invoke({"text": run.text}, run.config())
        else:
            result = asyncio.run(_votes(run))
        run.print(result, as_json)


async def _votes(run: Run) -> Catalog:
    async with run.async_client as client:
        return await run_votes(client, run.model, run.text, run.journal)


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
