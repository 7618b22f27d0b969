"""Test the site, the slides and JupyterLab as a person would: with a real Chromium, which this module finds."""

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

# What a run leaves behind: pictures of failed tests, logs, the copies of the chapters that it worked on.
RESULTS = paths.BUILD / "browser"

_TESTS = "tests_browser"
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
# What the site is made from. Executing every notebook takes minutes, so a change of the package does not count.
_SOURCES = ("_config.yml", "_toc.yml", "book", "notebooks")


def run_browser_tests(arguments: list[str], site: Path | None, say: Say) -> int:
    """Run the browser tests with pytest's `arguments`, and return its exit status.

    `site` is the folder of a built site; without it, the site in `_build/html` is built if it is missing or old.
    The slides are made anew from what the book's last run left.
    Raises WorkshopError if there is no Chromium or the site does not build.
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
    # Two browsers at a time: a page is a matter of the processor alone.
    options = ["--numprocesses=logical", "--maxprocesses=2", "--tb=short"]
    options += [f"--chromium={chromium}", f"--site={(site or paths.SITE).absolute()}"]
    options += [f"--slides={overview.parent}"]
    chosen = [] if any(word.startswith(_TESTS) for word in arguments) else [_TESTS]
    status = run_group([sys.executable, "-m", "pytest", *options, *arguments, *chosen], cwd=paths.ROOT)
    if RESULTS.exists() and status:
        say(f"Pictures of failures, and logs, are in {RESULTS.relative_to(paths.ROOT)}/")
    return status


def _find_chromium(say: Say) -> str:
    """Return the path of a Chromium that starts: CHROMIUM's, the system's, or Playwright's own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        if named := os.environ.get("CHROMIUM"):
            if _starts(playwright, named):
                return named
            raise WorkshopError(f"CHROMIUM names {named}, which does not start.", "Correct or unset CHROMIUM.")
        for name in _CHROMIUMS:
            if (path := shutil.which(name)) and _starts(playwright, path):
                return path
        own = playwright.chromium.executable_path
        if not Path(own).exists():
            say("There is no Chromium here: Playwright downloads one into its cache, once …")
            # --no-shell: the browser alone, without the stripped one that Playwright prefers for tests.
            install = [sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]
            subprocess.run(install, check=False)
        if _starts(playwright, own):
            return own
    raise WorkshopError(
        "There is no Chromium that starts, and Playwright could not install one.",
        "Install it (on Debian and Ubuntu: sudo apt install chromium), or name yours in CHROMIUM.",
    )


def _starts(playwright: "Playwright", path: str) -> bool:
    from playwright.sync_api import Error

    try:
        playwright.chromium.launch(executable_path=path).close()
    except Error:
        return False
    return True


def newest_source(root: Path) -> float:
    """Return when a file that the site is made from last changed, in seconds since the epoch.

    `root` is the repository. Hidden files there, such as a linter's cache beside the notebooks, are no sources.
    """
    files = [file for name in _SOURCES for file in [root / name, *(root / name).rglob("*")] if file.is_file()]
    shown = [file for file in files if not any(part.startswith(".") for part in file.relative_to(root).parts)]
    return max(file.stat().st_mtime for file in shown)


def _build_if_old(say: Say) -> None:
    """Build the site into `_build/html` unless it is newer than every file that it is made from."""
    if not paths.SITE_COMPLETE.exists():
        say("The site is not built yet, so that comes first …")
    elif newest_source(paths.ROOT) > paths.SITE_COMPLETE.stat().st_mtime:
        say("The site is older than its sources, so it is built anew first …")
    else:
        return
    book.build(say)
