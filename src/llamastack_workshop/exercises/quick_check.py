"""The quick check at the end of each chapter: three questions, and an explanation for every option.

It has two forms. An attendee puts letters into the cell, and gets the explanation of each choice. A reader of the site
expands the options: they are `details` elements, which work with keyboard and screen reader without a script
(https://html.spec.whatwg.org/multipage/interactive-elements.html#the-details-element).
"""

from collections.abc import Sequence
from pathlib import Path

from markdown_it import MarkdownIt

from llamastack_workshop.attending import questions, record
from llamastack_workshop.attending.questions import Question
from llamastack_workshop.system import paths

_MARKDOWN = MarkdownIt()


class QuickCheck:
    """The questions of a chapter; called with an attendee's letters, it returns the output for the notebook."""

    def __init__(self, module: str) -> None:
        """Use the questions for the checks in the module with this `__name__`."""
        self._module = module.rpartition(".")[2]

    def __call__(self, *letters: str) -> "Shown":
        """Return the questions, with an explanation for each of `letters` that is an option; "" means no answer yet."""
        asked = questions.of(self._module)
        chosen = [str(letter).strip().upper() for letter in letters]
        if len(chosen) != len(asked):
            return Shown(f'Give {len(asked)} letters, one for each question, such as "A"; "" means no answer yet.')
        for number, (question, letter) in enumerate(zip(asked, chosen, strict=True), start=1):
            if letter in [*question.letters]:
                record.note(questions.name(self._module, number), right=letter == question.right)
        # In the tests, and for the site, nobody answers.
        answers = any(chosen) or Path.cwd() == paths.WORK
        return Shown(*_answered(asked, chosen) if answers else _to_open(asked))


class Shown:
    """The output of a quick check: plain text for a terminal, HTML for JupyterLab and the site."""

    def __init__(self, text: str, markup: str = "") -> None:
        self._text = text
        self._markup = markup

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str | None:
        return self._markup or None


def _answered(asked: Sequence[Question], chosen: Sequence[str]) -> tuple[str, str]:
    """Return the questions, each with the verdict on the chosen letter, as text and as HTML.

    Once that is right, the other options show their explanations, too.
    """
    items, lines = [], []
    for number, (question, letter) in enumerate(zip(asked, chosen, strict=True), start=1):
        verdict, solved = _verdict(question, letter), letter == question.right
        options = [
            f"{one}. {option.text}" + (f" ✗ {option.because}" if solved and not option.right else "")
            for one, option in zip(question.letters, question.options, strict=True)
        ]
        shown = "".join(f"<div>{_html(option)}</div>" for option in options)
        items.append(f"<li><p>{_html(question.question)}</p>{shown}<p><strong>{_html(verdict)}</strong></p></li>")
        lines += [f"{number}. {question.question}", *(f"   {option}" for option in options), f"   {verdict}"]
    return "\n".join(lines), f"<ol>{''.join(items)}</ol>"


def _verdict(question: Question, letter: str) -> str:
    if not letter:
        return "No answer yet: put its letter into the cell, and run the cell again."
    if letter not in [*question.letters]:
        return f"{letter} is not an option: choose one of {', '.join(question.letters)}."
    because = question.options[question.letters.index(letter)].because
    return f"✓ {letter} is right: {because}" if letter == question.right else f"✗ {letter} isn't right: {because}"


def _to_open(asked: Sequence[Question]) -> tuple[str, str]:
    """Return the questions as text, and as HTML in which each option expands to its explanation."""
    items, lines = [], []
    for number, question in enumerate(asked, start=1):
        lines.append(f"{number}. {question.question}")
        items.append(f"<li><p>{_html(question.question)}</p>")
        for letter, option in zip(question.letters, question.options, strict=True):
            lines.append(f"   {letter}. {option.text}")
            verdict = "✓ Right" if option.right else "✗ Not right"
            items.append(
                f"<details><summary>{letter}. {_html(option.text)}</summary>"
                f"<p><strong>{verdict}:</strong> {_html(option.because)}</p></details>"
            )
        items.append("</li>")
    hint = "<p>Open the option that you would choose.</p>"
    return "\n".join(lines), f'<div class="quick-check">{hint}<ol>{"".join(items)}</ol></div>'


def _html(text: str) -> str:
    return _MARKDOWN.renderInline(text)
