"""The claims of chapters 7 and 19 about files and vector stores that differ from OpenAI's API on the pinned server."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from openai import APIStatusError, OpenAI
from openai.types.vector_stores import VectorStoreFile

from llamastack_workshop.server.throwaway import throwaway_server, upstream_variables
from llamastack_workshop.system import paths

pytestmark = pytest.mark.pinned_server

QUESTION = "What is the price of the UltraBook?"


def added(client: OpenAI, name: str, content: bytes, **options: Any) -> VectorStoreFile:
    """Add a file to a new vector store."""
    store = client.vector_stores.create(name=name)
    file = client.files.create(file=(name, content), purpose="assistants")
    return client.vector_stores.files.create(vector_store_id=store.id, file_id=file.id, **options)


def test_the_reason_for_failed_comes_once(client: OpenAI) -> None:
    file = added(client, "settings.json", b'{"colour": "green"}')
    assert file.status == "failed" and file.last_error.message
    again = client.vector_stores.files.retrieve(file.id, vector_store_id=file.vector_store_id)
    assert again.status == "failed" and again.last_error is None


@pytest.mark.parametrize(
    ("name", "status"),
    [
        *((name, "completed") for name in ("a.txt", "a.md", "a.html", "a.csv")),
        *((name, "failed") for name in ("a.json", "a.docx", "a.ipynb", "a")),
    ],
)
def test_which_files_are_read(name: str, status: str, client: OpenAI) -> None:
    assert added(client, name, b"The gate is blue.").status == status


def test_attributes_that_change_later_do_not_reach_filters(client: OpenAI) -> None:
    file = added(client, "harbour.txt", b"The harbour opens at 07:30.", attributes={"team": "red"})
    store = file.vector_store_id
    client.vector_stores.files.update(file.id, vector_store_id=store, attributes={"team": "blue"})

    def hits(team: str) -> int:
        filters: Any = {"type": "eq", "key": "team", "value": team}
        return len(client.vector_stores.search(store, query="harbour", filters=filters).data)

    assert (hits("red"), hits("blue")) == (1, 0)


def test_a_deleted_file_is_found_until_the_store_gives_it_up(client: OpenAI) -> None:
    file = added(client, "vault.txt", b"The code of the vault is 9911.")
    store = file.vector_store_id
    client.files.delete(file.id)
    assert client.vector_stores.search(store, query="code of the vault").data
    other = added(client, "vault.txt", b"The code of the vault is 9911.")
    client.vector_stores.files.delete(other.id, vector_store_id=other.vector_store_id)
    client.files.delete(other.id)
    assert not client.vector_stores.search(other.vector_store_id, query="code of the vault").data


def test_an_exact_match_has_no_score(client: OpenAI) -> None:
    file = added(client, "faq.txt", QUESTION.encode())
    (hit,) = client.vector_stores.search(file.vector_store_id, query=QUESTION).data
    assert hit.score is None


def test_a_name_beyond_latin_1_can_not_be_downloaded(client: OpenAI) -> None:
    file = client.files.create(file=("料金.txt", b"120 yen"), purpose="assistants")
    with pytest.raises(APIStatusError) as caught:
        client.with_options(max_retries=0).files.content(file.id)
    assert caught.value.status_code == 400 and "'latin-1' codec" in str(caught.value)
    again = client.with_options(max_retries=2)  # the server drops the connection: see the next test
    assert again.files.retrieve(file.id).filename == "料金.txt"


def test_an_unforeseen_error_ends_the_connection(base_url: str) -> None:
    """It has a row in the last table of chapter 9."""
    with httpx.Client(base_url=base_url) as connection:
        refused = connection.post("/vector_stores/vs_none/search", json={"query": "x"})
        assert refused.status_code == 400
        with pytest.raises(httpx.TransportError):
            connection.get("/models")
        assert connection.get("/models").status_code == 200


def test_a_file_keeps_no_date_of_ones_own(client: OpenAI) -> None:
    file = client.files.create(
        file=("a.txt", b"x"), purpose="assistants", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert file.expires_at - file.created_at != 3600


def test_a_list_as_an_attribute_keeps_the_server_from_starting_again(base_url: str, model: str, tmp_path: Path) -> None:
    configuration: Any = yaml.safe_load(paths.RUN_YAML.read_text(encoding="utf-8"))
    configuration["storage"]["backends"]["kv_default"]["db_path"] = str(tmp_path / "kv.db")
    variables = upstream_variables(base_url, model)
    with throwaway_server(configuration, variables) as server:
        client = OpenAI(base_url=server.base_url, api_key="none", max_retries=0)
        attributes: Any = {"teams": ["red", "blue"]}
        file = added(client, "harbour.txt", b"The harbour opens at 07:30.", attributes=attributes)
        assert (file.status, file.last_error.message) == ("failed", "unhashable type: 'list'")
        other = client.files.create(file=("gate.txt", b"The gate is blue."), purpose="assistants")
        client.vector_stores.files.create(file_id=other.id, vector_store_id=file.vector_store_id)
    with throwaway_server(configuration, variables) as server:
        assert server.error.startswith("ValueError: Error deserializing Faiss index")
    with closing(sqlite3.connect(tmp_path / "kv.db")) as database, database:
        database.execute("DELETE FROM kvstore WHERE key LIKE ?", [f"%faiss_index%{file.vector_store_id}"])
    with throwaway_server(configuration, variables) as server:
        assert server.error is None


@pytest.mark.parametrize("chapter", ["07-file-search", "19-data-sovereignty"])
def test_the_chapters_say_so(chapter: str) -> None:
    text = (paths.NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf-8")
    assert "`files.delete` leaves" in text
