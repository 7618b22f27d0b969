"""Check that a gateway can store what it is given: the probes of its pod, where /v1/health is always OK.

    python check_stores.py wait     returns once the database accepts connections
    python check_stores.py ready    fails unless the gateway's stores answer, and the database keeps a row
    python check_stores.py live     fails if only a restart of the gateway helps

It runs in the gateway's container, with the gateway's variables POSTGRES_… and those of libpq. A failure is one line on
standard error, and the exit status 1.
"""

import os
import sys
import time
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from typing import Any

import psutil
import psycopg2

_TIMEOUT = 4  # seconds; the probes' own is 10
# The stores have to look for these. Neither exists.
_KV_QUESTION = "/v1/prompts/pmpt_" + "0" * 48
_SQL_QUESTION = "/v1/conversations/conv_" + "0" * 48


class Broken(Exception):
    """Why the check fails."""


def main(mode: str, *, port: int = 8321, gateway: int = 1) -> None:
    """Run the check `mode` on the gateway with the process id `gateway`, which listens on 127.0.0.1:`port`."""
    if mode == "wait":
        wait()
    elif mode == "ready":
        ready(port, gateway)
    elif mode == "live":
        live(port, gateway)
    else:
        raise Broken(f"unknown check: {mode}")


def wait() -> None:
    """Return once the database accepts connections."""
    while True:
        try:
            return _database().close()
        except Broken:
            time.sleep(1)


def ready(port: int, gateway: int) -> None:
    """Raise Broken unless the gateway can store: 0.6.1 answers 200 and stores nothing while the database is down."""
    if (status := _status(port, "/v1/health")) != 200:
        raise Broken(f"/v1/health answers {status}")
    with closing(_database()) as database:
        _require_kept_row(database)
        _require_connections(database, port, gateway)
    if (status := _status(port, _SQL_QUESTION)) >= 500:
        raise Broken(f"the SQL store answers {status}")


def live(port: int, gateway: int) -> None:
    """Raise Broken if a restart would help: the gateway does not answer, or its connections are of the past."""
    _status(port, "/v1/health")
    try:
        database = _database()
    except Broken:
        # Without a database, a restart would only end the requests that are running.
        return
    with closing(database):
        _require_connections(database, port, gateway)


def _require_connections(database: Any, port: int, gateway: int) -> None:
    """Raise Broken if the gateway's key-value connections are dead: it opens them once, when it starts."""
    # A gateway that requires a token answers 401 instead. Then this is what the clocks say, each for itself.
    gateway_age = time.time() - psutil.Process(gateway).create_time()
    (database_age,) = _row(database, "SELECT extract(epoch FROM clock_timestamp() - pg_postmaster_start_time())")
    if database_age < gateway_age:
        raise Broken("the database has been restarted since the gateway started")
    if (status := _status(port, _KV_QUESTION)) >= 500:
        raise Broken(f"the key-value store answers {status}")


def _require_kept_row(database: Any) -> None:
    """Raise Broken if the database does not keep a row: it can be full, or a standby."""
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS gateway_canary (pod text PRIMARY KEY, at double precision)")
        written = time.time()
        cursor.execute(
            "INSERT INTO gateway_canary VALUES (%s, %s) ON CONFLICT (pod) DO UPDATE SET at = excluded.at",
            (os.uname().nodename, written),
        )
    if _row(database, "SELECT at FROM gateway_canary WHERE pod = %s", os.uname().nodename) != (written,):
        raise Broken("the database has not kept a row")


def _database() -> Any:
    given = os.environ
    try:
        connection = psycopg2.connect(
            host=given["POSTGRES_HOST"],
            port=given.get("POSTGRES_PORT", "5432"),
            dbname=given.get("POSTGRES_DB", "llamastack"),
            user=given.get("POSTGRES_USER", "llamastack"),
            password=given["POSTGRES_PASSWORD"],
            connect_timeout=_TIMEOUT,
            options=f"-c statement_timeout={_TIMEOUT}s",
        )
    except psycopg2.Error as error:
        raise Broken(f"the database does not answer: {error}") from error
    connection.autocommit = True
    return connection


def _row(database: Any, query: str, *values: str) -> tuple[Any, ...] | None:
    with database.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()


def _status(port: int, path: str) -> int:
    """Return the status with which the gateway answers; raise Broken if it does not answer."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)) as connection:
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, HTTPException) as error:
            raise Broken(f"{path} does not answer: {error}") from error


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except (Broken, psycopg2.Error) as error:
        print(str(error).strip(), file=sys.stderr)
        sys.exit(1)
