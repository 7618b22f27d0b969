"""Custom resources and values of charts against the schemas that their authors publish.

They are not part of this repository: WORKSHOP_SCHEMAS names a folder with them, and deploy/README.md says which.
A CRD also has rules in CEL, which a JSON schema does not hold: those of the keys that we use are written out here.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, ValidationError
from manifests import FOLDER, Manifest, is_built_in, written

# As CI names it in conftest.py.
NO_SCHEMAS = "WORKSHOP_SCHEMAS names no folder with schemas"
CUSTOM = {one["kind"]: one for _, one in written() if not is_built_in(one)}


@pytest.fixture(scope="module")
def schemas() -> list[dict[str, Any]]:
    folder = os.environ.get("WORKSHOP_SCHEMAS")
    if not folder:
        pytest.skip(NO_SCHEMAS)
    files = [path for path in sorted(Path(folder).iterdir()) if path.suffix in (".yaml", ".json")]
    return [yaml.safe_load(path.read_text(encoding="utf-8")) for path in files]


@pytest.mark.parametrize("kind", ["LlamaStackDistribution", "OGXServer"])
def test_a_custom_resource_has_the_form_that_its_operator_publishes(kind: str, schemas: list[dict[str, Any]]) -> None:
    definition = next(one["spec"] for one in schemas if one.get("spec", {}).get("names", {}).get("kind") == kind)
    custom = CUSTOM[kind]
    version = next(
        one for one in definition["versions"] if f"{definition['group']}/{one['name']}" == custom["apiVersion"]
    )
    schema = version["schema"]["openAPIV3Schema"]
    Draft7Validator(schema).validate(custom)
    assert not list(unknown_keys(schema, custom))


def test_a_distribution_has_a_name_or_an_image_and_one_source_of_configuration() -> None:
    for kind, spec in (
        ("OGXServer", CUSTOM["OGXServer"]["spec"]),
        ("…", CUSTOM["LlamaStackDistribution"]["spec"]["server"]),
    ):
        assert len({"name", "image"} & spec["distribution"].keys()) == 1, kind
    spec = CUSTOM["OGXServer"]["spec"]
    assert "overrideConfig" in spec
    assert not {"providers", "resources", "storage", "disabledAPIs", "baseConfig"} & spec.keys()


def test_the_values_for_jupyterhub_have_the_form_that_the_chart_publishes(schemas: list[dict[str, Any]]) -> None:
    schema = next(one for one in schemas if {"singleuser", "hub"} <= one.get("properties", {}).keys())
    # What is required and missing here is in the chart's own values, with which these are merged.
    assert not [error.message for error in errors(schema, "zero-to-jupyterhub") if error.validator != "required"]


def test_the_values_for_vllm_have_the_form_that_the_chart_publishes(schemas: list[dict[str, Any]]) -> None:
    schema = next(one for one in schemas if "servingEngineSpec" in one.get("properties", {}))
    assert not [error.message for error in errors(schema, "vllm-stack")]
    # This schema allows keys that it does not know, such as those that Kubernetes knows.
    passed_on = {"allowPrivilegeEscalation", "capabilities"}
    assert set(unknown_keys(schema, values("vllm-stack"))) <= passed_on


def test_attendees_use_the_gateway_of_the_class() -> None:
    singleuser = values("zero-to-jupyterhub")["singleuser"]
    host = singleuser["extraEnv"]["LLAMA_STACK_BASE_URL"].removeprefix("http://").split("/")[0]
    gateway = next(one for _, one in written() if one["kind"] == "Service" and one["metadata"]["name"] == "gateway")
    metadata, (port,) = gateway["metadata"], gateway["spec"]["ports"]
    assert host == f"{metadata['name']}.{metadata['namespace']}.svc.cluster.local:{port['port']}"
    (rule,) = singleuser["networkPolicy"]["egress"]
    (peer,) = rule["to"]
    assert peer["podSelector"]["matchLabels"] == gateway["spec"]["selector"]
    assert [one["port"] for one in rule["ports"]] == [port["port"]]


def test_the_network_policies_select_the_pods_of_vllm_stack() -> None:
    chart = values("vllm-stack")
    labels = [chart["servingEngineSpec"]["labels"], chart["routerSpec"]["labels"]]
    policies = [one for file, one in written() if file.parent.name == "charts"]
    selectors = [one["spec"]["podSelector"].get("matchLabels") for one in policies]
    assert len(policies) == 3
    assert all(any(one.items() <= label.items() for label in labels) for one in selectors if one)


def values(chart: str) -> Manifest:
    return yaml.safe_load((FOLDER / "charts" / f"{chart}.yaml").read_text(encoding="utf-8"))


def errors(schema: dict[str, Any], chart: str) -> Iterator[ValidationError]:
    # The schema as JSON has it: YAML may read a key such as `on` as another type.
    return Draft7Validator(json.loads(json.dumps(schema))).iter_errors(values(chart))


def unknown_keys(schema: dict[str, Any], value: Any) -> Iterator[str]:
    """Yield the keys of `value` that `schema` neither knows nor leaves open."""
    if isinstance(value, list):
        for one in value:
            yield from unknown_keys(schema.get("items", {}), one)
    elif isinstance(value, dict) and (known := schema.get("properties")):
        is_open = schema.get("additionalProperties") or schema.get("x-kubernetes-preserve-unknown-fields")
        for key, inner in value.items():
            if key in known:
                yield from unknown_keys(known[key], inner)
            elif not is_open:
                yield key
