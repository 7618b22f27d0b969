"""Checks of chapter 3, Manual prompt chaining."""

from collections.abc import Callable

from llamastack_workshop.exercises.check import exercise, given, require

_GOOD = {"cpu": "3.5 GHz", "memory": "16 GB", "storage": "1TB"}
_TEXT = "A laptop with a 3.5 GHz octa-core processor, 16GB of RAM, and a 1TB NVMe SSD."


@exercise
def grounded_gate(function: Callable[[dict[str, str], str], str | None]) -> str:
    """Check a gate that accepts specifications whose every number stands in the text."""
    accepted = function(_GOOD, _TEXT)
    require(accepted is None, f"your gate rejects specifications that are right: {accepted!r}")
    rejected = function({**_GOOD, "memory": "32 GB"}, _TEXT)
    require(rejected is not None, "a memory of 32 GB passes your gate, and is not in the text.")
    require(isinstance(rejected, str), f"say what is wrong in words; your gate returned {rejected!r}.")
    require(
        function({**_GOOD, "memory": "6 GB"}, _TEXT) is not None,
        "a memory of 6 GB passes your gate, because the text holds 16GB; compare whole numbers, not characters.",
    )
    require("32" in rejected, f"name the number that is wrong; your gate said {rejected!r}.")
    return f"your gate says: {rejected}"


@exercise
def three_steps(function: Callable[[str], tuple[dict[str, str], str]]) -> str:
    """Check a chain that returns the specifications and one sentence made from them."""
    answer = given(function(_TEXT))
    require(isinstance(answer, tuple) and len(answer) == 2, "return two values: the specifications and the sentence.")
    specifications, sentence = answer
    require(isinstance(specifications, dict), f"the first value is a {type(specifications).__name__}, not a dict.")
    require(set(specifications) == set(_GOOD), f"the specifications have the keys {sorted(specifications)}.")
    require(isinstance(sentence, str) and sentence.strip(), "the second value is the text of the third response.")
    return f"{specifications} became {sentence!r} (whether that is true, nobody has checked)"
