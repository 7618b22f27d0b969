"""The page on sizing: its formulas, and its figures from the page on the classroom. The proofs execute it."""

import math
import re
from typing import Any

import nbformat
import pytest

from llamastack_workshop.system import paths

PAGE = paths.ROOT / "book" / "sizing.ipynb"
CODE = [cell for cell in nbformat.read(PAGE, as_version=4).cells if cell.cell_type == "code"]


def computed(monkeypatch: pytest.MonkeyPatch, **inputs: float) -> dict[str, Any]:
    """Return the names that the page defines with other `inputs`, without its figure."""
    monkeypatch.chdir(PAGE.parent)
    names: dict[str, Any] = {}
    for cell in CODE:
        if "plt.show()" not in cell.source:
            exec(cell.source, names)
        if "parameters" in cell.metadata.get("tags", []):
            assert inputs.keys() <= names.keys()
            names.update(inputs)
    return names


def test_the_wait_is_that_of_the_m_m_c_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = computed(monkeypatch)["waiting"]
    # Of one server: utilisation / (1 - utilisation); of two with an offered load of 1: Erlang's C is 1/3.
    assert [waiting(part, 1) for part in (0.5, 0.9)] == pytest.approx([1, 9])
    assert waiting(1, 2) == pytest.approx(1 / 3)
    assert waiting(2, 2) == math.inf


def test_the_inputs_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (computed(monkeypatch, people=people) for people in (10, 400))
    assert few["cores"] < many["cores"] and few["gpus"] < many["gpus"] and few["memory"] < many["memory"]
    for room in (few, many):
        assert room["wait"] <= room["longest_wait"]
    fast, slow = (computed(monkeypatch, longest_wait=seconds)["cores"] for seconds in (0.1, 60))
    assert slow < fast
    with pytest.raises(AssertionError, match="the weights fill this GPU"):
        computed(monkeypatch, gpu_memory=16e9)


def test_the_figures_of_the_classroom_are_those_of_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    classroom = (paths.ROOT / "book" / "teaching" / "classroom.md").read_text(encoding="utf-8")
    page = computed(monkeypatch)
    (shared,) = re.findall(r"\| memory of the parts that all share \| (\S+) GB \|", classroom)
    (jupyterlab,) = re.findall(r"\| memory for each open JupyterLab \| (\d+) MB \|", classroom)
    (notebook,) = re.findall(r"\| memory for each open notebook.* \| (\d+) MB \|", classroom)
    assert (float(shared) * 1000, int(jupyterlab), int(notebook)) == (
        page["shared"],
        page["jupyterlab"],
        page["notebook"],
    )
    answers, seconds = page["answers"], page["seconds"]
    assert f"ask for {answers} answers of up to 60 tokens | {seconds} s |" in classroom


def test_its_cells_are_short() -> None:
    assert max(len(cell.source.splitlines()) for cell in CODE) <= 20
