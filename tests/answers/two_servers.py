"""Answers to the exercises of chapter 26, Two servers."""

import atexit
import bisect
import functools
import hashlib
import itertools
import random
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import httpx

from answers import Answer
from llamastack_workshop.classroom.throwaway import ThrowawayPostgres, throwaway_postgres
from llamastack_workshop.exercises import two_servers as check


def number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


@functools.cache
def ring(servers: tuple[str, ...], points: int) -> list[tuple[int, str]]:
    return sorted((number(f"{server}/{point}"), server) for server in servers for point in range(points))


def on_a_ring(name: str, servers: list[str], points: int = 200) -> str:
    """Consistent hashing: the first point of a server after that of the name."""
    circle = ring(tuple(sorted(servers)), points)
    return circle[bisect.bisect(circle, (number(name), "")) % len(circle)][1]


def by_luck(name: str, servers: list[str]) -> str:
    """Each server draws a number for the name, with a generator that the two texts seed."""
    return min(servers, key=lambda server: random.Random(f"{name}@{server}").random())


class Router:
    def __call__(self, name: str, servers: list[str]) -> str:
        draws = {hashlib.md5(f"{server}|{name}".encode()).hexdigest(): server for server in servers}
        return draws[max(draws)]


def in_turn() -> Callable[[str, list[str]], str]:
    turns = itertools.count()
    return lambda name, servers: servers[next(turns) % len(servers)]


def stores_conversations(base_url: str, *, delete: bool = True, read: bool = True) -> bool:
    """Store a conversation, and read it back."""
    with httpx.Client(base_url=base_url, timeout=10) as client:
        made = client.post("/conversations", json={})
        if not made.is_success:
            return False
        place = f"/conversations/{made.json()['id']}"
        found = not read or client.get(place).status_code == 200
        return found and (not delete or client.delete(place).is_success)


def knows_no_prompt(base_url: str) -> bool:
    """Ask for a prompt that doesn't exist: a store that works says so."""
    return httpx.get(f"{base_url}/prompts/pmpt_{'0' * 48}", timeout=10).status_code == 400


def finds_no_conversation(base_url: str) -> bool:
    return httpx.get(f"{base_url}/conversations/conv_{'0' * 48}", timeout=10).status_code == 404


def stores_prompts(base_url: str) -> bool:
    with httpx.Client(base_url=base_url, timeout=10) as client:
        made = client.post("/prompts", json={"prompt": "Are you ready?"})
        if not made.is_success:
            return False
        place = f"/prompts/{made.json()['prompt_id']}"
        return client.get(place).is_success and client.delete(place).is_success


def healthy(base_url: str) -> bool:
    return httpx.get(f"{base_url}/health").json()["status"] == "OK"


def all_of(*probes: Callable[[str], bool]) -> Callable[[str], bool]:
    """Return a readiness check of several probes, for which a server that doesn't answer isn't ready."""

    def is_ready(base_url: str) -> bool:
        try:
            return all(probe(base_url) for probe in probes)
        except httpx.HTTPError:
            return False

    return is_ready


@functools.cache
def database() -> ThrowawayPostgres:
    """Return one database for all answers."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(throwaway_postgres())


def route(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.stable_routes, style, lambda server: [function], said)


def ready(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.readiness, style, lambda server: [function, database()], said)


RIGHT = [
    route("a ring with many points for each server", on_a_ring),
    route("drawn by seeded generators", by_luck),
    route("a class, by digests as text", Router()),
    ready("stores a conversation, and asks for a prompt", all_of(stores_conversations, knows_no_prompt)),
    ready("asks both stores for what isn't there", all_of(healthy, finds_no_conversation, knows_no_prompt)),
]

WRONG = [
    route("a blank", None, "there is no answer yet"),
    route("returns nothing", lambda name, servers: print(end=""), "returns None here, not one of the servers"),
    route("a position", lambda name, servers: number(name) % len(servers), "is not one of the servers"),
    route("always the first", lambda name, servers: min(servers), "of 500 names on 4 servers, gateway-1 gets 500"),
    route("by length", lambda name, servers: sorted(servers)[len(name) % len(servers)], "of 500 names on 4 servers"),
    route("at random", lambda name, servers: random.choice(servers), "the second time, the same name goes to another"),
    route("in turn", in_turn(), "the second time, the same name goes to another server"),
    route(
        "by place in the list",
        lambda name, servers: servers[zlib.crc32(name.encode()) % len(servers)],
        "with the servers in another order",
    ),
    route(
        "salted",
        lambda name, servers: max(servers, key=lambda server: hash(f"{name}/{server}")),
        "in another process, the same name goes to another server",
    ),
    route(
        "the rest of a division",
        lambda name, servers: sorted(servers)[number(name) % len(servers)],
        "names of the other servers move too",
    ),
    route(
        "a ring with a point for each server",
        functools.partial(on_a_ring, points=1),
        "of 500 names on 4 servers",
    ),
    # First, because `make test` tries it, and it needs no database.
    Answer(check.readiness, "a blank", lambda server: [None, None], "there is no answer yet"),
    ready("raises without a server", lambda base_url: httpx.get(base_url).is_success, "running your code raised Conn"),
    ready("always True", lambda base_url: True, "you return True, but no server listens at the address"),
    ready("always False", lambda base_url: False, "you return False, but the server stores prompts"),
    ready("health", all_of(healthy), "you return True, but the SQL store may not use its tables"),
    ready(
        "leaves conversations",
        all_of(functools.partial(stores_conversations, delete=False), knows_no_prompt),
        "a conversation is left in the database",
    ),
    ready("leaves prompts", all_of(stores_conversations, stores_prompts), "a prompt is left in the database"),
    ready("the key-value store alone", all_of(knows_no_prompt), "you return True, but the SQL store may not"),
    ready("the SQL store alone", all_of(stores_conversations), "you return True, but the database is back"),
    ready("a status", lambda base_url: 200, "should return True or False, not an int"),
]
