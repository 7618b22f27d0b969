"""The configurations in deploy/ are what is made of the repository's own, and LlamaStack 0.6.1 can read them."""

from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from llamastack_workshop.proving import deploy_files
from llamastack_workshop.server import diagnosis, run_yaml
from llamastack_workshop.system import paths

FILES = deploy_files.files()
SERVERS = [path for path in FILES if path.name == "run.yaml"]
VARIABLES = {
    "POSTGRES_HOST": "postgres",
    "POSTGRES_PASSWORD": "k1",
    "OIDC_ISSUER": "https://login.example.com",
    "OIDC_JWKS_URL": "https://login.example.com/certs",
}


def name(path: Path) -> str:
    return str(path.relative_to(paths.ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_a_file_is_what_is_made_of_ours(path: Path, rewrite_tables: bool) -> None:
    if rewrite_tables:
        path.write_text(FILES[path], encoding="utf-8")
    if path.read_text(encoding="utf-8") != FILES[path]:
        pytest.fail(f'{name(path)}: make test ARGS="tests/deploy --rewrite-tables"', pytrace=False)


@pytest.mark.parametrize("path", SERVERS, ids=name)
def test_the_server_knows_each_key_and_each_provider(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in VARIABLES.items():
        monkeypatch.setenv(variable, value)
    if not find_spec("psycopg2"):
        # The one thing that the lab lacks, and the image has.
        monkeypatch.setattr(diagnosis, "_check_packages", lambda *_: None)
    file = run_yaml.read(path)
    run_yaml.check_top(file)
    # An error that it can't explain: it looks at everything but the upstreams.
    diagnosis.check(path.name, file.content, "something else")


@pytest.mark.parametrize("path", SERVERS, ids=name)
def test_nothing_is_kept_on_one_replica(path: Path) -> None:
    content = run_yaml.read(path).content
    assert {one["type"] for one in content["storage"]["backends"].values()} == {"kv_postgres", "sql_postgres"}
    assert [one["provider_type"] for one in content["providers"]["vector_io"]] == ["remote::pgvector"]
    assert content["vector_stores"]["default_provider_id"] == "pgvector"
    (files,) = content["providers"]["files"]
    assert files["config"]["storage_dir"] == "${env.SHARED_FILES:=/var/lib/llama-stack/files}"


def test_only_the_trial_keeps_the_short_texts_of_its_model() -> None:
    with_short_texts = [name(path) for path in SERVERS if "file_search_params" in FILES[path]]
    assert with_short_texts == ["deploy/overlays/trial/run.yaml"]


def test_the_collector_takes_telemetry_from_other_pods() -> None:
    ours = yaml.safe_load((paths.ROOT / "stacks" / "otel-collector.yaml").read_text(encoding="utf-8"))
    made = yaml.safe_load(FILES[deploy_files.FOLDER / "base" / "collector-config.yaml"])
    assert made["receivers"]["otlp"]["protocols"]["http"]["endpoint"] == "${env:POD_IP}:4318"
    assert made["processors"] == ours["processors"]
    used = {exporter for pipeline in made["service"]["pipelines"].values() for exporter in pipeline["exporters"]}
    assert used == made["exporters"].keys() == {"debug"}
    assert made["service"]["extensions"] == list(made["extensions"])
