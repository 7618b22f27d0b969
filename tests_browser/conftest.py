"""Fixtures of the browser tests: Chromium, the built site, JupyterLab, and screenshots of failures."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastapi.staticfiles import StaticFiles
from playwright.sync_api import Browser, sync_playwright
from visit import PATIENCE, Visit
from web_servers import serving

from llamastack_workshop.attending import chapters
from llamastack_workshop.attending.lab import running_lab
from llamastack_workshop.proving.browser_testing import RESULTS
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.system import paths, ports


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--chromium", required=True, help="the browser's executable")
    parser.addoption("--site", required=True, type=Path, help="the folder of the built site")
    parser.addoption("--slides", required=True, type=Path, help="the folder of the slides")
    parser.addoption("--rewrite-pictures", action="store_true", help="record the pictures of JupyterLab anew")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    if report.when == "call" and report.failed and (visit := item.funcargs.get("visit")):
        RESULTS.mkdir(parents=True, exist_ok=True)
        visit.page.screenshot(path=RESULTS / f"{re.sub(r'[^\w-]+', '-', item.name).strip('-')}.png")
    return report


@pytest.fixture(scope="session")
def browser(pytestconfig: pytest.Config) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(
            executable_path=pytestconfig.getoption("--chromium"),
            # Only this machine's name resolves, so a page that needs another host fails.
            args=[f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE {ports.HOST}"],
        )


@pytest.fixture(scope="session")
def site(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.getoption("--site")


@pytest.fixture(scope="session")
def slides(pytestconfig: pytest.Config) -> Path:
    return pytestconfig.getoption("--slides")


@pytest.fixture(scope="session")
def site_url(site: Path) -> Iterator[str]:
    with serving(StaticFiles(directory=site, html=True)) as address:
        yield address


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """A new page in a window of desktop size, for a reader who prefers reduced motion."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield Visit(context.new_page())
    context.close()


@contextmanager
def laboratory(work: Path, scratch: str) -> Iterator[Callable[[str], str]]:
    """JupyterLab and a LlamaStack server, with copies of the chapters in `work`, a folder that JupyterLab can open.

    Yields a function that returns the address of a new copy of a chapter. State is kept in `scratch`.
    """
    port = ports.free_port()
    work.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        # JupyterLab shows the repository's folder, and must not touch the developer's own copies.
        patch.setattr(paths, "WORK", work)
        # In all other tests, a wrong answer to an exercise raises an error; an attendee gets a message.
        patch.delenv("WORKSHOP_CHECKS", raising=False)
        # Ignore the developer's JupyterLab settings and open tabs.
        patch.setenv("JUPYTER_CONFIG_DIR", f"{scratch}/jupyter")
        patch.setenv("WORKSHOP_STATE", f"{scratch}/state")
        patch.setattr(paths, "LOGS", RESULTS / "logs")
        with (
            running_stack(print, port=port, state=Path(scratch) / "state", logs=paths.LOGS) as running,
            running_lab(running.base_url, port, lab_port=ports.free_port(), open_browser=False) as (url, _),
        ):
            base, query = url.split("/lab/tree/")[0], urlsplit(url).query
            folder = work.relative_to(paths.ROOT).as_posix()

            def fresh(chapter: str) -> str:
                (work / f"{chapter}.ipynb").unlink(missing_ok=True)
                chapters.hand_out()
                return f"{base}/lab/tree/{folder}/{chapter}.ipynb?{query}&reset"

            yield fresh


def _worker() -> str:
    """Return the worker's name: each worker of pytest-xdist has its own folders."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def lab() -> Iterator[Callable[[str], str]]:
    """JupyterLab with a LlamaStack server: a function that returns the address of a new copy of a chapter."""
    with (
        tempfile.TemporaryDirectory(prefix="workshop-browser-") as scratch,
        laboratory(RESULTS / f"work-{_worker()}", scratch) as fresh,
    ):
        yield fresh


@pytest.fixture
def switched_lab(tmp_path: Path) -> Callable[[], AbstractContextManager[Callable[[str], str]]]:
    """A function that restarts JupyterLab and a server with the same state, after the upstream has changed."""
    return lambda: laboratory(RESULTS / f"switched-{_worker()}", str(tmp_path))
