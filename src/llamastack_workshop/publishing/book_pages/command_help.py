"""The reference of the commands: the --help of each, as Markdown."""

import re
import tomllib
from pkgutil import resolve_name

import typer
from typer.cli import get_docs_for_click
from typer.core import TyperGroup

from llamastack_workshop.publishing.book_pages.markdown import options_as_code
from llamastack_workshop.system import paths

_ENTRY = re.compile(r"^\* (`[^`]+`)(?:: (.*))?\n", re.MULTILINE)
# Every command has this option; if it is the only one, the title of the list is removed, too.
_HELP = re.compile(r"(\*\*Options\*\*:\n\n)?\* `--help`: .*\n(?(1)\n)")


def programs() -> dict[str, typer.Typer]:
    """Return the app of each program that pyproject.toml installs, by the program's name."""
    scripts = tomllib.loads((paths.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    return {name: resolve_name(place).typer_app() for name, place in scripts.items()}


def command_help() -> str:
    """Return a section for each program, with a subsection for each of its commands, if it has any."""
    return "\n".join(_program(name, app) for name, app in programs().items())


def _program(name: str, app: typer.Typer) -> str:
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name=name)
    if not isinstance(command, TyperGroup):
        return _readable(get_docs_for_click(obj=command, ctx=context, name=name, indent=1))
    commands = [command.get_command(context, known) for known in command.list_commands(context)]
    sections = [
        get_docs_for_click(obj=each, ctx=context, call_prefix=name, indent=2) for each in commands if not each.hidden
    ]
    return _readable("\n".join([f"## `{name}`\n\n{command.help}\n", *sections]))


def _readable(docs: str) -> str:
    """Return Typer's Markdown with lists of options as definition lists, and options in prose as code."""
    docs = _ENTRY.sub(lambda entry: f"{entry[1]}\n: {entry[2] or 'No description.'}\n\n", _HELP.sub("", docs))
    return options_as_code(docs)
