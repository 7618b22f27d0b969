"""`workshop run`: chapters through papermill, with a model of the user's choice."""

import os
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from llamastack_workshop.attending.executing import execute
from llamastack_workshop.server.upstreams import Choice
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError

ASK = """from openai import OpenAI
answer = OpenAI(base_url=base_url, api_key="none").responses.create(model=model, input="Hello!", max_output_tokens=16)
print(answer.model)"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a chapter that asks the model, one that fails, and a server's address in the environment."""
    for name, folder in {"ROOT": "", "NOTEBOOKS": "notebooks", "WORKSHOP_HOME": ".workshop"}.items():
        monkeypatch.setattr(paths, name, tmp_path / folder)
    monkeypatch.setenv("LLAMA_STACK_BASE_URL", os.environ.get("LLAMA_STACK_BASE_URL", ""))
    paths.NOTEBOOKS.mkdir()
    write("01-ask", 'base_url = ""\nmodel = ""', ASK)
    write("02-fail", 'base_url = ""\nmodel = ""', "assert False")
    return tmp_path


def write(name: str, parameters: str, source: str) -> None:
    cells = [new_code_cell(parameters, metadata={"tags": ["parameters"]}), new_code_cell(source)]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=kernel), paths.NOTEBOOKS / f"{name}.ipynb")


@pytest.mark.dear
def test_the_model_reaches_the_chapter(repository: Path, base_url: str, model: str) -> None:
    (executed,) = execute(["1"], model, urlsplit(base_url).port, Choice.auto, lambda line: None)
    assert executed.is_relative_to(repository / ".workshop")
    cells = nbformat.read(executed, as_version=4).cells
    assert cells[-1].outputs[0].text.strip() == model
    assert base_url in cells[1].source and "injected-parameters" in cells[1].metadata.tags


def test_a_chapter_that_fails_is_named_and_the_others_run(repository: Path, base_url: str, model: str) -> None:
    said: list[str] = []
    with pytest.raises(WorkshopError, match=r"1 of 2 chapters failed with .*: 02-fail"):
        execute([], None, urlsplit(base_url).port, Choice.auto, said.append)
    assert [line.split(",")[0] for line in said[-2:]] == [
        "  01-ask: ok",
        "  02-fail: failed in cell 3: AssertionError: ",
    ]


@pytest.mark.parametrize(("name", "served", "problem"), [("9", True, "no chapter '9'"), ("1", False, "does not serve")])
def test_what_is_not_there_is_named(
    repository: Path, base_url: str, model: str, name: str, served: bool, problem: str
) -> None:
    with pytest.raises(WorkshopError, match=problem) as caught:
        execute([name], model if served else "openai/none", urlsplit(base_url).port, Choice.auto, lambda line: None)
    assert caught.value.fix.startswith("Choose ")
