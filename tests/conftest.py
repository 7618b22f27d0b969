"""Fixtures and hooks for all tests. `make test` starts a server and sets LLAMA_STACK_BASE_URL to its address."""

import os
import re
from typing import Any

import httpx
import pytest
from openai import OpenAI
from xdist.scheduler import LoadFileScheduling

from llamastack_workshop.proving.testing import NIGHTLY, ONLY_IN_ALL
from llamastack_workshop.server.stack import language_models
from llamastack_workshop.system import paths

# The order of the folders: slow files start early, so that no worker runs one alone at the end; the exercises, which
# are many short tests, come last.
_FIRST, _LAST = ["server", "patterns", "attending"], ["exercises"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-tables", action="store_true", help="put what the tests measure into the book's tables")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    # One process, because several tests may write to the same page.
    if config.getoption("--rewrite-tables"):
        config.option.numprocesses = 0


class _ByFileAndChapter(LoadFileScheduling):
    """Give each file to one worker, or each chapter in the files that try exercises."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        chapter = re.search(r"\[([\w-]+)", test) if "/exercises/" in file else None
        return f"{file} {chapter[1]}" if chapter else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return _ByFileAndChapter(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> tuple[int, int]:
    """Return the sort key of a test: the chapters first, then the tests marked `dear`, then folder by folder."""
    folder = item.path.parent.name
    if item.path.parent in (paths.PROOFS, paths.NOTEBOOKS):
        return 0, 0
    if any(item.get_closest_marker(name) for name in [*ONLY_IN_ALL, NIGHTLY]):
        return 1, 0
    places = [*_FIRST, "", *_LAST]
    return 2, places.index(folder if folder in places else "")


@pytest.fixture
def rewrite_tables(request: pytest.FixtureRequest) -> bool:
    return request.config.getoption("--rewrite-tables")


@pytest.fixture(scope="session")
def base_url() -> str:
    """The live server: the one that `make test` started, or the default address."""
    url = os.environ.get("LLAMA_STACK_BASE_URL", "http://localhost:8321/v1")
    try:
        httpx.get(f"{url}/health", timeout=10).raise_for_status()
    except httpx.HTTPError:
        pytest.fail(f"No LlamaStack server answers at {url}. Run `make test`, or start one: make llama-server")
    return url


@pytest.fixture(scope="session")
def client(base_url: str) -> OpenAI:
    return OpenAI(base_url=base_url, api_key="none", max_retries=0)


@pytest.fixture(scope="session")
def model(base_url: str) -> str:
    return language_models(base_url)[0]
