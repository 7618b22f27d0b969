"""Starting and stopping the stack, and each way in which a start can fail."""

import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import HTTPServer
from importlib.util import find_spec
from pathlib import Path
from socketserver import BaseRequestHandler
from threading import Thread, Timer

import httpx
import psutil
import pytest
import xllamacpp
import yaml
from filelock import FileLock
from gguf_files import write_model
from in_process import call
from openai import OpenAI

from llamastack_workshop import cli
from llamastack_workshop.server import parts, stack, upstreams
from llamastack_workshop.server.embedded import serve, weights
from llamastack_workshop.server.stacks import Server
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.processes import Spawned


def quiet(line: str) -> None:
    pass


@pytest.fixture(autouse=True)
def no_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start from a machine on which no upstream is configured."""
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_URL", "VLLM_URL", "TGI_URL", "WORKSHOP_UPSTREAM"):
        monkeypatch.setenv(variable, "")


@pytest.fixture(scope="module")
def guarded_upstream() -> Iterator[str]:
    """A real model server that requires the key `right`: the base URL of its API."""
    params = xllamacpp.CommonParams()
    params.model.path = str(weights.embedding_model(quiet))
    params.embedding = True
    params.hostnames = ["127.0.0.1"]
    params.port = ports.free_port()
    params.api_keys = ["right"]
    params.verbosity = 1
    server = xllamacpp.Server(params)
    yield f"http://127.0.0.1:{params.port}/v1"
    del server


@pytest.fixture
def failure(tmp_path: Path) -> Callable[..., WorkshopError]:
    """Start the stack, which must fail, and return the error."""

    def start(**options: object) -> WorkshopError:
        defaults = {"port": ports.free_port(), "state": tmp_path / "state", "logs": tmp_path / "logs"}
        with pytest.raises(WorkshopError) as caught, stack.running_stack(quiet, **defaults | options):
            pass
        return caught.value

    return start


MOULD = "llamastack_workshop.system.mould"


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen]]:
    """Run `workshop` as a user does: in a separate process, without a terminal. It ends with the test."""
    started = []

    def run(*arguments: str, **environment: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "llamastack_workshop.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "WORKSHOP_STATE": str(tmp_path / "state"), **environment},
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def descendants(process: subprocess.Popen) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def folders_of_moulds(processes: list[psutil.Process]) -> list[Path]:
    commands = [process.cmdline() for process in processes]
    return [Path(words[words.index(MOULD) + 1]).parent for words in commands if MOULD in words]


def wait_until_gone(processes: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(processes, timeout=20)[1]


def read_until_ready(process: subprocess.Popen) -> str:
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Ctrl-C stops it" in line:
            return "".join(lines)
    raise AssertionError(f"the server did not start: {process.stderr.read()}")


# Keys that the user has for other programs: none of our processes needs them.
SECRETS = {"OPENAI_API_KEY": "sk-not-for-the-model", "HF_TOKEN": "hf-for-nobody", "AWS_SECRET_ACCESS_KEY": "for-nobody"}


def test_starts_answers_stops_and_keeps_its_state(workshop: Callable[..., subprocess.Popen], tmp_path: Path) -> None:
    port = str(ports.free_port())
    (tmp_path / "state").mkdir(mode=0o755)
    start = ["llama-server", "--port", port, "--upstream", "embedded"]
    # With its own mould, like a user's, instead of that of the tests.
    first = workshop(*start, **SECRETS, WORKSHOP_LOGS=str(tmp_path / "logs"), WORKSHOP_MOULD="")
    output = read_until_ready(first)
    assert f"http://localhost:{port}" in output
    model = re.search(r"models +(\S+)", output)[1]
    created = httpx.post(
        f"http://localhost:{port}/v1/responses", json={"model": model, "input": "Hello!"}, timeout=60
    ).json()
    listening = {c.laddr.ip for child in descendants(first) for c in child.net_connections() if c.status == "LISTEN"}
    assert listening == {"127.0.0.1"}

    processes = descendants(first)
    folders = folders_of_moulds(processes)
    modules = {word for child in processes for word in child.cmdline() if word.startswith("llamastack_workshop.")}
    assert {MOULD, "llamastack_workshop.server.embedded.serve"} <= modules
    assert not {value for child in processes for value in child.environ().values()} & set(SECRETS.values())
    written = [tmp_path / "state", *(tmp_path / "state").rglob("*"), *(tmp_path / "logs").rglob("*")]
    assert len(written) > 4
    if os.name == "posix":
        assert not [path for path in written if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077]

    first.send_signal(signal.SIGINT)
    assert first.wait(30) == 0
    assert not wait_until_gone(processes)
    assert folders and not [folder for folder in folders if folder.exists()]

    second = workshop(*start, WORKSHOP_MOULD="")
    read_until_ready(second)
    kept = httpx.get(f"http://localhost:{port}/v1/responses/{created['id']}").json()
    assert kept["output"] == created["output"]

    # A parent that is killed can't clean up: its children must notice by themselves.
    processes = descendants(second)
    folders = folders_of_moulds(processes)
    second.kill()
    assert not wait_until_gone(processes)
    assert folders and not [folder for folder in folders if folder.exists()]


def test_ctrl_c_during_the_start_leaves_nothing_behind(workshop: Callable[..., subprocess.Popen]) -> None:
    process = workshop("llama-server", "--port", str(ports.free_port()), WORKSHOP_MOULD="")
    process.stdout.readline()
    processes = descendants(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    assert processes
    assert not wait_until_gone(processes)


def test_a_port_that_a_llamastack_server_holds(failure: Callable[..., WorkshopError], base_url: str) -> None:
    port = int(base_url.split(":")[2].split("/")[0])
    error = failure(port=port)
    who = r"process \d+ \(\S+\)"
    assert re.fullmatch(
        rf"A LlamaStack server, version 0\.6\.1, already answers on port {port}: {who}\.", error.problem
    )
    other = rf'choose another port: --port {port + 10} \(with make: ARGS="--port {port + 10}"\)'
    assert re.fullmatch(rf"Use that one, or stop it \(kill \d+\), or {other}", error.fix)


def test_a_port_that_another_program_holds(failure: Callable[..., WorkshopError]) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseRequestHandler) as other:
        Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        error = failure(port=other.server_port)
        other.shutdown()
    port, who = other.server_port, f"process {os.getpid()} ({psutil.Process().name()})"
    assert error.problem == f"Port {port} is taken by {who}, which does not answer as a LlamaStack server."
    other_port = f'choose another port: --port {port + 10} (with make: ARGS="--port {port + 10}")'
    assert error.fix == f"Stop it (kill {os.getpid()}), or {other_port}"


def test_an_errors_two_lines_and_exit_status_on_the_command_line(workshop: Callable[..., subprocess.Popen]) -> None:
    process = workshop("llama-server", "--upstream", "openai")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines() == [
        "Error: OPENAI_API_KEY is not set.",
        "  Fix: Copy .env.example to .env and set OPENAI_API_KEY there, or use the embedded model.",
    ]
    assert not output
    verbose = workshop("llama-server", "--upstream", "openai", VERBOSE="true")
    assert "Traceback" in verbose.communicate(timeout=60)[1]


def test_a_rejected_key_is_named_but_not_shown(
    failure: Callable[..., WorkshopError], guarded_upstream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", guarded_upstream)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-wrong")
    error = failure(upstream=Choice.openai)
    assert error.problem == f"OpenAI at {guarded_upstream} rejects the key (HTTP 401)."
    assert ".env" in error.fix
    assert "sk-wrong" not in str(error)


def test_an_accepted_key_lists_the_models(guarded_upstream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", guarded_upstream)
    monkeypatch.setenv("OPENAI_API_KEY", "right")
    (openai,) = upstreams.chosen(Choice.auto)
    assert len(upstreams.models(openai)) == 1


@pytest.mark.parametrize("variable", ["OLLAMA_URL", "VLLM_URL", "TGI_URL"])
def test_an_upstream_that_does_not_answer(
    failure: Callable[..., WorkshopError], variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{ports.free_port()}/v1"
    monkeypatch.setenv(variable, address)
    error = failure()
    assert error.problem.startswith(f"{variable}={address} does not answer")
    assert f"unset {variable}" in error.fix


def test_an_upstreams_address_without_v1(
    failure: Callable[..., WorkshopError], guarded_upstream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "right")
    monkeypatch.setenv("OPENAI_BASE_URL", guarded_upstream.removesuffix("/v1") + "/elsewhere")
    error = failure()
    assert "has no list of models" in error.problem
    assert "/v1" in error.fix


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda whole: whole[:-50_000], r"tensor 'blk\.1\.\w+\.weight' data is not within the file bounds"),
        (lambda whole: whole.replace(b"qwen3", b"qwen9"), r"unknown model architecture: 'qwen9'"),
    ],
)
def test_a_file_that_llama_cpp_cannot_load(
    failure: Callable[..., WorkshopError],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[bytes], bytes],
    problem: str,
) -> None:
    file = write_model(tmp_path / "fake.gguf")
    file.write_bytes(change(file.read_bytes()))
    monkeypatch.setenv("WORKSHOP_MODEL", str(file))
    error = failure()
    assert re.match(f"llama.cpp cannot load the model: {problem}", error.problem)
    assert "Download its file again" in error.fix and "embedded.log" in error.fix


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("apis:\n", "apis: [\n", r"run.yaml, line \d+, column \d+: "),
        ("providers:\n", "provider:\n", "run.yaml has no `providers:`."),
        ("inline::faiss", "inline::fais", r"types that are not in LlamaStack 0\.6\.1: faiss \(inline::fais\)"),
        (
            "kv_sqlite",
            "kv_sqlit",
            "run.yaml: storage.backends.kv_default: Input tag 'kv_sqlit' found",
        ),
    ],
    ids=["syntax", "no_providers", "unknown_provider", "invalid_value"],
)
def test_a_malformed_run_yaml(
    failure: Callable[..., WorkshopError], tmp_path: Path, old: str, new: str, problem: str
) -> None:
    broken = tmp_path / "run.yaml"
    text = paths.RUN_YAML.read_text(encoding="utf-8")
    assert old in text
    broken.write_text(text.replace(old, new, 1), encoding="utf-8")
    error = failure(server=Server(broken))
    assert re.search(problem, error.problem)
    assert "run.yaml" in error.fix


def test_a_missing_run_yaml(failure: Callable[..., WorkshopError], tmp_path: Path) -> None:
    assert "does not exist" in failure(server=Server(tmp_path / "none.yaml")).problem


def test_an_upstream_without_a_model(
    failure: Callable[..., WorkshopError], guarded_upstream: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upstream answers, but doesn't list the model that run.yaml allows."""
    monkeypatch.setenv("OPENAI_BASE_URL", guarded_upstream)
    monkeypatch.setenv("OPENAI_API_KEY", "right")
    monkeypatch.setenv("OPENAI_MODEL", "gpt-none")
    error = failure()
    assert "serves no language model" in error.problem
    log = (tmp_path / "logs" / "llama-stack.log").read_text()
    assert "********" in log and "right'" not in log


@pytest.mark.dear
def test_plain_llama_stack_run_needs_one_variable(tmp_path: Path) -> None:
    """LlamaStack's own command runs the unchanged run.yaml, with only an upstream's variable set."""
    port, upstream_port = ports.free_port(), ports.free_port()
    upstream = serve.serve_chat_model(upstream_port)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("EMBEDD", "WORKSHOP"))}
    command = [Path(sys.executable).with_name("llama"), "stack", "run", paths.RUN_YAML, "--port", str(port)]
    with (tmp_path / "log").open("wb") as log:
        llama = subprocess.Popen(
            command,
            cwd=tmp_path,
            env={**environment, "VLLM_URL": f"http://127.0.0.1:{upstream_port}/v1", "LLAMA_CPP_URL": ""},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 120
        while parts.answering_version(port) is None:
            assert llama.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.2)
        (model,) = stack.language_models(f"http://127.0.0.1:{port}/v1")
        assert model == f"vllm/{weights.CHAT_MODEL}"
        question = {"model": model, "input": "What is the capital of France?", "max_output_tokens": 16}
        answer = httpx.post(f"http://127.0.0.1:{port}/v1/responses", json=question, timeout=60).json()
        assert answer["object"] == "response"
        assert (tmp_path / ".workshop" / "state" / "sql.db").exists()
    finally:
        llama.terminate()
        llama.wait(20)
        del upstream


def test_models_listed_by_the_live_server(base_url: str) -> None:
    listed = httpx.get(f"{base_url}/models").json()["data"]
    types = {model["id"]: model["custom_metadata"]["model_type"] for model in listed}
    assert types["embeddings/all-minilm-l6-v2"] == "embedding"
    assert stack.language_models(base_url) == [id for id, kind in types.items() if kind == "llm"]


def test_the_doctor_finds_what_is_wrong() -> None:
    command = ["doctor", "--port", str(ports.free_port())]
    healthy = call(cli.app, *command)
    assert healthy.exit_code == 0, healthy.output
    assert "checksum right" in healthy.output and max(map(len, healthy.output.splitlines())) <= 80

    ill = call(cli.app, *command, OLLAMA_URL=f"http://127.0.0.1:{ports.free_port()}/v1")
    assert ill.exit_code == 1
    assert "Ollama" in ill.output and "missing" in ill.output


@pytest.mark.skipif(find_spec("asyncpg") is not None, reason="somebody has installed the driver")
def test_a_database_without_its_driver(failure: Callable[..., WorkshopError], tmp_path: Path) -> None:
    configuration = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    configuration["storage"]["backends"]["sql_default"] = {"type": "sql_postgres", "host": "localhost", "db": "d"}
    file = tmp_path / "postgres.yaml"
    file.write_text(yaml.safe_dump(configuration), encoding="utf-8")
    error = failure(server=Server(file))
    assert "postgres.yaml uses Postgres" in error.problem
    assert error.fix == "Run: scripts/uv pip install --no-config asyncpg"


def test_two_servers_never_keep_their_state_in_one_folder(
    failure: Callable[..., WorkshopError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_STATE", str(tmp_path / "state"))
    (tmp_path / "state").mkdir()
    with FileLock(tmp_path / "state" / "server.lock"):
        assert failure().problem.startswith(f"Another server keeps its state in {tmp_path / 'state'}")


def test_a_port_of_the_models_that_is_taken_meanwhile(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), BaseRequestHandler) as other:
        numbers = {"EMBEDDINGS_URL": other.server_port}
        taken = f"Another program took port {other.server_port} while"
        with pytest.raises(WorkshopError, match=taken), parts.embedded_models(numbers, tmp_path / "log", quiet):
            pass


def test_an_embedded_model_that_cannot_start(
    failure: Callable[..., WorkshopError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", str(tmp_path / "none.gguf"))
    error = failure()
    assert error.problem == f"WORKSHOP_MODEL={tmp_path}/none.gguf is not a file."
    assert not [child for child in psutil.Process().children() if "embedded.serve" in " ".join(child.cmdline())]


def test_a_second_ctrl_c_kills_a_child_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stubborn.py").write_text("import time\ntime.sleep(600)\n")
    child = Spawned("stubborn", environment={**os.environ, "PYTHONPATH": str(tmp_path)}, log=tmp_path / "log")
    timer = Timer(1, signal.raise_signal, [signal.SIGINT])
    timer.start()
    child.stop()
    assert not child.running()


def test_the_tokenizer_needs_no_download(tmp_path: Path) -> None:
    """With unreachable proxies, tiktoken can only succeed with the server's own folder of vocabularies."""
    nowhere = f"http://127.0.0.1:{ports.free_port()}"
    environment = {**os.environ, "HTTPS_PROXY": nowhere, "https_proxy": nowhere}
    load = [sys.executable, "-c", "import tiktoken; tiktoken.get_encoding('cl100k_base')"]
    for folder, status in ((weights.tokenizer_cache(), 0), (tmp_path, 1)):
        run = subprocess.run(load, env={**environment, "TIKTOKEN_CACHE_DIR": str(folder)}, capture_output=True)
        assert run.returncode == status


@pytest.mark.dear
def test_a_long_file_needs_smaller_pieces(client: OpenAI) -> None:
    """Files longer than the embedding model's 512 tokens, as described in book/run-yaml.md."""
    page = (paths.ROOT / "book" / "run-yaml.md").read_bytes()
    store = client.vector_stores.create(name="pages")
    pieces = {"type": "static", "static": {"max_chunk_size_tokens": 256, "chunk_overlap_tokens": 32}}
    for options, status in (({}, "failed"), ({"chunking_strategy": pieces}, "completed")):
        file = client.files.create(file=("run-yaml.md", page), purpose="assistants")
        added = client.vector_stores.files.create_and_poll(vector_store_id=store.id, file_id=file.id, **options)
        assert added.status == status


def test_vector_stores_find_what_a_file_says(client: OpenAI) -> None:
    text = "The UltraBook comes with a warranty of 24 months on all parts."
    file = client.files.create(file=("warranty.txt", text.encode()), purpose="assistants")
    store = client.vector_stores.create(name="manuals")
    added = client.vector_stores.files.create_and_poll(vector_store_id=store.id, file_id=file.id)
    assert added.status == "completed", added.last_error
    (found,) = client.vector_stores.search(store.id, query="How long is the warranty?").data
    assert found.content[0].text == text
