"""What the tests of the pinned LlamaStack server share."""

from collections.abc import Iterator

import pytest
from responses_live import Live, running_live


@pytest.fixture(scope="session")
def live(base_url: str, model: str) -> Iterator[Live]:
    """The server with a vector store in it and an MCP server beside it."""
    with running_live(base_url, model) as live:
        yield live
