"""The commands of the patterns: what they print, and what they say when something is wrong."""

import json
import os
import re
import signal
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from access_server import ACCESS, Gateway, Issuer, access_variables

from llamastack_workshop.patterns.orchestrator_workers import Row, advice_gate
from llamastack_workshop.patterns.routing import NOTES, notes_gate
from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths, ports

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMMANDS = [name for name in PROJECT["scripts"] if name.startswith("llamastack-")]
EVERY_COMMAND = pytest.mark.parametrize("name", COMMANDS)
CHAIN = "llamastack-prompt-chaining"
ROUTING = "llamastack-routing"


def arguments_of(name: str, *arguments: str) -> list[str]:
    return [str(Path(sysconfig.get_path("scripts"), name)), *arguments]


def command(name: str, *arguments: str, text: str | None = None, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        arguments_of(name, *arguments),
        input=text,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "COLUMNS": "80", **environment},
        check=False,
    )


@EVERY_COMMAND
def test_a_command_says_in_one_screen_what_it_did(name: str, base_url: str) -> None:
    run = command(name, "--base-url", base_url)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)
    first, *steps, last = run.stderr.splitlines()
    assert first.endswith("in plain Python:") and last.startswith("Done: ")
    assert all(re.search(r"^  \S.* \(\d+\.\d s, \d+ tokens in, \d+ out", step) for step in steps)
    assert len(run.stdout.splitlines()) + len(run.stderr.splitlines()) <= 40


# A server that has other work beside makes the model word free text a little differently. So both versions need not
# agree in it, but each must have text that passes.
FREE_TEXT = {
    "answer": lambda result: notes_gate(result["answer"], NOTES[result["product"]]) is None,
    "advice": lambda result: advice_gate(result["advice"], [Row(**row) for row in result["rows"]]) is None,
    "draft": lambda result: result["draft"] == result["rounds"][-1]["draft"],
    "rounds": lambda result: (
        [one["points"] for one in result["rounds"] if not one["feedback"]] == [result["rubric_points"]]
    ),
}
# How many drafts it takes depends on the free text in them, and these prompts hold some.
LATER_DRAFTS = re.compile(r"(write|read) [2-9]")
PROMPTS_WITH_FREE_TEXT = {"transform", "read 1"}


def agreed(printed: dict[str, Any]) -> dict[str, Any]:
    """Return what both versions must agree in: the model, the steps with their prompts, and the result."""
    steps = {step["name"]: step["prompt"] for step in printed["steps"] if not LATER_DRAFTS.match(step["name"])}
    # LangChain's embeddings call no callbacks.
    steps.pop("similarity", None)
    return {
        "model": printed["model"],
        "steps": {name: name in PROMPTS_WITH_FREE_TEXT or prompt for name, prompt in steps.items()},
        "result": {key: value for key, value in printed["result"].items() if key not in FREE_TEXT},
    }


@EVERY_COMMAND
def test_plain_python_and_langchain_give_the_same_result(name: str, base_url: str) -> None:
    plain, composed = (
        command(name, "--json", *options, LLAMA_STACK_BASE_URL=base_url) for options in ([], ["--langchain"])
    )
    assert plain.returncode == composed.returncode == 0, plain.stderr + composed.stderr
    assert "with LangChain:" in composed.stderr
    both = [json.loads(run.stdout) for run in (plain, composed)]
    assert agreed(both[0]) == agreed(both[1])
    for result in (printed["result"] for printed in both):
        assert all(passes(result) for key, passes in FREE_TEXT.items() if key in result), result


@EVERY_COMMAND
def test_the_help_teaches(name: str) -> None:
    printed = command(name, "--help").stdout
    options = set(re.findall(r"^│ (--[a-z-]+)", printed, re.MULTILINE))
    assert {"--text", "--model", "--base-url", "--json", "--langchain", "--resume", "--timeout"} <= options
    assert "VERBOSE=true" in printed and "Exits with 1" in printed


@EVERY_COMMAND
def test_text_may_come_from_standard_input(name: str, base_url: str) -> None:
    run = command(name, "--base-url", base_url, "--text", "-", text=" \n")
    assert run.returncode == 1 and "The text is empty." in run.stderr


def test_a_proxy_does_not_come_between_this_machine_and_itself(base_url: str) -> None:
    nowhere = f"http://127.0.0.1:{ports.free_port()}"
    proxies = {"HTTP_PROXY": nowhere, "http_proxy": nowhere, "NO_PROXY": "", "no_proxy": "example.org"}
    run = command(CHAIN, "--base-url", base_url, **proxies)
    assert run.returncode == 0, run.stderr


def test_verbose_shows_prompts_and_outputs(base_url: str) -> None:
    run = command(CHAIN, "--base-url", base_url, VERBOSE="true")
    assert "Transform the following specifications" in run.stderr
    assert '"memory": "16' in run.stderr


@pytest.mark.parametrize(
    ("arguments", "problem", "fix"),
    [
        (["--base-url", "http://127.0.0.1:{free}/v1"], "No LlamaStack server answers at", "make llama-server"),
        (["--base-url", "{base_url}", "--model", "openai/none"], "does not serve openai/none", "Choose one of: "),
        (["--base-url", "{base_url}", "--text", " "], "The text is empty.", "--text"),
        (["--base-url", "{base_url}", "--text", "The ship sank."], "failed its gate twice", "VERBOSE=true"),
        (["--base-url", "{base_url}", "--text", "The ship sank.", "--langchain"], "failed its gate", "VERBOSE=true"),
        (["--base-url", "{base_url}", "--timeout", "0.01"], "heard nothing from the server", "--timeout 300"),
        (["--base-url", "{base_url}", "--timeout", "0.01", "--langchain"], "timed out", "--timeout 300"),
        (["--resume", "no.jsonl"], "There is no journal no.jsonl.", "the failed run named"),
        (["--resume", "pyproject.toml"], "is not the journal of a run.", "without --resume"),
        (["--resume", "no.jsonl", "--langchain"], "keeps no journal", "Leave out --langchain"),
    ],
    ids=[
        "no_server",
        "no_such_model",
        "no_text",
        "gate",
        "gate_langchain",
        "timeout",
        "timeout_langchain",
        "no_journal",
        "not_a_journal",
        "resume_langchain",
    ],
)
def test_bad_input_gets_two_lines(base_url: str, arguments: list[str], problem: str, fix: str) -> None:
    run = command(CHAIN, *[word.format(free=ports.free_port(), base_url=base_url) for word in arguments])
    assert run.returncode == 1
    assert not run.stdout
    # On a busy machine an answer may be there before the client looks: then a finished step is kept, and a line tells.
    _, *lines = re.split("^(?=Error: )", run.stderr, flags=re.MULTILINE)
    error, remedy, *more = lines[0].splitlines()
    assert problem in error
    assert remedy.startswith("  Fix: ") and fix in remedy
    assert len(lines) == 1 and len(more) <= 1


def test_a_run_goes_on_where_a_crash_of_the_server_ended_it(base_url: str, model: str) -> None:
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    with throwaway_server(configuration, upstream_variables(base_url, model)) as server:
        run = subprocess.Popen(
            arguments_of(CHAIN, "--base-url", server.base_url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        seen = [run.stderr.readline(), run.stderr.readline()]
        assert seen[1].startswith("  extract ("), seen
        server.kill()
        out, error = run.communicate(timeout=60)
    assert run.returncode == 1 and not out
    assert error.startswith("Error: Step 'transform' lost the connection to the server.")
    journal = Path(re.search(r"go on with: llamastack-prompt-chaining --resume (\S+)", error)[1])
    assert (paths.ROOT / journal).parent.stat().st_mode & 0o077 == 0

    resumed = command(CHAIN, "--json", "--base-url", base_url, "--model", model, "--resume", str(journal))
    assert resumed.returncode == 0, resumed.stderr
    assert "extract (kept from the earlier run)" in resumed.stderr
    assert [step["kept"] for step in json.loads(resumed.stdout)["steps"]] == [True, False]
    assert not journal.exists()


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("name", [CHAIN, "llamastack-parallelization"])
def test_ctrl_c_ends_a_run_and_keeps_its_finished_steps(name: str, base_url: str) -> None:
    run = subprocess.Popen(
        arguments_of(name, "--base-url", base_url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    seen = [run.stderr.readline(), run.stderr.readline()]
    assert seen[1].startswith("  "), seen
    run.send_signal(signal.SIGINT)
    out, error = run.communicate(timeout=60)
    assert run.returncode == 130 and not out
    assert "Traceback" not in error
    journal = paths.ROOT / re.search(rf"go on with: {name} --resume (\S+)", error)[1]
    assert len(journal.read_text(encoding="utf-8").splitlines()) >= 2
    journal.unlink()


def test_a_command_brings_its_own_server_where_none_runs() -> None:
    run = command(CHAIN, LLAMA_STACK_BASE_URL="")
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)) == {"cpu", "memory", "storage"}


@pytest.fixture(scope="module")
def gateway(base_url: str, model: str) -> Iterator[Gateway]:
    """The server of stacks/access.yaml, and tokens for it."""
    issuer = Issuer()
    with throwaway_server(ACCESS, access_variables(base_url, model, issuer)) as server:
        yield Gateway(server, issuer, model)
    issuer.stop()


@pytest.mark.parametrize("options", [[], ["--langchain"]], ids=["plain", "langchain"])
def test_a_token_reaches_the_list_of_models_the_embeddings_and_the_models(gateway: Gateway, options: list[str]) -> None:
    address = ["--base-url", gateway.server.base_url]
    run = command(ROUTING, *address, *options, LLAMA_STACK_API_KEY=gateway.tokens["dana"])
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["route"] == "technical"


@pytest.mark.parametrize(
    ("token", "options", "problem"),
    [
        ("", [], "wants a token (HTTP 401)."),
        ("sk-0123456789", [], "refuses the token in LLAMA_STACK_API_KEY (HTTP 401)."),
        ("{nora}", [], "refuses the token in LLAMA_STACK_API_KEY (HTTP 403)."),
        # A guest may list models and ask them, but not embed.
        ("{gil}", [], "HTTP 403"),
        ("{gil}", ["--langchain"], "HTTP 403"),
        ("sk-ключ", [], "LLAMA_STACK_API_KEY holds characters that no token has."),
    ],
    ids=["none", "unknown", "no_role", "guest", "guest_langchain", "not_ascii"],
)
def test_a_refused_token_is_named_and_not_shown(gateway: Gateway, token: str, options: list[str], problem: str) -> None:
    token = token.format(nora=gateway.issuer.token("nora", ["janitor"]), **gateway.tokens)
    run = command(ROUTING, "--base-url", gateway.server.base_url, *options, LLAMA_STACK_API_KEY=token)
    assert run.returncode == 1 and not run.stdout
    error, remedy = run.stderr.splitlines()[-2:]
    assert error.startswith("Error: ") and problem in error
    assert remedy.startswith("  Fix: Set LLAMA_STACK_API_KEY")
    assert not token or token not in run.stderr


def test_a_traceback_does_not_show_the_token(gateway: Gateway) -> None:
    secret = "sk-secret"
    run = command(
        ROUTING, "--base-url", gateway.server.base_url, LLAMA_STACK_API_KEY=f"{secret}\nlines", VERBOSE="true"
    )
    assert "Traceback" in run.stderr and secret not in run.stderr
