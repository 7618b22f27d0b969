"""The slides as an instructor opens them: files on a laptop, shown on a projector, perhaps printed."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from visit import Visit, barriers

from llamastack_workshop.attending.chapters import chapters

# What a slide is laid out for; see pages.py.
PROJECTOR = {"width": 1280, "height": 720}
SIZES = """
    [...document.querySelectorAll(".pdf-page > section")]
        .map(slide => [slide.textContent.trim().slice(0, 60), slide.scrollWidth, slide.scrollHeight])
"""


def test_the_overview_leads_to_every_chapter(visit: Visit, slides: Path) -> None:
    page = visit.page
    page.goto((slides / "index.html").as_uri())
    leads_to = page.locator("a[href$='.html']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert leads_to == [f"{chapter.stem}.html" for chapter in chapters()]
    assert not barriers(page)
    assert not visit.errors
    assert not visit.other_hosts


@pytest.mark.parametrize("name", [chapter.stem for chapter in chapters()])
def test_every_slide_of_a_chapter(name: str, visit: Visit, slides: Path) -> None:
    page = visit.page
    page.set_viewport_size(PROJECTOR)
    # Laid out for printing, all slides are there at once, with what appears step by step.
    page.goto(f"{(slides / name).as_uri()}.html?print-pdf")
    expect(page.locator(".pdf-page").first).to_be_visible()
    sizes = page.evaluate(SIZES)
    assert len(sizes) > 5
    assert [size for size in sizes if size[1:] != [PROJECTOR["width"], PROJECTOR["height"]]] == []
    assert not barriers(page)
    assert not visit.errors
    assert not visit.other_hosts


def test_the_space_bar_leads_through_a_chapter(visit: Visit, slides: Path) -> None:
    page = visit.page
    page.set_viewport_size(PROJECTOR)
    page.goto((slides / f"{chapters()[0].stem}.html").as_uri())
    expect(page.locator("section.present h1")).to_be_visible()
    seen = set()
    for _ in range(200):
        seen.add(page.evaluate("Reveal.getSlidePastCount()"))
        if page.evaluate("Reveal.isLastSlide() && !Reveal.availableFragments().next"):
            break
        page.keyboard.press("Space")
    assert seen == set(range(page.evaluate("Reveal.getTotalSlides()")))
    assert not visit.errors
