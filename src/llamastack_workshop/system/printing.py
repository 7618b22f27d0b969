"""Printing untrusted text (names, addresses, answers) without letting it control the terminal."""

import re
import sys

# Control characters except tab and newline, and characters that change the direction of text.
_ACTING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    r"""Return `text` with each control character replaced by its escape, such as `\x1b`."""
    return _ACTING.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def print_what_the_terminal_cannot() -> None:
    """Make standard output and standard error show a character that their encoding lacks as an escape."""
    for stream in (sys.stdout, sys.stderr):
        # It may have been replaced by another kind of object.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
