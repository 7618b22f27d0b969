"""A throw-away PostgreSQL with pgvector, to try out servers that share a database."""

import copy
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from llamastack_workshop.classroom import environment
from llamastack_workshop.classroom.environment import Environment
from llamastack_workshop.classroom.postgres import Cluster
from llamastack_workshop.system import files
from llamastack_workshop.system.errors import WorkshopError

_PLACE = {
    "host": "${env.POSTGRES_HOST}",
    "port": "${env.POSTGRES_PORT}",
    "db": "${env.POSTGRES_DB}",
    "user": "${env.POSTGRES_USER}",
    "password": "${env.POSTGRES_PASSWORD}",
}


class ThrowawayPostgres:
    """A database, or the reason why there is none: `error`, a sentence, is None if the database runs.

    `variables` are environment variables for throw-away servers whose configuration `on_postgres` returned.
    """

    def __init__(self, programs: Environment | None, cluster: Cluster | None, error: str | None = None) -> None:
        self._programs, self._cluster, self.error = programs, cluster, error
        self.variables: dict[str, str] = {}
        if programs and cluster:
            # Where servers find the drivers.
            self.variables = cluster.database.variables() | {"WORKSHOP_PACKAGES": str(programs.packages)}

    def start(self) -> None:
        """Start the database again, if it's stopped; raises WorkshopError if it doesn't start."""
        if not (self._cluster.process and self._cluster.process.running()):
            self._cluster.start()

    def stop(self) -> None:
        """Stop the database: its connections end, and new ones are refused."""
        self._cluster.stop()

    def query(self, statement: str) -> str:
        """Return the result of an SQL statement, one row a line, as the superuser; raises WorkshopError if it fails."""
        return self._cluster.query(statement)


@contextmanager
def throwaway_postgres() -> Iterator[ThrowawayPostgres]:
    """Run a PostgreSQL 16 with pgvector until the end of the block, or yield the reason why that's impossible here.

    It needs Linux, and is installed on first use. It listens on a free port of 127.0.0.1, its data is deleted with it,
    and it ends with this process, even if that is killed. Where we are root, it runs as another user.
    """
    with ExitStack() as cleanup:
        try:
            programs = environment.with_postgres(print)
            running = ThrowawayPostgres(programs, _started(programs, cleanup))
        except WorkshopError as error:
            running = ThrowawayPostgres(None, None, error.problem)
        yield running


def on_postgres(configuration: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of `configuration`, the content of a run.yaml, with its state and its vectors in PostgreSQL.

    The address of the database is in the variables of `ThrowawayPostgres`.
    """
    changed = copy.deepcopy(configuration)
    backends = changed["storage"]["backends"]
    backends["kv_default"] = {"type": "kv_postgres", **_PLACE}
    backends["sql_default"] = {"type": "sql_postgres", **_PLACE}
    persistence = {"namespace": "vector_io::pgvector", "backend": "kv_default"}
    pgvector = {
        "provider_id": "pgvector",
        "provider_type": "remote::pgvector",
        "config": {**_PLACE, "persistence": persistence},
    }
    changed["providers"]["vector_io"] = [pgvector]
    changed["vector_stores"]["default_provider_id"] = "pgvector"
    return changed


def _started(programs: Environment, cleanup: ExitStack) -> Cluster:
    """Return a cluster that runs until `cleanup`; raises WorkshopError if it doesn't start."""
    closed = files.closed_to_others(programs.folder) if os.geteuid() == 0 else None
    if closed:
        raise WorkshopError(
            f"PostgreSQL refuses to run as root, and nobody else may enter {closed}.",
            f"Run this as an ordinary user; or let others enter, if nothing there is secret: chmod o+x {closed}",
        )
    scratch = tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True)
    folder = Path(cleanup.enter_context(scratch))
    # As root, another user has to reach the data.
    folder.chmod(0o755)
    cluster = Cluster(programs, folder, folder / "log" / "postgres.log")
    cleanup.callback(cluster.stop)
    cluster.start()
    return cluster
