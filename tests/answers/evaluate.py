"""Answers to the exercises of chapter 25, Evaluate."""

import json
import math
import random
import re
from collections.abc import Callable
from statistics import NormalDist
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from answers import Answer
from llamastack_workshop.exercises import evaluate as check


def step_by_step(answer: str) -> str | None:
    try:
        offer = json.loads(answer)
    except ValueError:
        return "not JSON"
    if not isinstance(offer, dict) or offer.keys() != {"product", "price"}:
        return "not an object with product and price"
    product, price = offer["product"], offer["price"]
    if not isinstance(product, str) or not product.strip():
        return "no product"
    if isinstance(price, bool) or not isinstance(price, int | float) or not price > 0:
        return "no price above 0"
    return None


class Offer(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, str_strip_whitespace=True)

    product: str = Field(min_length=1)
    price: float = Field(gt=0, allow_inf_nan=False)


def with_pydantic(answer: str) -> str | None:
    try:
        Offer.model_validate_json(answer)
    except ValidationError as error:
        return error.errors()[0]["msg"]
    return None


def without(part: str) -> Callable[[str], str | None]:
    """Return a grader that lacks one of its conditions."""

    def grader(answer: str) -> str | None:
        try:
            offer = json.loads(answer)
        except ValueError:
            return "not JSON"
        conditions = {
            "object": not isinstance(offer, dict),
            "keys": isinstance(offer, dict) and offer.keys() != {"product", "price"},
        }
        if any(is_wrong for name, is_wrong in conditions.items() if name != part):
            return "not that object"
        if not isinstance(offer, dict):
            return None
        product, price = offer.get("product"), offer.get("price")
        if not isinstance(product, str) or not (product.strip() or part == "blanks"):
            return "no product"
        if isinstance(price, bool) and part != "bool":
            return "no number"
        if not isinstance(price, int | float):
            return "no number"
        return None if price > 0 or (part == "nan" and math.isnan(price)) else "no price"

    return grader


def by_pattern(answer: str) -> str | None:
    found = re.fullmatch(r'\{"product": "[^"]+", "price": [0-9.]+\}', answer)
    return None if found else "another form"


def resampled(first: list[bool], second: list[bool]) -> tuple[float, float]:
    changes = [after - before for before, after in zip(first, second, strict=True)]
    means = sorted(sum(random.choices(changes, k=len(changes))) / len(changes) for _ in range(2000))
    return means[50], means[1949]


def by_formula(first: list[bool], second: list[bool]) -> list[float]:
    changes = np.array(second, int) - np.array(first, int)
    reach = NormalDist().inv_cdf(0.975) * changes.std() / math.sqrt(changes.size)
    return [changes.mean() - reach, changes.mean() + reach]


def with_numpy(first: list[bool], second: list[bool]) -> tuple[np.float64, np.float64]:
    changes = np.array(second, int) - np.array(first, int)
    means = np.random.default_rng().choice(changes, (3000, changes.size)).mean(axis=1)
    return tuple(np.percentile(means, [2.5, 97.5]))


def each_by_itself(first: list[bool], second: list[bool]) -> tuple[float, float]:
    def mean(run: list[bool]) -> float:
        return sum(random.choices(run, k=len(run))) / len(run)

    means = sorted(mean(second) - mean(first) for _ in range(2000))
    return means[50], means[1949]


def scaled(factor: float) -> Callable[[list[bool], list[bool]], tuple[float, float]]:
    """Return the formula with another factor."""

    def formula(first: list[bool], second: list[bool]) -> tuple[float, float]:
        low, high = by_formula(first, second)
        middle, reach = (low + high) / 2, (high - low) / 2
        return middle - reach * factor, middle + reach * factor

    return formula


def shuffles(first: list[bool], second: list[bool]) -> list[float]:
    random.shuffle(first)
    return by_formula(first, second)


def counted(before: dict[str, bool], after: dict[str, bool]) -> tuple[int, int]:
    both = before.keys() & after.keys()
    return sum(before[id] > after[id] for id in both), sum(before[id] < after[id] for id in both)


def chance(lost: int, won: int) -> float:
    return sum(math.comb(lost + won, n) for n in range(lost, lost + won + 1)) / 2 ** (lost + won)


def exact(before: dict[str, bool], after: dict[str, bool]) -> bool:
    return chance(*counted(before, after)) >= 0.05


def with_numpy_bool(before: dict[str, bool], after: dict[str, bool]) -> np.bool_:
    lost, won = counted(before, after)
    tail = np.random.default_rng(1).binomial(max(lost + won, 1), 0.5, 400_000) >= lost
    return ~(tail.mean() < 0.05)


def by_order(before: dict[str, bool], after: dict[str, bool]) -> bool:
    pairs = list(zip(before.values(), after.values(), strict=False))
    return chance(sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)) >= 0.05


def lacking_is_wrong(before: dict[str, bool], after: dict[str, bool]) -> bool:
    every = before.keys() | after.keys()
    return exact({id: before.get(id, False) for id in every}, {id: after.get(id, False) for id in every})


def by_share(before: dict[str, bool], after: dict[str, bool]) -> bool:
    def share(run: dict[str, bool]) -> float:
        return sum(run.values()) / max(len(run), 1)

    return share(after) > share(before) - 0.05


def graded(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.offer_grader, style, lambda server: [function], said)


def interval(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.interval_of_difference, style, lambda server: [function], said)


def gate(style: str, function: Any, said: str = "") -> Answer:
    return Answer(check.gate, style, lambda server: [function], said)


RIGHT = [
    graded("step by step", step_by_step),
    graded("pydantic", with_pydantic),
    interval("resampling", resampled),
    interval("a formula, as a list", by_formula),
    interval("numpy", with_numpy),
    gate("tossed coins, exactly", exact),
    gate("tossed coins, simulated", with_numpy_bool),
]

WRONG = [
    graded("a blank", lambda answer: None, "there is no answer yet"),
    graded("True and False", lambda answer: step_by_step(answer) is None, "should return a description of the problem"),
    graded("an empty text", lambda answer: step_by_step(answer) and "", "returns an empty string: name the problem"),
    graded("the other way round", lambda answer: None if step_by_step(answer) else "good", "is right, but your grader"),
    graded("a pattern", by_pattern, "is right, but your grader returns 'another form'"),
    graded("any JSON", lambda answer: with_pydantic(answer) and without("object")(answer), "is a list, but your"),
    graded("any keys", without("keys"), "has a third key, but your grader lets it pass"),
    graded("a bool", without("bool"), "has `true` as its price, which is an int in Python"),
    graded("NaN", without("nan"), "has NaN as its price, which `json.loads` accepts"),
    graded("blanks", without("blanks"), "has an empty product, but your grader lets it pass"),
    graded("it raises", lambda answer: json.loads(answer) and None, "raised JSONDecodeError"),
    interval("each run by itself", each_by_itself, "draw pairs, not each run separately"),
    interval("the first less the second", lambda a, b: resampled(b, a), "Subtract the first from the second"),
    interval("percent", lambda a, b: [100 * end for end in by_formula(a, b)], "Give shares, not percentages"),
    interval("one standard deviation", scaled(1 / 1.96), "That is one standard deviation"),
    interval("90%", scaled(1.645 / 1.96), "That is 90%"),
    interval("a single number", lambda a, b: sum(b) - sum(a), "should return two numbers"),
    interval("three numbers", lambda a, b: (0, *by_formula(a, b)), "two numbers, the lower and the upper end; these"),
    interval("texts", lambda a, b: ("low", "high"), "not ('low', 'high')"),
    interval("upside down", lambda a, b: by_formula(a, b)[::-1], "the lower end comes first"),
    interval("a guess", lambda a, b: (-0.5, 0.5), "but yours is -0.500 to 0.500."),
    interval("in place", shuffles, "changes the lists"),
    gate("any drop", lambda before, after: counted(before, after)[0] == 0, "1 cases got worse and 0 better (50.0%)"),
    gate("always open", lambda before, after: 1 == 1, "5 cases got worse and 0 better (3.1%): that should be blocked"),
    gate(
        "a limit on the share",
        by_share,
        "4 cases got worse and 0 better (6.2%): that should pass, but your gate blocks it",
    ),
    gate("by the order of the cases", by_order, "has another order: that should be blocked"),
    gate("what is lacking is wrong", lacking_is_wrong, "are no longer in the data set: that should pass"),
    gate("both directions", lambda a, b: 2 * chance(*counted(a, b)) >= 0.05, "5 cases got worse and 0 better (3.1%)"),
    gate("any change", lambda a, b: min(chance(*counted(a, b)), chance(*counted(b, a))) >= 0.05, "0 cases got worse"),
    gate("the other way round", lambda a, b: not exact(a, b), "that should pass, but your gate blocks it"),
    gate("a text", lambda a, b: "pass" if exact(a, b) else "", "return True or False, not 'pass'"),
    gate("nothing", lambda a, b: None if exact(a, b) else False, "returns None here"),
]
