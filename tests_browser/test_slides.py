"""The slides for an instructor: opened as files on a laptop, shown on a projector, printed."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from visit import Visit, barriers

from llamastack_workshop.attending.chapters import chapters

PROJECTOR = {"width": 1280, "height": 720}
# A slide, its height, the part of it in view, and the elements that overflow at the side.
IN_SIGHT = """() => {
    const slide = Reveal.getCurrentSlide();
    return {
        number: Reveal.getSlidePastCount(),
        step: Reveal.getIndices().f,
        height: slide.scrollHeight,
        top: slide.scrollTop,
        bottom: slide.scrollTop + slide.clientHeight,
        too_wide: [slide, ...slide.querySelectorAll("*")]
            .filter(part => !part.closest("aside") && part.scrollWidth > part.clientWidth + 1 && part.clientWidth)
            .map(part => part.outerHTML.slice(0, 200)),
    };
}"""
PRINTED = """() => [...document.querySelectorAll(".pdf-page")].map(page => {
    const slide = page.querySelector("section");
    return [page.offsetWidth - slide.scrollWidth, page.offsetHeight - slide.offsetTop - slide.scrollHeight];
})"""


def test_the_overview_leads_to_every_chapter(visit: Visit, slides: Path) -> None:
    page = visit.page
    page.goto((slides / "index.html").as_uri())
    leads_to = page.locator("a[href$='.html']").evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert leads_to == [f"{chapter.stem}.html" for chapter in chapters()]
    assert not barriers(page)
    assert not visit.errors
    assert not visit.other_hosts


@pytest.mark.parametrize("name", [chapter.stem for chapter in chapters()])
def test_every_slide_of_a_chapter_is_printed_whole(name: str, visit: Visit, slides: Path) -> None:
    page = visit.page
    page.set_viewport_size(PROJECTOR)
    # In the print layout, all slides are visible, including the parts that appear step by step.
    page.goto(f"{(slides / name).as_uri()}.html?print-pdf")
    expect(page.locator(".pdf-page").first).to_be_visible()
    room_left = page.evaluate(PRINTED)
    assert len(room_left) > 5
    assert [room for room in room_left if min(room) < 0] == []
    assert not barriers(page)
    assert not visit.errors
    assert not visit.other_hosts


@pytest.mark.parametrize("name", [chapter.stem for chapter in chapters()])
def test_the_space_bar_shows_all_of_a_chapter(name: str, visit: Visit, slides: Path) -> None:
    page = visit.page
    page.set_viewport_size(PROJECTOR)
    page.goto(f"{(slides / name).as_uri()}.html")
    expect(page.locator("section.present h1")).to_be_visible()
    seen = [page.evaluate(IN_SIGHT)]
    while len(seen) < 2 or seen[-1] != seen[-2]:
        page.keyboard.press("Space")
        seen.append(page.evaluate(IN_SIGHT))
    assert [one for one in seen if one["too_wide"]] == []
    assert sorted({one["number"] for one in seen}) == list(range(page.evaluate("Reveal.getTotalSlides()")))
    for number in {one["number"] for one in seen}:
        stops = [one for one in seen if one["number"] == number]
        reached = 0
        for stop in stops:
            assert stop["top"] <= reached, f"slide {number} skips what is below {reached}: {stops}"
            reached = max(reached, stop["bottom"])
        # The rest below is empty space of the slide.
        assert reached >= stops[0]["height"] - 40, f"slide {number} goes on: {stops}"
    assert not visit.errors


def test_a_slide_that_is_longer_than_the_screen_can_be_scrolled_by_key_and_finger(visit: Visit, slides: Path) -> None:
    page = visit.page
    page.set_viewport_size(PROJECTOR)
    # Its largest table has dozens of rows.
    page.goto(f"{(slides / chapters()[17].stem).as_uri()}.html")
    expect(page.locator("section.present h1")).to_be_visible()
    while page.locator("section.present.long:not(:has(.fragment))").count() == 0:
        assert not page.evaluate("Reveal.isLastSlide()"), "there is no long slide"
        page.keyboard.press("PageDown")
    assert not barriers(page)
    slide = page.locator("section.present.long:not(:has(.fragment))")
    expect(slide).to_have_attribute("tabindex", "0")
    expect(slide).to_have_attribute("data-prevent-swipe", "")
    before = page.evaluate("Reveal.getSlidePastCount()")
    page.keyboard.press("PageDown")
    assert page.evaluate("[Reveal.getSlidePastCount(), Reveal.getCurrentSlide().scrollTop > 100]") == [before, True]
    page.keyboard.press("Shift+Space")
    assert page.evaluate("Reveal.getSlidePastCount()") == before - 1
