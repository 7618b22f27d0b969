"""Two attendees of a classroom, each in a browser of their own."""

import re
from pathlib import Path

from classroom.rooms import place_for_one, running
from playwright.sync_api import Browser, Page, expect
from test_lab import answer, code_cells, run_all_cells

from llamastack_workshop.classroom import progress

CHAPTER = "01-server-setup"
CALL = "client.responses.create(model=model, input=question, max_output_tokens=16)"
SOLUTION = f"def ask_briefly(question: str):\nreturn {CALL}"
ASK = 'print("mine:", client.responses.create(model=model, input="What is the capital of France?").id)'


def test_each_solves_an_exercise_and_neither_sees_a_response_of_the_other(browser: Browser, tmp_path: Path) -> None:
    with place_for_one(), running(tmp_path / "classroom.log") as classroom:
        address = f"http://localhost:{classroom.port}"
        pages: list[Page] = []
        for name, password in classroom.passwords().items():
            page = browser.new_context(viewport={"width": 1300, "height": 850}).new_page()
            page.goto(address)
            page.fill("#username_input", name)
            page.fill("#password_input", password)
            page.click("#login_submit")
            expect(page.locator(".jp-NotebookPanel-toolbar")).to_be_visible()
            run_all_cells(page, f"{address}/user/{name}/lab/tree/work/{CHAPTER}.ipynb", len(code_cells(CHAPTER)))
            pages.append(page)

        responses = []
        for page in pages:
            answer(page, page.locator(".jp-CodeCell", has_text="def ask_briefly").first, SOLUTION)
            expect(page.get_by_text(re.compile(r"✓ Right: \d+ tokens, status "))).to_be_visible()
            answer(page, page.locator(".jp-CodeCell", has_text="def ask_briefly").first, ASK)
            mine = page.get_by_text(re.compile(r"^mine: resp_\w+"))
            expect(mine).to_be_visible()
            responses.append(mine.text_content().split()[1])

        for page, theirs in zip(pages, reversed(responses), strict=True):
            statuses = ", ".join(f'httpx.get(f"{{base_url}}/responses/{one}").status_code' for one in responses)
            cell = page.locator(".jp-CodeCell", has_text='print("mine:"').first
            answer(page, cell, f'import httpx; print("statuses:", {statuses})')
            wanted = " ".join("404" if one == theirs else "200" for one in responses)
            expect(page.get_by_text(f"statuses: {wanted}")).to_be_visible()

        solved = [one.results.get("server_setup.short_answer") for one in progress.of_room().attendees]
        assert solved == [True, True]
