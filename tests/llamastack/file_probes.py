"""Probes of files: the stored name, size, purpose and date, and the contents of lists."""

from functools import cache
from typing import Any

import httpx
from findings import IGNORED, IMPLEMENTED, PARTLY, Finding, Probe, effect, outcome, refusal, yes
from list_probes import Listing, lists, next_second
from responses_live import Live
from tables import probes
from vector_store_probes import attached, hits, new_store, search, uploaded

MANY = 12

METHODS: dict[str, Probe] = {}
PURPOSES: dict[str, Probe] = {}
NAMES: dict[str, Probe] = {}


def upload(live: Live, name: str = "gate.txt", content: bytes = b"The gate is blue.", **data: str) -> httpx.Response:
    return live.http.post("/files", files={"file": (name, content)}, data={"purpose": "assistants", **data})


@cache
def files(live: Live) -> list[str]:
    """Return the ids of several files uploaded at once, and of one uploaded a second later."""
    ids = [upload(live, f"{number}.txt").json()["id"] for number in range(MANY)]
    next_second()
    return [*ids, upload(live, "last.txt").json()["id"]]


def _listing(live: Live) -> Listing:
    return Listing(live.client.files.list, files(live))


METHODS |= lists("files.list", _listing, "after", "limit", "order")


@probes(METHODS, "files.create")
def create(live: Live) -> Finding:
    made = upload(live).json()
    year = (made["expires_at"] - made["created_at"]) // 86400
    return effect(made["bytes"] == 17, f"name, size and purpose come back; the server sets a date in {year} days")


@probes(METHODS, "files.create(expires_after)")
def create_expires_after(live: Live) -> Finding:
    asked = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    made = upload(live, **asked).json()
    nonsense = upload(live, **asked | {"expires_after[anchor]": "never"})
    kept = made["expires_at"] - made["created_at"] == 3600
    return Finding(
        IMPLEMENTED if kept else IGNORED, f"in an hour: {yes(kept)}; from a day that is none: {outcome(nonsense)}"
    )


@probes(METHODS, "files.create(file)")
def create_file(live: Live) -> Finding:
    return effect(upload(live).status_code == 200, "names and sizes below")


@probes(METHODS, "files.create(purpose)")
def create_purpose(live: Live) -> Finding:
    none = live.http.post("/files", files={"file": ("gate.txt", b"")})
    return effect(upload(live).json()["purpose"] == "assistants", f"values below; none: {outcome(none)}")


@probes(METHODS, "files.retrieve")
def retrieve(live: Live) -> Finding:
    unknown = live.http.get("/files/file-none")
    found = live.http.get(f"/files/{upload(live).json()['id']}").json()
    return effect(found["filename"] == "gate.txt", f"comes back; unknown: {unknown.status_code}")


@probes(METHODS, "files.wait_for_processing")
def wait_for_processing(live: Live) -> Finding:
    id_ = upload(live).json()["id"]
    try:
        live.client.files.wait_for_processing(id_, poll_interval=0.05, max_wait_seconds=0.2)
    except RuntimeError:
        return Finding(IGNORED, "waits until its time is over, half an hour by default: a file has no `status`")
    return Finding(IMPLEMENTED, "waits for the file's `status`")


@probes(METHODS, "files.content")
def content(live: Live) -> Finding:
    odd = bytes(range(256))
    reply = live.http.get(f"/files/{upload(live, 'odd.bin', odd).json()['id']}/content")
    return effect(reply.content == odd, f"the bytes come back, as `{reply.headers['content-type']}`")


@probes(METHODS, "files.retrieve_content")
def retrieve_content(live: Live) -> Finding:
    return content(live)


@probes(METHODS, "files.delete")
def delete(live: Live) -> Finding:
    store, file = new_store(live)["id"], uploaded(live, "vault.txt", "The code of the vault is 9911.")
    attached(live, store, file)
    live.http.delete(f"/files/{file}").raise_for_status()
    gone = live.http.get(f"/files/{file}").status_code
    found = hits(search(live, store, query="code of the vault"))
    said = f"retrieve afterwards {gone}; a vector store still finds its text: {yes(found)}"
    return Finding(PARTLY if found else IMPLEMENTED, said)


@probes(METHODS, "files.list")
def list_(live: Live) -> Finding:
    return effect(set(_listing(live).found()) == set(files(live)), "without parameters all are in one page")


@probes(METHODS, "files.list(purpose)")
def list_purpose(live: Live) -> Finding:
    batch = upload(live, purpose="batch").json()["id"]
    found = {one.id for one in live.client.files.list(purpose="batch").data}
    return effect(batch in found and not found & set(files(live)), "files of that purpose alone")


def _purpose(purpose: str) -> Probe:
    def probe(live: Live) -> Finding:
        reply = upload(live, purpose=purpose)
        return refusal(reply) or Finding(IMPLEMENTED if reply.json()["purpose"] == purpose else IGNORED, "comes back")

    return probe


PURPOSES |= {name: _purpose(name) for name in ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")}


def _named(name: str, data: bytes = b"120 yen") -> Probe:
    """Return a probe of a file name: whether the name and the bytes are returned unchanged."""

    def probe(live: Live) -> Finding:
        made = upload(live, name, data)
        if refused := refusal(made):
            return refused
        got = live.http.get(f"/files/{made.json()['id']}/content")
        shown: Any = made.json()["filename"]
        same = shown == name and got.content == data
        said = f"kept as it is: {yes(shown == name)}; download: {outcome(got) if got.status_code != 200 else '200'}"
        return Finding(IMPLEMENTED if same else PARTLY, said)

    return probe


NAMES |= {
    "`two words.txt`": _named("two words.txt"),
    "`grün.txt`": _named("grün.txt"),
    "`料金.txt`": _named("料金.txt"),
    "`🚪.txt`": _named("🚪.txt"),
    '`a"b.txt`': _named('a"b.txt'),
    "with a line break": _named("a\nb.txt"),
    "`../../up.txt`": _named("../../up.txt"),
    "of 300 letters": _named("n" * 300 + ".txt"),
    "none": _named(""),
    "no bytes": _named("empty.txt", b""),
    "20 million bytes": _named("large.txt", b"x" * 20_000_000),
}
