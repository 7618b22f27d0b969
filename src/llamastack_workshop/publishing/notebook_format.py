"""The form of committed notebooks: without outputs, execution counts, or traces of the last run."""

from pathlib import Path

import nbformat
from nbformat import NotebookNode

from llamastack_workshop.attending import welcome
from llamastack_workshop.publishing.book_pages.markdown import notebooks

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# `tags` control nbmake, papermill and the site; `mystnb` holds the site's options for a cell.
_KEPT_CELL_METADATA = {"tags", "mystnb"}


def noisy_notebooks() -> list[Path]:
    """Return those of the book's notebooks and the welcome page that are not in the committed form."""
    return [
        path for path in [*notebooks(), welcome.SOURCE] if path.read_text(encoding="utf-8") != _committed_form(path)
    ]


def tidy(path: Path) -> None:
    """Rewrite the notebook `path` in the committed form, with its sources unchanged."""
    path.write_text(_committed_form(path), encoding="utf-8")


def _committed_form(path: Path) -> str:
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata = nbformat.from_dict(_METADATA)
    for cell in notebook.cells:
        cell.metadata = NotebookNode({k: v for k, v in cell.metadata.items() if k in _KEPT_CELL_METADATA})
        if cell.cell_type == "code":
            cell.outputs = []
            cell.execution_count = None
    return nbformat.writes(notebook, version=4) + "\n"
