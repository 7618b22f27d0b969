"""Where the commands print."""

from typing import Any

from rich.console import Console
from rich.text import Text

from llamastack_workshop.system.printing import visible


class PlainConsole(Console):
    """A console that prints texts as they are: no brackets as markup, no :names: as emoji, nothing that acts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)
