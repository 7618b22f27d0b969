"""How sure a figure is, and whether two of them differ."""

import math

# Of a normal distribution, 95% lies within this many standard deviations.
_Z = 1.96


def interval(right: int, of: int) -> tuple[float, float]:
    """Return the 95% interval for the share of right answers, of which `right` of `of` were seen.

    It is Wilson's, which holds for small numbers, and near 0 and 1 (E. B. Wilson, 1927,
    https://doi.org/10.1080/01621459.1927.10502953). `of` is at least 1.
    """
    share, squared = right / of, _Z**2
    middle = share + squared / (2 * of)
    reach = _Z * math.sqrt(share * (1 - share) / of + squared / (4 * of**2))
    return max(0.0, (middle - reach) / (1 + squared / of)), min(1.0, (middle + reach) / (1 + squared / of))


def chance_of_drop(lost: int, won: int) -> float:
    """Return how likely chance alone makes at least `lost` of `lost + won` cases that changed change for the worse.

    This is McNemar's test for the same cases asked twice, one-sided and exact: cases that stayed right or wrong tell
    nothing, and each of the others is as a toss of a coin (Q. McNemar, 1947, https://doi.org/10.1007/BF02295996).
    """
    changed = lost + won
    return sum(math.comb(changed, number) for number in range(lost, changed + 1)) / 2**changed
