"""The program on the book's first page, verbatim, with the embedded model."""

import re
import subprocess
import sys

from llamastack_workshop.system import paths

ADDRESS = '"http://localhost:8321/v1"'


def test_the_first_program_runs_as_it_stands_and_prints_what_the_page_says(base_url: str) -> None:
    page = (paths.ROOT / "book" / "index.md").read_text(encoding="utf-8")
    program, _ = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert ADDRESS in program
    # The only change: the server of the tests, because 8321 may belong to an attendee's server.
    program = program.replace(ADDRESS, repr(base_url))
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == re.search(r"^It prints `(.+)`$", page, re.MULTILINE)[1]
