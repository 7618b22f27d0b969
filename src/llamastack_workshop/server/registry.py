"""What a server keeps from one start to the next, looked through before it starts: databases, and models in them.

A provider that is switched off leaves its models in the registry: a server lists them, often first, and answers 400 to
whoever asks one of them. https://github.com/ogx-ai/ogx/issues/5786 tells of it.
"""

import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from llamastack_workshop.system.errors import WorkshopError

_VARIABLE = re.compile(r"\$\{env\.(\w+)(?::([=+])([^}]*))?\}")
_LOCK_TIMEOUT = 5  # seconds
_MODELS = "%distributions:registry:%::model:%"


def check_databases(run_yaml: Path, variables: Mapping[str, str]) -> None:
    """Raise WorkshopError if a SQLite file that the server of `run_yaml` stores in is damaged, or cannot be written to.

    The server itself would start with most of these, answer 200, and store nothing. `variables` are its environment.
    """
    for file in _sqlite_files(run_yaml, variables):
        try:
            with closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            found = str(error)
        if found != "ok":
            fix = "Stop what uses it" if "locked" in found else "Let this user write to it, or move it away"
            raise WorkshopError(
                f"What the server has stored cannot be used: {file}: {found}.",
                f"{fix}, and start again; a file that is missing is made anew, empty.",
            )


def _sqlite_files(run_yaml: Path, variables: Mapping[str, str]) -> list[Path]:
    """Return the SQLite files that there are already, as far as `run_yaml` has our shape."""
    try:
        backends = yaml.safe_load(run_yaml.read_text(encoding="utf-8"))["storage"]["backends"].values()
        named = [Path(resolved(one["db_path"], variables)) for one in backends if "sqlite" in one["type"]]
    except (KeyError, TypeError, AttributeError):
        # The server says what is wrong with it, if something is.
        return []
    return [file for file in dict.fromkeys(named) if file.exists()]


def forget_models(run_yaml: Path, variables: Mapping[str, str]) -> None:
    """Delete the models of providers that `run_yaml` does not switch on, from where its server keeps them.

    `variables` are the server's environment. Models stay where they are kept elsewhere than in a SQLite file.
    """
    configuration = yaml.safe_load(run_yaml.read_text(encoding="utf-8"))
    try:
        kept_in = configuration["storage"]["backends"][configuration["storage"]["stores"]["metadata"]["backend"]]
        file = Path(resolved(kept_in["db_path"], variables))
        providers = {resolved(one["provider_id"], variables) for one in configuration["providers"]["inference"]}
        is_ours = kept_in["type"] == "kv_sqlite" and file.is_file()
    except (KeyError, TypeError):
        # Another shape of file than ours: the server says what is wrong with it, if something is.
        return
    if not is_ours:
        return
    try:
        with closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT)) as connection, connection:
            rows = connection.execute("SELECT key, value FROM kvstore WHERE key LIKE ?", [_MODELS]).fetchall()
            stale = [(key,) for key, value in rows if json.loads(value).get("provider_id") not in providers]
            connection.executemany("DELETE FROM kvstore WHERE key = ?", stale)
    except (sqlite3.Error, ValueError, AttributeError):
        # A damaged or foreign file is the server's to judge.
        return


def resolved(value: Any, variables: Mapping[str, str]) -> str:
    """Return `value` as the server reads it, with `${env.NAME}` replaced, `:=default` and `:+value` included."""

    def replaced(match: re.Match[str]) -> str:
        name, operator, other = match.groups()
        if operator == "+":
            return other if variables.get(name) else ""
        return variables.get(name) or other or ""

    return _VARIABLE.sub(replaced, str(value))
