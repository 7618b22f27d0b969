"""The command `llamastack-routing`."""

import os
from typing import Annotated

import typer
from openai import OpenAI

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
from llamastack_workshop.patterns.routing import MESSAGE, By, run_routing
from llamastack_workshop.server.stack import chosen_model, language_models
from llamastack_workshop.system.errors import WorkshopError

app = pattern_app()


@app.command()
def command(
    text: Text = None,
    model: Model = None,
    strong_model: Annotated[
        str | None,
        typer.Option(
            help="The model for technical messages. Without it, LLAMA_STACK_STRONG_MODEL or the server's last one."
        ),
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(
            help="What finds the topic: embeddings, or an enum answer of the model.", show_default="similarity"
        ),
    ] = None,
    base_url: BaseUrl = None,
    as_json: AsJson = False,
    langchain: WithLangChain = False,
    resume: Resume = None,
    timeout: Timeout = 60,
) -> None:
    """Route a customer's message to a topic or to a person, and answer it there.

    The topics are billing, shipping and technical; each has short notes to answer
    from. --model answers the first two, --strong-model the technical messages. If
    the server has one language model, both are that one. A message between two
    topics goes to a person, and no model answers it.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a step fails its gate twice.
    """
    with pattern_run(
        "routing",
        MESSAGE,
        text=text,
        model=model,
        base_url=base_url,
        langchain=langchain,
        resume=resume,
        timeout=timeout,
    ) as run:
        earlier = run.journal.about
        by = by or earlier.get("by", "similarity")
        strong = _strong_model(run.base_url, strong_model or earlier.get("strong_model"))
        run.journal.describe(by=by, strong_model=strong)
        embedding = _embedding_model(run.client) if by == "similarity" else ""
        if langchain:
            from llamastack_workshop.patterns.routing_langchain import embeddings_of, router

            embeddings = embeddings_of(run.base_url, embedding, timeout)
            runnable = router(run.llm(), run.llm(strong), embeddings, by)
            result = runnable.invoke({"text": run.text}, run.config())
        else:
            result = run_routing(run.client, run.model, strong, embedding, run.text, run.journal, by)
        run.print(result, as_json)


def _strong_model(base_url: str, wanted: str | None) -> str:
    return chosen_model(base_url, wanted or os.environ.get("LLAMA_STACK_STRONG_MODEL") or language_models(base_url)[-1])


def _embedding_model(client: OpenAI) -> str:
    for model in client.models.list():
        if model.custom_metadata["model_type"] == "embedding":
            return model.id
    raise WorkshopError("The server has no embedding model.", "Let the model find the topic: --by model")


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
