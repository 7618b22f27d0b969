"""Test the site, the slides and JupyterLab in a real Chromium, which this module finds."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from llamastack_workshop.publishing import book, slides
from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import run_group

if TYPE_CHECKING:
    from playwright.sync_api import Playwright

# The output of a run: screenshots of failed tests, logs, and the copies of the chapters.
RESULTS = paths.BUILD / "browser"

_TESTS = "tests_browser"
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
# The sources of the site. Executing every notebook takes minutes, so a change of the package does not count.
_SOURCES = ("_config.yml", "_toc.yml", "book", "notebooks")


def run_browser_tests(arguments: list[str], site: Path | None, say: Say) -> int:
    """Run the browser tests with pytest's `arguments`, and return its exit status.

    `site` is the folder of a built site; without it, the site in `_build/html` is built if it is missing or outdated.
    The slides are built from the outputs of the book's last run.
    Raises WorkshopError if there is no Chromium, or if the site cannot be built.
    """
    if importlib.util.find_spec("playwright") is None:
        raise WorkshopError(
            "Playwright, which drives the browser, is not installed.",
            "Run: make test-browser (or: uv run --group browser workshop test-browser)",
        )
    chromium = _find_chromium(say)
    if site is None:
        _build_if_old(say)
    elif not (site / "index.html").exists():
        raise WorkshopError(f"There is no site in {site}.", "Leave out --site, or build one with: make book")
    overview = slides.build([], say)
    shutil.rmtree(RESULTS, ignore_errors=True)
    say(f"Testing with {chromium} …")
    # Two browsers at a time, because the tests are limited by the CPU.
    options = ["--numprocesses=logical", "--maxprocesses=2", "--tb=short"]
    options += [f"--chromium={chromium}", f"--site={(site or paths.SITE).absolute()}"]
    options += [f"--slides={overview.parent}"]
    chosen = [] if any(word.startswith(_TESTS) for word in arguments) else [_TESTS]
    status = run_group([sys.executable, "-m", "pytest", *options, *arguments, *chosen], cwd=paths.ROOT)
    if RESULTS.exists() and status:
        say(f"Screenshots of failures, and logs, are in {RESULTS.relative_to(paths.ROOT)}/")
    return status


def _find_chromium(say: Say) -> str:
    """Return the path of a Chromium that starts: CHROMIUM's, the system's, or Playwright's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if named := os.environ.get("CHROMIUM"):
            if _starts(playwright, named):
                return named
            raise WorkshopError(f"CHROMIUM is {named}, which does not start.", "Correct or unset CHROMIUM.")
        for name in _CHROMIUMS:
            if (path := shutil.which(name)) and _starts(playwright, path):
                return path
        own = playwright.chromium.executable_path
        if not Path(own).exists():
            say("No Chromium found: Playwright is downloading one into its cache (once) …")
            # --no-shell: only the browser, without the headless shell that Playwright prefers for tests.
            install = [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]
            subprocess.run(install, check=False)
        if _starts(playwright, own):
            return own
    raise WorkshopError(
        "No working Chromium was found, and Playwright could not install one.",
        "Install it (on Debian and Ubuntu: sudo apt install chromium), or set CHROMIUM to the path of yours.",
    )


def _starts(playwright: "Playwright", path: str) -> bool:
    from playwright.sync_api import Error

    try:
        playwright.chromium.launch(executable_path=path).close()
    except Error:
        return False
    return True


def newest_source(root: Path) -> float:
    """Return the time of the last change to the sources of the site, in seconds since the epoch.

    `root` is the repository. Hidden files, such as a linter's cache next to the notebooks, are ignored.
    """
    files = [file for name in _SOURCES for file in [root / name, *(root / name).rglob("*")] if file.is_file()]
    shown = [file for file in files if not any(part.startswith(".") for part in file.relative_to(root).parts)]
    return max(file.stat().st_mtime for file in shown)


def _build_if_old(say: Say) -> None:
    """Build the site into `_build/html` unless it is newer than all of its sources."""
    if not paths.SITE_COMPLETE.exists():
        say("Building the site first …")
    elif newest_source(paths.ROOT) > paths.SITE_COMPLETE.stat().st_mtime:
        say("The site is older than its sources: rebuilding it first …")
    else:
        return
    book.build(say)
