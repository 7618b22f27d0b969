"""A full disk: the servers get nothing new, and finish what they are answering."""

import shutil
from pathlib import Path

import pytest

from llamastack_workshop.classroom import disk
from llamastack_workshop.classroom.replicas import Replica, Replicas


def test_servers_get_nothing_new_until_the_disk_has_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    place = disk.Disk(tmp_path, told.append)
    replica = Replica("server-1", lambda port, log: pytest.fail("it is not started"), tmp_path / "log")
    replicas = Replicas(
        [replica],
        "token",
        told.append,
        database_runs=lambda: True,
        has_room=place.has_room,
        database_answers=lambda: True,
        standing=lambda name: pytest.fail("nobody asks"),
    )
    assert replicas.state_of("server-1") == "down"
    replica.state = "up ready"
    assert (replicas.state_of("server-1"), told) == ("up ready", [])

    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setattr(disk, "_LEAST", 2 * free)
    assert [replicas.state_of("server-1") for _ in range(2)] == ["drain", "drain"]
    # It's enough to go on, and not to begin again.
    monkeypatch.setattr(disk, "_LEAST", 0.75 * free)
    assert replicas.state_of("server-1") == "drain"
    monkeypatch.setattr(disk, "_LEAST", 0)
    assert replicas.state_of("server-1") == "up ready"
    assert ["is full" in line for line in told] == [True, False]
