"""The choice of the embedded model, the requirements on a GGUF file, and the settings for other models."""

from pathlib import Path
from typing import Any

import pytest
from gguf_files import write_header, write_model

from llamastack_workshop.server import run_yaml, upstreams
from llamastack_workshop.server.embedded import catalogue, fitting, gguf_header, kinds, models, serve, weights
from llamastack_workshop.server.embedded.hub import Source
from llamastack_workshop.system import memory, paths
from llamastack_workshop.system.errors import WorkshopError

ENTRIES = catalogue.entries()


@pytest.mark.parametrize(
    ("wanted", "problem", "fix"),
    [
        (
            "qwen3-1.8b",
            "There is no model qwen3-1.8b.",
            "Did you mean qwen3-1.7b or qwen3-0.6b? The models are smollm2",
        ),
        ("Qwen3-4B", "There is no model Qwen3-4B.", "Did you mean qwen3-4b"),
        ("gpt", "There is no model gpt.", "Give one of smollm2-135m-workshop, smollm2-135m-instruct, qwen3-0.6b"),
        ("hf:Qwen/Qwen3-4B-GGUF", "does not name a GGUF file on the hub", "Write hf:OWNER/REPOSITORY/FILE.gguf"),
        ("hf:a/b/c-00001-of-00003.gguf", "is one of 3 parts of a model", "give the path of the first"),
        ("https://huggingface.co/a/b-GGUF/resolve/main/c.gguf?download=true", "is a URL", "Write hf:a/b-GGUF/c.gguf"),
        ("https://huggingface.co/a/b-GGUF/blob/main/d/c.gguf", "is a URL", "Write hf:a/b-GGUF/d/c.gguf"),
        ("/no/where.gguf", "WORKSHOP_MODEL=/no/where.gguf is not a file.", "Give it the path of a GGUF file"),
        ("where.gguf", "WORKSHOP_MODEL=where.gguf is not a file.", "Give it the path of a GGUF file"),
    ],
)
def test_what_names_no_model(wanted: str, problem: str, fix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", wanted)
    with pytest.raises(WorkshopError) as raised:
        models.chat_model([].append)
    assert problem in raised.value.problem and fix in raised.value.fix


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("", weights.CHAT_MODEL),
        (weights.BASE_MODEL, weights.BASE_MODEL),
        ("qwen3-1.7b", "qwen3-1.7b"),
        ("hf:Qwen/Qwen3-1.7B-GGUF/Qwen3-1.7B-Q8_0.gguf", "qwen3-1.7b-q8_0"),
        (str(weights.SMOLLM2.path()), "smollm2-135m-instruct.q4_1"),
    ],
)
def test_the_name_on_the_server(wanted: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", wanted)
    assert models.name() == name


@pytest.mark.parametrize(
    ("file", "metadata", "problem", "fix"),
    [
        ("e.gguf", {"architecture": "bert"}, r"e.gguf is an embedding model \(bert\)", "EMBEDDINGS_URL"),
        ("e.gguf", {"architecture": "nomic-bert"}, "is an embedding model", "Give the GGUF file of a chat model"),
        ("e.gguf", {"architecture": "qwen3", "qwen3__pooling_type": 3}, "is an embedding model", "EMBEDDINGS_URL"),
        ("m.gguf", {"architecture": "clip", "general__type": "mmproj"}, "m.gguf is a projector", "language model"),
        (
            "l.gguf",
            {"general__type": "adapter", "general__base_model__0__name": "Qwen3 1.7B"},
            r"l.gguf is an adapter \(LoRA\)",
            "Merge it with Qwen3 1.7B first",
        ),
        (
            "i.gguf",
            {"general__type": "imatrix"},
            r"i.gguf does not contain a model \(imatrix\)",
            "Give the GGUF file of a chat",
        ),
        ("v.gguf", {}, "v.gguf does not contain a model", "Give the GGUF file of a chat model"),
        (
            "a-00002-of-00003.gguf",
            {"split__count": 3, "split__no": 1},
            "one of 3 parts of a model, and not the first",
            "ends in -00001-of-00003.gguf",
        ),
        (
            "a-00001-of-00003.gguf",
            {"split__count": 3, "split__no": 0},
            "first of 3 parts of a model, and a-00002-of-00003.gguf is not beside it",
            "Put all parts into one folder",
        ),
    ],
)
def test_a_file_that_is_no_model_to_talk_to(
    tmp_path: Path, file: str, metadata: dict[str, Any], problem: str, fix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", str(write_header(tmp_path / file, **metadata)))
    with pytest.raises(WorkshopError, match=f"{problem}.*\n.*{fix}"):
        models.chat_model([].append)


def test_the_embedding_model_of_the_workshop_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WorkshopError, match=r"is an embedding model \(bert\)"):
        kinds.check(weights.embedding_model(lambda line: None))


def test_a_header_that_is_cut_off_or_damaged(tmp_path: Path) -> None:
    whole = write_model(tmp_path / "whole.gguf").read_bytes()
    file = tmp_path / "cut.gguf"
    for content in (
        b"GGUF",
        whole[:20],
        whole[:500],
        whole[:4] + b"\x09\0\0\0" + whole[8:],
        whole[:30] + b"\xff" * 400,
    ):
        file.write_bytes(content)
        with pytest.raises(WorkshopError, match=r"cut.gguf is not a readable GGUF file: .*\nDownload the file again"):
            kinds.check(file)


def test_the_header_is_what_the_package_gguf_reads(tmp_path: Path) -> None:
    from gguf import GGUFReader

    file = write_model(tmp_path / "a.gguf", general__sampling__temp=0.5, split__tensors__count=[1, 2])
    ours, theirs = gguf_header.read(file), GGUFReader(file).fields
    short = {key for key, value in ours.items() if value is not None and key != "tensors"}
    assert short == {key for key in theirs if not key.startswith("GGUF.")}
    assert all(ours[key] == theirs[key].contents() for key in short)


GB = 1_000_000_000


@pytest.mark.parametrize(
    ("free", "trained", "context"),
    [
        (24 * GB, 8192, 8192),
        (24 * GB, 131_072, 131_072),
        # 30 MB minus the weights, and minus an eighth for prompts: a token takes 256 bytes.
        (2 * GB + 30_000_000, 131_072, 101_120),
    ],
)
def test_the_context_is_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, trained: int, context: int
) -> None:
    monkeypatch.setattr(memory, "available", lambda: free)
    file = write_model(tmp_path / "a.gguf", context=trained)
    room = fitting.room("a", file)
    assert (room.context, room.trained) == (context, trained)
    assert file.stat().st_size + room.context * 256 + room.prompt_cache + 2 * GB <= free


def test_too_little_memory_for_a_short_context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 2 * GB)
    with pytest.raises(WorkshopError, match=r"a needs 2\.0 GB of free memory, and 2\.0 GB are free"):
        fitting.room("a", write_model(tmp_path / "a.gguf"))


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        # Qwen3-1.7B and SmolLM2-1.7B, from the metadata of their files; the catalogue has the same values.
        ({"block_count": 28, "head_count": 16, "head_count_kv": 8, "key_length": 128, "value_length": 128}, 114_688),
        ({"block_count": 24, "embedding_length": 2048, "head_count": 32, "head_count_kv": 32}, 196_608),
        # One number per layer, and a model that stores nothing per token.
        ({"block_count": 3, "embedding_length": 64, "head_count": [4, 4, 4], "head_count_kv": [2, 0, 1]}, 192),
        ({"block_count": 24, "embedding_length": 768}, 0),
    ],
)
def test_what_a_token_takes(metadata: dict[str, Any], expected: int) -> None:
    shape = {"block_count", "embedding_length"}
    keys = {f"x.{'' if key in shape else 'attention.'}{key}": value for key, value in metadata.items()}
    assert fitting.kv_bytes({"general.architecture": "x", **keys}) == expected


def test_the_catalogue() -> None:
    assert list(ENTRIES) == sorted(ENTRIES, key=lambda name: ENTRIES[name].megabytes)
    for entry in ENTRIES.values():
        assert isinstance(entry.source, Source) and entry.file.endswith(".gguf") and entry.licence
        assert entry.megabytes > 3 * weights.SMOLLM2.path().stat().st_size / 1e6
    assert ENTRIES["qwen3-1.7b"].kv_bytes == 114_688 and ENTRIES["smollm2-1.7b"].kv_bytes == 196_608


def test_the_page_has_the_catalogue(rewrite_tables: bool) -> None:
    page = paths.ROOT / "book" / "larger-model.md"
    text = page.read_text(encoding="utf-8")
    begin, end = "<!-- table: catalogue -->\n", "\n<!-- end of table -->"
    before, rest = text.split(begin)
    table, after = rest.split(end, 1)
    if rewrite_tables:
        page.write_text(f"{before}{begin}{catalogue.table()}{end}{after}", encoding="utf-8")
        return
    assert table == catalogue.table(), 'make test ARGS="tests/server/test_models.py --rewrite-tables"'


def test_our_limits_are_for_our_models_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Any] = []
    monkeypatch.setattr(serve.xllamacpp, "Server", started.append)
    said: list[str] = []
    monkeypatch.setattr(serve, "_say", said.append)
    monkeypatch.setattr(memory, "available", lambda: 24 * GB)
    untaught = write_model(tmp_path / "untaught.gguf", template=None)
    for wanted in ("", weights.BASE_MODEL, str(untaught), str(write_model(tmp_path / "other.gguf"))):
        monkeypatch.setenv("WORKSHOP_MODEL", wanted)
        serve.serve_chat_model(1)
    ours, base, without_template, other = started
    # A base model doesn't end its answers, and knows no markers of turns.
    assert without_template.n_predict == 384 and "of up to 384 tokens" in " ".join(said)
    assert "plain = true" in without_template.chat_template and "\nUser:" in without_template.antiprompt
    for one in (ours, base):
        assert (one.n_predict, one.n_ctx, one.kv_unified, one.cache_ram_mib) == (384, 4 * 4096, False, 128)
        assert one.sampling.temp == 0 and "smollm2" in one.chat_template
    assert (other.n_predict, other.n_ctx, other.kv_unified, other.cache_ram_mib) == (-1, 8192, True, 2622)
    assert other.sampling.temp > 0 and other.chat_template == "" and other.sampling.user_sampling_config == 0
    assert said[-1] == "other: a context of 8,192 tokens (it was trained on 8,192)."


def test_file_search_has_our_short_texts_for_our_models_alone() -> None:
    ours = run_yaml.read(paths.RUN_YAML)
    other = run_yaml.without_short_texts(ours)
    assert "knowledge_search found" not in other and "default_embedding_model" in other
    assert "${env.EMBEDDING_MODEL:=all-minilm-l6-v2}" in other


def test_a_model_and_an_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKSHOP_MODEL", "")
    assert upstreams.choose_embedded(upstreams.Choice.auto, None) is upstreams.Choice.auto
    assert upstreams.choose_embedded(upstreams.Choice.auto, "qwen3-4b") is upstreams.Choice.embedded
    assert models.choice() == "qwen3-4b"
    with pytest.raises(WorkshopError, match="--model a is for the embedded model, but --upstream is ollama"):
        upstreams.choose_embedded(upstreams.Choice.ollama, "a")
