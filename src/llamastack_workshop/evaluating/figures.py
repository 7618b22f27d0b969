"""Statistics: the confidence interval of a figure, and the significance of a difference."""

import math

# 95% of a normal distribution lies within this many standard deviations.
_Z = 1.96


def interval(right: int, of: int) -> tuple[float, float]:
    """Return the 95% interval for the share of right answers, given `right` out of `of` (at least 1).

    It is Wilson's score interval, which is valid for small numbers, and near 0 and 1 (E. B. Wilson, 1927,
    https://doi.org/10.1080/01621459.1927.10502953).
    """
    share, squared = right / of, _Z**2
    middle = share + squared / (2 * of)
    reach = _Z * math.sqrt(share * (1 - share) / of + squared / (4 * of**2))
    return max(0.0, (middle - reach) / (1 + squared / of)), min(1.0, (middle + reach) / (1 + squared / of))


def chance_of_drop(lost: int, won: int) -> float:
    """Return the probability that, by chance alone, at least `lost` of `lost + won` changed cases got worse.

    This is McNemar's test for paired cases, one-sided and exact: cases that stayed right or wrong carry no information,
    and each of the others is a coin toss (Q. McNemar, 1947, https://doi.org/10.1007/BF02295996).
    """
    changed = lost + won
    return sum(math.comb(changed, number) for number in range(lost, changed + 1)) / 2**changed
