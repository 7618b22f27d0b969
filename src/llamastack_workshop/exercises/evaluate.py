"""Checks of chapter 25, Evaluate."""

import math
from collections.abc import Callable

from llamastack_workshop.exercises.check import call, exercise, require
from llamastack_workshop.exercises.quick_check import QuickCheck

questions = QuickCheck(__name__)

type Outcomes = dict[str, bool]

# The number of cases of the two runs in the second exercise.
_CASES = 400

# Answers to the first exercise's request, and the problem with each, or "".
_OFFERS = {
    '{"product": "UltraBook", "price": 1299}': "",
    '{"price": 849.5, "product": "Swift 14"}': "",
    '\n {"product":"Robin",\n  "price":0.99}\n': "",
    '{"product": "true", "price": 1}': "",
    "The UltraBook costs 1299 euros.": "is not JSON",
    '```json\n{"product": "UltraBook", "price": 1299}\n```': "is JSON in a Markdown code fence",
    '{"product": "UltraBook", "price": 1299': "is truncated",
    '[{"product": "UltraBook", "price": 1299}]': "is a list",
    '"UltraBook"': "is a string",
    "null": "is null",
    '{"product": "UltraBook"}': "lacks the price",
    '{"price": 1299}': "lacks the product",
    '{"product": "UltraBook", "price": 1299, "currency": "EUR"}': "has a third key",
    '{"product": "UltraBook", "price": "1299"}': "has a string as its price",
    '{"product": "UltraBook", "price": true}': "has `true` as its price, which is an int in Python",
    '{"product": "UltraBook", "price": null}': "has null as its price",
    '{"product": "UltraBook", "price": 0}': "has a price of 0",
    '{"product": "UltraBook", "price": -5}': "has a price below 0",
    '{"product": "UltraBook", "price": NaN}': "has NaN as its price, which `json.loads` accepts",
    '{"product": "", "price": 1299}': "has an empty product",
    '{"product": "  ", "price": 1299}': "has only spaces as its product",
    '{"product": 7, "price": 1299}': "has a number as its product",
    "": "is empty",
}


@exercise
def offer_grader(function: Callable[[str], str | None]) -> str:
    """Check that `function(answer)` returns None for an offer in the stated form, and otherwise the problem with it."""
    for answer, wrong in _OFFERS.items():
        found = call(function, answer, kind=str, wanted="a description of the problem", or_none=True)
        if wrong:
            require(found is not None, f"{answer!r} {wrong}, but your grader lets it pass.")
            require(found.strip(), f"{answer!r} {wrong}, but your grader returns an empty string: name the problem.")
        else:
            require(found is None, f"{answer!r} is right, but your grader returns {found!r}.")
    wrong = sum(map(bool, _OFFERS.values()))
    return f"{wrong} wrong answers get their objections, and {len(_OFFERS) - wrong} right ones pass"


@exercise
def interval_of_difference(function: Callable[[list[bool], list[bool]], tuple[float, float]]) -> str:
    """Check that `function(first, second)` returns the 95% interval of the second share minus the first.

    Resampling is random, so the tolerance is an eighth of the half-width.
    """
    pair = "two numbers, the lower and the upper end"
    for both, lost, won, neither in ((200, 20, 60, 120), (220, 48, 12, 120), (120, 40, 40, 200)):
        first = [True] * (both + lost) + [False] * (won + neither)
        second = [True] * both + [False] * lost + [True] * won + [False] * neither
        untouched = list(first), list(second)
        ends = call(function, first, second, kind=(tuple, list), wanted=pair)
        require((first, second) == untouched, "your function changes the lists that it is given.")
        require(len(ends) == 2, f"return {pair}; these are {len(ends)}.")
        require(all(_is_number(end) for end in ends), f"return {pair}, not {ends!r}.")
        low, high = map(float, ends)
        told = f"Of {_CASES} cases, {lost} were right only with the first and {won} only with the second"
        require(low <= high, f"the lower end comes first, but yours are {low:.3f} and {high:.3f}.")
        _compare(told, low, high, lost, won, [sum(first), sum(second)])
    return "your interval is the one for pairs, and it contains 0 if the difference may be chance"


@exercise
def gate(function: Callable[[Outcomes, Outcomes], bool]) -> str:
    """Check that `function(before, after)` is False for a drop beyond chance in the same cases, and otherwise True."""
    for kept, lost, won, wanted in (
        (20, 0, 0, True),
        (20, 1, 0, True),
        (20, 4, 0, True),
        (20, 5, 0, False),
        (200, 5, 0, False),
        (20, 5, 1, True),
        (20, 7, 1, False),
        (20, 20, 20, True),
        (20, 30, 12, False),
        (20, 30, 20, True),
        (20, 0, 12, True),
        (0, 0, 0, True),
    ):
        before, after = _runs(kept, lost, won)
        chance = sum(math.comb(lost + won, n) for n in range(lost, lost + won + 1)) / 2 ** (lost + won)
        _let_through(function, before, after, wanted, f"{lost} cases got worse and {won} better ({chance:.1%})")
    before, after = _runs(20, 0, 0)
    new = {f"new-{number}": False for number in range(9)}
    _let_through(function, before, after | new, True, "9 new cases, which the first run did not have, are wrong")
    gone = {f"gone-{number}": True for number in range(9)}
    _let_through(function, before | gone, after, True, "9 cases that were right before are no longer in the data set")
    before, after = _runs(20, 5, 0)
    better = {f"new-{number}": True for number in range(9)}
    _let_through(function, before, after | better, False, "5 cases got worse, and 9 new ones are right")
    backwards = dict(reversed(after.items()))
    _let_through(function, before, backwards, False, "5 cases got worse, and the second run has another order")
    return "noise passes, a drop does not, and only cases in both runs are compared"


def _compare(told: str, low: float, high: float, lost: int, won: int, right: list[int]) -> None:
    """Raise NotYet unless `low` and `high` are close to the interval for these pairs."""
    difference = (won - lost) / _CASES
    reach = 1.96 * math.sqrt(lost + won - (won - lost) ** 2 / _CASES) / _CASES
    wanted = f"{difference - reach:.3f} to {difference + reach:.3f}"
    yours = f"{told}: the interval is about {wanted}, but yours is {low:.3f} to {high:.3f}"
    near = reach / 8

    def is_near(middle: float, half: float) -> bool:
        return abs((low + high) / 2 - middle) < near and abs((high - low) / 2 - half) < near

    if is_near(difference, reach):
        return
    require(not is_near(-difference, reach), f"{yours}. Subtract the first from the second.")
    require(not is_near(100 * difference, 100 * reach), f"{yours}. Give shares, not percentages.")
    apart = 1.96 * math.sqrt(sum(share * (_CASES - share) for share in right) / _CASES) / _CASES
    require(
        not is_near(difference, apart),
        f"{yours}. That is the interval for two runs with different cases: draw pairs, not each run separately.",
    )
    require(not is_near(difference, reach / 1.96), f"{yours}. That is one standard deviation, or 68%.")
    require(not is_near(difference, reach * 1.645 / 1.96), f"{yours}. That is 90%: cut off 2.5% at either end.")
    require(False, f"{yours}.")


def _is_number(value: object) -> bool:
    try:
        return not isinstance(value, bool) and math.isfinite(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def _runs(kept: int, lost: int, won: int) -> tuple[Outcomes, Outcomes]:
    """Return two runs in which `kept` cases are right in both, and as many are wrong in both."""
    pairs = [(True, True)] * kept + [(False, False)] * kept + [(True, False)] * lost + [(False, True)] * won
    first, second = ({f"case-{number}": pair[side] for number, pair in enumerate(pairs)} for side in (0, 1))
    return first, second


def _let_through(
    function: Callable[[Outcomes, Outcomes], bool], before: Outcomes, after: Outcomes, wanted: bool, what: str
) -> None:
    given = dict(before), dict(after)
    found = call(function, before, after)
    require((before, after) == given, "your function changes the dictionaries that it is given.")
    require(hasattr(found, "__bool__"), f"return True or False, not {found!r}.")
    passes = "pass, but your gate blocks it" if wanted else "be blocked, but your gate lets it pass"
    require(bool(found) is wanted, f"{what}: that should {passes}.")
