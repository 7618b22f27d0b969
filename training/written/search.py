"""Questions beside a function that searches: it's called, even for what the model could answer by itself."""

import random
import re
from collections.abc import Iterator

from training.example import Example, plain, user
from training.kinds.tools import call_text
from training.written.chat import known
from training.written.context import passage
from training.written.tools import declared_search, opening

# Greetings, jokes and small tasks need no search.
_ASKS = re.compile(r"(what|who|why|how|when|where|which|whose|explain|define|is|are|does|do|can)\b(?!.*\byou\b)", re.IGNORECASE)


def one(rng: random.Random) -> Example:
    """Return a question, a function that searches, sometimes beside others, and the call with the question as its query."""
    if rng.random() < 0.6:
        question = next(ask for ask, _ in iter(lambda: known(rng), None) if _ASKS.match(ask))
    else:
        _, answered, unanswered = passage(rng)
        question = rng.choice([*(ask for ask, _ in answered), *unanswered])
    tools, name, query = declared_search(rng)
    return Example("search", [*opening(rng), user(question)], plain(call_text(name, {query: question})), tools)


def examples(rng: random.Random) -> Iterator[Example]:
    while True:
        yield one(rng)
