"""An IPython extension that replaces the traceback of a connection error with one line that names the fix.

ipython_kernel_config.py, in this folder, turns it on.
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
    """Turn it on in `shell`, if the kernel runs an attendee's notebooks."""
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
    # The magic command %tb reads these.
    sys.last_type, sys.last_value, sys.last_traceback = kind, error, traceback
    shell._showtraceback(kind, error, [line])


def unanswered(error: BaseException) -> str | None:
    """Return a message if `error` means that a server does not answer or has closed the connection, or else None."""
    # Not imported here, which would take a second: without them, the notebook cannot raise their errors.
    httpx, openai = sys.modules.get("httpx"), sys.modules.get("openai")
    # An MCP client raises an exception group with one member.
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    # OpenAI's client raises this for any failure before there is a response, and LangChain wraps it once more.
    while openai and isinstance(error, openai.APIConnectionError):
        error = error.__cause__
    if not httpx or not isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
        return None
    try:
        origin = _origin(str(error.request.url))
    except RuntimeError:
        # The error has no request.
        return None
    ours = os.environ.get("LLAMA_STACK_BASE_URL")
    if origin != _origin(ours or f"http://localhost:{paths.DEFAULT_PORT}"):
        return f"{origin} doesn't answer: {error}. Is the address correct, and is that server running? {_MORE}"
    if ours:
        fix = "Wait until the terminal of make lab reports that it is back, and run this cell again."
    else:
        fix = "Start it in a terminal (File, New, Terminal) with: workshop llama-server"
    return f"The server at {origin} doesn't answer. {fix} {_MORE}"


_MORE = "(%tb shows the traceback.)"


def _origin(address: str) -> str:
    """Return scheme, host and port of a URL, without user and password."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".replace("127.0.0.1", "localhost")
