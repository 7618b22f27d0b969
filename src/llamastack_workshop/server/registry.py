"""Checks of a server's persistent state before it starts: its databases, and the models registered in them.

A provider that has been switched off leaves its models in the registry: the server lists them, often first, and
returns 400 for requests to them (https://github.com/ogx-ai/ogx/issues/5786).
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
    """Raise WorkshopError if a SQLite file of the server of `run_yaml` is damaged or not writable.

    With most of these, the server itself would start, return 200, and store nothing. `variables` are its environment.
    """
    for file in _sqlite_files(run_yaml, variables):
        try:
            with closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.Error as error:
            found = str(error)
        if found != "ok":
            fix = "Stop the program that uses it" if "locked" in found else "Make it writable, or move it away"
            raise WorkshopError(
                f"The server's database cannot be used: {file}: {found}.",
                f"{fix}, and start again; a missing database is created, empty.",
            )


def _sqlite_files(run_yaml: Path, variables: Mapping[str, str]) -> list[Path]:
    """Return the SQLite files of `run_yaml` that exist; none if its structure differs from ours."""
    try:
        backends = yaml.safe_load(run_yaml.read_text(encoding="utf-8"))["storage"]["backends"].values()
        named = [Path(resolved(one["db_path"], variables)) for one in backends if "sqlite" in one["type"]]
    except (KeyError, TypeError, AttributeError):
        # If something is wrong with the file, the server reports it.
        return []
    return [file for file in dict.fromkeys(named) if file.exists()]


def forget_models(run_yaml: Path, variables: Mapping[str, str]) -> None:
    """Delete the models of providers that `run_yaml` does not switch on from its server's registry.

    `variables` are the server's environment. A registry that is not a SQLite file stays as it is.
    """
    configuration = yaml.safe_load(run_yaml.read_text(encoding="utf-8"))
    try:
        kept_in = configuration["storage"]["backends"][configuration["storage"]["stores"]["metadata"]["backend"]]
        file = Path(resolved(kept_in["db_path"], variables))
        providers = {resolved(one["provider_id"], variables) for one in configuration["providers"]["inference"]}
        is_ours = kept_in["type"] == "kv_sqlite" and file.is_file()
    except (KeyError, TypeError):
        # The structure differs from ours: if something is wrong with the file, the server reports it.
        return
    if not is_ours:
        return
    try:
        with closing(sqlite3.connect(file, timeout=_LOCK_TIMEOUT)) as connection, connection:
            rows = connection.execute("SELECT key, value FROM kvstore WHERE key LIKE ?", [_MODELS]).fetchall()
            stale = [(key,) for key, value in rows if json.loads(value).get("provider_id") not in providers]
            connection.executemany("DELETE FROM kvstore WHERE key = ?", stale)
    except (sqlite3.Error, ValueError, AttributeError):
        # Leave a damaged or foreign file to the server.
        return


def resolved(value: Any, variables: Mapping[str, str]) -> str:
    """Return `value` with each `${env.NAME}`, `${env.NAME:=default}` and `${env.NAME:+value}` replaced."""

    def replaced(match: re.Match[str]) -> str:
        name, operator, other = match.groups()
        if operator == "+":
            return other if variables.get(name) else ""
        return variables.get(name) or other or ""

    return _VARIABLE.sub(replaced, str(value))
