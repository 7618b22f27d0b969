"""The files in stacks/ for the chapters, and the port: facts that appear in several places agree."""

import copy
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml
from access_server import ACCESS
from dotenv import dotenv_values
from llama_stack.telemetry.constants import SAFETY_REQUEST_MESSAGES_ATTRIBUTE

from llamastack_workshop.patterns.run import DEFAULT_BASE_URL
from llamastack_workshop.server import stacks
from llamastack_workshop.system import paths

POSTGRES = {"host": "127.0.0.1", "port": "5432", "db": "llamastack", "user": "llamastack"}
TELEMETRY = dotenv_values(stacks.FOLDER / "telemetry.env")


def stack(name: str) -> dict[str, Any]:
    return yaml.safe_load((stacks.FOLDER / f"{name}.yaml").read_text(encoding="utf-8"))


def run_yaml() -> dict[str, Any]:
    whole = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    # Only the server of run.yaml runs in a container.
    assert whole["server"]["host"] == "${env.WORKSHOP_HOST:=127.0.0.1}"
    return whole | {"server": whole["server"] | {"host": "127.0.0.1"}}


def test_shields_is_run_yaml_and_a_shield() -> None:
    shields, run = stack("shields"), run_yaml()
    for whole, key in (
        (shields, "safety"),
        (shields["providers"], "safety"),
        (shields["registered_resources"], "shields"),
    ):
        del whole[key]
    shields["apis"].remove("safety")
    assert shields | {"distro_name": run["distro_name"]} == run


def test_access_is_run_yaml_but_for_access_control_and_one_more_model() -> None:
    ours, run = copy.deepcopy(ACCESS), run_yaml()
    large = "${env.LARGE_MODEL_URL:+large}"
    others = [one for one in ours["providers"]["inference"] if one["provider_id"] != large]
    assert len(others) == len(ours["providers"]["inference"]) - 1
    ours["providers"]["inference"] = others
    assert ours["server"].pop("auth").keys() == {"provider_config", "route_policy", "access_policy"}
    for configuration in (ours, run):
        del configuration["distro_name"]
    assert ours == run


def test_classroom_is_access_on_postgres_for_attendees() -> None:
    ours, access = stack("classroom"), copy.deepcopy(ACCESS)
    large = "${env.LARGE_MODEL_URL:+large}"
    access["providers"]["inference"] = [one for one in access["providers"]["inference"] if one["provider_id"] != large]
    place = {key: f"${{env.POSTGRES_{key.upper()}:={usual}}}" for key, usual in POSTGRES.items()}
    place["password"] = "${env.POSTGRES_PASSWORD}"
    (vectors,) = ours["providers"]["vector_io"]
    assert vectors["config"].pop("persistence") == {"namespace": "vector_io::pgvector", "backend": "kv_default"}
    assert vectors == {"provider_id": "pgvector", "provider_type": "remote::pgvector", "config": place}
    backends = {"kv_default": {"type": "kv_postgres", **place}, "sql_default": {"type": "sql_postgres", **place}}
    assert ours["storage"].pop("backends") == backends
    assert ours["vector_stores"].pop("default_provider_id") == "pgvector"
    for configuration in (ours, access):
        configuration["providers"].pop("vector_io", None)
        configuration["storage"].pop("backends", None)
        configuration["vector_stores"].pop("default_provider_id", None)
        del configuration["distro_name"]
    # What is stored belongs to who made it, in both.
    assert ours["server"]["auth"]["access_policy"][-1] == access["server"]["auth"]["access_policy"][-1]
    for configuration in (ours, access):
        for policy in ("route_policy", "access_policy"):
            del configuration["server"]["auth"][policy]
    assert ours == access


@pytest.mark.parametrize("name", ["openai", "ollama", "vllm", "tgi", "two-models"])
def test_a_configuration_is_run_yaml_with_other_providers_for_chat(name: str) -> None:
    ours, run = stack(name), run_yaml()
    for configuration in (ours, run):
        configuration["providers"]["inference"] = configuration["providers"]["inference"][-1]
        del configuration["distro_name"]
    assert ours == run


def test_keep_nothing_is_run_yaml_but_for_the_databases() -> None:
    changed, usual = stack("keep-nothing"), run_yaml()
    assert set(changed["storage"]["backends"]) == set(usual["storage"]["backends"])
    for configuration in (changed, usual):
        del configuration["distro_name"]
        configuration["storage"] = configuration["storage"]["stores"]
    assert changed == usual


@pytest.mark.skipif(os.name == "nt", reason="Windows has no sh")
def test_the_variables_mean_the_same_to_a_shell_and_to_systemd() -> None:
    script = f'set -a; . "{stacks.FOLDER / "telemetry.env"}"; exec "{sys.executable}" -c "$0"'
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    run = subprocess.run(
        ["sh", "-c", script, show], capture_output=True, text=True, check=True, env={"PATH": os.defpath}
    )
    exported = {name: value for name, value in json.loads(run.stdout).items() if name.startswith("OTEL_")}
    # systemd and docker use the text after the equals sign verbatim.
    lines = (stacks.FOLDER / "telemetry.env").read_text(encoding="utf-8").splitlines()
    assert exported == dict(line.split("=", 1) for line in lines if line and not line.startswith("#")) == TELEMETRY


def test_the_collectors_configuration_is_whole_and_listens_on_loopback() -> None:
    configuration = yaml.safe_load((stacks.FOLDER / "otel-collector.yaml").read_text(encoding="utf-8"))
    http = configuration["receivers"]["otlp"]["protocols"]["http"]
    assert http == {"endpoint": TELEMETRY["OTEL_EXPORTER_OTLP_ENDPOINT"].removeprefix("http://")}
    assert http["endpoint"].startswith("127.0.0.1:")
    for kind in ("receivers", "processors", "exporters"):
        used = {name for pipeline in configuration["service"]["pipelines"].values() for name in pipeline[kind]}
        assert used == set(configuration[kind])
    actions = configuration["processors"]["attributes/private"]["actions"]
    assert actions == [{"key": key, "action": "delete"} for key in (SAFETY_REQUEST_MESSAGES_ATTRIBUTE, "server_url")]
    processors = configuration["service"]["pipelines"]["traces"]["processors"]
    assert processors[-2:] == ["attributes/private", "batch"]


def test_everybody_looks_for_the_server_on_the_port_where_it_starts() -> None:
    commands = paths.ROOT / "book" / "commands.md"
    files = [*paths.NOTEBOOKS.glob("*.ipynb"), *(paths.ROOT / "clients").rglob("*.mjs"), commands]
    named = re.compile(r"(?:LLAMA_STACK_BASE_URL|the server alone).{0,20}http://localhost:(\d+)")
    found = {number for file in files for number in named.findall(file.read_text(encoding="utf-8"))}
    found |= set(re.findall(r":(\d+)", DEFAULT_BASE_URL))
    assert found == {str(paths.DEFAULT_PORT)}
