"""The console that the commands print to."""

from typing import Any

from rich.console import Console
from rich.text import Text

from llamastack_workshop.system.printing import visible


class PlainConsole(Console):
    """A console that prints text literally: no markup in brackets, no :emoji:, no control characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **options)
