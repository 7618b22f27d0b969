"""The prompt chain, as a module and as a command."""

import json
import os
import subprocess
import sys

import pytest
from openai import OpenAI

from llamastack_workshop import ports
from llamastack_workshop.patterns.prompt_chaining import PRODUCT_TEXT, ChainError, json_gate, numbers_gate, run_chain


def command(*arguments: str, text: str | None = None, **environment: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "llamastack_workshop.patterns.prompt_chaining_command", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("3.5 GHz, 16 GB, 1TB", None),
        ("a fast processor", "the answer has no numbers"),
        ("4.2 GHz and 16 GB", "4.2 is not in the text"),
        ("6 GB", "6 is not in the text"),
    ],
)
def test_numbers_gate(answer: str, problem: str | None) -> None:
    assert numbers_gate(answer, PRODUCT_TEXT) == problem


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ('{"cpu": "3.5 GHz", "memory": "16 GB", "storage": "1TB"}', None),
        ('{"cpu": "3.5 GHz", "memory": "32 GB", "storage": "1TB"}', "memory: 32 is not in the text"),
        ('{"cpu": "3.5 GHz", "memory": "much", "storage": "1TB"}', "memory: String should match pattern"),
        ('{"cpu": "3.5 GHz", "memory": "16 GB"}', "storage: Field required"),
        ('{"cpu": "3.5 GHz", "memory": "16 GB", "storage": "1TB", "price": 1}', "price: Extra inputs"),
        ("no JSON", "the answer: Invalid JSON"),
    ],
)
def test_json_gate(answer: str, problem: str | None) -> None:
    found = json_gate(answer, PRODUCT_TEXT)
    assert found == problem or found.startswith(problem)


def test_the_chain_finds_the_three_values(client: OpenAI, model: str) -> None:
    seen = []
    specifications, steps = run_chain(client, model, PRODUCT_TEXT, on_step=seen.append)
    assert specifications.cpu.startswith("3.5 GHz")
    assert specifications.memory.replace(" ", "") == "16GB"
    assert specifications.storage.replace(" ", "") == "1TB"
    assert [step.name for step in seen] == [step.name for step in steps] == ["extract", "transform"]
    assert all(step.input_tokens and step.output_tokens and step.seconds for step in steps)


def test_a_step_is_tried_twice_and_then_reported(client: OpenAI, model: str) -> None:
    with pytest.raises(ChainError, match="'extract' failed its gate twice: the answer has no numbers") as caught:
        run_chain(client, model, "The ship reached the harbour at noon.")
    assert caught.value.failed.attempts == 2
    assert caught.value.finished == []


def test_command_prints_the_result_alone_on_standard_output(base_url: str) -> None:
    run = command("--base-url", base_url)
    assert run.returncode == 0, run.stderr
    assert set(json.loads(run.stdout)) == {"cpu", "memory", "storage"}
    assert "extract" in run.stderr and "tokens" in run.stderr


def test_command_for_machines_with_text_from_standard_input(base_url: str) -> None:
    run = command("--json", "--text", "-", text=PRODUCT_TEXT, LLAMA_STACK_BASE_URL=base_url)
    printed = json.loads(run.stdout)
    assert [step["name"] for step in printed["steps"]] == ["extract", "transform"]
    assert set(printed["result"]) == {"cpu", "memory", "storage"}


def test_a_proxy_does_not_come_between_this_machine_and_itself(base_url: str) -> None:
    nowhere = f"http://127.0.0.1:{ports.free_port()}"
    run = command("--base-url", base_url, HTTP_PROXY=nowhere, http_proxy=nowhere, NO_PROXY="", no_proxy="example.org")
    assert run.returncode == 0, run.stderr


def test_verbose_shows_prompts_and_outputs(base_url: str) -> None:
    run = command("--base-url", base_url, VERBOSE="true")
    assert "Transform the following specifications" in run.stderr
    assert '"memory": "16' in run.stderr


@pytest.mark.parametrize(
    ("arguments", "problem", "fix"),
    [
        (["--base-url", "http://127.0.0.1:{free}/v1"], "No LlamaStack server answers at", "make llama-server"),
        (["--base-url", "{base_url}", "--model", "openai/none"], "does not serve openai/none", "Choose one of: "),
        (["--base-url", "{base_url}", "--text", " "], "The text is empty.", "--text"),
        (["--base-url", "{base_url}", "--text", "The ship sank."], "failed its gate twice", "VERBOSE=true"),
    ],
    ids=["no_server", "no_such_model", "no_text", "gate"],
)
def test_bad_input_gets_two_lines(base_url: str, arguments: list[str], problem: str, fix: str) -> None:
    run = command(*[word.format(free=ports.free_port(), base_url=base_url) for word in arguments])
    assert run.returncode == 1
    assert not run.stdout
    error, remedy = run.stderr.splitlines()[-2:]
    assert error.startswith("Error: ") and problem in error
    assert remedy.startswith("  Fix: ") and fix in remedy
