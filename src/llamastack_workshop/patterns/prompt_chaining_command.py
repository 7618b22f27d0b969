"""The command `llamastack-prompt-chaining`."""

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
from llamastack_workshop.patterns.prompt_chaining import PRODUCT_TEXT, run_chain

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
    """Extract a product's specifications from a text, then turn them into JSON with cpu, memory and storage.

    Chained calls of the Responses API, with a gate after each. A text that lacks one of the three becomes a question
    that asks for it.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a step fails its gate twice.
    """
    with pattern_run(
        "prompt-chaining",
        PRODUCT_TEXT,
        text=text,
        model=model,
        base_url=base_url,
        langchain=langchain,
        resume=resume,
        timeout=timeout,
    ) as run:
        if langchain:
            from llamastack_workshop.patterns.prompt_chaining_langchain import chain

            result = chain(run.llm()).invoke({"text": run.text}, run.config())
        else:
            result = run_chain(run.client, run.model, run.text, run.journal)
        run.print(result, as_json)


def main() -> None:
    """Run the command line."""
    run_app(app)


if __name__ == "__main__":
    main()
