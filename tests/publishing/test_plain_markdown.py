"""The pages in JupyterLab and on GitHub: plain Markdown, without directives that only Sphinx understands."""

import re
from pathlib import Path

import pytest

from llamastack_workshop.publishing.book_pages.markdown import pages, text_of
from llamastack_workshop.system import paths

# Directives whose content is generated with the site: the text around them says so. These two pages also describe the
# site.
_DERIVED = r"(?!command-help|own-errors|error-index|chapter-sources|costs|release-lines)"
_OF_THE_SITE = {"book/index.md": {"only", "grid", "grid-item-card"}, "book/teaching/index.md": {"only"}}
_CODE = re.compile(r"^```(?!\{).*?^```$|`[^`\n]*`", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [page.relative_to(paths.ROOT).as_posix() for page in pages()])
def test_a_page_is_readable_where_sphinx_is_not(page: str) -> None:
    text = _CODE.sub("`code`", text_of(paths.ROOT / page))
    directives = set(re.findall(rf"^ *(?:`{{3,}}|:{{3,}})\{{{_DERIVED}([\w-]+)", text, re.M))
    assert directives == _OF_THE_SITE.get(page, set())
    assert not re.findall(r"\{\w+\}`|^\([\w-]+\)=$|^: .*|\[\]\(.*", text, re.M)


def test_the_page_on_run_yaml_shows_the_whole_file() -> None:
    page = Path(paths.ROOT / "book" / "run-yaml.md").read_text(encoding="utf-8")
    configuration = paths.RUN_YAML.read_text(encoding="utf-8").replace("\r\n", "\n")
    listings = re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert not [listing for listing in listings if listing not in f"{configuration}\n"], "copy it anew from run.yaml"
    file = configuration[configuration.index("version: 2") :]
    shown = {line for listing in listings for line in listing.splitlines()}
    assert [line for line in file.splitlines() if line not in shown] == [], "the page lacks lines of run.yaml"
