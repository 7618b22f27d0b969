"""Databases that a server can't use: the start fails with a message, before the server answers 200 in vain."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from llamastack_workshop.server import registry
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import WorkshopError


def cut_short(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE t (a TEXT)")
        connection.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,) for _ in range(20)])
    file.write_bytes(file.read_bytes()[:20_000])


@pytest.mark.parametrize("name", ["kv.db", "sql.db"])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda file: file.write_bytes(os.urandom(9000)), "file is not a database"),
        (lambda file: file.write_text("mine"), "file is not a database"),
        (lambda file: file.mkdir(), "unable to open database file"),
        (cut_short, ""),
    ],
    ids=["noise", "text", "folder", "cut short"],
)
def test_a_damaged_database_is_named(name: str, damage: Callable, reason: str, tmp_path: Path) -> None:
    damage(tmp_path / name)
    with pytest.raises(WorkshopError) as caught:
        registry.check_databases(paths.RUN_YAML, {"WORKSHOP_STATE": str(tmp_path)})
    assert f"{tmp_path / name}: {reason}" in caught.value.problem
    assert "move it away" in caught.value.fix


def test_a_database_that_somebody_else_writes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_LOCK_TIMEOUT", 0.1)
    with closing(sqlite3.connect(tmp_path / "sql.db")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(WorkshopError, match="database is locked") as caught:
            registry.check_databases(paths.RUN_YAML, {"WORKSHOP_STATE": str(tmp_path)})
    assert caught.value.fix.startswith("Stop the program that uses it")


def test_databases_that_are_whole_empty_or_missing_will_do(tmp_path: Path) -> None:
    registry.check_databases(paths.RUN_YAML, {"WORKSHOP_STATE": str(tmp_path)})
    (tmp_path / "kv.db").touch()
    with closing(sqlite3.connect(tmp_path / "sql.db")) as connection:
        connection.execute("CREATE TABLE t (a TEXT)")
    registry.check_databases(paths.RUN_YAML, {"WORKSHOP_STATE": str(tmp_path)})
    for unknown in ("{}", "storage: [1]", "storage: {backends: {a: 3}}", "storage: {backends: {a: {type: sqlite}}}"):
        (tmp_path / "run.yaml").write_text(unknown)
        registry.check_databases(tmp_path / "run.yaml", {})
