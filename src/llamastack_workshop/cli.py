"""The `workshop` command, which the Makefile's targets call, and which works without make, too."""

import json
import signal
from pathlib import Path
from typing import Annotated

import typer

from llamastack_workshop.server import upstreams
from llamastack_workshop.system import paths, ports, uv
from llamastack_workshop.system.console import PlainConsole
from llamastack_workshop.system.errors import WorkshopError, clear_errors
from llamastack_workshop.system.runner import end_with_runner

app = typer.Typer(
    help="Run the LlamaStack Workshop: the server, the notebooks, the tests and the book.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
console = PlainConsole()

# The commands that read .env, because they use a model. The doctor reads it itself, to report errors in it.
_USE_UPSTREAMS = {"setup", "llama-server", "lab", "classroom", "load", "test", "test-all", "book", "run", "eval"}

Port = Annotated[int, typer.Option(min=1024, max=65533, help="Port of the LlamaStack server on 127.0.0.1.")]
UpstreamOption = Annotated[
    upstreams.Choice,
    typer.Option(
        "--upstream",
        envvar="WORKSHOP_UPSTREAM",
        help="The upstream for chat models. `auto`: all upstreams whose variable is set (OPENAI_API_KEY, OLLAMA_URL, "
        "VLLM_URL, TGI_URL; .env is read), or else the embedded model.",
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="The model to embed, as in WORKSHOP_MODEL: a name from the catalogue (qwen3-1.7b), "
        "hf:OWNER/REPOSITORY/FILE.gguf, or the path of a GGUF file.",
        show_default="smollm2-135m-workshop",
    ),
]
RunYaml = Annotated[Path | None, typer.Option(help="The server's configuration.", show_default="run.yaml")]
StackOption = Annotated[
    str | None,
    typer.Option(
        "--stack",
        help="The name of a configuration in stacks/, for example ogx-1.5; other releases get their own environment.",
    ),
]


def main() -> None:
    """Run the command line. A closed terminal, a plain `kill` and the end of make clean up just like Ctrl-C."""
    # A shell script that starts us in the background ignores SIGINT, and children inherit that: pytest would never end.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("SIGTERM", "SIGHUP"):
        # A signal that is already ignored is so on purpose, for example by nohup.
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:
            signal.signal(getattr(signal, name), _interrupt)
    with clear_errors():
        end_with_runner()
        ports.bypass_proxies()
        try:
            app(standalone_mode=True)
        except SystemExit as end:
            # Typer turns Ctrl-C into this, without a message.
            if end.code == 130:
                raise KeyboardInterrupt from None
            raise


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@app.callback()
def _before_each(context: typer.Context) -> None:
    if context.invoked_subcommand in _USE_UPSTREAMS:
        upstreams.load_dotenv_file()


@app.command()
def setup() -> None:
    """Prepare the embedded models (once, a few seconds; the other commands do it when needed).

    If WORKSHOP_MODEL names a larger model, this downloads it.
    """
    from llamastack_workshop.server.embedded import models, weights

    chat_model = models.chat_model(_say)
    embeddings = weights.embedding_model(_say)
    for model, file in ((chat_model.name, chat_model.path), (weights.EMBEDDING_MODEL, embeddings)):
        console.print(f"{model}: {file.stat().st_size / 1e6:.0f} MB, ready")
    console.print("Next: make lab (or: uv run workshop lab)")


@app.command()
def llama_server(
    port: Port = paths.DEFAULT_PORT,
    upstream: UpstreamOption = upstreams.Choice.auto,
    run_yaml: RunYaml = None,
    stack_name: StackOption = None,
    model: ModelOption = None,
) -> None:
    """Start the LlamaStack server, and the embedded model if no upstream is set. Ctrl-C stops both."""
    from llamastack_workshop.server.serving import serve

    upstream = upstreams.choose_embedded(upstream, model)
    serve(console, _say, port=port, upstream=upstream, run_yaml=run_yaml, stack_name=stack_name)


@app.command()
def lab(
    port: Port = paths.DEFAULT_PORT,
    upstream: UpstreamOption = upstreams.Choice.auto,
    stack_name: StackOption = None,
    lab_port: Annotated[int, typer.Option(min=1024, max=65535, help="JupyterLab's port on 127.0.0.1.")] = 8888,
    browser: Annotated[bool, typer.Option(help="Open JupyterLab in the browser.")] = True,
    model: ModelOption = None,
) -> None:
    """Start the server (unless one is running) and JupyterLab, with your copies of the chapters in work/.

    With `--stack ogx-1.5` or `--stack llama-stack-0.7`, this server and those that the chapters start are of that
    release line, which is installed separately and has its own state.
    """
    from llamastack_workshop.attending.lab import serve_lab

    upstream = upstreams.choose_embedded(upstream, model)
    serve_lab(
        console,
        _say,
        port=port,
        upstream=upstream,
        stack_name=stack_name,
        lab_port=lab_port,
        open_browser=browser,
    )


@app.command()
def classroom(
    users: Annotated[int, typer.Option(min=1, max=400, help="How many attendees have an account.")],
    replicas: Annotated[int, typer.Option(min=1, max=16, help="How many LlamaStack servers share the work.")] = 2,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Where to listen; for any but 127.0.0.1, with TLS.")
    ] = ports.HOST,
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port that people go to.")] = 8000,
    certificate: Annotated[
        Path | None,
        typer.Option(help="Certificate and key in one PEM file.", show_default="one that is made here"),
    ] = None,
    at_once: Annotated[int, typer.Option(min=1, help="How many requests each attendee may have at a time.")] = 8,
    new_passwords: Annotated[bool, typer.Option("--new-passwords", help="Give everybody a new password.")] = False,
    upstream: UpstreamOption = upstreams.Choice.auto,
    model: ModelOption = None,
) -> None:
    """Serve a room full of people: JupyterHub with an account for each, and LlamaStack servers that they share.

    Passwords are printed once, with a page to print and cut. Ctrl-C stops everything, and the next start finds
    everything as it was. It needs Linux and HAProxy, and brings its own PostgreSQL; WORKSHOP_POSTGRES names another.
    `workshop progress --room` shows how far people are.
    """
    uv.require("book", "classroom")
    from llamastack_workshop.classroom.room import Options, serve

    options = Options(
        users=users,
        replicas=replicas,
        listen=listen,
        port=port,
        certificate=certificate,
        at_once=at_once,
        new_passwords=new_passwords,
        upstream=upstreams.choose_embedded(upstream, model),
    )
    serve(console, _say, options)


@app.command()
def load(
    people: Annotated[
        str, typer.Option(metavar="N,…", help="How many attendees come: a stage for each number.")
    ] = "1,10,20,40",
    minutes: Annotated[float, typer.Option(min=0.1, max=120, help="How long each stage is measured.")] = 3,
    think: Annotated[float, typer.Option(min=0, help="Seconds between two cells of a person, on average.")] = 15,
    url: Annotated[
        str | None, typer.Option(help="A classroom that runs already.", show_default="one is started")
    ] = None,
    accounts: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Its names and passwords, one of each in a line; for --url."),
    ] = None,
    port: Annotated[int, typer.Option(min=1024, max=65535, help="The port of the classroom that is started.")] = 8010,
    replicas: Annotated[int, typer.Option(min=1, max=16, help="How many LlamaStack servers it has.")] = 2,
    output: Annotated[
        Path | None, typer.Option(help="The file for the figures.", show_default=".workshop/load.json")
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write the figures to book/measurements/load.json, for the book.")
    ] = False,
    upstream: UpstreamOption = upstreams.Choice.auto,
    model: ModelOption = None,
) -> None:
    """Fill a classroom with attendees, with Locust, and measure how long they wait and what it costs.

    Each attendee logs in, opens JupyterLab and a chapter, and runs its cells with pauses in between; at the end of a
    stage, all ask one question at the same time. The classroom has its own accounts and data, on its own port, and
    both are removed afterwards. With `--url`, the classroom is one that runs already: only the waiting is measured.
    Leave the machine idle meanwhile. Ctrl-C stops everything and keeps the stages that are complete.
    """
    uv.require("book", "load")
    from llamastack_workshop.proving.load import command

    if bool(url) != bool(accounts):
        raise typer.BadParameter("--url and --accounts belong together", param_hint="--url")
    command.run(
        console,
        _say,
        command.plan(people, minutes, think, port, replicas, upstreams.choose_embedded(upstream, model), url, accounts),
        command.RECORD if record else output or command.OUTPUT,
    )


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test(context: typer.Context, stack_name: StackOption = None) -> None:
    """Run every notebook and the tests of the code against dedicated servers, on free ports.

    A server that you are running is neither used nor disturbed. Slow tests that seldom fail are left to
    `workshop test-all`, unless you select tests yourself. With `--stack`, only the notebooks run, and
    `--record` records their outcomes for the book. Further arguments go to pytest:
    `uv run workshop test notebooks/01-server-setup.ipynb -x`
    """
    uv.require("test", "test")
    from llamastack_workshop.proving.testing import run_tests

    raise SystemExit(run_tests(context.args, stack_name, _say))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test_all(context: typer.Context) -> None:
    """Run the tests of `workshop test`, and the slow ones that it leaves out because they seldom fail.

    Those check the book's statements about the pinned LlamaStack server, run every chapter as attendees get it, run a
    short bench, start servers of other release lines, and install packages. Further arguments go to pytest.
    """
    uv.require("test", "test-all")
    from llamastack_workshop.proving.testing import run_tests

    raise SystemExit(run_tests(context.args, None, _say, everything=True))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def test_browser(
    context: typer.Context,
    site: Annotated[
        Path | None, typer.Option(help="The folder of a built site.", show_default="_build/html, rebuilt if outdated")
    ] = None,
) -> None:
    """Test the site, the slides and JupyterLab in a real Chromium, including accessibility with axe.

    Screenshots of failures are in _build/browser/. Further arguments go to pytest: `-k site`, `-k slides` or `-k lab`
    """
    from llamastack_workshop.proving.browser_testing import run_browser_tests

    raise SystemExit(run_browser_tests(context.args, site, _say))


@app.command()
def book() -> None:
    """Build the site into _build/html, with every notebook executed; warnings and failing cells are errors."""
    uv.require("book", "book")
    from llamastack_workshop.publishing.book import build

    build(_say)
    console.print(f"The book is in {paths.BUILD / 'html' / 'index.html'}", soft_wrap=True)


@app.command()
def slides(
    chapter: Annotated[
        list[str] | None, typer.Argument(help="Numbers or names, for example 2 or routing. By default, all.")
    ] = None,
) -> None:
    """Make slides for instructors from the chapters, in _build/slides; they work offline."""
    uv.require("book", "slides")
    from llamastack_workshop.publishing.slides import build

    index = build(chapter or [], _say)
    console.print(f"The slides are in {index}", soft_wrap=True)


@app.command()
def export(
    chapter: Annotated[
        list[str] | None, typer.Argument(help="Numbers or names, for example 2 or routing. By default, all.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--nbgrader", metavar="FOLDER", help="Write the source of an nbgrader course to this folder."),
    ] = None,
) -> None:
    """Write chapters for a graded class: an assignment for each chapter, and a point for each exercise.

    The folder has to be new or empty. Its README lists the next commands.
    """
    from llamastack_workshop.publishing import nbgrader_course

    if folder is None:
        example = "--nbgrader course 1 2 3"
        fix = f'For example: make export ARGS="{example}" (or: workshop export {example})'
        raise WorkshopError("No folder is given.", fix)
    assignments = nbgrader_course.export(folder, chapter or [])
    console.print(f"Assignments: {', '.join(assignments)}", soft_wrap=True)
    console.print(f"The course is in {folder}; the next steps are in {folder / 'README.md'}", soft_wrap=True)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def nbgrader(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="The folder of a course.", show_default=False)],
) -> None:
    """Run nbgrader on a course from `workshop export`; the first call installs it into a separate environment.

    Grading needs a running server, and runs the submissions under your account. Other arguments are passed to nbgrader:
    `uv run workshop nbgrader course autograde 03-prompt-chaining`
    """
    from llamastack_workshop.publishing.nbgrader_course import command

    raise SystemExit(command.run(folder, context.args, _say))


@app.command()
def run(
    chapter: Annotated[
        list[str] | None, typer.Argument(help="Numbers or names, for example 12 or routing. By default, all.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model id, for example openai/gpt-4o-mini. By default, the server's first model.")
    ] = None,
    port: Port = paths.DEFAULT_PORT,
    upstream: UpstreamOption = upstreams.Choice.auto,
) -> None:
    """Execute chapters with a model of your choice, with papermill; the results are in .workshop/executed/.

    A server that is running on the port is used; otherwise, one is started. Exits with 1 if a chapter fails.
    """
    from llamastack_workshop.attending.executing import execute

    executed = execute(chapter or [], model, port, upstream, _say)
    console.print(f"{len(executed)} chapters ran to their end: {executed[0].parent}", soft_wrap=True)


@app.command()
def bench(
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="The number of measurements of each figure.")] = 8,
    cold: Annotated[
        bool,
        typer.Option("--cold", help="Also measure a cold start: clone and install the last commit, up to three times."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="The folder for the figures.", show_default="book/measurements")
    ] = None,
) -> None:
    """Measure LlamaStack's overhead over the model alone, startup times, and the comparison, in one run.

    The results are printed as one table of ratios, and written to comparison.json (for the comparison chapter) and
    costs.json (for the page on costs). The bench uses the embedded model and a dedicated server, and takes about two
    minutes per round. Leave the machine idle meanwhile, and look at the ratios: the two sides of each take turns, so
    that a busy moment affects both. The time of `workshop test` is that of its last complete run here. With `--cold`,
    each cold start downloads some 390 MB.
    """
    from llamastack_workshop.proving.bench import run as bench_run
    from llamastack_workshop.proving.bench.figures import Plan
    from llamastack_workshop.proving.bench.report import report
    from llamastack_workshop.publishing.book_pages import costs

    figures = bench_run.measure(Plan(rounds), _say, cold=cold)
    written = bench_run.write(figures, output or paths.MEASUREMENTS)
    console.print(report(figures))
    console.print(costs.circumstances(figures["costs"]))
    console.print(costs.remarks(figures["costs"]))
    console.print(f"The figures are in {' and '.join(map(str, written))}", soft_wrap=True)


@app.command("eval")
def evaluate(
    model: Annotated[str | None, typer.Option(help="Model id. By default, the server's first model.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only requests of this kind; may be repeated.")] = None,
    base_url: Annotated[
        str | None,
        typer.Option(help="A server with the Responses API; its address ends in /v1.", show_default="one is started"),
    ] = None,
    requests: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Your own data set, in the same form.", show_default="requests.jsonl"
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Write the figures to book/measurements/evaluation.json.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Print each wrong answer.")] = False,
) -> None:
    """Send a model a few hundred requests like those of attendees, and count the right answers, judged by rules.

    The requests are in `requests.jsonl` in the package's folder `evaluating/`. The answers are written to
    .workshop/evaluation/; after Ctrl-C, the same command continues from there. Exits with 1 if significantly fewer
    answers are right than recorded: McNemar's exact test of the requests that changed, one-sided at 5%, and at 5%
    divided by the number of kinds for each kind.
    """
    from llamastack_workshop.evaluating import command

    if record and (kind or requests):
        raise typer.BadParameter("it needs all of our requests: leave out --kind and --requests", param_hint="--record")
    if not command.run(console, _say, kind or [], model, base_url, requests, record=record, verbose=verbose):
        raise SystemExit(1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def canary(
    context: typer.Context,
    output: Annotated[Path | None, typer.Option(help="A file for the report, in Markdown.")] = None,
) -> None:
    """For contributors: upgrade a copy to the newest releases of everything, and report failures.

    It runs all tests and builds the book, which takes most of an hour. Further arguments select tests, as for
    `workshop test`, and skip the book. Exits with 1 if something fails; the copy then stays in .workshop/canary/.
    """
    from llamastack_workshop.proving.canary import try_upgrade
    from llamastack_workshop.system.files import write_whole

    upgrade = try_upgrade(context.args, _say)
    report = upgrade.markdown()
    console.print(report, soft_wrap=True)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(output, report)
    raise SystemExit(1 if upgrade.failed else 0)


@app.command()
def doctor(port: Port = paths.DEFAULT_PORT) -> None:
    """Check this machine for everything that the workshop needs, with fixes. Exits with 1 if something is missing."""
    from llamastack_workshop.attending.doctor import examine, table

    findings = examine(port)
    console.print(table(findings))
    if any(finding.status == "missing" for finding in findings):
        raise SystemExit(1)


@app.command()
def progress(
    room: Annotated[bool, typer.Option("--room", help="Count the attendees of a classroom instead.")] = False,
    exercises: Annotated[bool, typer.Option("--exercises", help="With --room: a row for each exercise.")] = False,
    names: Annotated[bool, typer.Option("--names", help="With --room: also the progress of each attendee.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --room: print JSON.")] = False,
) -> None:
    """Show the exercises solved and the questions answered in your copies in work/, chapter by chapter.

    With `--room`, an instructor sees how many attendees of `workshop classroom` have solved each exercise, while it
    runs or later. That reads their folders and changes nothing; run it as the user who started the classroom.
    """
    if room:
        _progress_of_room(exercises=exercises, names=names, as_json=as_json)
        return
    if exercises or names or as_json:
        raise typer.BadParameter("they need --room", param_hint="--exercises, --names, --json")
    from llamastack_workshop.attending import progress as progress_of_attendee

    standings = progress_of_attendee.standings()
    console.print(progress_of_attendee.table(standings))
    if not progress_of_attendee.totals(standings)[0]:
        console.print("No exercise is solved yet: a check in your notebooks says ✓ when it is.\nBegin with: make lab")


def _progress_of_room(*, exercises: bool, names: bool, as_json: bool) -> None:
    from llamastack_workshop.classroom import progress as progress_of_room

    found = progress_of_room.of_room()
    if as_json:
        print(json.dumps(progress_of_room.as_data(found, names=names), indent=2))
        return
    console.print(progress_of_room.summary(found))
    if found.chapters:
        console.print(progress_of_room.table(found, by_exercise=exercises))
    if names:
        console.print(progress_of_room.people(found))


@app.command()
def bundle() -> None:
    """Pack the last commit and all its packages into an archive, for offline machines of the same platform."""
    uv.require("book", "bundle")
    from llamastack_workshop.publishing import bundle as offline

    archive = offline.make(_say)
    console.print(f"{archive} ({archive.stat().st_size / 1e6:.0f} MB), with SHA256SUMS next to it", soft_wrap=True)


@app.command()
def reset(
    chapter: Annotated[
        str | None, typer.Argument(help="Number or name, for example 2 or 02-responses-api.", show_default=False)
    ] = None,
) -> None:
    """Get a fresh copy of a chapter; the one that you worked on is kept under another name.

    `workshop progress` still counts the exercises that you have solved.
    """
    from llamastack_workshop.attending import chapters

    if chapter is None:
        raise WorkshopError("No chapter is given.", "For chapter 2: make reset CHAPTER=2 (or: workshop reset 2)")
    fresh, kept = chapters.reset(chapter)
    yours = f"your version is {kept.relative_to(paths.ROOT)}" if kept else "you had not changed it"
    console.print(f"{fresh.relative_to(paths.ROOT)} is fresh; {yours}", soft_wrap=True)
    console.print(
        "If it is open in JupyterLab, choose File, Reload Notebook from Disk there. If JupyterLab asks about a file "
        "that has changed, press Revert: Overwrite would bring your version back.",
        soft_wrap=True,
    )


@app.command()
def format_notebooks(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit with 1 if a notebook would change.")
    ] = False,
) -> None:
    """For contributors: remove outputs, execution counts and kernel metadata from notebooks/."""
    from llamastack_workshop.publishing.notebook_format import noisy_notebooks, tidy

    noisy = noisy_notebooks()
    for path in noisy:
        if not check:
            tidy(path)
        console.print(f"{'would be tidied' if check else 'tidied'}: {path.relative_to(paths.ROOT)}")
    if check and noisy:
        raise SystemExit(1)


@app.command()
def diagrams() -> None:
    """For contributors: render the DOT files in book/diagrams as SVG into book/images, in light and dark versions."""
    uv.require("book", "diagrams")
    from llamastack_workshop.publishing.diagrams import write

    for path in write():
        console.print(f"rendered: {path.relative_to(paths.ROOT)}")


@app.command()
def clean() -> None:
    """Remove the workshop's files: state, logs, prepared models and the built book. Your work/ stays."""
    from llamastack_workshop.attending.cleaning import clean as remove_all

    remove_all(console.print)


def _say(step: str) -> None:
    console.print(step, style="dim")


if __name__ == "__main__":
    main()
