"""The five commands `llamastack-…`, with the options that are specific to each."""

import asyncio
import inspect
import os
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

import typer
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

from llamastack_workshop.patterns.evaluator_optimizer import FACTS_TEXT, MAX_ROUNDS, parse_facts, run_loop
from llamastack_workshop.patterns.orchestrator_workers import REVIEW, run_workers
from llamastack_workshop.patterns.parallelization import CATALOG_TEXT, run_votes
from llamastack_workshop.patterns.prompt_chaining import PRODUCT_TEXT, run_chain
from llamastack_workshop.patterns.routing import MESSAGE, Classifier, run_routing
from llamastack_workshop.patterns.run import Again, GateFailed, Options, Run, pattern_run
from llamastack_workshop.patterns.steps import Journal
from llamastack_workshop.server import upstreams
from llamastack_workshop.server.stack import chosen_model, language_models
from llamastack_workshop.system import ports
from llamastack_workshop.system.errors import WorkshopError, clear_errors

_MOST_ROUNDS = 8


def pattern_command(pattern: str, default_text: str) -> Callable[[Callable[..., None]], typer.Typer]:
    """Return a decorator that turns a function into a command.

    The function is called with the run; its other parameters become options, in addition to those of all commands.
    The command reads `.env`, bypasses proxies, and prints errors as two lines.
    """

    def decorate(function: Callable[..., None]) -> typer.Typer:
        _, *own = inspect.signature(function).parameters.values()

        def command(**given: Any) -> None:
            own_values = {option.name: given.pop(option.name) for option in own}
            with clear_errors():
                upstreams.load_dotenv_file()
                ports.bypass_proxies()
                with pattern_run(pattern, default_text, Options(**given)) as run:
                    function(run, **own_values)

        # Typer reads the options from the signature, and the text of --help from the docstring.
        text, model, *others = inspect.signature(Options).parameters.values()
        command.__signature__ = inspect.Signature([text, model, *own, *others])
        command.__doc__ = function.__doc__
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
        app.command()(command)
        return app

    return decorate


# LangChain takes a second to import, and --help does not need it: each function imports its LangChain version on use.


@pattern_command("prompt-chaining", PRODUCT_TEXT)
def prompt_chaining(run: Run) -> None:
    """Extract a product's specifications from a text, then turn them into JSON with cpu, memory and storage.

    The command chains calls of the Responses API, with a gate after each. If the text lacks one of the three values,
    the result is a question that asks for it.

    It understands English texts about one product, with a clock speed in GHz or the name of a processor, and sizes in
    GB or TB that the text calls memory (RAM, DDR5 …) or storage (SSD, drive, NVMe …). It rejects other texts, with the
    reason.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a step fails its gate twice.
    """
    if run.options.langchain:
        from llamastack_workshop.patterns.prompt_chaining_langchain import chain

        result = chain(run.llm()).invoke({"text": run.text}, run.config())
    else:
        result = run_chain(run.client, run.model, run.text, run.journal)
    run.print(result)


@pattern_command("routing", MESSAGE)
def routing(
    run: Run,
    strong_model: Annotated[
        str | None,
        typer.Option(
            help="The model for technical messages. By default, LLAMA_STACK_STRONG_MODEL or the server's last model."
        ),
    ] = None,
    by: Annotated[
        Classifier | None,
        typer.Option(
            help="How to find the topic: by embeddings, or by an enum answer of the model.", show_default="similarity"
        ),
    ] = None,
) -> None:
    """Route a customer's message to a topic or to a person, and answer it.

    The topics are billing, shipping and technical; each has short notes to answer
    from. --model answers the first two, --strong-model the technical messages. If
    the server has only one language model, it does both.

    It understands English messages about one issue. The model answers from the sentences of the notes that are similar
    to the question (with --by model, from all notes of the topic). A message that is between topics, about several of
    them, or not answered by any note goes to a person: "reason" then gives the reason, and no model answers.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a step fails its gate twice.
    """
    earlier = run.journal.metadata
    by = by or earlier.get("by", "similarity")
    strong = _strong_model(run, strong_model or earlier.get("strong_model"))
    run.journal.update_metadata(by=by, strong_model=strong)
    embedding = _embedding_model(run.client) if by == "similarity" else ""
    if run.options.langchain:
        from llamastack_workshop.patterns.routing_langchain import router

        runnable = router(run.llm(), run.llm(strong), run.embeddings(embedding), by)
        result = runnable.invoke({"text": run.text}, run.config())
    else:
        result = run_routing(run.client, run.model, strong, embedding, run.text, run.journal, by)
    run.print(result)


@pattern_command("parallelization", CATALOG_TEXT)
def parallelization(run: Run) -> None:
    """Extract memory, drive and price from every section of a text in parallel, in three phrasings that have to agree.

    Sections are paragraphs (or lines, if each has a price) of English text, about one laptop each: sizes in GB or TB
    that the text calls memory or drive, and a price in euros, in digits. Prices of other things, such as a bag, are
    ignored. A section with two prices of the laptop, two memories or two drives is rejected. Each section is asked
    about in three phrasings. An answer passes only with the values that the section gives; if the second attempt does
    not pass either, the part fails. So the three answers agree, and the vote decides nothing: no field is null, and
    "agreement" is always 3.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a part fails; finished parts are kept for --resume, even if you
    correct the failed section in --text.
    """
    if run.options.langchain:
        from llamastack_workshop.patterns.parallelization_langchain import catalog

        result = catalog(run.llm()).invoke({"text": run.text}, run.config())
    else:
        result = asyncio.run(_with_async_client(run, run_votes))
    run.print(result)


@pattern_command("orchestrator-workers", REVIEW)
def orchestrator_workers(run: Run) -> None:
    """Compare the laptops in a review: a plan, a worker for each laptop, and advice based on the workers' findings.

    The plan decides the number of workers; two at a time run. Each reads the sentences about its laptop.

    It understands English texts. A laptop's name starts with a capital letter, as in "The Pebble has …". The text gives
    each laptop's memory (RAM, DDR5 …) and drive (SSD, storage …) in GB or TB, and its price in euros, in digits.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a step fails its gate twice; the
    error names the worker, and the finished workers are kept for --resume.
    """
    if run.options.langchain:
        from llamastack_workshop.patterns.orchestrator_workers_langchain import compare

        result = compare(run.llm(), run.text, run.config())
    else:
        result = asyncio.run(_with_async_client(run, run_workers))
    run.print(result)


@pattern_command("evaluator-optimizer", FACTS_TEXT)
def evaluator_optimizer(
    run: Run,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, max=_MOST_ROUNDS, help="The maximum number of drafts.", show_default=str(MAX_ROUNDS)),
    ] = None,
) -> None:
    """Write one sentence about a laptop from a list of facts, and revise it until a grader accepts it.

    The text is a name and one to three facts, in English: "Pebble: 2.4 GHz processor, 8 GB memory, 256 GB drive". Each
    round is a draft ("write 1"), which a second call reads back without the facts ("read 1"); missing and wrong facts
    are the feedback for the next draft. The grader checks names, numbers and quantities: it rejects those that are not
    among the facts, but ignores adjectives.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt, output,
    tokens and seconds. Exits with 1 if no draft meets the rubric: the result is then the best draft,
    with "accepted": false. Also exits with 1 if a step fails.
    """
    rounds = rounds or run.journal.metadata.get("rounds", MAX_ROUNDS)
    run.journal.update_metadata(rounds=rounds)
    if run.options.langchain:
        from llamastack_workshop.patterns.evaluator_optimizer_langchain import graph, result

        outcome = result(graph(run.llm(), max_rounds=rounds).invoke({"text": run.text}, run.config()))
    else:
        outcome = run_loop(run.client, run.model, run.text, run.journal, rounds)
    run.print(outcome)
    if not outcome.accepted:
        problem = f"No draft meets the rubric (--rounds {rounds}); the result is the best one."
        lacks = '"feedback" lists the flaws of each draft'
        drafts = [one.draft for one in outcome.rounds]
        if all("name the " in one.feedback for one in outcome.rounds) and rounds > 1:
            name = parse_facts(run.text).name
            raise GateFailed(
                problem,
                f"The model never wrote {name!r} as it is: try another name, such as UltraBook, or a larger --model; "
                f"{lacks}.",
            )
        if rounds == _MOST_ROUNDS or drafts[-1] in drafts[:-1]:
            raise GateFailed(problem, f"Try other facts or a larger --model; {lacks}.")
        more = min(rounds + 2, _MOST_ROUNDS)
        raise Again(problem, f"Try more --rounds, other facts or a larger --model; {lacks}.", "--rounds", str(more))


async def _with_async_client(
    run: Run, pattern: Callable[[AsyncOpenAI, str, str, Journal], Coroutine[Any, Any, BaseModel]]
) -> BaseModel:
    async with run.async_client as client:
        return await pattern(client, run.model, run.text, run.journal)


def _strong_model(run: Run, wanted: str | None) -> str:
    wanted = wanted or os.environ.get("LLAMA_STACK_STRONG_MODEL") or language_models(run.base_url, run.api_key)[-1]
    return chosen_model(run.base_url, wanted, run.api_key)


def _embedding_model(client: OpenAI) -> str:
    for model in client.models.list():
        if model.custom_metadata["model_type"] == "embedding":
            return model.id
    raise WorkshopError("The server has no embedding model.", "Let the language model find the topic: --by model")
