"""The manifests: each object against the schema of its kind, and what an overlay as a whole has to keep."""

import re
import subprocess
from collections.abc import ItemsView, Iterator
from typing import Any

import kubernetes_validate
import pytest
from manifests import (
    FOLDER,
    OPERATORS,
    OVERLAYS,
    Manifest,
    built,
    built_text,
    containers,
    is_built_in,
    objects,
    pods,
    written,
)

# The oldest release with all that the manifests use, and the newest that the validator knows.
RELEASES = ["1.30", "1.37"]
# What the user creates: see deploy/README.md.
SECRETS = {"postgres", "vllm"}
CONFIG_MAPS = {"production": {"postgres-ca"}}
# Whom pods may connect to, besides DNS: a pod by its name, an address, or a namespace.
CONNECTIONS = {
    "trial": {"gateway": {"collector", "postgres"}},
    "class": {"gateway": {"collector", "postgres", "vllm"}, "download-model": {"0.0.0.0/0"}},
    "production": {
        "gateway": {"collector", "192.0.2.10/32", "192.0.2.20/32", "models"},
        "collector": {"192.0.2.30/32"},
    },
}
# Who may connect to pods, from outside the namespace.
GUESTS = {"class": {"gateway": {"jupyterhub"}}}


def label(one: Manifest) -> str:
    return f"{one['kind']}/{one['metadata']['name']}"


def validate(one: Manifest) -> None:
    for release in RELEASES:
        kubernetes_validate.validate(one, release, strict=True)


@pytest.mark.parametrize(
    "one",
    [pytest.param(one, id=f"{file.relative_to(FOLDER)} {label(one)}") for file, one in written() if is_built_in(one)],
)
def test_an_object_has_the_form_of_its_kind(one: Manifest) -> None:
    validate(one)
    assert one["kind"] == "Namespace" or one["metadata"]["namespace"] in ("llama-stack", "models")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_kustomize_builds_has_the_form_of_its_kinds(overlay: str) -> None:
    for one in built(overlay_folder(overlay)):
        validate(one)
        assert one["kind"] == "Namespace" or one["metadata"]["namespace"] == "llama-stack", label(one)


@pytest.mark.parametrize(
    "folder", [*(f"overlays/{one}" for one in OVERLAYS), *(f"operator/{one}" for one in OPERATORS)]
)
def test_kustomize_builds_the_same_every_time(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    once = built_text(folder)
    monkeypatch.chdir("/")
    monkeypatch.setenv("POSTGRES_HOST", "somewhere")
    assert built_text(folder) == once


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_container_is_privileged(overlay: str) -> None:
    for name, template in pods(built(overlay_folder(overlay))).items():
        spec = template["spec"]
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False, name
        for one in containers(template):
            assert one["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, one["name"]
            assert {"cpu", "memory"} <= one["resources"]["requests"].keys() and "memory" in one["resources"]["limits"]
            # A tag, so that the same files are the same cluster tomorrow.
            assert re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", one["image"]), one["image"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_secret_is_in_no_manifest(overlay: str) -> None:
    manifests = built(overlay_folder(overlay))
    assert not [label(one) for one in manifests if one["kind"] == "Secret"]
    secretive = re.compile(r"(PASSWORD|TOKEN|SECRET|KEY)$")
    for template in pods(manifests).values():
        for variable in (one for container in containers(template) for one in container.get("env", [])):
            if secretive.search(variable["name"]):
                reference = variable["valueFrom"]["secretKeyRef"]
                assert reference["name"] in SECRETS or reference.get("optional"), variable["name"]
    for one in manifests:
        if one["kind"] == "ConfigMap":
            assert not [name for name in one["data"] if secretive.search(name)], label(one)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_an_object_refers_to_exists(overlay: str) -> None:
    manifests = built(overlay_folder(overlay))
    there = {(one["kind"], one["metadata"]["name"]) for one in manifests}
    there |= {("ConfigMap", name) for name in CONFIG_MAPS.get(overlay, ())}
    templates = pods(manifests)
    for name, template in templates.items():
        referred = set(references(template["spec"]))
        assert referred <= there, name
        # The database's volume is in a template of its own.
        volumes = {one["name"] for one in template["spec"].get("volumes", [])}
        mounts = {mount["name"] for one in containers(template) for mount in one.get("volumeMounts", [])}
        assert mounts - ({"data"} if name == "postgres" else set()) == volumes, name
    for one in manifests:
        if selector := selector_of(one):
            matched = [template for template in templates.values() if selector.items() <= labels_of(template)]
            assert matched, f"{label(one)} selects no pod"
            if one["kind"] == "Service":
                listening = [
                    port for template in matched for one in containers(template) for port in one.get("ports", [])
                ]
                assert {port["targetPort"] for port in one["spec"]["ports"]} <= {port["name"] for port in listening}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_reach_what_they_need_and_nothing_else(overlay: str) -> None:
    manifests = built(overlay_folder(overlay))
    policies = [one for one in manifests if one["kind"] == "NetworkPolicy"]
    deny = next(one["spec"] for one in policies if one["metadata"]["name"] == "default-deny")
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    names = list(pods(manifests))
    reached = {name: connections(policies, name, "egress") for name in names}
    assert {name: peers for name, peers in reached.items() if peers} == CONNECTIONS[overlay]
    # Who may connect to a pod is who may connect from one, and those of other namespaces.
    for name in names:
        inside = {other for other in names if name in reached[other]}
        guests = GUESTS.get(overlay, {}).get(name, set()) | ({"llama-stack-client"} if name == "gateway" else set())
        assert connections(policies, name, "ingress") == inside | guests, name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_gateway_keeps_its_promises(overlay: str) -> None:
    manifests = built(overlay_folder(overlay))
    gateway = pods(manifests)["gateway"]["spec"]
    (container,) = gateway["containers"]
    asked = {name: container[f"{name}Probe"].get("exec", {}).get("command", []) for name in ("readiness", "liveness")}
    assert {name: command[-2:] for name, command in asked.items()} == {
        "readiness": ["/etc/llama-stack/check_stores.py", "ready"],
        "liveness": ["/etc/llama-stack/check_stores.py", "live"],
    }
    drained = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert drained < gateway["terminationGracePeriodSeconds"]
    settings = next(one["data"] for one in manifests if one["metadata"]["name"].startswith("gateway-settings"))
    mounted = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    assert mounted[settings["SHARED_FILES"]] == "files" and mounted[settings["HOME"]] == "tmp"
    service = next(one["spec"] for one in manifests if label(one) == "Service/gateway")
    assert service["sessionAffinity"] == "ClientIP"
    budget = next(one["spec"] for one in manifests if one["kind"] == "PodDisruptionBudget")
    assert budget["maxUnavailable"] == 1
    scaler = next((one["spec"] for one in manifests if one["kind"] == "HorizontalPodAutoscaler"), None)
    replicas = next(one["spec"] for one in manifests if label(one) == "Deployment/gateway").get("replicas")
    # Two who set the number of replicas would undo each other's work.
    assert (replicas is None) == (scaler is not None)
    assert (replicas or scaler["minReplicas"]) >= 2


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_configuration_gets_each_variable_that_has_no_default(overlay: str) -> None:
    manifests = built(overlay_folder(overlay))
    data = {one["metadata"]["name"].rsplit("-", 1)[0]: one["data"] for one in manifests if one["kind"] == "ConfigMap"}
    (gateway,) = pods(manifests)["gateway"]["spec"]["containers"]
    given = data["gateway-settings"].keys() | {one["name"] for one in gateway["env"]}
    needed = set(re.findall(r"\$\{env\.(\w+)\}", uncommented(data["gateway-config"]["run.yaml"])))
    assert "POSTGRES_PASSWORD" in needed and needed <= given
    # Without a model there is no use in it.
    assert {"LLAMA_CPP_URL", "VLLM_URL"} & given


def test_a_value_to_replace_is_marked() -> None:
    placeholder = re.compile(r"example\.com|192\.0\.2\.|ghcr\.io/owner")
    for file in (path for path in FOLDER.rglob("*") if path.is_file() and path.suffix in (".yaml", ".env")):
        if file.name in ("run.yaml", "config.yaml"):
            continue
        text = file.read_text(encoding="utf-8")
        assert "CHANGE" in text or not placeholder.search(uncommented(text)), file
        if file.parent.name in ("base", "trial", "postgres"):
            assert not placeholder.search(text), file


def test_the_generator_makes_secrets_that_every_client_can_use() -> None:
    made = [generated(), generated()]
    for one in made[0]:
        validate(one)
    assert {one["metadata"]["name"] for one in made[0]} == SECRETS
    values = [value for run in made for one in run for value in one["stringData"].values()]
    assert len(set(values)) == len(values) == 6
    assert all(re.fullmatch("[a-z][a-z0-9]{40,}", value) for value in values)
    used = {
        (reference["name"], reference["key"])
        for overlay in OVERLAYS
        for template in pods(built(overlay_folder(overlay))).values()
        for container in containers(template)
        for one in container.get("env", [])
        if (reference := one.get("valueFrom", {}).get("secretKeyRef")) and not reference.get("optional")
    }
    assert used == {(one["metadata"]["name"], key) for one in made[0] for key in one["stringData"]}


def overlay_folder(overlay: str) -> str:
    return f"overlays/{overlay}"


def generated() -> list[Manifest]:
    run = subprocess.run([str(FOLDER / "make-secrets")], capture_output=True, text=True, check=True)
    return objects(run.stdout)


def uncommented(text: str) -> str:
    return re.sub(r"^\s*#.*$", "", text, flags=re.MULTILINE)


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield kind and name of each object that a pod refers to, without Secrets."""
    if isinstance(value, dict):
        for key, kind in (("configMap", "ConfigMap"), ("configMapRef", "ConfigMap")):
            if isinstance(value.get(key), dict):
                yield kind, value[key]["name"]
        if "claimName" in value:
            yield "PersistentVolumeClaim", value["claimName"]
        if "serviceAccountName" in value:
            yield "ServiceAccount", value["serviceAccountName"]
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)


def labels_of(template: Manifest) -> ItemsView[str, str]:
    return template["metadata"]["labels"].items()


def selector_of(one: Manifest) -> dict[str, str] | None:
    spec = one.get("spec", {})
    if one["kind"] == "Service":
        return spec["selector"]
    if one["kind"] == "NetworkPolicy":
        return spec["podSelector"].get("matchLabels")
    return (spec.get("selector") or {}).get("matchLabels") if one["kind"] != "PersistentVolumeClaim" else None


def connections(policies: list[Manifest], name: str, direction: str) -> set[str]:
    """Return to whom (`egress`), or from whom (`ingress`), the pod `name` may connect, besides DNS."""
    found = set()
    for policy in (one["spec"] for one in policies):
        chosen = policy["podSelector"].get("matchLabels", {})
        if chosen and chosen != {"app.kubernetes.io/name": name}:
            continue
        for rule in policy.get(direction, []):
            peers = rule["from" if direction == "ingress" else "to"]
            # A rule without ports, or without peers, would be one for all.
            assert peers and rule["ports"]
            found |= {peer_name(peer) for peer in peers}
    return found - {"kube-system"}


def peer_name(peer: dict[str, Any]) -> str:
    if "ipBlock" in peer:
        return peer["ipBlock"]["cidr"]
    if "namespaceSelector" in peer:
        assert peer["podSelector"]["matchLabels"], "a pod of that namespace, not all"
        return peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
    labels = peer["podSelector"]["matchLabels"]
    return labels.get("app.kubernetes.io/name") or next(iter(labels))
