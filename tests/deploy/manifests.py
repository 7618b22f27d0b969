"""The manifests in deploy/: as they are written, and as kustomize builds them."""

import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_workshop.proving import deploy_files

FOLDER = deploy_files.FOLDER
OVERLAYS = ["trial", "class", "production"]
OPERATORS = ["llamastack", "ogx"]
# As CI names it in conftest.py.
NO_KUSTOMIZE = "kustomize and kubectl are not installed"

Manifest = dict[str, Any]


def written() -> Iterator[tuple[Path, Manifest]]:
    """Yield each whole object that a file holds, with its file; patches are parts of objects, and left out."""
    for kustomization in sorted(FOLDER.rglob("kustomization.yaml")):
        for name in yaml.safe_load(kustomization.read_text(encoding="utf-8")).get("resources", []):
            file = kustomization.parent / name
            if file.is_file():
                yield from ((file, one) for one in objects(file.read_text(encoding="utf-8")))
    models = FOLDER / "charts" / "models-network-policies.yaml"
    yield from ((models, one) for one in objects(models.read_text(encoding="utf-8")))


def objects(text: str) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(text) if one]


def is_built_in(one: Manifest) -> bool:
    return "." not in one["apiVersion"] or one["apiVersion"].split("/")[0].endswith(".k8s.io")


def built_text(folder: str) -> str:
    """Return what kustomize makes of deploy/`folder`; skip the test where there is no kustomize."""
    if program := shutil.which("kustomize"):
        command = [program, "build"]
    elif program := shutil.which("kubectl"):
        command = [program, "kustomize"]
    else:
        pytest.skip(NO_KUSTOMIZE)
    run = subprocess.run([*command, str(FOLDER / folder)], capture_output=True, text=True)
    # A warning tells of a deprecated field.
    assert (run.returncode, run.stderr) == (0, "")
    return run.stdout


@cache
def built(folder: str) -> list[Manifest]:
    return objects(built_text(folder))


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return the templates of pods by the name of what makes them."""
    return {one["metadata"]["name"]: one["spec"]["template"] for one in manifests if "template" in one.get("spec", {})}


def containers(template: Manifest) -> list[Manifest]:
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]
