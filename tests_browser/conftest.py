"""What the browser tests share: a Chromium, the built site, JupyterLab, and pictures of failures."""

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
            # No name but this machine's leads anywhere, so that a page which needs another host fails.
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
    """A fresh page, as wide as a desk's screen, of a reader who wants no animations."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield Visit(context.new_page())
    context.close()


@contextmanager
def laboratory(work: Path, scratch: str) -> Iterator[Callable[[str], str]]:
    """JupyterLab and a LlamaStack server, with copies of the chapters in `work`, which JupyterLab must be able to show.

    Yields what gives the address of a fresh copy of a chapter. State stays in `scratch`.
    """
    port = ports.free_port()
    work.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        # JupyterLab shows what is in the repository's folder, and the developer's own copies are not to be touched.
        patch.setattr(paths, "WORK", work)
        # A wrong answer to an exercise is an error in all other tests, and a message to an attendee.
        patch.delenv("WORKSHOP_CHECKS", raising=False)
        # Neither the developer's settings of JupyterLab nor the tabs that are open there.
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
    """Each worker of pytest-xdist has folders of its own."""
    return os.environ.get("PYTEST_XDIST_WORKER", "main")


@pytest.fixture(scope="session")
def lab() -> Iterator[Callable[[str], str]]:
    """JupyterLab with a LlamaStack server; gives the address of a fresh copy of a chapter."""
    with (
        tempfile.TemporaryDirectory(prefix="workshop-browser-") as scratch,
        laboratory(RESULTS / f"work-{_worker()}", scratch) as fresh,
    ):
        yield fresh


@pytest.fixture
def switched_lab(tmp_path: Path) -> Callable[[], AbstractContextManager[Callable[[str], str]]]:
    """What starts JupyterLab and a server anew, on one and the same state, for an upstream that changed meanwhile."""
    return lambda: laboratory(RESULTS / f"switched-{_worker()}", str(tmp_path))
