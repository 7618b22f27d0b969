"""Run commands in the process of the tests, where the process itself is not under test."""

import os
from unittest.mock import patch

from click.testing import Result
from typer import Typer
from typer.testing import CliRunner


def call(command: Typer, *arguments: str, text: str | bytes | None = None, **environment: str) -> Result:
    """Run a command with `text` as its standard input; its changes to the environment are undone afterwards."""
    with patch.dict(os.environ, environment):
        return CliRunner().invoke(command, arguments, input=text)
