"""The built site for its readers: on a desktop, on a phone, in dark mode, by keyboard, with a screen reader."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Page, expect
from sphinx_external_toc.parsing import parse_toc_yaml
from visit import Visit, barriers

from llamastack_workshop.system import paths

PAGES = [*parse_toc_yaml(paths.ROOT / "_toc.yml"), "genindex", "search"]
PHONE = {"width": 390, "height": 844}
NOTEBOOK = "notebooks/02-responses-api"
FIRST = "book/index.html"


def brightness(page: Page, color: str) -> float:
    """Return the brightness of the page's text (`color`) or background (`backgroundColor`), from 0 to 1."""
    shown = page.evaluate(f"getComputedStyle(document.body).{color}")
    return sum(float(channel) for channel in re.findall(r"[\d.]+", shown)[:3]) / (3 * 255)


# The last one is the whole book on one page.
@pytest.mark.parametrize("name", [*PAGES, "downloads/llamastack-workshop"])
def test_a_page_at_a_desk_in_light_and_dark(name: str, visit: Visit, site_url: str) -> None:
    page = visit.page
    page.goto(f"{site_url}/{name}.html")
    # During a transition, a colour's contrast is undefined.
    page.add_style_tag(content="* { transition: none !important }")
    # axe disables this rule by default.
    rules = {"label-content-name-mismatch": {"enabled": True}}
    assert not barriers(page, rules=rules)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    # The other rules don't depend on colours.
    assert not barriers(page, runOnly=["color-contrast"])
    assert not visit.errors
    assert not visit.other_hosts


@pytest.mark.parametrize("name", PAGES)
def test_a_page_on_a_phone(name: str, visit: Visit, site_url: str) -> None:
    page = visit.page
    page.set_viewport_size(PHONE)
    page.goto(f"{site_url}/{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert not barriers(page, rules={"color-contrast": {"enabled": False}})
    assert not visit.errors
    assert not visit.other_hosts


class Parsed(HTMLParser):
    """The link targets of a page, its links, and the files that it loads."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.ids |= {given[key] for key in ("id", "name") if given.get(key)}
        if href := given.get("href"):
            (self.loads if tag == "link" else self.links).add(href)
        if src := given.get("src"):
            self.loads.add(src)


def test_all_links_within_the_site_hold(site: Path) -> None:
    pages = {file.resolve(): Parsed(file) for file in site.rglob("*.html") if "_static" not in file.parts}
    assert {(site / f"{name}.html").resolve() for name in PAGES} <= set(pages)
    broken, elsewhere = [], []
    for file, parsed in pages.items():
        elsewhere += [f"{file.name}: {url}" for url in parsed.loads if urlsplit(url).netloc]
        for link in parsed.links | parsed.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            missing = not target.is_file()
            lost = target in pages and parts.fragment and unquote(parts.fragment) not in pages[target].ids
            if missing or lost:
                broken.append(f"{file.relative_to(site.resolve())}: {link}")
    assert not broken
    assert not elsewhere, "no page loads anything from another host"


@pytest.mark.parametrize(
    ("words", "page_name"),
    [("conversation", NOTEBOOK), ("ultrabook", NOTEBOOK), ("glossary", "book/glossary")],
)
def test_search_finds(words: str, page_name: str, visit: Visit, site_url: str) -> None:
    page = visit.page
    page.goto(f"{site_url}/{FIRST}")
    page.get_by_role("button", name="Search").first.click()
    page.get_by_role("dialog").get_by_role("searchbox").fill(words)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=*")
    page.locator(f"#search-results a[href*='{page_name}.html']").first.click()
    page.wait_for_url(f"**/{page_name}.html*")
    expect(page.get_by_role("article")).to_contain_text(words, ignore_case=True)
    assert not visit.errors


def test_dark_mode_is_a_click_away_and_stays(visit: Visit, site_url: str) -> None:
    page = visit.page
    page.goto(f"{site_url}/{FIRST}")
    page.add_style_tag(content="* { transition: none !important }")
    assert brightness(page, "backgroundColor") > 0.9 > 0.4 > brightness(page, "color")
    page.get_by_role("button", name="Color mode").click()
    assert brightness(page, "backgroundColor") < 0.2 < 0.7 < brightness(page, "color")
    page.goto(f"{site_url}/{NOTEBOOK}.html")
    assert brightness(page, "backgroundColor") < 0.2 < 0.7 < brightness(page, "color")


def test_the_keyboard_reaches_the_text_in_one_step(visit: Visit, site_url: str) -> None:
    page = visit.page
    page.goto(f"{site_url}/{NOTEBOOK}.html")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_the_menu_on_a_phone_opens_and_leads_on(visit: Visit, site_url: str) -> None:
    page = visit.page
    page.set_viewport_size(PHONE)
    page.goto(f"{site_url}/{FIRST}")
    chapter = page.get_by_role("link", name="2. The Responses API", exact=True)
    in_menu = page.get_by_role("dialog").and_(page.locator(":modal")).locator(chapter)
    expect(in_menu).not_to_be_visible()
    page.locator("button.primary-toggle").press("Enter")
    expect(in_menu).to_be_visible()
    page.keyboard.press("Escape")
    expect(in_menu).not_to_be_visible()
    page.locator("button.primary-toggle").click()
    in_menu.click()
    page.wait_for_url(f"**/{NOTEBOOK}.html")


def test_a_solution_shows_on_request(visit: Visit, site_url: str) -> None:
    page = visit.page
    page.goto(f"{site_url}/{NOTEBOOK}.html")
    solution = page.locator("details", has_text="def stream_text").first
    expect(solution.locator("pre").first).not_to_be_visible()
    solution.get_by_text("Show a solution").click()
    expect(solution.locator("pre").first).to_be_visible()


def test_a_quick_check_is_answered_by_keyboard_alone(visit: Visit, site_url: str) -> None:
    page = visit.page
    page.goto(f"{site_url}/notebooks/03-prompt-chaining.html")
    options = page.locator(".quick-check details")
    expect(page.locator(".quick-check li")).to_have_count(3)
    # From the link to the section, one Tab per option.
    page.goto(f"{page.url}#quick-check")
    page.locator(".quick-check").evaluate("it => { it.tabIndex = -1; it.focus() }")
    for number in range(3):
        option = options.nth(number)
        page.keyboard.press("Tab")
        expect(option.locator("summary")).to_be_focused()
        expect(option.locator("p")).not_to_be_visible()
        page.keyboard.press("Enter" if number else "Space")
        expect(option.locator("p")).to_be_visible()
    expect(page.locator(".quick-check li").first.get_by_text("✓ Right")).to_have_count(1)
    assert not barriers(page)
    assert not visit.errors
