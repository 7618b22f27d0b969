"""Printing of untrusted values: brackets, emoji, right-to-left text and control characters, in every command."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from in_process import call

from llamastack_workshop import cli
from llamastack_workshop.attending import doctor, progress
from llamastack_workshop.system.console import PlainConsole
from llamastack_workshop.system.errors import WorkshopError, clear_errors
from llamastack_workshop.system.printing import visible

# rich markup, an emoji's name and an emoji, Hebrew, direction controls, a colour, a bell, a line break.
VALUE = "[/v1] [bold] [lab] :smile: \U0001f600 \u05e9\u05dc\u05d5\u05dd \u202eabc \x1b[31m \x07 \r \x9b2J end"
SHOWN = "[/v1] [bold] [lab] :smile: \U0001f600 \u05e9\u05dc\u05d5\u05dd \\u202eabc \\x1b[31m \\x07 \\r \\x9b2J end"


def printed(*things: object) -> str:
    console = PlainConsole(file=io.StringIO(), width=400)
    console.print(*things, soft_wrap=True)
    return console.file.getvalue()


def test_what_acts_is_shown_and_the_rest_stays() -> None:
    assert visible(VALUE) == SHOWN
    assert visible("two\nlines\twith a tab") == "two\nlines\twith a tab"


def test_a_console_prints_a_value_as_it_is() -> None:
    assert printed(VALUE) == f"{SHOWN}\n"
    standing = progress.Standing(Path("01-x.ipynb"), VALUE, 1, ("a",), ("A",), (), (), (), ())
    assert SHOWN in printed(progress.table([standing]))
    # Cells of the doctor's table wrap, at any position.
    finding = doctor.Finding("x", "ok", VALUE, VALUE)
    assert printed(doctor.table([finding])).count(SHOWN) == 2


def test_an_error_prints_its_values_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), clear_errors():
        raise WorkshopError(VALUE, VALUE)
    assert capsys.readouterr().err == f"Error: {SHOWN}\n  Fix: {SHOWN}\n"


# click itself prints an invalid argument in a box: the user has typed it in this terminal.
@pytest.mark.parametrize("words", [["VALUE"], ["lab", "--VALUE"], ["lab", "--upstream", "VALUE"]])
def test_a_wrong_word_is_named_as_it_is(words: list[str]) -> None:
    value = "[/v1] [bold] :smile: \U0001f600"
    result = call(cli.app, *(word.replace("VALUE", value) for word in words), COLUMNS="200", TERMINAL_WIDTH="200")
    assert result.exit_code == 2
    assert value in result.output


def test_a_terminal_that_lacks_a_character_gets_an_escape() -> None:
    # The progress table contains dots, and the line below it a tick.
    variables = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    program = [sys.executable, "-c", "from llamastack_workshop.start import workshop; workshop()", "progress"]
    run = subprocess.run(program, env=variables, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    assert "\\u25cb" in run.stdout
