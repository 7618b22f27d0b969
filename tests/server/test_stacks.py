"""The configurations in stacks/, the environments of other release lines, and the run of the book on each of them."""

import json
import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from in_process import call

from llamastack_workshop import cli
from llamastack_workshop.attending import chapters
from llamastack_workshop.attending.stack_results import RESULTS
from llamastack_workshop.proving.outcomes import differences
from llamastack_workshop.server import lines, stacks
from llamastack_workshop.system import own_environment, ports, uv

LINES = ["llama-stack-0.4", "llama-stack-0.6", "llama-stack-0.7", "ogx-1.5"]


def quiet(line: str) -> None:
    pass


def configuration(name: str) -> dict:
    return yaml.safe_load((stacks.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def pins(name: str) -> dict[str, str]:
    """Return the pinned versions of the stack's server: those of its environment, or those installed."""
    packages = stacks.FOLDER / f"{name}.txt"
    if not packages.exists():
        return {"llama-stack": metadata.version("llama-stack")}
    return dict(re.findall(r"^([\w-]+)==(\S+)$", packages.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.fixture(scope="module")
def ogx() -> Path:
    """The Python of OGX's environment, which is installed if it's missing."""
    return stacks.server("ogx-1.5", quiet).python


def workshop(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "llamastack_workshop.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env={**os.environ, **environment})


@pytest.mark.parametrize("name", stacks.names())
def test_a_stack_is_safe_to_copy(name: str) -> None:
    text = (stacks.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    # Loopback always, or unless a container overrides it.
    host = configuration(name)["server"]["host"]
    assert host in ("127.0.0.1", "${env.WORKSHOP_HOST:=127.0.0.1}")
    head = text.split("\nversion:")[0]
    assert all(line.startswith("#") for line in head.splitlines()) and f"STACK={name}" in head
    secrets = re.findall(r"^ *\w*(?:key|token|secret|password): *(\S+)", text, re.MULTILINE)
    assert all(secret.startswith("${env.") for secret in secrets)


@pytest.mark.parametrize("name", LINES)
def test_a_line_pins_its_server_with_its_api(name: str) -> None:
    server = pins(name)
    package = next(package for package in ("llama-stack", "ogx") if package in server)
    assert server[package].startswith(name.rpartition("-")[2] + ".")
    assert server.get(f"{package}-api", server[package]) == server[package]


def test_what_runs_in_the_environment_of_a_line_imports_nothing_that_its_requirements_may_lack() -> None:
    code = "import sys; before = set(sys.modules); import llamastack_workshop.server.run_server; "
    code += "print({name.partition('.')[0] for name in set(sys.modules) - before} - sys.stdlib_module_names)"
    run = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert run.stdout.strip() == "{'llamastack_workshop'}"


@pytest.mark.parametrize(
    ("arguments", "problem", "fix"),
    [
        (["--stack", "ogx-9"], "There is no stack ogx-9.", "Choose one of: "),
        (["--stack", "vllm", "--run-yaml", "x.yaml"], "--stack and --run-yaml both", "Give only one of them."),
        (["--stack", "vllm", "--upstream", "embedded"], "has its own upstream", "Leave out --upstream"),
    ],
)
def test_a_wrong_choice_of_stack(arguments: list[str], problem: str, fix: str) -> None:
    error = call(cli.app, "llama-server", *arguments).exception
    assert problem in error.problem and fix in error.fix


def test_an_upstream_that_is_not_there_is_named_before_anything_starts() -> None:
    error = call(
        cli.app, "llama-server", "--stack", "vllm", "--port", str(ports.free_port()), VLLM_URL="http://127.0.0.1:9/v1"
    ).exception
    assert "VLLM_URL=http://127.0.0.1:9/v1 does not answer" in error.problem
    assert error.fix.startswith(
        "Start it (vllm serve MODEL), or unset VLLM_URL (also in .env), and leave out the stack"
    )


@pytest.mark.installs
def test_an_environment_that_cannot_be_installed_is_an_error_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "FOLDER", tmp_path)
    monkeypatch.setattr(uv, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(own_environment, "ENVIRONMENTS", tmp_path / "environments")
    (tmp_path / "ogx-1.5.yaml").write_text("providers: {}\n", encoding="utf-8")
    pin = f"ogx==0.0.0.1 --hash=sha256:{'0' * 64}\n"
    (tmp_path / "stack-ogx-1.5.txt").write_text(pin, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(uv.NotFetched, match=r"not in the index: .*ogx==0\.0\.0\.1"):
            stacks.server("ogx-1.5", quiet)


@pytest.mark.other_lines
def test_chapters_run_on_another_line_and_those_that_cannot_are_skipped_with_the_reason() -> None:
    skipped, reason = next(iter(differences("llama-stack-0.4").items()))
    run = workshop(
        "test", "--stack", "llama-stack-0.4", "notebooks/03-prompt-chaining.ipynb", f"notebooks/{skipped}.ipynb"
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1 passed, 1 skipped" in run.stdout
    assert re.search(r"03-prompt-chaining +passed", run.stdout)
    assert re.search(rf"{skipped} +skipped: {re.escape(reason)}", run.stdout)


@pytest.mark.other_lines
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("llama-stack-0.4", "header_template must contain 'file_search' keyword"),
        ("llama-stack-0.6", "header_template must contain 'file_search' keyword"),
        (
            "llama-stack-0.7",
            "TLS required: set tls_certfile/tls_keyfile in server config or pass '--insecure' to disable.",
        ),
        ("ogx-1.5", "Config validation passed"),
    ],
)
def test_what_ogx_says_to_the_file_of_each_line(ogx: Path, tmp_path: Path, name: str, says: str) -> None:
    check = [] if name == "llama-stack-0.7" else ["--dry-run"]
    run = subprocess.run(
        [ogx.with_name("ogx"), "run", stacks.FOLDER / f"{name}.yaml", *check],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "WORKSHOP_STATE": str(tmp_path)},
    )
    assert says in run.stdout + run.stderr


@pytest.mark.other_lines
def test_what_0_7_says_to_the_file_of_0_6_one_correction_at_a_time() -> None:
    """The chapter's table: each row is a message, and the correction that leads to the next message."""
    python = stacks.server("llama-stack-0.7", quiet).python
    run = subprocess.run(
        [python, "-c", _CORRECTIONS],
        input=(stacks.FOLDER / "llama-stack-0.6.yaml").read_text(encoding="utf-8"),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "LLAMA_CPP_URL": "http://127.0.0.1:9/v1"},
    )
    said = [line for line in run.stdout.splitlines() if line.startswith("said: ")]
    wanted = [
        "header_template must contain 'file_search' keyword",
        "API 'agents' does not exist. Use Api.add() to register new APIs.",
        "Provider `inline::meta-reference` is not available for API `Api.responses`",
        "Provider `inline::rag-runtime` is not available for API `Api.tool_runtime`",
        "nothing",
    ]
    assert len(said) == len(wanted), run.stdout + run.stderr
    assert all(message in line for message, line in zip(wanted, said, strict=True)), said


# The server's steps with its file before it starts: 0.7 has no option that only checks a file.
_CORRECTIONS = """
import sys
import yaml
from llama_stack.core.configure import parse_and_maybe_upgrade_config
from llama_stack.core.distribution import builtin_automatically_routed_apis, get_provider_registry
from llama_stack.core.resolver import validate_and_prepare_providers

text = sys.stdin.read()
corrections = [
    {"knowledge_search found": "file_search found"},
    {"- agents\\n": "- responses\\n", "  agents:\\n": "  responses:\\n"},
    {"inline::meta-reference": "inline::builtin"},
    {"inline::rag-runtime": "inline::file-search"},
    {},
]
for correction in corrections:
    try:
        configuration = parse_and_maybe_upgrade_config(yaml.safe_load(text))
        routed = builtin_automatically_routed_apis()
        tables, routers = {one.routing_table_api for one in routed}, {one.router_api for one in routed}
        validate_and_prepare_providers(configuration, get_provider_registry(configuration), tables, routers)
        print("said: nothing")
    except Exception as error:
        print("said:", " ".join(str(error).split()))
    for old, new in correction.items():
        assert old in text
        text = text.replace(old, new)
"""


@pytest.mark.parametrize("name", LINES)
def test_the_book_knows_the_outcome_of_each_chapter_on_each_line(name: str) -> None:
    run = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert run["version"] in pins(name).values()
    assert run["chapters"].keys() == {path.stem for path in chapters.chapters()}
    skipped = {chapter: one["reason"] for chapter, one in run["chapters"].items() if one["outcome"] == "skipped"}
    assert skipped == differences(name)
    assert all(one["outcome"] in ("passed", "skipped") for one in run["chapters"].values())


def test_what_is_skipped_is_a_chapter_on_a_line_that_is_not_ours() -> None:
    listed = yaml.safe_load((stacks.FOLDER / "chapters.yaml").read_text(encoding="utf-8"))
    assert listed.keys() <= {path.stem for path in chapters.chapters()}
    on = {stack for entries in listed.values() for entry in entries for stack in entry["stacks"]}
    assert on <= set(LINES) - {lines.OURS.stack}
