"""The commands of the patterns: their output, and their error messages.

Most of them run in this process, through `call`; a separate process is used only where it makes a difference.
"""

import json
import os
import re
import signal
import subprocess
import sysconfig
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import in_process
import pytest
import yaml
from access_server import ACCESS, Gateway, Issuer, access_variables
from click.testing import Result
from typer.main import get_command

from llamastack_workshop.patterns import evaluator_optimizer as evaluator
from llamastack_workshop.patterns.orchestrator_workers import Row, advice_gate
from llamastack_workshop.patterns.prompt_chaining import PRODUCT_TEXT, numbers_gate
from llamastack_workshop.patterns.routing import NOTES, notes_gate
from llamastack_workshop.patterns.run import read_text
from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths, ports

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PATTERNS = {name: place for name, place in PROJECT["scripts"].items() if name.startswith("llamastack-")}
COMMANDS = {name: resolve_name(place).typer_app() for name, place in PATTERNS.items()}
EVERY_COMMAND = pytest.mark.parametrize("name", COMMANDS)
CHAIN = "llamastack-prompt-chaining"
ROUTING = "llamastack-routing"
EVALUATOR = "llamastack-evaluator-optimizer"
# Its numbers are words, but the gate requires the text's numbers in digits: no answer passes.
IN_WORDS = "Sixteen gigabytes of memory, a one-terabyte drive and an octa-core processor."


@pytest.fixture(autouse=True)
def journals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder for the journals of runs in this process."""
    monkeypatch.setattr(paths, "WORKSHOP_HOME", tmp_path)
    return tmp_path / "runs"


def call(name: str, *arguments: str, text: str | None = None, **environment: str) -> Result:
    """Run a command in this process."""
    return in_process.call(COMMANDS[name], *arguments, text=text, **environment)


def started(name: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start a command in a separate process, as users do."""
    return subprocess.Popen(
        [Path(sysconfig.get_path("scripts"), name), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


@cache
def everything(name: str, base_url: str, *options: str) -> tuple[dict[str, Any], str]:
    """Return the output of a command with --json, and its progress lines."""
    run = call(name, "--json", "--base-url", base_url, *options)
    assert run.exit_code == 0, run.stderr
    return json.loads(run.stdout), run.stderr


@EVERY_COMMAND
def test_a_command_says_in_one_screen_what_it_did(name: str, base_url: str) -> None:
    printed, progress = everything(name, base_url)
    first, *steps, last = progress.splitlines()
    assert first.endswith("in plain Python:") and last.startswith("Done: ")
    assert len(steps) == len(printed["steps"])
    assert all(re.search(r"^  \S.* \(\d+\.\d s, \d+ tokens in, \d+ out", step) for step in steps)
    result = json.dumps(printed["result"], indent=2)
    assert len(result.splitlines()) + len(progress.splitlines()) <= 40


LAPTOPS = {
    "UltraBook": ("16 GB", "1 TB", "1299"),
    "Pebble": ("8 GB", "256 GB", "499"),
    "Titan": ("64 GB", "4 TB", "2899"),
}
# The values in the default texts of the commands.
FOUND = {
    ROUTING: {"route": "technical", "by": "similarity", "product": "printer"},
    "llamastack-parallelization": {
        "laptops": [
            {"memory": "8 GB", "drive": "256 GB", "euros": 399},
            {"memory": "32 GB", "drive": "2 TB", "euros": 1799},
            {"memory": "48 GB", "drive": "2 TB", "euros": 2199},
        ]
    },
    "llamastack-orchestrator-workers": {
        "plan": list(LAPTOPS),
        "rows": [
            {"laptop": laptop, "memory": memory, "drive": drive, "price": f"{euros} euros"}
            for laptop, (memory, drive, euros) in LAPTOPS.items()
        ],
    },
    EVALUATOR: {"accepted": True, "points": 6, "points_possible": 6},
}


def evaluated(printed: dict[str, Any]) -> None:
    """Fail unless each round of the loop follows from the rounds before it, whatever the drafts say."""
    facts, steps = evaluator.parse_facts(evaluator.FACTS_TEXT), iter(printed["steps"])
    rounds: list[evaluator.Round] = []
    for one in printed["result"]["rounds"]:
        write, number = next(steps), len(rounds) + 1
        assert (write["name"], write["output"].strip()) == (f"write {number}", one["draft"])
        assert write["prompt"] == evaluator.write_prompt(facts, rounds)
        reading = {}
        if schema := evaluator.reading_schema(one["draft"]):
            read = next(steps)
            assert (read["name"], read["prompt"]) == (f"read {number}", evaluator.read_prompt(schema, one["draft"]))
            reading = json.loads(read["output"])
        rounds.append(evaluator.grade(one["draft"], reading, facts))
        assert rounds[-1].model_dump() == one
    assert next(steps, None) is None
    assert not rounds[-1].feedback
    assert evaluator.outcome(facts, rounds).model_dump() == printed["result"]


def advised(printed: dict[str, Any]) -> None:
    rows = [Row(**row) for row in printed["result"]["rows"]]
    assert advice_gate(printed["result"]["advice"], rows) is None


def answered(printed: dict[str, Any]) -> None:
    assert notes_gate(printed["result"]["answer"], NOTES["printer"]) is None


def extracted(printed: dict[str, Any]) -> None:
    assert numbers_gate(printed["steps"][0]["output"], PRODUCT_TEXT) is None
    found = {key: value.replace(" ", "") for key, value in printed["result"].items()}
    assert found["cpu"].startswith("3.5GHz") and (found["memory"], found["storage"]) == ("16GB", "1TB")


# On a busy server, the model words free text a little differently. So two runs may differ in these parts of a result,
# which are checked against the pattern's own rules instead.
FREE_TEXT = {"answer", "advice", "draft", "rounds"}
RULES = {
    CHAIN: extracted,
    ROUTING: answered,
    "llamastack-orchestrator-workers": advised,
    EVALUATOR: evaluated,
}


def agreed(name: str, printed: dict[str, Any]) -> dict[str, Any]:
    """Return the parts in which both versions must agree: the model, the steps with their prompts, and the result.

    In a prompt, the output of an earlier step is replaced by the name of that step.
    """
    steps: dict[str, str] = {}
    for step in printed["steps"]:
        prompt = step["prompt"]
        for earlier in printed["steps"][: len(steps)]:
            prompt = prompt.replace(earlier["output"].strip() or "\0", f"<{earlier['name']}>")
        # With LangChain, a second attempt is a separate step.
        steps.setdefault(step["name"], prompt)
    # LangChain's embeddings don't call callbacks.
    steps.pop("similarity", None)
    if name == EVALUATOR:
        # The number of drafts, and the objections to them, depend on their free text.
        steps = {first: prompt for first, prompt in steps.items() if first == "write 1"}
    result = {key: value for key, value in printed["result"].items() if key not in FREE_TEXT}
    return {"model": printed["model"], "steps": steps, "result": result}


def holds(found: Any, wanted: Any) -> bool:
    """Return whether `found` contains everything that is `wanted`; it may have more keys."""
    match wanted:
        case dict():
            return all(holds(found[key], value) for key, value in wanted.items())
        case list():
            return len(found) == len(wanted) and all(map(holds, found, wanted))
    return found == wanted


@EVERY_COMMAND
def test_plain_python_and_langchain_give_the_same_right_result(name: str, base_url: str) -> None:
    plain, _ = everything(name, base_url)
    composed, progress = everything(name, base_url, "--langchain")
    assert "with LangChain:" in progress
    assert agreed(name, plain) == agreed(name, composed)
    for printed in (plain, composed):
        assert holds(printed["result"], FOUND.get(name, {})), printed["result"]
        RULES.get(name, lambda _: None)(printed)
        counted = [step for step in printed["steps"] if step["name"] != "similarity"]
        assert all(step["input_tokens"] and step["output_tokens"] and step["seconds"] for step in counted)


@EVERY_COMMAND
def test_the_help_teaches(name: str) -> None:
    command = get_command(COMMANDS[name])
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--text", "--model", "--base-url", "--json", "--langchain", "--resume", "--timeout"} <= options
    assert all(parameter.help for parameter in command.params if parameter.name != "help")
    assert "VERBOSE=true" in command.help and "Exits with 1" in command.help


@EVERY_COMMAND
def test_text_may_come_from_standard_input(name: str, base_url: str) -> None:
    run = call(name, "--base-url", base_url, "--text", "-", text=" \n")
    assert run.exit_code == 1 and "The text is empty." in run.stderr


def test_an_accent_is_part_of_its_letter() -> None:
    assert read_text("E\u0301lan", default="") == "Élan"


@EVERY_COMMAND
@pytest.mark.parametrize("content", ["Größe: 16 GB".encode("latin-1"), "16 GB".encode("utf-16"), b"\x89PNG\r\n\x1a\n"])
def test_standard_input_that_is_not_utf_8(name: str, content: bytes, base_url: str) -> None:
    run = call(name, "--base-url", base_url, "--text", "-", text=content)
    assert run.exit_code == 1 and "Standard input is not UTF-8 text: byte " in run.stderr
    assert run.stderr.splitlines()[1].startswith("  Fix: Save the file as UTF-8, or convert it: iconv")


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_while_a_command_imports_is_one_line(tmp_path: Path) -> None:
    # Python runs this before the command: it sends the signal as soon as openai is imported.
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Sends:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'openai':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Sends())\n",
        encoding="utf-8",
    )
    run = started(CHAIN, PYTHONPATH=str(tmp_path))
    out, error = run.communicate(timeout=60)
    assert (run.returncode, out, error) == (130, "", "Stopped.\n")


def test_a_proxy_does_not_come_between_this_machine_and_itself(base_url: str) -> None:
    nowhere = f"http://127.0.0.1:{ports.free_port()}"
    proxies = {"HTTP_PROXY": nowhere, "http_proxy": nowhere, "NO_PROXY": "", "no_proxy": "example.org"}
    run = call(CHAIN, "--base-url", base_url, **proxies)
    assert run.exit_code == 0, run.stderr


def test_a_resumed_run_keeps_its_options(base_url: str, tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"pattern": "routing", "text": "I want a refund.", "by": "model"}\n', encoding="utf-8")
    run = call(ROUTING, "--base-url", base_url, "--resume", str(path))
    assert json.loads(run.stdout)["by"] == "model", run.stderr


@pytest.mark.parametrize(
    ("rounds", "how"),
    [
        ("1", r"go on with: llamastack-evaluator-optimizer --resume \S+ --base-url \S+ --rounds 3$"),
        ("2", r"^  Fix: The model never wrote '🐧' as it is: try another name"),
    ],
)
def test_a_run_without_an_accepted_draft_prints_the_best_one_and_fails(
    rounds: str, how: str, base_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without the facts in its prompt, no model writes a draft that meets the rubric.
    monkeypatch.setattr(evaluator, "WRITE", "Write one sentence about a ship.")
    run = call(EVALUATOR, "--base-url", base_url, "--rounds", rounds, "--text", "🐧: 8 GB memory")
    assert run.exit_code == 1
    assert f"Error: No draft meets the rubric (--rounds {rounds})" in run.stderr
    assert not json.loads(run.stdout)["accepted"]
    assert re.search(how, run.stderr, re.MULTILINE)


def test_verbose_shows_prompts_and_outputs(base_url: str) -> None:
    run = call(CHAIN, "--base-url", base_url, VERBOSE="true")
    assert "Transform the following specifications" in run.stderr
    assert '"memory": "16' in run.stderr


@pytest.mark.parametrize(
    ("arguments", "problem", "fix"),
    [
        (["--base-url", "http://127.0.0.1:{free}/v1"], "No LlamaStack server answers at", '="--port {free}"'),
        (["--base-url", "localhost:{free}/v1"], "--base-url localhost:", "Give http://localhost:"),
        (["--base-url", "ws://[fd00::5]/v1"], "--base-url ws://[fd00::5]/v1 does not", "Give http://[fd00::5]/v1"),
        (["--base-url", "{base_url}", "--model", "openai/none"], "does not serve openai/none", "Choose one of: "),
        (["--base-url", "{base_url}", "--text", " "], "The text is empty.", "--text"),
        (["--base-url", "{base_url}", "--text", "The ship sank."], "names no processor, memory", "Give one like "),
        (["--base-url", "{base_url}", "--text", "Ship.", "--langchain"], "names no processor", "Give one like "),
        (["--base-url", "{base_url}", "--text", IN_WORDS], "Its last answer: '", "VERBOSE=true"),
        (["--base-url", "{base_url}", "--text", IN_WORDS, "--langchain"], "Its last answer: '", "VERBOSE=true"),
        (["--base-url", "{base_url}", "--timeout", "0.01"], "timed out waiting for the server", "--timeout 300"),
        (["--base-url", "{base_url}", "--timeout", "0.01", "--langchain"], "timed out", "--timeout 300"),
        (["--resume", "no.jsonl"], "There is no journal no.jsonl.", "the failed run named"),
        (["--resume", "pyproject.toml"], "is not the journal of a run.", "without --resume"),
        (["--resume", "no.jsonl", "--langchain"], "keeps no journal", "Leave out --langchain"),
    ],
    ids=[
        "no_server",
        "no_http",
        "no_http_but_brackets",
        "no_such_model",
        "no_text",
        "text",
        "text_langchain",
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
    free = ports.free_port()
    run = call(CHAIN, *[word.format(free=free, base_url=base_url) for word in arguments])
    assert run.exit_code == 1
    assert not run.stdout
    # On a busy machine, an answer may arrive before the client looks: then a finished step is kept, and a line reports
    # it.
    _, *lines = re.split("^(?=Error: )", run.stderr, flags=re.MULTILINE)
    error, remedy, *more = lines[0].splitlines()
    assert problem in error
    assert remedy.startswith("  Fix: ") and fix.format(free=free) in remedy
    assert len(lines) == 1 and len(more) <= 1


def test_a_run_goes_on_where_a_crash_of_the_server_ended_it(base_url: str, model: str) -> None:
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    with throwaway_server(configuration, upstream_variables(base_url, model)) as server:
        run = started(CHAIN, "--base-url", server.base_url)
        seen = [run.stderr.readline(), run.stderr.readline()]
        assert seen[1].startswith("  extract ("), seen
        server.kill()
        out, error = run.communicate(timeout=60)
    assert run.returncode == 1 and not out
    assert error.startswith("Error: Step 'transform' lost the connection to the server.")
    journal = paths.ROOT / re.search(r"go on with: \S*llamastack-prompt-chaining --resume (\S+)", error)[1]
    assert journal.parent.stat().st_mode & 0o077 == 0

    resumed = call(CHAIN, "--json", "--base-url", base_url, "--model", model, "--resume", str(journal))
    assert resumed.exit_code == 0, resumed.stderr
    assert "extract (kept from the earlier run)" in resumed.stderr
    assert [step["kept"] for step in json.loads(resumed.stdout)["steps"]] == [True, False]
    assert not journal.exists()


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
@pytest.mark.parametrize("name", [pytest.param(CHAIN, marks=pytest.mark.dear), "llamastack-parallelization"])
def test_ctrl_c_ends_a_run_and_keeps_its_finished_steps(name: str, base_url: str) -> None:
    run = started(name, "--base-url", base_url)
    seen = [run.stderr.readline(), run.stderr.readline()]
    assert seen[1].startswith("  "), seen
    run.send_signal(signal.SIGINT)
    out, error = run.communicate(timeout=60)
    assert run.returncode == 130 and not out
    assert "Traceback" not in error
    journal = paths.ROOT / re.search(rf"go on with: \S*{name} --resume (\S+)", error)[1]
    assert len(journal.read_text(encoding="utf-8").splitlines()) >= 2
    journal.unlink()


def test_a_command_brings_its_own_server_where_none_runs() -> None:
    run = started(CHAIN, LLAMA_STACK_BASE_URL="")
    out, error = run.communicate(timeout=240)
    assert run.returncode == 0, error
    assert set(json.loads(out)) == {"cpu", "memory", "storage"}


@pytest.fixture(scope="module")
def gateway(base_url: str, model: str) -> Iterator[Gateway]:
    """The server of stacks/access.yaml, with tokens for it."""
    issuer = Issuer()
    with throwaway_server(ACCESS, access_variables(base_url, model, issuer)) as server:
        yield Gateway(server, issuer, model)
    issuer.stop()


@pytest.mark.parametrize("options", [[], ["--langchain"]], ids=["plain", "langchain"])
def test_a_token_reaches_the_list_of_models_the_embeddings_and_the_models(gateway: Gateway, options: list[str]) -> None:
    address = ["--base-url", gateway.server.base_url]
    run = call(ROUTING, *address, *options, LLAMA_STACK_API_KEY=gateway.tokens["dana"])
    assert run.exit_code == 0, run.stderr
    assert json.loads(run.stdout)["route"] == "technical"


@pytest.mark.parametrize(
    ("token", "options", "problem"),
    [
        ("", [], "requires a token (HTTP 401)."),
        ("sk-0123456789", [], "rejects the token in LLAMA_STACK_API_KEY (HTTP 401)."),
        ("{nora}", [], "rejects the token in LLAMA_STACK_API_KEY (HTTP 403)."),
        # A guest may list models and use them, but not for embeddings.
        ("{gil}", [], "HTTP 403"),
        ("{gil}", ["--langchain"], "HTTP 403"),
        ("sk-ключ", [], "LLAMA_STACK_API_KEY contains invalid characters."),
    ],
    ids=["none", "unknown", "no_role", "guest", "guest_langchain", "not_ascii"],
)
def test_a_refused_token_is_named_and_not_shown(gateway: Gateway, token: str, options: list[str], problem: str) -> None:
    token = token.format(nora=gateway.issuer.token("nora", ["janitor"]), **gateway.tokens)
    run = call(ROUTING, "--base-url", gateway.server.base_url, *options, LLAMA_STACK_API_KEY=token)
    assert run.exit_code == 1 and not run.stdout
    lines = run.stderr.splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("Error: "))
    error, remedy = lines[at : at + 2]
    assert problem in error and remedy.startswith("  Fix: Set LLAMA_STACK_API_KEY")
    assert not token or token not in run.stderr


def test_a_traceback_does_not_show_the_token(gateway: Gateway) -> None:
    secret = "sk-secret"
    address = ["--base-url", gateway.server.base_url]
    run = started(ROUTING, *address, LLAMA_STACK_API_KEY=f"{secret}\nlines", VERBOSE="true")
    _, error = run.communicate(timeout=60)
    assert "Traceback" in error and secret not in error
