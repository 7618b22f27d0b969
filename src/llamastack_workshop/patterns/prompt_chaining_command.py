"""The command `llamastack-prompt-chaining`."""

import json
from typing import Annotated

import typer

from llamastack_workshop import ports, upstreams
from llamastack_workshop.errors import WorkshopError, clear_errors, verbose
from llamastack_workshop.patterns.command import connected, progress, read_text
from llamastack_workshop.patterns.prompt_chaining import PRODUCT_TEXT, ChainError, Step, run_chain

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def command(
    text: Annotated[
        str | None,
        typer.Option(help="The text itself (--text - < FILE reads a file). Without it, a short product description."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model id, for example openai/gpt-4o-mini. Without it, the server's first one.")
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(
            help="The server, with /v1. Without it, LLAMA_STACK_BASE_URL or http://localhost:8321/v1; "
            "if nothing runs there, a server is started for this command."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print everything as one JSON object: model, steps, result.")
    ] = False,
) -> None:
    """Extract a product's specifications from a text, then turn them into JSON with cpu, memory and storage.

    Two chained calls of the Responses API, with a gate after each.

    The result goes to standard output, progress to standard error. VERBOSE=true shows each step's prompt,
    output, tokens and seconds. Exits with 1 if a step fails its gate twice.
    """
    text = read_text(text, default=PRODUCT_TEXT)
    with connected(base_url, model) as (client, chosen):
        progress.print(f"Two steps with {chosen}:")
        try:
            specifications, steps = run_chain(client, chosen, text, on_step=_show)
        except ChainError as error:
            raise WorkshopError(
                f"{error}. Its last answer: {error.failed.output[:120]!r}",
                "Try a clearer text or a larger --model; VERBOSE=true shows every step.",
            ) from error
    if as_json:
        result = {"model": chosen, "steps": [s.model_dump() for s in steps], "result": specifications.model_dump()}
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        print(specifications.model_dump_json(indent=2))


def _show(step: Step) -> None:
    tries = "" if step.attempts == 1 else f", {step.attempts} attempts"
    cost = f"{step.seconds:.1f} s, {step.input_tokens} tokens in, {step.output_tokens} out{tries}"
    if verbose():
        progress.rule(f"{step.name}: {cost}", align="left")
        for title, text in (("prompt", step.prompt), ("output", step.output)):
            progress.print(title, style="bold")
            # Not markup: a text may have brackets of its own.
            progress.print(f"{text}\n", markup=False)
    else:
        progress.print(f"  {step.name} ({cost})")


def main() -> None:
    """Run the command line."""
    with clear_errors():
        upstreams.load_dotenv_file()
        ports.bypass_proxies()
        app()


if __name__ == "__main__":
    main()
