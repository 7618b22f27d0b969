"""JupyterLab from an attendee's view: run a chapter, try an exercise, read the correction, solve it."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect
from visit import PATIENCE, Visit

from llamastack_workshop.attending.chapters import chapters
from llamastack_workshop.server.stack import running_stack
from llamastack_workshop.server.upstreams import switches
from llamastack_workshop.system import ports

CORE = [path.stem for path in chapters()[:4]]

_ERROR = "[data-mime-type='application/vnd.jupyter.error']"
_PROMPT = ".jp-CodeCell .jp-InputPrompt"


def run_all_cells(page: Page, address: str, cells: int) -> None:
    """Open a chapter, choose "Run All Cells", and wait until `cells` cells have run, or one has failed."""
    page.goto(address)
    expect(page.locator(".jp-NotebookPanel-toolbar")).to_be_visible()
    # Until the kernel has started, "Run All Cells" asks for a kernel.
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        r"""([prompt, error, cells]) => document.querySelector(error) !== null
            || [...document.querySelectorAll(prompt)].filter(p => /\[\d+\]/.test(p.textContent)).length === cells""",
        arg=[_PROMPT, _ERROR, cells],
        timeout=5 * PATIENCE,
    )


def code_cells(chapter: str) -> list[str]:
    path = next(path for path in chapters() if path.stem == chapter)
    return [cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.parametrize("chapter", CORE)
def test_run_all_cells(chapter: str, visit: Visit, lab: Callable[[str], str]) -> None:
    cells = code_cells(chapter)
    run_all_cells(visit.page, lab(chapter), len(cells))
    assert visit.page.locator(_ERROR).all_text_contents() == []
    # The exercises are blank; their checks report it without stopping the run.
    checks = [source for source in cells if re.match(r"check\.(?!questions)", source)]
    expect(visit.page.get_by_text(re.compile("^✗ Not yet: "))).to_have_count(len(checks))
    assert not visit.other_hosts


def answer(page: Page, blank: Locator, code: str) -> None:
    """Replace the code of the exercise `blank`, run it, and run the check below it, all with the keyboard."""
    blank.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    # Type like a user: the editor indents new lines automatically.
    page.keyboard.type(code)
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")


def test_an_exercise_is_corrected_and_solved(visit: Visit, lab: Callable[[str], str]) -> None:
    page = visit.page
    run_all_cells(page, lab("01-server-setup"), len(code_cells("01-server-setup")))
    blank = page.locator(".jp-CodeCell", has_text="def ask_briefly").first
    check = page.locator(".jp-CodeCell", has_text="check.short_answer").first
    call = "def ask_briefly(question: str):\nreturn client.responses.create(model=model, input=question"

    answer(page, blank, f"{call}, max_output_tokens=40)")
    expect(check).to_contain_text(re.compile(r"✗ Not yet: the token limit is \d+, not 16"))
    answer(page, blank, f"{call}, max_output_tokens=16)")
    expect(check).to_contain_text(re.compile(r"✓ Right: \d+ tokens, status "))
    assert not visit.other_hosts


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[str]:
    """The address of an inference engine outside of the workshop, such as OpenAI's or vLLM's."""
    folder = tmp_path / "elsewhere"
    with running_stack(print, port=ports.free_port(), state=folder, logs=folder) as running:
        yield running.addresses["LLAMA_CPP_URL"]


def test_chapter_1_after_each_switch_of_the_upstream(
    engine: str,
    visit: Visit,
    switched_lab: Callable[[], AbstractContextManager[Callable[[str], str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, cells = "smollm2-135m-workshop", len(code_cells("01-server-setup"))
    openai = {"OPENAI_API_KEY": "any", "OPENAI_BASE_URL": engine, "OPENAI_MODEL": model}
    vllm = {"VLLM_URL": engine}
    for provider, variables in [("llama-cpp", {}), ("openai", openai), ("vllm", vllm), ("llama-cpp", {})]:
        for name in {*switches(), *openai}:
            monkeypatch.setenv(name, variables.get(name, ""))
        with switched_lab() as fresh:
            run_all_cells(visit.page, fresh("01-server-setup"), cells)
            assert visit.page.locator(_ERROR).all_text_contents() == []
            expect(visit.page.get_by_text(f"{provider}/{model}").first).to_be_visible()


@pytest.mark.parametrize("name", ["mental-model", "run-yaml", "glossary", "troubleshooting", "responses-reference"])
def test_a_page_of_the_book_is_readable(name: str, visit: Visit, lab: Callable[[str], str]) -> None:
    page = visit.page
    page.goto(lab("01-server-setup").replace("01-server-setup.ipynb", f"../../../book/{name}.md"))
    shown = page.locator(".jp-MarkdownViewer .jp-RenderedMarkdown")
    expect(shown.locator("h1")).to_be_visible()
    expect(shown).not_to_contain_text(re.compile(r"^:\w+:|:::|\{(image|term|glossary|literalinclude)\}", re.M))
    for picture in shown.locator("img").all():
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("picture => picture.naturalWidth") > 0
    assert not visit.other_hosts


def test_a_quick_check_is_answered_by_keyboard_alone_and_counts(visit: Visit, lab: Callable[[str], str]) -> None:
    page = visit.page
    page.goto(lab("03-prompt-chaining"))
    expect(page.locator("#jp-main-statusbar")).to_contain_text("Python 3 (ipykernel) | Idle")
    imports = page.locator(".jp-CodeCell", has_text="import json").first
    imports.locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+Enter")
    asked = page.locator(".jp-CodeCell", has_text="check.questions")
    asked.locator(".cm-content").click()
    for letters, says in ((("A", "", ""), "✗ A isn't right"), (("B", "", ""), "✓ B is right")):
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(f"check.questions{letters}".replace("'", '"'))
        # Ctrl+Enter runs the cell without leaving it.
        page.keyboard.press("ControlOrMeta+Enter")
        expect(asked).to_contain_text(says)
        expect(asked).to_contain_text("No answer yet")
        page.keyboard.press("Enter")
    assert not visit.other_hosts
