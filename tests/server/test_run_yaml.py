"""The messages about a user's run.yaml: no YAML, no configuration, for another release line, or with a part missing.

No server starts here: test_stack.py starts some with malformed files.
"""

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from llama_stack.core.datatypes import StackConfig

from llamastack_workshop.server import diagnosis, old_names, run_yaml, stack, stacks
from llamastack_workshop.server.run_yaml import RunYaml
from llamastack_workshop.server.stacks import Server
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

OURS = paths.RUN_YAML.read_text(encoding="utf-8")
VLLM = (
    "distro_name: a\nproviders:\n  inference:\n  - provider_id: vllm\n    provider_type: remote::vllm\n    config: {}\n"
)
BOMB = "x-0: &a0 [x, x]\n" + "".join(f"x-{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 20)) + OURS
CHAIN = "x-0: &a0 [x]\n" + "".join(f"x-{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 900)) + OURS


def ours(old: str, new: str) -> str:
    assert old in OURS
    return OURS.replace(old, new, 1)


def error_of(text: str | bytes, folder: Path) -> WorkshopError:
    file = folder / "my.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(WorkshopError) as caught:
        stack.check_run_yaml(Server(file))
    assert len(str(caught.value).splitlines()) == 2
    return caught.value


NO_YAML = {
    "empty": ("", "my.yaml is empty", "copy of run.yaml"),
    "comments_alone": ("# nothing\n\n", "my.yaml is empty", "copy of run.yaml"),
    "list": ("- inference\n", "my.yaml is a list", "run.yaml"),
    "text": ("inference", "my.yaml is a single value", "run.yaml"),
    "web_page": ("<!DOCTYPE html><html></html>", "my.yaml is a single value", "run.yaml"),
    "binary": (bytes(range(256)), "line 2, is not text in UTF-8", "Save .*my.yaml as UTF-8"),
    "utf_16": (OURS.encode("utf-16"), "line 1, is not text in UTF-8", "Save .*my.yaml as UTF-8"),
    "latin_1": (b"# K\xf6ln\n" + OURS.encode(), "line 1, is not text in UTF-8", "as UTF-8"),
    "nul": (VLLM + "version: 2\0", "line 7, has the control character 0x0", "Remove it"),
    "too_long": ("#" * 300_001, "has 300,001 bytes", "Give --run-yaml"),
    "tab": (
        VLLM.replace("  inf", "\tinf"),
        r"line 3, column 1: found character '\\t'",
        "spaces .* not with tabs",
    ),
    "indentation": (VLLM + "   files: []\n", "line 7, ", "Correct"),
    "two_documents": (VLLM + "---\n" + VLLM, "line 7, .*another document", "Correct"),
    "duplicate_key": (
        VLLM + "distro_name: b",
        "line 7, .*`distro_name` is a duplicate of the one in line 1",
        "Correct",
    ),
    "duplicate_in_braces": ("providers: {a: 1, a: 2}", "line 1, column 19: the key `a` .* in line 1", "Correct"),
    "key_is_a_list": ("? [a]\n: b\n", "a key that is not a scalar", "Correct"),
    "deep_list": ("providers: " + "[" * 20_000, "line 1, column 61: more than 50 levels", "Correct"),
    "deep_mapping": ("providers: " + "{a: " * 20_000, "more than 50 levels", "Correct"),
    "deep_blocks": ("providers:\n" + "- " * 20_000, "line 2, .*more than 50 levels", "Correct"),
    "alias_bomb": (BOMB, "more than 20,000 values with aliases expanded", "Correct"),
    "chain_of_aliases": (CHAIN, "more than 50 levels deep with aliases expanded", "Correct"),
    "alias_of_itself": (
        "providers: &p\n  inference: [*p]",
        "line 2, .*an alias refers to a collection that contains it",
        "Correct",
    ),
    "no_such_alias": ("version: *v", "undefined alias", "Correct"),
    "no_such_date": ("version: 2026-13-45", "line 1, column 10: `2026-13-45` is not a valid timestamp", "Correct"),
    "tag_of_another_type": ("version: !!bool x", "`x` is not a valid bool", "Correct"),
    "tag_that_runs_code": ("version: !!python/object/apply:os.system [ls]", "could not determine a constr", "Correct"),
    "template": ("distro_name: {{ .Values.name }}\nproviders:\n", "line 1, ", "It is a template, with {{ … }} in it"),
}


@pytest.mark.parametrize(("text", "problem", "fix"), NO_YAML.values(), ids=NO_YAML)
def test_a_file_that_is_no_yaml(text: str | bytes, problem: str, fix: str, tmp_path: Path) -> None:
    error = error_of(text, tmp_path)
    assert re.search(problem, error.problem) and re.search(fix, error.fix), error


NO_FILE = {
    "missing": (lambda path: None, "does not exist", "the path of a file that exists"),
    "folder": (Path.mkdir, "is a folder", "the path of a file, such as run.yaml"),
    "pipe": (lambda path: os.mkfifo(path), "is not a regular file", "the path of a file, such as run.yaml"),
    "link_to_itself": (lambda path: path.symlink_to(path), "does not exist", "the path of a file that exists"),
}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
@pytest.mark.parametrize(("make", "problem", "fix"), NO_FILE.values(), ids=NO_FILE)
def test_what_is_no_file(make: Any, problem: str, fix: str, tmp_path: Path) -> None:
    make(tmp_path / "my.yaml")
    with pytest.raises(WorkshopError) as caught:
        run_yaml.read(tmp_path / "my.yaml")
    assert problem in caught.value.problem and fix in caught.value.fix


OTHER_SHAPES = {
    "no_providers": ("distro_name: a\n", "has no `providers:`", "Correct"),
    "providers_without_apis": ("providers: [remote::vllm]", "`providers` does not list APIs", "as in run.yaml"),
    "providers_of_an_api_not_a_list": (VLLM.replace("- p", "  p"), "providers.inference is not a list", "provider_id:"),
    "provider_not_a_mapping": ("providers: {inference: [vllm]}", r"\[0\] has no `provider_id` and no", "provider_id:"),
    "server_not_a_mapping": (VLLM + "server: 8321\n", "`server` is not a mapping", "run.yaml"),
    "for_kubernetes": ("apiVersion: v1\nkind: ConfigMap\ndata: {}", "a Kubernetes ConfigMap", "a separate file"),
    "build_file": ("distribution_spec: {providers: {}}", "how to build a distribution", "run.yaml or config.yaml"),
    "folder_of_providers": (
        VLLM + "external_providers_dir: /nowhere/d",
        "line 7: .*no folder: /nowhere/d",
        "Remove that line",
    ),
    "mistyped_key": (VLLM + "storages: {}", r"no server reads: `storages` \(line 7\)", "Write `storage`"),
    "keys_of_a_script": (
        "image_type: venv\nconda_env: a\n" + OURS,
        r"`image_type` \(line 1\), `conda",
        "Remove them",
    ),
}


@pytest.mark.parametrize(("text", "problem", "fix"), OTHER_SHAPES.values(), ids=OTHER_SHAPES)
def test_a_file_with_another_shape(text: str, problem: str, fix: str, tmp_path: Path) -> None:
    error = error_of(text, tmp_path)
    assert re.search(problem, error.problem) and re.search(fix, error.fix), error


OLD = {
    "a file of 0.1": (
        """
        apis: [memory, telemetry]
        providers:
          inference:
          - {provider_id: ollama, provider_type: remote::ollama, config: {host: localhost, port: 11434}}
          safety:
          - {provider_id: guard, provider_type: meta-reference}
        """,
        [
            "`memory` (line 1) should be `vector_io`",
            "`telemetry` (line 1) should go",
            "`host` (line 4) should be `base_url`",
            "`port` (line 4) should be `base_url`",
            "`meta-reference` (line 6) should be `inline::meta-reference`",
        ],
        "stacks/ollama.yaml: make llama-server STACK=ollama",
    ),
    "a file of 0.2": (
        """
        providers:
          inference:
          - {provider_id: vllm, provider_type: remote::vllm, config: {url: "${env.VLLM_URL:http://localhost:8000}"}}
          - {provider_id: here, provider_type: inline::sentence-transformers}
          vector_io:
          - {provider_id: faiss, provider_type: inline::faiss, config: {kvstore: {type: sqlite, db_path: a.db}}}
          - {provider_id: again, provider_type: inline::faiss, config: {kvstore: {type: sqlite, db_path: b.db}}}
          agents:
          - provider_id: agents
            provider_type: inline::meta-reference
            config: {persistence_store: {type: sqlite}, responses_store: {type: sqlite}}
          eval:
          - {provider_id: eval, provider_type: inline::meta-reference, config: {kvstore: {db_path: c.db}}}
        metadata_store: {type: sqlite}
        models:
        - {model_id: a, provider_id: vllm}
        shields: []
        """,
        [
            "`url` (line 3) should be `base_url`",
            "`${env.VLLM_URL:http://localhost:8000}` (line 3) should be `${env.VLLM_URL:=http://localhost:8000}`",
            "`kvstore` (line 6 and 1 more) should be `persistence`",
            "`persistence_store` (line 11) should be `persistence.agent_state`",
            "`responses_store` (line 11) should be `persistence.responses`",
            "`kvstore.db_path` (line 13) should be `namespace` and `backend`",
            "`metadata_store` (line 14) should be `storage`",
            "`models` (line 15) should be `models` under `registered_resources`",
        ],
        "stacks/vllm.yaml: make llama-server STACK=vllm",
    ),
    "a file of 0.7": (
        """
        apis: [inference, responses]
        providers:
          inference:
          - {provider_id: openai, provider_type: remote::openai}
          - {provider_id: ollama, provider_type: remote::ollama}
          responses:
          - {provider_id: builtin, provider_type: inline::builtin}
          tool_runtime:
          - {provider_id: search, provider_type: inline::file-search}
        """,
        [
            "`responses` (line 1 and 1 more) should be `agents`",
            "`inline::builtin` (line 7) should be `inline::meta-reference`",
            "`inline::file-search` (line 9) should be `inline::rag-runtime`",
        ],
        "start with a copy of run.yaml: make llama-server",
    ),
}


@pytest.mark.parametrize(("text", "told", "fix"), OLD.values(), ids=OLD)
def test_names_of_other_releases_are_all_named_at_once(text: str, told: list[str], fix: str, tmp_path: Path) -> None:
    lines = text.strip("\n").splitlines()
    error = error_of("\n".join(line.removeprefix(" " * 8) for line in lines), tmp_path)
    assert error.problem == f"my.yaml is for another release than LlamaStack 0.6.1: {'; '.join(told)}."
    assert error.fix.endswith(fix) and "Coming from an older file" in error.fix


@pytest.mark.parametrize(
    ("reference", "right"),
    [
        ("${env.A:b}", "${env.A:=b}"),
        ("${env.A:}", "${env.A:=}"),
        ("${env.A:-b}", "${env.A:=b}"),
        ("${env.A:?b}", "${env.A:=b}"),
        ("${env.my-url:=b}", "${env.MY_URL:=b}"),
        ("${env.A:=http://b:1/v1", "${env.A:=http://b:1/v1}"),
        ("${env.A", "${env.A}"),
    ],
)
def test_a_reference_to_the_environment_that_is_not_read(reference: str, right: str, tmp_path: Path) -> None:
    error = error_of(VLLM.replace("{}", f'{{base_url: "{reference}"}}'), tmp_path)
    assert f"`{reference}` (line 6) should be `{right}`" in error.problem


@pytest.mark.parametrize("reference", ["${env.A}", "${env.A:=}", "${env.A:=b:c}", "${env.A:+b}", "${allowed}", "$5"])
def test_a_reference_that_is_read(reference: str, tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(VLLM.replace("{}", f'{{base_url: "{reference}"}}'))
    stack.check_run_yaml(Server(tmp_path / "my.yaml"))


def test_names_in_a_provider_that_is_off_or_somebody_elses_matter_to_nobody(tmp_path: Path) -> None:
    for old, new in (("id: vllm", "id: ${env.NOBODY:+vllm}"), ("config", "module: some_package\n    config")):
        (tmp_path / "my.yaml").write_text(VLLM.replace(old, new).replace("{}", "{url: a}"))
        stack.check_run_yaml(Server(tmp_path / "my.yaml"))


def test_the_book_tells_of_every_name_of_another_release() -> None:
    page = (paths.ROOT / "book" / "run-yaml.md").read_text(encoding="utf-8")
    section = page.split("## Coming from an older file")[1].split("\n## ")[0]
    named = {pattern.split(".")[-1] for pattern in old_names.KEYS} | {value for _, value in old_names.VALUES}
    assert not [name for name in named if name not in section]


@pytest.mark.parametrize("file", [paths.RUN_YAML, *sorted(stacks.FOLDER.glob("*.yaml"))], ids=lambda file: file.stem)
def test_our_own_files_pass(file: Path) -> None:
    if file.stem in stacks.names():
        if not file.with_suffix(".txt").exists():
            stack.check_run_yaml(Server(file))
        assert run_yaml.read(file).content == yaml.safe_load(file.read_text(encoding="utf-8"))


def test_what_people_do_to_files_passes(tmp_path: Path) -> None:
    anchor = "x-all: &all {max_tokens: 9}\n" + VLLM.replace("{}", "{<<: *all, base_url: a}")
    for text in ("\ufeff" + VLLM, VLLM.replace("\n", "\r\n"), VLLM + "# 😀", anchor):
        (tmp_path / "my.yaml").write_bytes(text.encode())
        stack.check_run_yaml(Server(tmp_path / "my.yaml"))


def test_the_keys_at_the_top_are_those_that_the_server_reads() -> None:
    assert set(StackConfig.model_fields) == run_yaml.TOP_KEYS


def with_provider(api: str, kind: str, **config: Any) -> dict[str, Any]:
    """Return our configuration with an additional provider."""
    content = yaml.safe_load(OURS)
    content["providers"].setdefault(api, []).append({"provider_id": "mine", "provider_type": kind, "config": config})
    if api not in content["apis"]:
        content["apis"].append(api)
    return content


def changed(old: str, new: str) -> dict[str, Any]:
    return yaml.safe_load(ours(old, new))


FAULTS = {
    "one package": (
        with_provider("inference", "remote::databricks"),
        "my.yaml has providers whose packages are not installed: mine (remote::databricks).",
        "Remove them from my.yaml, under inference; or run: scripts/uv pip install --no-config databricks-sdk",
    ),
    "pytorch": (
        with_provider("inference", "inline::sentence-transformers"),
        "not installed: mine (inline::sentence-transformers).",
        "Remove them from my.yaml, under inference; mine would need PyTorch, which takes gigabytes",
    ),
    "a package with a version": (
        with_provider("vector_io", "remote::weaviate", weaviate_cluster_url="a"),
        "not installed: mine (remote::weaviate).",
        "install --no-config 'weaviate-client>=4.16.5'",
    ),
    "what cannot be imported": (
        with_provider("inference", "remote::hf::serverless", huggingface_repo="a"),
        "my.yaml: mine (remote::hf::serverless) cannot be imported in LlamaStack 0.6.1: Field 'overwrite",
        "use remote::openai",
    ),
    "a type that there is not": (
        with_provider("vector_io", "inline::fais"),
        "types that are not in LlamaStack 0.6.1: mine (inline::fais).",
        "for vector_io: inline::faiss",
    ),
    "an api that there is not": (
        with_provider("inferense", "remote::vllm"),
        "my.yaml names APIs that LlamaStack 0.6.1 does not have: inferense.",
        "The APIs are: agents, batches",
    ),
    "an api without a provider": (
        changed("- inference\n", "- inference\n- safety\n"),
        "my.yaml lists APIs under `apis` that have no provider: safety.",
        "Remove them from `apis`, or add a provider for each.",
    ),
    "an api that others need": (
        changed("- files\n", ""),
        "meta-reference under agents needs files, inline::rag-runtime under tool_runtime needs files.",
        "Add files to `apis` and `providers`, as in run.yaml",
    ),
    "a variable that is not set": (
        changed("${env.WORKSHOP_STATE:=.workshop/state}/files", "${env.MY_FILES}/${env.MY_OTHERS}"),
        "my.yaml needs environment variables that are not set: MY_FILES, MY_OTHERS.",
        "${env.MY_FILES:=…}",
    ),
    "no name": (
        changed("distro_name: llamastack-workshop\n", ""),
        "my.yaml has no `distro_name`.",
        "distro_name: mine",
    ),
    "the port as text": (
        changed("\nserver:", "\nserver:\n  port: eighty"),
        "my.yaml: server.port: Input should be a valid integer",
        "Correct that in my.yaml",
    ),
    "a setting that is missing": (
        with_provider("vector_io", "inline::faiss"),
        "my.yaml, config of mine (inline::faiss) under vector_io: persistence: Field required.",
        "as in run.yaml",
    ),
    "a backend that there is not": (
        changed("namespace: agents\n          backend: kv_default", "namespace: agents\n          backend: kv"),
        "config of inline::meta-reference under agents: there is no backend kv.",
        "kv_default, sql_default",
    ),
    "a provider that is named and gone": (
        changed("  - provider_id: embeddings\n", "  - provider_id: other\n"),
        "registered_resources.models[0] names embeddings (not under inference), "
        "vector_stores.default_embedding_model names embeddings (not under inference).",
        "Remove the reference, or name an existing provider; inference: ",
    ),
    "a package of one's own": (
        with_provider("inference", "remote::mine") | {"external_providers_dir": "/nowhere"},
        "types that are not in LlamaStack 0.6.1, nor in /nowhere: remote::mine.",
        "Remove them",
    ),
}


@pytest.mark.parametrize(("content", "problem", "fix"), FAULTS.values(), ids=FAULTS)
def test_why_a_server_does_not_start(content: dict[str, Any], problem: str, fix: str) -> None:
    with pytest.raises(WorkshopError) as caught:
        diagnosis.check("my.yaml", content, "something else")
    assert problem in caught.value.problem and fix in caught.value.fix, caught.value


def test_why_a_server_has_no_model() -> None:
    nobody = {"base_url": "http://127.0.0.1:1/v1"}
    only = {"distro_name": "a", "apis": ["inference"]}
    for config, problem, fix in (
        (nobody, "mine (remote::vllm): http://127.0.0.1:1/v1 does not answer.", "the provider llama-cpp of run.yaml"),
        (nobody | {"base_ulr": "a"}, "no such key: `base_ulr`.", "use one of these keys: base_url"),
    ):
        provider = {"provider_id": "mine", "provider_type": "remote::vllm", "config": config}
        with pytest.raises(WorkshopError) as caught:
            diagnosis.check("my.yaml", only | {"providers": {"inference": [provider]}}, "")
        assert problem in caught.value.problem and fix in caught.value.fix
    # If a server hasn't started for another reason, the diagnosis doesn't report these faults.
    diagnosis.check("my.yaml", yaml.safe_load(OURS), "something else")


def test_the_lines_of_keys_and_items(tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text(VLLM)
    found = run_yaml.read(tmp_path / "my.yaml")
    assert found == RunYaml("my.yaml", yaml.safe_load(VLLM), found.lines)
    assert found.lines["providers", "inference", 0, "provider_type"] == 5
