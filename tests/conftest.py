"""What the tests share. `make test` starts a server and names it in LLAMA_STACK_BASE_URL."""

import os

import httpx
import pytest
from openai import OpenAI

from llamastack_workshop.server.stack import language_models


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite-tables", action="store_true", help="put what the tests measure into the book's tables")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    # One process, because several tests may write to one page.
    if config.getoption("--rewrite-tables"):
        config.option.numprocesses = 0


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
