"""How long work tells what it is doing."""

from collections.abc import Callable

# What is given to a function that takes a while; it is called with one line of text for each step.
Say = Callable[[str], None]
