"""The reference pages are complete: all keys, variables, commands, and the chapters' tables of errors."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.publishing.book_pages.chapter_sources import chapter_sources
from llamastack_workshop.publishing.book_pages.command_help import command_help, programs
from llamastack_workshop.publishing.book_pages.error_index import error_index, rows_of
from llamastack_workshop.publishing.book_pages.markdown import cells, moved, text_of
from llamastack_workshop.publishing.book_pages.own_errors import errors_in
from llamastack_workshop.system import paths

BOOK = paths.ROOT / "book"


def first_cells(page: str) -> set[str]:
    """Return the code in the first column of a page's tables."""
    lines = [line for line in (BOOK / page).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return {code for line in lines for code in re.findall(r"`([^`]+)`", cells(line)[0])}


def keys(content: object, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of each key; the keys of a list's elements have the path of the list."""
    if isinstance(content, list):
        for element in content:
            yield from keys(element, path)
    elif isinstance(content, dict):
        for key, value in content.items():
            yield (*path, key)
            yield from keys(value, (*path, key))


def ends_with(path: tuple[str, ...], wanted: str) -> bool:
    """Return whether a key's path ends with the page's name for it; `…` matches one name."""
    names = wanted.split(".")
    end = path[-len(names) :]
    return len(end) == len(names) and all(name in ("…", key) for name, key in zip(names, end, strict=True))


def test_each_key_of_run_yaml_is_explained_and_no_other() -> None:
    found = set(keys(yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))))
    explained = first_cells("run-yaml-keys.md")
    assert not [".".join(path) for path in found if not any(ends_with(path, name) for name in explained)]
    assert not [name for name in explained if not any(ends_with(path, name) for path in found)]


# The system's variables, and those that chapter 19 or a command sets for its own programs.
NOT_FOR_USERS = {
    *("PATH", "PYTHONPATH", "HOME", "SUDO_USER", "SSL_CERT_FILE", "AUDIT_ALLOWED", "AUDIT_LOG"),
    *("WORKSHOP_HUB", "WORKSHOP_LOAD", "WORKSHOP_PACKAGES"),
}
# Where variables are read: files, and the pattern for reading in each.
READS = {
    ("run.yaml", "stacks/**/*.yaml"): r"^[^#\n]*\$\{env\.([A-Z_]+)",
    ("src/**/*.py", "comparison/*.py", "clients/**/*.py"): r"environ(?:\.get\(|\[)\"([A-Z_]+)\"|envvar=\"([A-Z_]+)\"",
    ("notebooks/*.ipynb",): r"environ(?:\.get\(|\[)\\\"([A-Z_]+)\\\"",
    ("clients/**/*.mjs",): r"process\.env\.([A-Z_]+)",
    (".env.example", "stacks/*.env"): r"^#?([A-Z_]+)=",
    ("scripts/uv",): r"\$\{([A-Z_]+):-",
}


@pytest.mark.parametrize("files", READS, ids=lambda files: files[0])
def test_each_variable_that_is_read_is_in_the_tables(files: tuple[str, ...]) -> None:
    read = {
        name
        for pattern in files
        for file in paths.ROOT.glob(pattern)
        if "node_modules" not in file.parts
        for match in re.finditer(READS[files], file.read_text(encoding="utf-8"), re.MULTILINE)
        for name in match.groups()
        if name
    }
    assert read, "the pattern finds nothing any more"
    assert not read - NOT_FOR_USERS - first_cells("environment-variables.md")


@pytest.fixture(scope="module")
def index() -> list[str]:
    return error_index(BOOK / "troubleshooting.md").splitlines()


@pytest.mark.parametrize("chapter", chapters(), ids=lambda path: path.name)
def test_what_can_go_wrong_in_a_chapter_is_in_the_index(chapter: Path, index: list[str]) -> None:
    text = text_of(chapter)
    section = text.split("## What can go wrong")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    assert lines
    assert len(rows_of(text)) == len(lines)
    place = f"../notebooks/{chapter.name}#what-can-go-wrong"
    assert sum(place in line for line in index) == len(lines)
    there = [moved(line, chapter, BOOK / "troubleshooting.md").removesuffix("|") for line in lines]
    assert not [line for line in there if not any(line in row for row in index)]


def test_the_sources_of_each_chapter_are_in_the_list() -> None:
    listed = chapter_sources(BOOK / "sources.md")
    for chapter in chapters():
        named = re.findall(r"\]\((https://\S+?)\)", text_of(chapter).split("**Sources**")[1])
        below = listed.split(f"](../notebooks/{chapter.name})\n")[1].split("\n- ")[0]
        assert named
        assert not [address for address in named if f"]({address})" not in below], chapter.name


def test_links_lead_from_another_page_to_where_they_led() -> None:
    told = "[a](02-b.ipynb#c), [d](../stacks/e.yaml), [f](https://g.h/i), [j](../book/run-yaml.md)"
    there = "[a](../notebooks/02-b.ipynb#c), [d](../stacks/e.yaml), [f](https://g.h/i), [j](run-yaml.md)"
    assert moved(told, paths.NOTEBOOKS / "01-a.ipynb", BOOK / "sources.md") == there


def test_each_command_has_a_section_with_its_options() -> None:
    from llamastack_workshop import cli

    sections = dict(re.findall(r"^#+ `([^`\n]+)`\n(.*?)(?=^#+ `|\Z)", command_help(), re.MULTILINE | re.DOTALL))
    commands = {
        f"workshop {info.name or info.callback.__name__.replace('_', '-')}" for info in cli.app.registered_commands
    }
    assert set(sections) == commands | set(programs())
    assert len(programs()) > 1
    assert "`--lab-port <" in sections["workshop lab"]
    assert "\n: JupyterLab's port" in sections["workshop lab"]
    # In prose, two hyphens would be rendered as a dash.
    assert not re.search(r"(?<![`\w-])--[a-z]", re.sub(r"```.*?```|`[^`]*`", "", command_help(), flags=re.DOTALL))


def test_errors_are_read_from_the_source_as_far_as_it_tells() -> None:
    source = """
def start(port, free):
    advice = f"Use port {port + 1}."
    if not free:
        raise WorkshopError(f"Port {port} is taken by {who()}." if port else "No port.", advice)
    fix = "One." if port else "Two."
    fix = "Three."
    raise WorkshopError("It did not start.", fix)
    raise WorkshopError(str(error), "Read the log.")
"""
    assert set(errors_in(source)) == {
        ("Port … is taken by ….", "Use port …."),
        ("No port.", "Use port …."),
        ("It did not start.", "follow the line below the message, which depends on the situation"),
    }
