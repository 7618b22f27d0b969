"""The first files that a visitor to GitHub sees: forms, citation, container and development container."""

import json
import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from llamastack_workshop.system import paths

ROOT = paths.ROOT
GITHUB = ROOT / ".github"
FORMS = [path for path in sorted(GITHUB.glob("*_TEMPLATE/*.yml")) if path.name != "config.yml"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

# The required and optional keys of a form, by its folder, and the attributes of an element, by its type:
# https://docs.github.com/en/communities/using-templates-to-encourage-useful-issues-and-pull-requests
TOP = {
    "ISSUE_TEMPLATE": ({"name", "description", "body"}, {"title", "labels", "assignees", "projects", "type"}),
    "DISCUSSION_TEMPLATE": ({"body"}, {"title", "labels"}),
}
TYPES = {
    "markdown": ({"value"}, set()),
    "textarea": ({"label"}, {"description", "placeholder", "value", "render"}),
    "input": ({"label"}, {"description", "placeholder", "value"}),
    "dropdown": ({"label", "options"}, {"description", "multiple", "default"}),
    "checkboxes": ({"label", "options"}, {"description"}),
}


def has_keys(found: dict[str, Any], keys: tuple[set[str], set[str]]) -> bool:
    required, optional = keys
    return required <= found.keys() <= required | optional


def is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_keeps_github_s_rules(path: Path) -> None:
    form = load(path)
    assert has_keys(form, TOP[path.parent.name])
    assert all(is_text(form[key]) for key in ("name", "description", "title") if key in form)
    assert all(is_text(label) for label in form.get("labels", []))
    asked = [element for element in form["body"] if element["type"] != "markdown"]
    assert asked, "a form asks at least one thing"
    for name in ("id", "label"):
        values = [element["id"] if name == "id" else element["attributes"]["label"] for element in asked]
        assert len({value.lower() for value in values}) == len(values), "GitHub refuses the same one twice"
    for element in form["body"]:
        assert element.keys() <= {"type", "id", "attributes", "validations"}
        assert has_keys(element["attributes"], TYPES[element["type"]]), element
        assert all(is_text(text) for key, text in element["attributes"].items() if key not in ("options", "default"))
        assert re.fullmatch(r"[A-Za-z0-9_-]+", element["id"]) if element in asked else "id" not in element
        validations = element.get("validations", {})
        assert validations.keys() <= {"required"} and all(isinstance(value, bool) for value in validations.values())
        assert "validations" not in element or element["type"] not in ("markdown", "checkboxes")
        options = element["attributes"].get("options", [])
        if element["type"] == "checkboxes":
            assert all(has_keys(option, ({"label"}, {"required"})) and is_text(option["label"]) for option in options)
        # YAML reads an unquoted `Yes` as a boolean, and GitHub reserves `None`.
        elif element["type"] == "dropdown":
            assert all(is_text(option) and option != "None" for option in options)
            assert 0 < len(set(options)) == len(options)


def test_the_chooser_of_forms_keeps_github_s_rules() -> None:
    config = load(GITHUB / "ISSUE_TEMPLATE" / "config.yml")
    assert has_keys(config, ({"blank_issues_enabled"}, {"contact_links"}))
    assert isinstance(config["blank_issues_enabled"], bool)
    for link in config["contact_links"]:
        assert has_keys(link, ({"name", "url", "about"}, set())) and link["url"].startswith("https://")
    names = [load(path).get("name") for path in FORMS if path.parent.name == "ISSUE_TEMPLATE"]
    assert len(set(names)) == len(names)


def test_the_citation_names_this_version_and_licence() -> None:
    citation = load(ROOT / "CITATION.cff")
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["version"], citation["license"]) == (PROJECT["version"], PROJECT["license"])


def test_a_container_installs_what_conda_installs_and_its_user_is_not_root() -> None:
    container = (ROOT / "Containerfile").read_text(encoding="utf-8")
    binder = (
        (ROOT / "postBuild").read_text(encoding="utf-8").replace('"requirements/$group.txt"', "requirements/lab.txt")
    )
    installs = re.findall(r"pip install (.*)", container)
    assert len(installs) == 3 and "requirements/postgres.txt" in installs.pop(1)
    assert installs == re.findall(r"pip install (.*)", binder)
    users = re.findall(r"^USER (.*)$", container, re.MULTILINE)
    assert users and not {"root", "0"} & set(users)
    # Wherever we show the command, it publishes the port only on this machine.
    for path in (ROOT / "Containerfile", ROOT / "book" / "setup.md", ROOT / ".ci" / "image"):
        published = re.findall(r"docker run .*", path.read_text(encoding="utf-8"))
        ports = re.findall(r"--publish (\S+)", "\n".join(published))
        assert ports and all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in ports), path.name


def test_an_image_takes_along_only_what_is_listed() -> None:
    first, *others = [
        line for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
    ]
    assert first == "*"
    listed = {line.removeprefix("!") for line in others if line.startswith("!")}
    assert all((ROOT / name).exists() for name in listed)
    assert not listed & {".env", ".git", ".workshop", "work", "_build", ".venv"}


def test_the_development_container_forwards_the_ports_of_the_lab() -> None:
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    settings = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert settings["forwardPorts"] == [paths.DEFAULT_PORT, 8888]
    assert {int(port) for port in settings["portsAttributes"]} == set(settings["forwardPorts"])
    assert f":{PROJECT['requires-python'].removeprefix('>=')}-" in settings["image"]
    (command,) = settings["postAttachCommand"].values()
    assert os.access(ROOT / command, os.X_OK)
