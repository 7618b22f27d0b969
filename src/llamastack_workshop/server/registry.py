"""The registry of models that a server keeps from one start to the next.

A provider that is switched off leaves its models in it: a server lists them, often first, and answers 400 to whoever
asks one of them. https://github.com/ogx-ai/ogx/issues/5786 tells of it.
"""

import json
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$\{env\.(\w+)(?::([=+])([^}]*))?\}")
_MODELS = "%distributions:registry:%::model:%"


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
        with closing(sqlite3.connect(file, timeout=5)) as connection, connection:
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
