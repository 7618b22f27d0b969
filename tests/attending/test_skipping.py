"""Cells that need what a machine lacks are skipped, and no others."""

from IPython.core.interactiveshell import InteractiveShell

REASON = "there is no database"


def output_of(cells: list[str], because: str | None, monkeypatch, capsys) -> list[str]:
    shell = InteractiveShell()
    monkeypatch.setattr("llamastack_workshop.attending.skipping.get_ipython", lambda: shell)
    begin = "from llamastack_workshop import skip_cells\ndatabase = 1\n"
    for cell in [f"{begin}skip_cells(using='database', because={because!r})", *cells]:
        shell.run_cell(cell).raise_error()
    return capsys.readouterr().out.splitlines()


def test_cells_that_need_it_are_skipped_and_those_that_need_these(monkeypatch, capsys) -> None:
    cells = [
        "server = database + 1",
        "def ask():\n    return server",
        "print('asked', ask())",
        "server = 5\nprint('no need', server)",
        "def check(given):\n    print('check', given)",
        "check(database)",
    ]
    told = output_of(cells, REASON, monkeypatch, capsys)
    assert told == [*3 * [f"skipped: {REASON}"], "no need 5", "check 1"]


def test_nothing_is_skipped_without_a_reason_also_after_one(monkeypatch, capsys) -> None:
    cells = ["print(database)", "skip_cells(using='database', because=None)", "print(database)"]
    assert output_of(cells, REASON, monkeypatch, capsys) == [f"skipped: {REASON}", "1"]
