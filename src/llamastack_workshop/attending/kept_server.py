"""The LlamaStack server of a lab: one that is already running, or our own, which is restarted if it ends by itself."""

import os
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import httpx
from rich.console import Console

from llamastack_workshop.server import serving, stack, upstreams
from llamastack_workshop.server.embedded import models
from llamastack_workshop.server.stacks import OURS, Server
from llamastack_workshop.system import paths, ports
from llamastack_workshop.system.errors import Say, WorkshopError
from llamastack_workshop.system.processes import Child
from llamastack_workshop.system.secrets import hidden

# A server that has ended more often than this within the time is not restarted.
_MOST_ENDS = 3
_WITHIN = 600  # seconds


class KeptServer:
    """The server on 127.0.0.1:`port`; one that we have started, from `server`, ends with the block.

    Raises WorkshopError, on entering, if it cannot start.
    """

    def __init__(
        self, console: Console, say: Say, *, port: int, upstream: upstreams.Choice, server: Server = OURS
    ) -> None:
        self._console, self._say, self._port, self._upstream, self._server = console, say, port, upstream, server
        self._parts = ExitStack()
        self._own: stack.Stack | None = None
        self._answers = True
        self._ends: list[float] = []

    def __enter__(self) -> Self:
        with serving.only_start(self._port, self._say):
            # Only for a line's main configuration: the version identifies the line, but not the configuration.
            base_url = stack.reusable_server(self._port, self._server.line) if self._server.is_whole_line else None
            if base_url is None:
                started = time.monotonic()
                self._start()
                serving.announce(self._console, self._own, seconds=time.monotonic() - started)
            else:
                self._tell_whose(base_url)
        self.base_url = base_url or self._own.base_url
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def look_after(self) -> None:
        """Restart our server if one of its processes has ended; for another's server, report its end and its return."""
        if self._own:
            if ended := next((child for child in self._own.children if not child.running()), None):
                self._tell(f"\n{ended.log.stem} ended by itself; its log is {_kept_log(ended)}")
                self._come_back()
        elif self._answers is ports.is_free(self._port):
            self._answers = not self._answers
            if self._answers:
                self._tell(f"A server answers on port {self._port} again.")
            else:
                self._tell(
                    f"The server on port {self._port}, which another command had started, has ended. JupyterLab keeps "
                    f"running. {self._how_to_start()}"
                )

    def _come_back(self) -> None:
        """Restart our server, unless it has ended too often."""
        while True:
            now = time.monotonic()
            self._ends = [end for end in self._ends if now - end < _WITHIN] + [now]
            self._parts.close()
            if len(self._ends) > _MOST_ENDS:
                self._own, self._answers = None, False
                self._tell(
                    f"It has ended {len(self._ends)} times within {_WITHIN // 60} minutes, so it is not restarted. "
                    f"JupyterLab and its kernels keep running; make doctor may show the reason. {self._how_to_start()}"
                )
                return
            try:
                self._start()
            except (WorkshopError, OSError, httpx.HTTPError) as error:
                self._tell(hidden(f"It could not be restarted: {error}"))
                time.sleep(2)
            else:
                product = self._server.line.product
                self._tell(f"{product} is back on port {self._port}: run the failed cells again.")
                return

    def _start(self) -> None:
        running = stack.running_stack(self._say, port=self._port, upstream=self._upstream, server=self._server)
        self._own = self._parts.enter_context(running)

    def _how_to_start(self) -> str:
        stack_name = "" if self._server == OURS else f" STACK={self._server.name}"
        option = "" if self._port == paths.DEFAULT_PORT else f' ARGS="--port {self._port}"'
        return f"Start one in another terminal: make llama-server{stack_name}{option}"

    def _tell_whose(self, base_url: str) -> None:
        if self._upstream is upstreams.Choice.embedded and os.environ.get("WORKSHOP_MODEL"):
            served = stack.language_models(base_url)
            if f"llama-cpp/{models.name()}" not in served:
                raise WorkshopError(
                    f"The server on port {self._port} serves {served[0]}, not {models.name()}.",
                    f"Stop it first, or start another one: --port {self._port + 10}",
                )
        self._tell(f"Using the {self._server.line.product} server that already runs on port {self._port}.")
        if owner := ports.foreign(self._port):
            self._tell(
                f"It belongs to {owner}. Its owner can read everything that your notebooks send to it. "
                f"To start your own: --port {self._port + 10}"
            )

    def _tell(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)


def _kept_log(ended: Child) -> Path:
    """Rename the log of a child that has ended, so that a restart does not overwrite it, and return its path."""
    kept = ended.log.with_stem(f"{ended.log.stem}-ended")
    # If renaming fails, the old path is still right for now.
    with suppress(OSError):
        return ended.log.replace(kept)
    return ended.log
