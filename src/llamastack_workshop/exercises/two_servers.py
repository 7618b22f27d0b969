"""Checks of chapter 26, Two servers."""

import builtins
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import httpx
import yaml

from llamastack_workshop.classroom.throwaway import ThrowawayPostgres, on_postgres
from llamastack_workshop.exercises.check import call, exercise, require, require_function
from llamastack_workshop.exercises.quick_check import QuickCheck
from llamastack_workshop.server import lines
from llamastack_workshop.server.throwaway import throwaway_server
from llamastack_workshop.system import ports

questions = QuickCheck(__name__)

_NAMES = [f"user-{number}" for number in range(496)] + ["ada@example.com", "Zoë", "", "李"]
_SERVERS = ["gateway-1", "gateway-2", "gateway-3", "gateway-4"]
# Of the fair share. By a good hash, a share of a quarter of 500 names is off by 8%, as a standard deviation.
_LEAST, _MOST = 0.5, 1.5

# The SQL store may no longer use its tables, while the key-value store may.
_SHUT = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE '%kvstore' LOOP
        EXECUTE format('REVOKE ALL ON public.%I FROM llamastack', name);
    END LOOP;
END $$"""
_OPEN = "GRANT ALL ON ALL TABLES IN SCHEMA public TO llamastack"
_ROWS = {
    "conversation": "SELECT count(*) FROM openai_conversations",
    "prompt": "SELECT count(*) FROM llamastack_kvstore WHERE key LIKE 'prompts:%'",
}


@exercise
def stable_routes(function: Callable[[str, list[str]], str]) -> str:
    """Check that `function(name, servers)` spreads names evenly, always in the same way, and moves as few as possible.

    `servers` is a list of the servers' names. Without one of them, only that one's names may move.
    """
    routes = _routes(function, _SERVERS)
    _require_even(routes, _SERVERS)
    again = _routes(function, _SERVERS, reversed(_NAMES))
    require(again == routes, "the second time, the same name goes to another server.")
    backwards = _SERVERS[::-1]
    require(
        _routes(function, backwards) == routes,
        "with the servers in another order, the same name goes to another server: choose by their names.",
    )
    with _in_another_process():
        require(
            _routes(function, _SERVERS) == routes,
            "in another process, the same name goes to another server, because Python salts `hash` of a text in each "
            "process: take one of `hashlib`.",
        )
    for gone in _SERVERS:
        left = [one for one in _SERVERS if one != gone]
        moved = _routes(function, left)
        needless = sum(moved[name] != server for name, server in routes.items() if server != gone)
        require(
            not needless,
            f"without {gone}, {needless} names of the other servers move too, and lose their vector stores.",
        )
        _require_even(moved, left)
    return "500 names, four servers: spread evenly, and without one of them, only its own names move"


@exercise
def readiness(function: Callable[[str], bool], postgres: ThrowawayPostgres) -> str:
    """Check that `function(base_url)` returns whether a server stores what it's given, and leaves nothing behind.

    It's tried with a server on the database `postgres`, which is stopped and started meanwhile.
    """
    nobody = f"http://{ports.HOST}:{ports.free_port()}/v1"
    _require_answer(function, nobody, False, "no server listens at the address")
    if postgres.error:
        return f"tried without a server only, because there is no database: {postgres.error}"
    run_yaml = yaml.safe_load(lines.started().file("run").read_text(encoding="utf-8"))
    postgres.start()
    try:
        with throwaway_server(on_postgres(run_yaml), postgres.variables) as server:
            address = server.base_url
            _try(function, address, postgres)
    finally:
        postgres.start()
        postgres.query(_OPEN)
    return (
        "you tell five cases apart: no server, a server that stores, the SQL half broken, the key-value half broken, "
        "and no database"
    )


def _try(function: Callable[[str], bool], address: str, postgres: ThrowawayPostgres) -> None:
    # A server creates its tables when it first needs one.
    httpx.get(f"{address}/conversations/conv_{'0' * 48}", timeout=60)
    before = {what: postgres.query(rows) for what, rows in _ROWS.items()}
    _require_answer(function, address, True, "the server stores prompts and conversations")
    for what, rows in _ROWS.items():
        hint = "delete it" if what == "conversation" else "deleting it changes nothing, so ask for one that isn't there"
        require(postgres.query(rows) == before[what], f"each time, a {what} is left in the database: {hint}.")
    postgres.query(_SHUT)
    why = "the SQL store may not use its tables: try it with a conversation"
    _require_answer(function, address, False, why)
    postgres.query(_OPEN)
    _require_answer(function, address, True, "the SQL store may use its tables again")
    postgres.stop()
    _require_answer(function, address, False, "the database is stopped; `/v1/health` says OK all the same")
    postgres.start()
    why = "the database is back, and the key-value store hasn't reconnected: try it with a prompt"
    _require_answer(function, address, False, why)


def _require_answer(function: Callable[[str], bool], address: str, wanted: bool, why: str) -> None:
    answer = call(function, address, kind=bool, wanted="True or False")
    require(answer == wanted, f"you return {answer}, but {why}.")


def _routes(
    function: Callable[[str, list[str]], str], servers: list[str], names: Iterable[str] = _NAMES
) -> dict[str, str]:
    require_function(function)
    routes = {name: call(function, name, [*servers], wanted="one of the servers") for name in names}
    strange = next((route for route in routes.values() if route not in servers), None)
    require(strange is None, f"you return {strange!r}, which is not one of the servers.")
    return routes


def _require_even(routes: dict[str, str], servers: list[str]) -> None:
    share = len(routes) / len(servers)
    counted = Counter(routes.values())
    for server in servers:
        require(
            _LEAST * share <= counted[server] <= _MOST * share,
            f"of {len(routes)} names on {len(servers)} servers, {server} gets {counted[server]}.",
        )


@contextmanager
def _in_another_process() -> Iterator[None]:
    """Let `hash` give the values of another process in the block, in which our notebook's functions don't exist."""
    ours = builtins.hash
    builtins.hash = lambda value: ours(("another process", value))
    try:
        yield
    finally:
        builtins.hash = ours
