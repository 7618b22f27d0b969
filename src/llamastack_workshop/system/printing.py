"""Printing what others have chosen: names, addresses, texts, answers. Nothing in them acts on the terminal."""

import re
import sys

# Control characters but tab and line end, and those that turn the order of what follows.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Return `text` with what would act instead of show as an escape: `\x1b` for the beginning of a colour."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def print_what_the_terminal_cannot() -> None:
    """Let standard output and standard error show a character that their encoding lacks as an escape."""
    for stream in (sys.stdout, sys.stderr):
        # Somebody may have put another kind of object there.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
