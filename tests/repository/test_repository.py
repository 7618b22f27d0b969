"""The repository's own rules: consistency between files, and style."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from typer.main import get_command

import llamastack_workshop
from llamastack_workshop import cli
from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.publishing.book_pages.markdown import notebooks, pages
from llamastack_workshop.publishing.bundle import package_files
from llamastack_workshop.publishing.notebook_format import noisy_notebooks, tidy
from llamastack_workshop.system import paths, uv

ROOT = paths.ROOT
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))
PAGES = [*sorted(ROOT.glob("*.md")), *(page for page in pages() if page.suffix == ".md")]
FORMS = sorted((ROOT / ".github").glob("*_TEMPLATE/*.yml"))


def pins(lines: list[str]) -> dict[str, str]:
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^\s;\\]+)", line) for line in lines)
    return {match[1].lower(): match[2] for match in found if match}


def wanted_by(name: str) -> list[str]:
    """Return the sources of requirements/`name`.txt: lines of pyproject.toml or of a file in stacks/."""
    if name.startswith("stack-"):
        lines = (ROOT / "stacks" / f"{name.removeprefix('stack-')}.txt").read_text(encoding="utf-8").splitlines()
        return [line for line in lines if not line.startswith("#")]
    groups = PYPROJECT["dependency-groups"]
    return [*PYPROJECT["project"]["dependencies"], *groups["build"]] if name == "lab" else groups[name]


def test_everything_that_is_to_be_installed_has_a_file() -> None:
    groups = {"lab", *PYPROJECT["dependency-groups"]} - {"build"}
    lines = {f"stack-{path.stem}" for path in (ROOT / "stacks").glob("*.txt")}
    assert {path.stem for path in REQUIREMENTS} == groups | lines
    assert set(uv.GROUPS) <= groups


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.stem)
def test_requirements_pin_and_hash_what_is_asked_for(path: Path) -> None:
    direct = pins(wanted_by(path.stem))
    assert len(direct) == len(wanted_by(path.stem)), "every direct dependency is pinned with =="
    text = path.read_text(encoding="utf-8")
    exported = pins(text.splitlines())
    assert {name: exported.get(name) for name in direct} == direct, "run: make lock"
    unwanted = set(PYPROJECT["tool"]["uv"]["exclude-dependencies"]) & exported.keys()
    # Installed in separate environments.
    theirs = {
        "training": {"networkx", "setuptools", "tokenizers"},
        "grading": {"setuptools"},
        "classroom": {"asyncpg", "psycopg2-binary"},
        "postgres": {"asyncpg", "psycopg2-binary"},
    }
    assert unwanted <= theirs.get(path.stem, {"zstandard"} if path.stem.startswith("stack-") else set())
    entries = re.split(r"\n(?=[^\s#])", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in text, "the index is for each user to choose"


def test_groups_that_are_installed_together_agree() -> None:
    texts = [(uv.REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8") for name in uv.GROUPS]
    files = [pins(text.splitlines()) for text in texts]
    for name in set().union(*files):
        assert len({file[name] for file in files if name in file}) == 1, name


def test_what_builds_the_project_is_pinned() -> None:
    assert PYPROJECT["build-system"]["requires"] == PYPROJECT["dependency-groups"]["build"]


@pytest.mark.parametrize("path", package_files(ROOT), ids=lambda path: path.parent.name)
def test_packages_from_npm_have_exact_versions(path: Path) -> None:
    package = json.loads(path.read_text(encoding="utf-8"))
    assert package["private"] is True
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())


def test_conda_installs_the_same_versions() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python = next(entry for entry in environment["dependencies"] if entry.startswith("python="))
    assert PYPROJECT["project"]["requires-python"] == f">={python.removeprefix('python=')}"
    installs = re.findall(r"pip install (.*)", (ROOT / "postBuild").read_text(encoding="utf-8"))
    assert installs == [
        '--no-deps --require-hashes --only-binary :all: --requirement "requirements/$group.txt"',
        "--no-deps --no-build-isolation --editable .",
    ]


def test_the_makefile_and_the_command_offer_the_same() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    assert targets == set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert targets - {"help", "chain", "format", "adapter", "lock"} <= set(get_command(cli.app).commands)


def test_make_installs_what_each_command_requires() -> None:
    required = re.findall(r'uv\.require\("(\w+)", "([\w-]+)"\)', Path(cli.__file__).read_text(encoding="utf-8"))
    script = (ROOT / "scripts" / "workshop").read_text(encoding="utf-8")
    cases = re.findall(r"^([a-z| -]+)\) group=(\w+) ;;$", script, re.MULTILINE)
    installed = {command: group for commands, group in cases for command in commands.split(" | ")}
    assert required
    for group, command in required:
        assert uv.GROUPS.index(installed[command]) >= uv.GROUPS.index(group), command


def test_code_is_linted_and_formatted() -> None:
    for arguments in (["check"], ["format", "--check"]):
        run = subprocess.run([sys.executable, "-m", "ruff", *arguments], cwd=ROOT, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout


def test_notebooks_are_committed_without_outputs() -> None:
    assert not noisy_notebooks(), "run: make format"


def test_tidying_removes_outputs_and_keeps_sources(tmp_path: Path) -> None:
    notebook = nbformat.read(chapters()[0], as_version=4)
    noisy = tmp_path / "noisy.ipynb"
    code = next(cell for cell in notebook.cells if cell.cell_type == "code")
    code.outputs, code.execution_count = [nbformat.v4.new_output("stream", text="noise")], 7
    code.metadata["collapsed"] = True
    notebook.metadata["kernelspec"]["display_name"] = "somebody's"
    nbformat.write(notebook, noisy)
    tidy(noisy)
    assert noisy.read_text(encoding="utf-8") == chapters()[0].read_text(encoding="utf-8")


def markdown(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def prose_lines(text: str) -> list[str]:
    """Return the lines of prose in Markdown text: no code, tables, headings, pictures, list markers or HTML."""
    text = re.sub(r"^(```|~~~|:::).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line for line in text.splitlines() if not re.match(r"\s*([|#<>:]|\[.*\]:|!\[|\$)", line)]


@pytest.mark.parametrize("path", [*PAGES, *notebooks()], ids=lambda path: path.name)
def test_one_sentence_a_line(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = markdown(nbformat.reads(text, as_version=4))
    # A full stop, a space and a capital letter begin a new sentence, except in code and after `e.g.` and the like.
    two = [line for line in prose_lines(text) if re.search(r"[a-z)`*]{2}[.!?] [A-Z]", re.sub(r"`[^`]*`", "``", line))]
    allowed = re.compile(r"^\*\d+ minutes\.|^\*\*[A-Z]")
    assert not [line for line in two if not allowed.search(line)]


@pytest.mark.parametrize("path", [*PAGES, *notebooks()], ids=lambda path: path.name)
def test_links_to_files_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = markdown(nbformat.reads(text, as_version=4))
    links = re.findall(
        r"\]\((?!\w+:|#)([^()\s#]+\.[^()\s#]+)", re.sub(r"```.*?```|`[^`\n]*`", "``", text, flags=re.DOTALL)
    )
    assert not [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize(
    "path", [*PAGES, *FORMS, ROOT / ".github" / "pull_request_template.md"], ids=lambda path: path.name
)
def test_commands_and_places_on_the_pages_exist(path: Path) -> None:
    no_commands = r"\bmake (?:[XY]|room)\b|\bworkshop X\b|notebooks/NN-name\.ipynb"
    text = re.sub(no_commands, "", path.read_text(encoding="utf-8"))
    code = "\n".join(re.findall(r"`([^`\n]+)`", text) + re.findall(r"^\s*\$ (.+)$", text, re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert not set(re.findall(r"\bmake ([a-z-]+)", code)) - targets
    assert not set(re.findall(r"(?<!-)\bworkshop ([a-z-]+)", code)) - set(get_command(cli.app).commands)
    places = re.findall(r"(?<![\w./-])((?:notebooks|tests|scripts|\.ci|\.github|src|stacks)/[\w./-]+)", code)
    assert not [place for place in places if not (ROOT / place).exists()]


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.name)
def test_chapters_follow_the_page_form(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    text = markdown(notebook)
    wanted = [r"^# ", r"^\*\d+ minutes\.", r"^\*\*What you'll learn\*\*", r"^\*\*Prerequisites\*\*", r"^## Try it$"]
    wanted += [r"^### Exercise 1", r"^### Exercise 2", r"^## What can go wrong$", r"^## Quick check$"]
    wanted += [r"^## Recap$", r"^\*\*Next\*\*", r"^\*\*Sources\*\*"]
    places = [re.search(pattern, text, re.MULTILINE) for pattern in wanted]
    assert all(places), [pattern for pattern, place in zip(wanted, places, strict=True) if not place]
    assert [place.start() for place in places] == sorted(place.start() for place in places)
    assert len(re.findall(r"^# ", text, re.MULTILINE)) == 1

    def items(title: str) -> int:
        return len(re.findall(r"^- ", re.split(rf"{title}\W*\n", text)[1].split("\n\n**")[0], re.MULTILINE))

    assert items("What you'll learn") == items("Recap"), "each objective is taken up again at the end"
    timed = r"^### Exercise \d.*\n\n\*About \d+ minutes\.\*$"
    assert len(re.findall(timed, text, re.MULTILINE)) == len(re.findall(r"^### Exercise", text, re.MULTILINE))
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code if "check.questions" in cell.source] == ['check.questions("", "", "")']
    assert max(len(cell.source.splitlines()) for cell in code) <= 20
    (parameters,) = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert "LLAMA_STACK_BASE_URL" in parameters.source


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.name)
def test_a_figure_has_an_alternative_text(path: Path) -> None:
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "plt.show()" in cell.source:
            assert cell.metadata["mystnb"]["image"]["alt"].endswith("."), cell.id


def test_every_page_is_in_the_table_of_contents() -> None:
    toc = (ROOT / "_toc.yml").read_text(encoding="utf-8")
    assert not [path.name for path in pages() if str(path.relative_to(ROOT).with_suffix("")) not in toc]


def test_the_site_numbers_each_chapter_as_its_file_name_does() -> None:
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    numbered = [page["file"] for part in parts if part.get("numbered") for page in part["chapters"]]
    assert numbered == [f"notebooks/{path.stem}" for path in chapters()]
    assert [int(path.stem.split("-")[0]) for path in chapters()] == list(range(1, len(numbered) + 1))


def test_the_landing_page_says_how_each_page_is_called_and_how_long_it_takes() -> None:
    landing = (ROOT / "book" / "index.md").read_text(encoding="utf-8")
    listed = re.findall(r"\[(.+?)\]\((\S+)\) \| (\d+) \|", landing)
    assert {link for _, link, _ in listed} >= {f"../notebooks/{path.name}" for path in chapters()}
    for title, link, minutes in listed:
        page = (ROOT / "book" / link).read_text(encoding="utf-8")
        assert f"# {title}" in page and f"*{minutes} minutes." in page, link


def test_notebooks_import_nothing_of_ours_but_the_checks_and_what_the_package_offers() -> None:
    name = rf"(?:{'|'.join(llamastack_workshop.__all__)})(?: as \w+)?"
    offered = rf"from llamastack_workshop import (?:{name}(?:, {name})*|\((?:\s+{name},)+\s+\))"
    for path in notebooks():
        for cell in nbformat.read(path, as_version=4).cells:
            for ours in re.findall(
                r"^(?:from|import) llamastack_workshop[^(\n]*(?:\([^)]*\))?", cell.source, re.MULTILINE
            ):
                assert re.fullmatch(rf"{offered}|from llamastack_workshop\.exercises import \w+ as check", ours), path
