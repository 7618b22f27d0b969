"""When `make test-browser` rebuilds the site."""

import os
from pathlib import Path

from llamastack_workshop.proving.browser_testing import newest_source


def test_a_chapter_makes_the_site_old_and_a_hidden_cache_does_not(tmp_path: Path) -> None:
    changed_at = {
        "_config.yml": 100,
        "_toc.yml": 110,
        "book/index.md": 120,
        "notebooks/01-one.ipynb": 130,
        "notebooks/.ruff_cache/CACHEDIR.TAG": 140,
        "src/other.py": 150,
    }
    for name, seconds in changed_at.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (seconds, seconds))
    assert newest_source(tmp_path) == 130
