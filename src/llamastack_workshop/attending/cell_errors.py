"""What a cell shows when nothing answers it: a line that says what to do, instead of dozens of frames.

An IPython extension, which ipython_kernel_config.py beside it turns on.
"""

import os
import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from llamastack_workshop.system import paths
from llamastack_workshop.system.errors import verbose

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def load_ipython_extension(shell: "InteractiveShell") -> None:
    """Turn it on in `shell`, if that runs an attendee's notebooks."""
    if Path.cwd() == paths.WORK:
        shell.set_custom_exc((Exception,), _show)


def _show(
    shell: "InteractiveShell",
    kind: type[Exception],
    error: Exception,
    traceback: TracebackType,
    tb_offset: int | None = None,
) -> None:
    line = None if verbose() else unanswered(error)
    if line is None:
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
        return
    # Where the magic command %tb looks.
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, traceback
    shell._showtraceback(kind, error, [line])


def unanswered(error: BaseException) -> str | None:
    """Return a line about `error` if it is that a server does not answer, or breaks off; else None."""
    # Whoever has not imported them does not get their errors, and importing them takes a second.
    httpx, openai = sys.modules.get("httpx"), sys.modules.get("openai")
    # An MCP client's tasks raise a group of the one.
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    # OpenAI's client says this of whatever goes wrong before there is an answer, and LangChain's wraps it once more.
    while openai and isinstance(error, openai.APIConnectionError):
        error = error.__cause__
    if not httpx or not isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
        return None
    try:
        origin = _origin(str(error.request.url))
    except RuntimeError:
        # It does not know which request it was.
        return None
    ours = os.environ.get("LLAMA_STACK_BASE_URL")
    if origin != _origin(ours or f"http://localhost:{paths.DEFAULT_PORT}"):
        return f"{origin} doesn't answer: {error}. Is the address right, and does that server run? {_MORE}"
    if ours:
        fix = "The terminal of make lab says whether it comes back; run this cell again when it has."
    else:
        fix = "Start it in a terminal (File, New, Terminal) with: workshop llama-server"
    return f"The server at {origin} doesn't answer. {fix} {_MORE}"


_MORE = "(%tb shows the traceback.)"


def _origin(address: str) -> str:
    """Return scheme, host and port of a URL, without what may stand before the host."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".replace("127.0.0.1", "localhost")
