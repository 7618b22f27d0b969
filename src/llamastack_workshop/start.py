"""The entry points of the commands: their imports take a second, and Ctrl-C ends those with one line, too."""

import importlib
from dataclasses import dataclass
from typing import Any

from llamastack_workshop.system.errors import clear_errors
from llamastack_workshop.system.interrupts import keep_interrupts
from llamastack_workshop.system.printing import print_what_the_terminal_cannot


@dataclass(frozen=True)
class Program:
    """A program that pyproject.toml installs: calling it runs `main` of `module`, by default its Typer app."""

    module: str
    app: str = "app"
    main: str | None = None

    def __call__(self) -> None:
        print_what_the_terminal_cannot()
        keep_interrupts()
        with clear_errors():
            getattr(importlib.import_module(self.module), self.main or self.app)()

    def typer_app(self) -> Any:
        """Import the app, and return it."""
        return getattr(importlib.import_module(self.module), self.app)


_PATTERNS = "llamastack_workshop.patterns.commands"

workshop = Program("llamastack_workshop.cli", main="main")
prompt_chaining = Program(_PATTERNS, "prompt_chaining")
routing = Program(_PATTERNS, "routing")
parallelization = Program(_PATTERNS, "parallelization")
orchestrator_workers = Program(_PATTERNS, "orchestrator_workers")
evaluator_optimizer = Program(_PATTERNS, "evaluator_optimizer")
