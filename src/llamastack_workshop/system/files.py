"""Writing files, whole or not at all."""

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Put `text` into the file `path`, as UTF-8 with Unix line ends; if that fails, the file stays as it was.

    Raises OSError if the folder cannot be written to.
    """
    # A name of its own: two processes that write at once never see half a file.
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
