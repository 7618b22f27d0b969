"""Probes of vector stores, their files and batches: each parameter with a size or value other than the default."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from findings import (
    FAILS,
    IGNORED,
    IMPLEMENTED,
    NOT_PROBED,
    PARTLY,
    REFUSED,
    Finding,
    Probe,
    answers,
    effect,
    outcome,
    refusal,
    yes,
)
from list_probes import Listing, lists, next_second
from responses_live import Json, Live
from tables import probes

MANY = 24
SMALL_CHUNKS: Json = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
LONG_TEXT = " ".join(f"Sentence {number} says that the gate is blue." for number in range(70))
QUESTION = "When does the harbour open?"

METHODS: dict[str, Probe] = {}
OWN: dict[str, Probe] = {}
FILTERS: dict[str, Probe] = {}
RANKING: dict[str, Probe] = {}
CHUNKING: dict[str, Probe] = {}
TYPES: dict[str, Probe] = {}


def uploaded(live: Live, name: str = "gate.txt", content: str | bytes = "The gate is blue.") -> str:
    """Return the id of a new file."""
    reply = live.http.post("/files", files={"file": (name, content)}, data={"purpose": "assistants"})
    return reply.raise_for_status().json()["id"]


def new_store(live: Live, **fields: Any) -> Json:
    return live.http.post("/vector_stores", json=fields).raise_for_status().json()


def attached(live: Live, store: str, file: str, **fields: Any) -> Json:
    """Add a file to a store, and return the server's answer."""
    return live.http.post(f"/vector_stores/{store}/files", json={"file_id": file, **fields}).raise_for_status().json()


def chunks(live: Live, store: str, file: str) -> int:
    return len(live.http.get(f"/vector_stores/{store}/files/{file}/content").raise_for_status().json()["data"])


def search(live: Live, store: str, **fields: Any) -> httpx.Response:
    return live.http.post(f"/vector_stores/{store}/search", json={"query": QUESTION, **fields})


def hits(reply: httpx.Response) -> list[Json]:
    return reply.raise_for_status().json()["data"]


def names(reply: httpx.Response) -> list[str]:
    return [hit["filename"] for hit in hits(reply)]


@dataclass(frozen=True, eq=False)
class Shelf:
    """A store with more files than fit on a page, each with attributes, in order of creation."""

    store: str
    files: list[str]


@cache
def shelf(live: Live) -> Shelf:
    """Return a store with the files 0 to MANY: `number` counts them, `kind` is a word, only the first has `rare`."""
    kinds = ("harbour", "lighthouse", "laptop")
    store, files = new_store(live)["id"], []
    for number in range(MANY + 1):
        if number == MANY:
            next_second()
        kind = kinds[number % len(kinds)]
        files.append(uploaded(live, f"{number}.txt", f"The {kind} number {number} opens at {number} o'clock."))
        rare = {"rare": "yes"} if number == 0 else {}
        added = attached(live, store, files[-1], attributes={"number": number, "kind": kind, **rare})
        assert added["status"] == "completed", added
    return Shelf(store, files)


@cache
def stores(live: Live) -> list[str]:
    made = [new_store(live, name=f"store {number}")["id"] for number in range(MANY)]
    next_second()
    return [*made, new_store(live, name="the last store")["id"]]


@cache
def batch(live: Live) -> tuple[str, str, list[str]]:
    """Return a store, the id of a finished batch in it, and its files: MANY readable ones, and one that fails."""
    store = new_store(live)["id"]
    files = [uploaded(live, f"{number}.txt", f"Gate {number} is blue.") for number in range(MANY)]
    files.append(uploaded(live, "gate.json", "{}"))
    made = live.http.post(f"/vector_stores/{store}/file_batches", json={"file_ids": files}).raise_for_status().json()
    _finished(live, store, made["id"])
    return store, made["id"], files


def _finished(live: Live, store: str, id_: str) -> Json:
    for _ in range(600):
        found = live.http.get(f"/vector_stores/{store}/file_batches/{id_}").raise_for_status().json()
        if found["status"] != "in_progress":
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{id_} is still in progress")


def _batch_call(live: Live) -> Callable[..., Any]:
    store, id_, _ = batch(live)
    call = live.client.vector_stores.file_batches.list_files
    return lambda **query: call(id_, vector_store_id=store, **query)


def _all_stores(live: Live) -> Listing:
    return Listing(live.client.vector_stores.list, stores(live))


def _files(live: Live) -> Listing:
    own = shelf(live)
    return Listing(lambda **query: live.client.vector_stores.files.list(own.store, **query), own.files)


def _batch_files(live: Live) -> Listing:
    return Listing(_batch_call(live), batch(live)[2])


METHODS |= lists("vector_stores.list", _all_stores, "after", "before", "limit", "order")
METHODS |= lists("vector_stores.files.list", _files, "after", "before", "limit", "order")
METHODS |= lists("vector_stores.file_batches.list_files", _batch_files, "after", "before", "limit")


@probes(METHODS, "vector_stores.file_batches.list_files(order)")
def batch_files_order(live: Live) -> Finding:
    reply = _batch_call(live)(order="sideways")
    return Finding(NOT_PROBED, f"the files of a batch come at once; `sideways`: 200, {len(reply.data)} files")


@probes(METHODS, "vector_stores.file_batches.list_files(filter)")
def batch_files_filter(live: Live) -> Finding:
    failed, done = (_batch_files(live).found(filter=status, limit=100) for status in ("failed", "completed"))
    return effect((len(failed), len(done)) == (1, MANY), f"1 `failed`, {MANY} `completed`")


@probes(METHODS, "vector_stores.files.list(filter)")
def files_filter(live: Live) -> Finding:
    store = new_store(live)["id"]
    read, unread = uploaded(live), uploaded(live, "gate.json", "{}")
    attached(live, store, read)
    attached(live, store, unread)
    call = live.client.vector_stores.files.list
    found = [[one.id for one in call(store, filter=status).data] for status in ("completed", "failed")]
    return effect(found == [[read], [unread]], "by `completed` and by `failed`")


# Stores


@probes(METHODS, "vector_stores.create")
def create(live: Live) -> Finding:
    return effect(new_store(live)["status"] == "completed", "status `completed`")


@probes(METHODS, "vector_stores.create(name)")
def create_name(live: Live) -> Finding:
    return effect(new_store(live, name="gates")["name"] == "gates", "comes back; two stores may share one")


@probes(METHODS, "vector_stores.create(metadata)")
def create_metadata(live: Live) -> Finding:
    kept = new_store(live, metadata={"topic": "gates"})["metadata"]
    own = ", ".join(f"`{key}`" for key in sorted(set(kept) - {"topic"}))
    return Finding(PARTLY if own else IMPLEMENTED, f"comes back, and with it the server's own {own}")


@probes(METHODS, "vector_stores.create(description)")
def create_description(live: Live) -> Finding:
    made = new_store(live, description="All the gates")
    again = live.http.get(f"/vector_stores/{made['id']}").json()
    return effect("description" in again, "comes back")


@probes(METHODS, "vector_stores.create(expires_after)")
def create_expires_after(live: Live) -> Finding:
    made = new_store(live, expires_after={"anchor": "last_active_at", "days": 1})
    nonsense = live.http.post("/vector_stores", json={"expires_after": {"anchor": "never", "days": -4}})
    said = f"echoed: {yes(made['expires_after'])}; `expires_at` set: {yes(made['expires_at'])}"
    return Finding(IMPLEMENTED if made["expires_at"] else IGNORED, f"{said}; minus four days: {outcome(nonsense)}")


@probes(METHODS, "vector_stores.create(file_ids)")
def create_file_ids(live: Live) -> Finding:
    made = new_store(live, file_ids=[uploaded(live), "file-none"])
    counts = made["file_counts"]
    added = counts["completed"] == 1
    said = f"the file is in the store: {yes(added)}; an id that is none: 200, `failed`: {counts['failed']}"
    return Finding(IMPLEMENTED if added else IGNORED, said)


@probes(METHODS, "vector_stores.create(chunking_strategy)")
def create_chunking(live: Live) -> Finding:
    file = uploaded(live, "long.txt", LONG_TEXT)
    made = new_store(live, chunking_strategy=SMALL_CHUNKS)["id"]
    later = attached(live, made, file)["chunking_strategy"].get("static", {}).get("max_chunk_size_tokens")
    with_files = new_store(live, chunking_strategy=SMALL_CHUNKS, file_ids=[file])["id"]
    at_once = live.http.get(f"/vector_stores/{with_files}/files/{file}").json()["chunking_strategy"]["type"]
    said = f"with chunks of 100 tokens, a file added later gets {later}, and one of `file_ids` gets `{at_once}`"
    return Finding(IMPLEMENTED if later == 100 and at_once == "static" else IGNORED, said)


@probes(METHODS, "vector_stores.retrieve")
def retrieve(live: Live) -> Finding:
    store = new_store(live)["id"]
    attached(live, store, uploaded(live))
    found = live.http.get(f"/vector_stores/{store}").json()
    unknown = live.http.get("/vector_stores/vs_none")
    said = (
        f"`file_counts` is right: {yes(found['file_counts']['completed'] == 1)}; `usage_bytes`: {found['usage_bytes']}"
    )
    return Finding(PARTLY if not found["usage_bytes"] else IMPLEMENTED, f"{said}; unknown: {outcome(unknown)}")


@probes(METHODS, "vector_stores.delete")
def delete(live: Live) -> Finding:
    store = new_store(live)["id"]
    deleted = live.http.delete(f"/vector_stores/{store}").json()["deleted"]
    gone = live.http.get(f"/vector_stores/{store}")
    again = live.http.delete(f"/vector_stores/{store}")
    said = f"retrieve afterwards {outcome(gone)}; deleting it again {again.status_code}"
    return Finding(IMPLEMENTED if deleted and gone.status_code in (400, 404) else IGNORED, said)


@probes(METHODS, "vector_stores.list")
def list_(live: Live) -> Finding:
    return effect(
        stores(live)[-1] in {one.id for one in live.client.vector_stores.list().data}, "the new store is listed"
    )


@probes(METHODS, "vector_stores.update")
def update(live: Live) -> Finding:
    return update_name(live)


@probes(METHODS, "vector_stores.update(name)")
def update_name(live: Live) -> Finding:
    store = new_store(live, name="gates")["id"]
    live.http.post(f"/vector_stores/{store}", json={"name": "doors"}).raise_for_status()
    return effect(live.http.get(f"/vector_stores/{store}").json()["name"] == "doors", "the name changes")


@probes(METHODS, "vector_stores.update(metadata)")
def update_metadata(live: Live) -> Finding:
    store = new_store(live)["id"]
    live.http.post(f"/vector_stores/{store}", json={"metadata": {"topic": "gates"}}).raise_for_status()
    changed = live.http.get(f"/vector_stores/{store}").json()["metadata"] == {"topic": "gates"}
    added = attached(live, store, uploaded(live))
    reason = (added["last_error"] or {}).get("message", "").replace(store, "vs_…")
    verdict = IMPLEMENTED if added["status"] == "completed" else PARTLY
    return Finding(
        verdict if changed else IGNORED, f"it changes; a file added afterwards is {added['status']}: {reason}"
    )


@probes(METHODS, "vector_stores.update(expires_after)")
def update_expires_after(live: Live) -> Finding:
    store = new_store(live)["id"]
    body = {"expires_after": {"anchor": "last_active_at", "days": 1}}
    changed = live.http.post(f"/vector_stores/{store}", json=body).raise_for_status().json()
    said = f"echoed: {yes(changed['expires_after'])}; `expires_at` set: {yes(changed['expires_at'])}"
    return Finding(IMPLEMENTED if changed["expires_at"] else IGNORED, said)


# Search


@probes(METHODS, "vector_stores.search")
def search_(live: Live) -> Finding:
    store = new_store(live)["id"]
    attached(live, store, uploaded(live, "same.txt", QUESTION))
    attached(live, store, uploaded(live, "other.txt", "The harbour opens at seven."))
    found = hits(search(live, store))
    scores = [hit["score"] for hit in found]
    said = f"best first: {yes(found[0]['filename'] == 'same.txt')}; the score of a text equal to the query: {scores[0]}"
    unknown = search(live, "vs_none")
    return Finding(IMPLEMENTED if scores[0] is not None else PARTLY, f"{said}; unknown store: {outcome(unknown)}")


@probes(METHODS, "vector_stores.search(query)")
def search_query(live: Live) -> Finding:
    store = shelf(live).store
    first = names(search(live, store, query="The laptop number 5"))[0]
    other = names(search(live, store, query=["The laptop", "number 8"]))[0]
    empty = search(live, store, query="")
    nothing = f"{outcome(empty)}, {len(hits(empty))} hits"
    said = f"a string: {first}; a list, joined to one query: {other}; an empty one: {nothing}"
    return Finding(IMPLEMENTED if (first, other) == ("5.txt", "8.txt") else PARTLY, said)


@probes(METHODS, "vector_stores.search(max_num_results)")
def search_max(live: Live) -> Finding:
    store = shelf(live).store
    found = {number: len(names(search(live, store, max_num_results=number))) for number in (3, MANY, 0, 51, -1)}
    more = search(live, store, max_num_results=3).json()
    said = "; ".join(f"{number}: {count} hits" for number, count in found.items())
    right = found[3] == 3 and found[MANY] == MANY
    paged = yes(more["has_more"] or more["next_page"])
    return Finding(
        (PARTLY if paged == "no" else IMPLEMENTED) if right else IGNORED, f"{said}; says that there are more: {paged}"
    )


@probes(METHODS, "vector_stores.search(rewrite_query)")
def search_rewrite(live: Live) -> Finding:
    reply = search(live, shelf(live).store, rewrite_query=True)
    return refusal(reply) or Finding(NOT_PROBED, outcome(reply))


@probes(METHODS, "vector_stores.search(filters)")
def search_filters(live: Live) -> Finding:
    found = _filtered(live, {"type": "eq", "key": "kind", "value": "laptop"})
    return effect(found == MANY // 3, "only files with the attribute; types and values below")


@probes(METHODS, "vector_stores.search(ranking_options)")
def search_ranking(live: Live) -> Finding:
    threshold, ranker = RANKING["score_threshold"](live), RANKING["ranker"](live)
    kept = [name for name, one in (("score_threshold", threshold), ("ranker", ranker)) if one.verdict == IMPLEMENTED]
    return Finding(PARTLY if len(kept) == 1 else IMPLEMENTED if kept else IGNORED, f"of its keys: {', '.join(kept)}")


def _filtered(live: Live, filters: Any) -> int:
    return len(hits(search(live, shelf(live).store, filters=filters, max_num_results=50)))


def _numbers(live: Live, type_: str, key: str, value: Any) -> int:
    return _filtered(live, {"type": type_, "key": key, "value": value})


def _compares(type_: str, value: int, wanted: int, *, other: tuple[Any, str]) -> Probe:
    """Return a probe of a comparison that should match `wanted` files. `other`: a value of another type, its name."""

    def probe(live: Live) -> Finding:
        found = _numbers(live, type_, "number", value)
        strange = _numbers(live, type_, "number", other[0])
        return effect(found == wanted, f"`number` {type_} {value}: {found} of {MANY + 1}; {other[1]}: {strange}")

    return probe


FILTERS |= {
    "eq": _compares("eq", 3, 1, other=("3", 'the string "3"')),
    "ne": _compares("ne", 3, MANY, other=("3", 'the string "3"')),
    "gt": _compares("gt", 20, 4, other=("20", 'the string "20"')),
    "gte": _compares("gte", 20, 5, other=("20", 'the string "20"')),
    "lt": _compares("lt", 3, 3, other=("3", 'the string "3"')),
    "lte": _compares("lte", 3, 4, other=("3", 'the string "3"')),
}


@probes(FILTERS, "in")
def filter_in(live: Live) -> Finding:
    found = _numbers(live, "in", "number", [1, 2])
    return effect(
        found == 2, f"`number` in [1, 2]: {found}; a value that is no list: {_numbers(live, 'in', 'kind', 'laptop')}"
    )


@probes(FILTERS, "nin")
def filter_nin(live: Live) -> Finding:
    found = _numbers(live, "nin", "number", [1, 2])
    return effect(found == MANY - 1, f"`number` not in [1, 2]: {found} of {MANY + 1}")


@probes(FILTERS, "and")
def filter_and(live: Live) -> Finding:
    both = [{"type": "eq", "key": "kind", "value": "laptop"}, {"type": "lt", "key": "number", "value": 6}]
    found = _filtered(live, {"type": "and", "filters": both})
    return effect(
        found == 2, f"two conditions: {found}; an empty list of them: {_filtered(live, {'type': 'and', 'filters': []})}"
    )


@probes(FILTERS, "or")
def filter_or(live: Live) -> Finding:
    either = [{"type": "eq", "key": "number", "value": 1}, {"type": "eq", "key": "number", "value": 2}]
    nested = {"type": "and", "filters": [{"type": "or", "filters": either}, either[0]]}
    found, deep = _filtered(live, {"type": "or", "filters": either}), _filtered(live, nested)
    return effect((found, deep) == (2, 1), f"two conditions: {found}; inside an `and`: {deep}")


@probes(FILTERS, "(an attribute that only one file has, `ne` and `nin`)")
def filter_missing(live: Live) -> Finding:
    ne, nin = _numbers(live, "ne", "rare", "yes"), _numbers(live, "nin", "rare", ["yes"])
    return Finding(
        PARTLY, f"files without the attribute do not count as different: {ne} and {nin} of {MANY} that lack it"
    )


@probes(FILTERS, "(a type that is none, `like`)")
def filter_unknown(live: Live) -> Finding:
    reply = search(live, shelf(live).store, filters={"type": "like", "key": "kind", "value": "lap"})
    return refusal(reply) or Finding(IGNORED, f"200, and {len(hits(reply))} hits")


@probes(FILTERS, "(an attribute that no file has)")
def filter_no_attribute(live: Live) -> Finding:
    return Finding(IMPLEMENTED, f"200, and {_numbers(live, 'eq', 'colour', 'red')} hits")


@probes(FILTERS, "(the file's name, `filename`)")
def filter_filename(live: Live) -> Finding:
    return effect(_numbers(live, "eq", "filename", "3.txt") == 1, "the server's own attributes can be filtered by")


@probes(RANKING, "score_threshold")
def score_threshold(live: Live) -> Finding:
    scores = [hit["score"] for hit in hits(search(live, shelf(live).store))]
    border = (scores[2] + scores[3]) / 2
    kept = len(hits(search(live, shelf(live).store, ranking_options={"score_threshold": border})))
    return effect(kept == 3, "leaves the hits above it; scores are above 1 as well")


@probes(RANKING, "ranker")
def ranker(live: Live) -> Finding:
    plain = names(search(live, shelf(live).store))
    found = {
        name: search(live, shelf(live).store, ranking_options={"ranker": name})
        for name in ("none", "auto", "default-2024-11-15", "weighted", "no such ranker", "neural")
    }
    empty = [name for name, reply in found.items() if not names(reply)]
    same = [name for name, reply in found.items() if names(reply) == plain]
    assert {*empty, *same} == set(found), "a ranker has an effect"
    said = f"{len(found)} rankers, one of them invented: all 200; none finds anything else, {', '.join(empty)} nothing"
    return Finding(IGNORED, said)


@probes(RANKING, "(`hybrid_search`, which the tool `file_search` takes)")
def hybrid_search(live: Live) -> Finding:
    weights = {"embedding_weight": 0, "text_weight": 1}
    reply = search(live, shelf(live).store, ranking_options={"hybrid_search": weights})
    same = names(reply) == names(search(live, shelf(live).store))
    return refusal(reply) or Finding(IGNORED if same else NOT_PROBED, f"the hits are those without it: {yes(same)}")


# Files in a store


def _strategy(strategy: Json | None) -> Callable[[Live], tuple[Json, int]]:
    def added(live: Live) -> tuple[Json, int]:
        store, file = new_store(live)["id"], uploaded(live, "long.txt", LONG_TEXT)
        fields = {"chunking_strategy": strategy} if strategy else {}
        reply = live.http.post(f"/vector_stores/{store}/files", json={"file_id": file, **fields})
        if reply.status_code != 200:
            return {"status": outcome(reply), "last_error": None}, 0
        return reply.json(), chunks(live, store, file)

    return added


def _chunked(strategy: Json | None, wanted: Callable[[int], bool]) -> Probe:
    def probe(live: Live) -> Finding:
        added, number = _strategy(strategy)(live)
        if added["status"].startswith("400"):
            return Finding(REFUSED, added["status"])
        reason = (added["last_error"] or {}).get("message", "")
        failed = "status failed: " + (
            "a chunk is too long for the embedding model" if "too large" in reason else reason
        )
        said = f"{number} chunks of a text of seventy sentences" if added["status"] == "completed" else failed
        return Finding(IMPLEMENTED if wanted(number) else FAILS, said)

    return probe


def _static(size: int, overlap: int) -> Json:
    return {"type": "static", "static": {"max_chunk_size_tokens": size, "chunk_overlap_tokens": overlap}}


CHUNKING |= {
    "none given": _chunked(None, bool),
    "auto": _chunked({"type": "auto"}, bool),
    "static, 100 tokens": _chunked(_static(100, 0), lambda number: number > 4),
    "static, 400 tokens": _chunked(_static(400, 0), lambda number: 1 < number < 4),
    "static, 100 tokens, overlap 50": _chunked(_static(100, 50), lambda number: number > 8),
    "static, 100 tokens, overlap 100": _chunked(_static(100, 100), bool),
    "static, 100 tokens, overlap 500": _chunked(_static(100, 500), bool),
    "static, 99 tokens": _chunked(_static(99, 0), bool),
    "static, 5000 tokens": _chunked(_static(5000, 0), bool),
    "contextual, without a model": _chunked(
        {"type": "contextual", "contextual": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}, bool
    ),
}


@probes(METHODS, "vector_stores.files.create")
def files_create(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live)
    unknown = attached(live, store, "file-none")
    added = attached(live, store, file)
    counted = live.http.get(f"/vector_stores/{store}").json()["file_counts"]["total"] == 2
    said = f"status {added['status']}, once the call returns; an id that is none: 200, `{unknown['status']}`"
    return Finding(IMPLEMENTED, f"{said}, and counted: {yes(counted)}")


@probes(METHODS, "vector_stores.files.create(attributes)")
def files_attributes(live: Live) -> Finding:
    store = new_store(live)["id"]
    given = attached(live, store, uploaded(live), attributes={"number": 3, "yes": True, "word": "x"})["attributes"]
    long = attached(live, store, uploaded(live), attributes={"word": "x" * 600})["attributes"]
    unreadable = new_store(live)["id"]
    a_list = attached(live, unreadable, uploaded(live), attributes={"words": ["x"]})
    # Otherwise, the server doesn't start again, as shown by test_stores_off_the_path.py.
    live.http.delete(f"/vector_stores/{unreadable}").raise_for_status()
    said = f"a number, a truth value and a word come back: {yes(given == {'number': 3, 'yes': True, 'word': 'x'})}"
    cut = f"600 letters: 200, {'kept' if long else 'dropped'}"
    return Finding(PARTLY if given else IGNORED, f"{said}; {cut}; a list: 200, `{a_list['status']}`")


@probes(METHODS, "vector_stores.files.create(chunking_strategy)")
def files_chunking(live: Live) -> Finding:
    _, small = _strategy(_static(100, 0))(live)
    _, large = _strategy(_static(400, 0))(live)
    return effect(small > large > 0, f"chunks of 100 tokens: {small}, of 400: {large}; all kinds below")


@probes(METHODS, "vector_stores.files.retrieve")
def files_retrieve(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live, "gate.json", "{}")
    attached(live, store, file)
    found = live.http.get(f"/vector_stores/{store}/files/{file}").json()
    unknown = live.http.get(f"/vector_stores/{store}/files/file-none")
    lost = found["last_error"] is None
    said = f"the reason of a `failed` file comes back: {yes(not lost)}; unknown: {unknown.status_code}"
    return Finding(PARTLY if lost else IMPLEMENTED, said)


@probes(METHODS, "vector_stores.files.list")
def files_list(live: Live) -> Finding:
    own = shelf(live)
    return effect(
        len(list(live.client.vector_stores.files.list(own.store))) == len(own.files), "the SDK's loop sees them all"
    )


@probes(METHODS, "vector_stores.files.update")
def files_update(live: Live) -> Finding:
    return files_update_attributes(live)


@probes(METHODS, "vector_stores.files.update(attributes)")
def files_update_attributes(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live)
    attached(live, store, file, attributes={"team": "red"})
    path = f"/vector_stores/{store}/files/{file}"
    changed = live.http.post(path, json={"attributes": {"team": "blue"}}).raise_for_status().json()["attributes"]
    by = {
        team: len(hits(search(live, store, filters={"type": "eq", "key": "team", "value": team})))
        for team in ("red", "blue")
    }
    said = f"retrieve shows {changed['team']}; a filter finds the file under red: {by['red']}, under blue: {by['blue']}"
    return Finding(IMPLEMENTED if by["blue"] else PARTLY, said)


@probes(METHODS, "vector_stores.files.content")
def files_content(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live)
    attached(live, store, file)
    (part,) = live.client.vector_stores.files.content(file, vector_store_id=store).data
    unknown = live.http.get(f"/vector_stores/{store}/files/file-none/content")
    return effect(
        part.text == "The gate is blue.", f"the chunks come back as text; unknown: {unknown.status_code}, no chunks"
    )


@probes(METHODS, "vector_stores.files.delete")
def files_delete(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live)
    attached(live, store, file)
    live.http.delete(f"/vector_stores/{store}/files/{file}").raise_for_status()
    there = live.http.get(f"/files/{file}").status_code
    return effect(not hits(search(live, store)), f"searches do not find it; the file itself stays: {there}")


@probes(METHODS, "vector_stores.files.poll")
def files_poll(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live, "gate.json", "{}")
    attached(live, store, file)
    found = live.client.vector_stores.files.poll(file, vector_store_id=store, poll_interval_ms=50)
    return Finding(PARTLY if found.last_error is None else IMPLEMENTED, f"status {found.status}, without a reason")


@probes(METHODS, "vector_stores.files.create_and_poll")
def files_create_and_poll(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live, "gate.json", "{}")
    found = live.client.vector_stores.files.create_and_poll(file, vector_store_id=store, poll_interval_ms=50)
    again = attached(live, store, file)
    lost = "without a reason" if found.last_error is None else "with its reason"
    said = (
        f"a file that can't be read is {found.status}, {lost}; adding it again tries again: {yes(again['last_error'])}"
    )
    return Finding(PARTLY if found.last_error is None else IMPLEMENTED, said)


@probes(METHODS, "vector_stores.files.upload")
def files_upload(live: Live) -> Finding:
    store = new_store(live)["id"]
    sent = ("gate.txt", b"The gate is blue.")
    return answers(
        lambda: live.client.vector_stores.files.upload(vector_store_id=store, file=sent).status,
        "uploads and adds",
        lambda status: status == "completed",
    )


@probes(METHODS, "vector_stores.files.upload_and_poll")
def files_upload_and_poll(live: Live) -> Finding:
    store = new_store(live)["id"]
    sent = ("gate.txt", b"The gate is blue.")
    call = live.client.vector_stores.files.upload_and_poll
    return answers(
        lambda: call(vector_store_id=store, file=sent, attributes={"team": "red"}, poll_interval_ms=50).attributes,
        "uploads and adds, with attributes",
        lambda attributes: attributes == {"team": "red"},
    )


# Batches


@probes(METHODS, "vector_stores.file_batches.create")
def batches_create(live: Live) -> Finding:
    store, id_, _ = batch(live)
    counts = live.http.get(f"/vector_stores/{store}/file_batches/{id_}").json()["file_counts"]
    right = (counts["completed"], counts["failed"]) == (MANY, 1)
    return effect(
        right, f"of {MANY + 1} files {counts['completed']} are read in the background, {counts['failed']} failed"
    )


@probes(METHODS, "vector_stores.file_batches.create(file_ids)")
def batches_file_ids(live: Live) -> Finding:
    store = new_store(live)["id"]
    empty = live.http.post(f"/vector_stores/{store}/file_batches", json={"file_ids": []})
    return Finding(IMPLEMENTED, f"as above; none: {outcome(empty)}")


@probes(METHODS, "vector_stores.file_batches.create(files)")
def batches_files(live: Live) -> Finding:
    store = new_store(live)["id"]
    body = {"files": [{"file_id": uploaded(live), "attributes": {"team": "red"}}]}
    reply = live.http.post(f"/vector_stores/{store}/file_batches", json=body)
    return refusal(reply) or Finding(IMPLEMENTED, outcome(reply))


@probes(METHODS, "vector_stores.file_batches.create(attributes)")
def batches_attributes(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live)
    _batched(live, store, [file], attributes={"team": "red"})
    found = live.http.get(f"/vector_stores/{store}/files/{file}").json()["attributes"]
    return effect(found == {"team": "red"}, "each file has them")


@probes(METHODS, "vector_stores.file_batches.create(chunking_strategy)")
def batches_chunking(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live, "long.txt", LONG_TEXT)
    _batched(live, store, [file], chunking_strategy=SMALL_CHUNKS)
    return effect(chunks(live, store, file) > 4, f"chunks of 100 tokens: {chunks(live, store, file)}")


def _batched(live: Live, store: str, files: list[str], **fields: Any) -> Json:
    reply = live.http.post(f"/vector_stores/{store}/file_batches", json={"file_ids": files, **fields})
    return _finished(live, store, reply.raise_for_status().json()["id"])


@probes(METHODS, "vector_stores.file_batches.retrieve")
def batches_retrieve(live: Live) -> Finding:
    store, id_, _ = batch(live)
    unknown = live.http.get(f"/vector_stores/{store}/file_batches/batch_none")
    found = live.http.get(f"/vector_stores/{store}/file_batches/{id_}").json()
    return effect(found["status"] == "completed", f"status completed; unknown: {outcome(unknown)}")


@probes(METHODS, "vector_stores.file_batches.cancel")
def batches_cancel(live: Live) -> Finding:
    store = new_store(live)["id"]
    files = [uploaded(live, f"{number}.txt", LONG_TEXT) for number in range(12)]
    body = {"file_ids": files, "chunking_strategy": SMALL_CHUNKS}
    made = live.http.post(f"/vector_stores/{store}/file_batches", json=body).raise_for_status().json()
    reply = live.http.post(f"/vector_stores/{store}/file_batches/{made['id']}/cancel")
    if refused := refusal(reply):
        return refused
    counts = reply.json()["file_counts"]
    done = live.http.post("/vector_stores/{}/file_batches/{}/cancel".format(*batch(live)[:2]))
    said = f"{reply.json()['status']}; files that count as `cancelled`: {counts['cancelled']}"
    said += f"; a batch that is done: {done.status_code}"
    return Finding(IMPLEMENTED if counts["cancelled"] else PARTLY, said)


@probes(METHODS, "vector_stores.file_batches.list_files")
def batches_list_files(live: Live) -> Finding:
    return effect(set(_batch_files(live).found(limit=100)) == set(batch(live)[2]), "all files of the batch")


@probes(METHODS, "vector_stores.file_batches.poll")
def batches_poll(live: Live) -> Finding:
    store, id_, _ = batch(live)
    call = live.client.vector_stores.file_batches.poll
    return effect(call(id_, vector_store_id=store, poll_interval_ms=50).status == "completed", "waits for the end")


@probes(METHODS, "vector_stores.file_batches.create_and_poll")
def batches_create_and_poll(live: Live) -> Finding:
    call = live.client.vector_stores.file_batches.create_and_poll
    done = call(vector_store_id=new_store(live)["id"], file_ids=[uploaded(live)], poll_interval_ms=50)
    return effect(done.file_counts.completed == 1, "waits for the end")


@probes(METHODS, "vector_stores.file_batches.upload_and_poll")
def batches_upload_and_poll(live: Live) -> Finding:
    call = live.client.vector_stores.file_batches.upload_and_poll
    done = call(vector_store_id=new_store(live)["id"], files=[("gate.txt", b"The gate is blue.")], poll_interval_ms=50)
    return effect(done.file_counts.completed == 1, "uploads, and waits for the end")


# LlamaStack's own


@probes(OWN, "`vector_stores.search(search_mode)`")
def search_mode(live: Live) -> Finding:
    found = {mode: search(live, shelf(live).store, search_mode=mode) for mode in ("vector", "keyword", "hybrid", "x")}
    said = "; ".join(f"`{mode}`: {outcome(reply)}, {_count(reply)}" for mode, reply in list(found.items())[:3])
    return Finding(PARTLY, f"{said}; another: {found['x'].status_code}")


def _count(reply: httpx.Response) -> str:
    return f"{len(hits(reply))} hits" if reply.status_code == 200 else "no hits"


@probes(OWN, "`vector_stores.create(embedding_model)`")
def embedding_model(live: Live) -> Finding:
    unknown = live.http.post("/vector_stores", json={"embedding_model": "nobody/has-this"})
    known = new_store(live, embedding_model=live.embedder)["metadata"]["embedding_model"]
    return Finding(
        IMPLEMENTED if known == live.embedder else IGNORED, f"kept in `metadata`; unknown: {outcome(unknown)}"
    )


@probes(OWN, "`vector_stores.create(embedding_dimension)`")
def embedding_dimension(live: Live) -> Finding:
    reply = live.http.post("/vector_stores", json={"embedding_model": live.embedder, "embedding_dimension": 64})
    if refused := refusal(reply):
        return refused
    added = attached(live, reply.json()["id"], uploaded(live))
    reason = (added["last_error"] or {}).get("message", "")
    return Finding(PARTLY, f"64 is taken, and a file is then {added['status']}: {reason}")


@probes(OWN, "`vector_stores.create(provider_id)`")
def provider_id(live: Live) -> Finding:
    unknown = live.http.post("/vector_stores", json={"provider_id": "nobody"})
    known = new_store(live, provider_id="faiss")["metadata"]["provider_id"]
    return Finding(IMPLEMENTED if known == "faiss" else IGNORED, f"kept in `metadata`; unknown: {outcome(unknown)}")


@probes(OWN, "`vector_stores.files.content(include_embeddings)`")
def include_embeddings(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live)
    attached(live, store, file)
    path = f"/vector_stores/{store}/files/{file}/content"
    (part,) = live.http.get(path, params={"include_embeddings": True}).json()["data"]
    return effect(len(part["embedding"]) == 384, "384 numbers with each chunk")


@probes(OWN, "`vector_stores.files.content(include_metadata)`")
def include_metadata(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live)
    attached(live, store, file)
    path = f"/vector_stores/{store}/files/{file}/content"
    (part,) = live.http.get(path, params={"include_metadata": True}).json()["data"]
    return effect(part["metadata"]["filename"] == "gate.txt", "the file's name, attributes and tokens with each chunk")


# The file types that are read

_TEXT = b"The gate is blue."


def _read(name: str, content: bytes = _TEXT) -> Probe:
    def probe(live: Live) -> Finding:
        store = new_store(live)["id"]
        added = attached(live, store, uploaded(live, name, content))
        if added["status"] == "completed":
            return Finding("read", f"the first hit says: {hits(search(live, store))[0]['content'][0]['text']}")
        return Finding("not read", f"status {added['status']}: {added['last_error']['message'][:60]}")

    return probe


_ENDINGS = (".txt", ".TXT", ".md", ".html", ".csv", ".tsv", ".py", ".xml", ".json", ".docx", ".ipynb", "")
TYPES |= {f"`a{ending}`": _read(f"a{ending}") for ending in _ENDINGS}
TYPES |= {
    "`a.txt`, no bytes": _read("empty.txt", b""),
    "`a.txt` in UTF-16": _read("utf-16.txt", "The gate is blue.".encode("utf-16")),
    "`a.txt` in Latin-1": _read("latin-1.txt", "Das Tor ist grün. Die Brücke ist blau.".encode("latin-1")),
    "`a.txt`, binary": _read("binary.txt", bytes(range(256)) * 4),
    "`a.pdf` that is no PDF": _read("text.pdf"),
}
