"""The animation for the README and the landing page: a real run of chapter 1, recorded with --rewrite-pictures."""

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Page, expect
from visit import Visit

from llamastack_workshop.system import paths

SIZE = {"width": 960, "height": 600}
ASKED, OWN = "What is the capital of France?", "What is the capital of Japan?"
MILLISECONDS = {"cell": 500, "typing": 90, "answer": 3500}
# A frame is an image of text, with few colours.
COLOURS = 64


class Recording:
    """The frames of an animation, each with its duration in milliseconds."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._frames: list[Image.Image] = []
        self._durations: list[int] = []

    def add(self, kind: str) -> None:
        shot = Image.open(BytesIO(self._page.screenshot(caret="initial"))).convert("RGB")
        self._frames.append(shot.quantize(COLOURS).convert("RGB"))
        self._durations.append(MILLISECONDS[kind])

    def save(self, name: str) -> None:
        first, *others = self._frames
        options = {"duration": self._durations, "loop": 0, "lossless": True, "method": 6}
        first.save(paths.ROOT / "book" / "images" / name, save_all=True, append_images=others, **options)


def run_cell(page: Page) -> None:
    """Run the selected cell, and wait until its kernel is idle."""
    page.keyboard.press("Shift+Enter")
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Idle")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_shows_chapter_1_and_a_question_of_ones_own(
    theme: str, visit: Visit, lab: Callable[[str], str], pytestconfig: pytest.Config
) -> None:
    page = visit.page
    page.set_viewport_size(SIZE)
    page.goto(lab("01-server-setup"))
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle")
    # The recording in the other theme has used this kernel, but a reader's first cell has the number 1.
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Restart Kernel…", exact=True).click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Idle")
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for item in ("Theme", f"JupyterLab {theme.title()}"):
        page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()
    page.keyboard.press("ControlOrMeta+b")
    recording = Recording(page)
    cells = page.locator(".jp-CodeCell")
    number = next(i for i, text in enumerate(cells.all_text_contents()) if ASKED in text)
    first = cells.nth(number)
    for cell in cells.all()[: number + 1]:
        cell.locator(".jp-InputPrompt").click()
        recording.add("cell")
        run_cell(page)
    answer = first.locator(".jp-OutputArea")
    expect(answer).to_contain_text("Paris")
    first.locator(".jp-InputPrompt").click()
    recording.add("answer")
    editor = first.locator(".cm-content")
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    source = editor.inner_text()
    page.keyboard.insert_text(source.replace(ASKED, OWN))
    recording.add("cell")
    run_cell(page)
    expect(answer).to_contain_text("Tokyo")
    first.locator(".jp-InputPrompt").click()
    recording.add("answer")
    assert not visit.other_hosts
    if pytestconfig.getoption("--rewrite-pictures"):
        recording.save(f"lab-{theme}.webp")
