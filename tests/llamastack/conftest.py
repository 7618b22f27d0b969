"""Fixtures of the tests of the pinned LlamaStack server, and the marker of all these tests."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from responses_live import Live, running_live, skip_other_upstreams


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("pinned_server")


@pytest.fixture(scope="session")
def live(base_url: str, model: str) -> Iterator[Live]:
    """The server, with a vector store in it and an MCP server next to it."""
    with running_live(base_url, model) as live:
        yield live


@pytest.fixture(scope="session")
def measured(live: Live) -> Live:
    """The same, provided that it is the server that the reference pages describe."""
    skip_other_upstreams(live)
    served = live.http.get("/version").json()["version"]
    assert served == version("llama-stack"), "the pages name the installed version"
    return live
