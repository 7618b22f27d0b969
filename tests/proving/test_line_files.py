"""The configurations of the newer release lines: they are generated from 0.6's, and a server starts with each."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from access_server import Issuer, access_variables

from llamastack_workshop.proving import line_files
from llamastack_workshop.server import lines
from llamastack_workshop.server.lines import Line
from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths

NEWER = [lines.LLAMA_STACK_0_7, lines.OGX_1_5]


@pytest.mark.parametrize("path", line_files.files(), ids=lambda path: str(path.relative_to(paths.ROOT)))
def test_a_file_is_what_is_made_of_that_of_0_6(path: Path, rewrite_tables: bool) -> None:
    wanted = line_files.files()[path]
    if rewrite_tables:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
    if not path.exists() or path.read_text(encoding="utf-8") != wanted:
        told = f'{path.relative_to(paths.ROOT)}: make test ARGS="tests/proving/test_line_files.py --rewrite-tables"'
        pytest.fail(told, pytrace=False)


@pytest.mark.parametrize("line", NEWER, ids=lambda line: line.stack)
def test_every_exchange_of_texts_finds_its_text_somewhere(line: Line) -> None:
    texts = "".join(line_files.earlier_texts(line))
    assert not [old for old, _ in line_files.changes(line) if old not in texts]


@pytest.mark.parametrize("line", NEWER, ids=lambda line: line.stack)
def test_no_name_of_an_earlier_line_is_left(line: Line) -> None:
    ours = lines.OURS
    gone = [f"\n- {ours.responses_api}\n", ours.responses_provider, ours.search_provider, ours.search_tool, "0.6"]
    for path, text in line_files.files().items():
        if line.stack in str(path):
            assert not [name for name in gone if name in text], path


@pytest.mark.parametrize("name", line_files.NAMES)
def test_each_file_of_ogx_asks_for_plain_http_without_which_it_starts_no_server(name: str) -> None:
    server = yaml.safe_load(lines.OGX_1_5.file(name).read_text(encoding="utf-8"))["server"]
    assert server["insecure"] is True


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    running = Issuer()
    yield running
    running.stop()


@pytest.mark.nightly
@pytest.mark.parametrize("name", line_files.NAMES)
@pytest.mark.parametrize("line", NEWER, ids=lambda line: line.stack)
def test_a_server_of_the_line_answers_with_it(
    line: Line, name: str, issuer: Issuer, base_url: str, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(lines.VARIABLE, line.stack)
    with throwaway_server(
        yaml.safe_load(line.file(name).read_text(encoding="utf-8")), _variables(name, base_url, model, issuer)
    ) as server:
        assert server.error is None
        assert lines.line_of(server.base_url) is line
        token = {"Authorization": f"Bearer {issuer.token('dana', ['developer'])}"} if name == "access" else {}
        with httpx.Client(base_url=server.base_url, headers=token, timeout=120) as client:
            listed = client.get("/models").json()["data"]
            # An upstream's list may contain the embedding model, with type llm.
            chat = next(one["id"] for one in listed if one["id"].endswith(model.split("/")[-1]))
            asked = {"model": chat, "input": "What is the capital of France?", "max_output_tokens": 16}
            assert client.post("/responses", json=asked).json()["status"] in ("completed", "incomplete")


def _variables(name: str, base_url: str, model: str, issuer: Issuer) -> dict[str, str]:
    """Return variables that make the live server, or its models, the upstream of the configuration `name`."""
    variables = upstream_variables(base_url, model)
    of_one = {
        "access": access_variables(base_url, model, issuer),
        "ollama": {"OLLAMA_URL": base_url},
        "tgi": {"TGI_URL": base_url},
        "two-models": {
            "LLAMA_CPP_URL": base_url,
            "ASSISTANT_MODEL": model,
            "DRAFTS_URL": base_url,
            "DRAFTS_MODEL": model,
        },
        "vllm": {"VLLM_URL": base_url},
    }
    if name == "backends":
        # OGX checks that the upstream of its llama.cpp provider is llama.cpp.
        embedded = _address_of(base_url, model.split("/")[0])
        return variables | {"LLAMA_CPP_URL": embedded, "PASSTHROUGH_URL": embedded.removesuffix("/v1")}
    return variables | of_one.get(name, {})


def _address_of(base_url: str, provider_id: str) -> str:
    providers = httpx.get(f"{base_url}/providers", timeout=30).json()["data"]
    return next(one["config"]["base_url"] for one in providers if one["provider_id"] == provider_id)
