"""Probes of the parameters common to all lists, with more items than fit on a page, several from the same second."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from findings import IGNORED, IMPLEMENTED, PARTLY, Finding, Probe, effect, refusal, yes
from openai import APIStatusError
from responses_live import Live

_NONE = "nothing-of-this-id"


@dataclass(frozen=True)
class Listing:
    """A list method, and the ids that it must find, in order of creation: many at once, one a second later."""

    call: Callable[..., Any]
    ids: list[str]

    def found(self, **query: Any) -> list[str]:
        """Return those of `ids` that are on one page: the server may have other items."""
        return [one.id for one in self.call(**query).data if one.id in set(self.ids)]

    def gathered(self, size: int) -> int:
        """Return the number of `ids` that the SDK's pagination finds."""
        return len({one.id for one in self.call(limit=size)} & set(self.ids))

    def status(self, **query: Any) -> str:
        try:
            self.call(**query)
        except APIStatusError as error:
            return str(error.status_code)
        return "200"


def lists(method: str, listing: Callable[[Live], Listing], *names: str) -> dict[str, Probe]:
    """Return the probes of these parameters for a list method."""
    judges = {"after": _after, "before": _before, "limit": _limit, "order": _order}

    def probe(name: str) -> Probe:
        return lambda live: judges[name](listing(live))

    return {f"{method}({name})": probe(name) for name in names}


def next_second() -> None:
    """Wait until a new item gets another `created_at`."""
    time.sleep(1.1)


def _limit(listing: Listing) -> Finding:
    page = listing.call(limit=5)
    many, more = len(page.data), bool(page.has_more)
    default = "all" if len(listing.found()) == len(listing.ids) else len(listing.call().data)
    wrong = "; ".join(f"{value}: {listing.status(limit=value)}" for value in (0, -1, 101))
    said = f"5 of more: {many}, and `has_more` says so: {yes(more)}; without it {default}; {wrong}"
    return Finding(IGNORED if many != 5 else IMPLEMENTED if more else PARTLY, said)


def _after(listing: Listing) -> Finding:
    newest = listing.found(limit=100, order="desc")
    try:
        rest = listing.found(after=newest[4], limit=100, order="desc")
        # Pages of one item test every boundary between two pages.
        whole = listing.gathered(5) == listing.gathered(1) == len(listing.ids)
    except APIStatusError as error:
        return refusal(error.response)
    turned = rest[:5] == newest[5:10]
    said = f"goes on after the item: {yes(turned)}; a loop over small pages sees all: {yes(whole)}"
    verdict = IMPLEMENTED if turned and whole else PARTLY if rest != newest else IGNORED
    return Finding(verdict, f"{said}; unknown: {listing.status(after=_NONE)}")


def _before(listing: Listing) -> Finding:
    newest = listing.found(limit=100, order="desc")
    found = listing.found(before=newest[5], limit=100, order="desc")
    return effect(found == newest[:5], f"only items before it; unknown: {listing.status(before=_NONE)}")


def _order(listing: Listing) -> Finding:
    newest = listing.found(limit=100, order="desc")
    oldest = listing.call(limit=1, order="asc").data[0].id
    turned = newest[0] == listing.ids[-1] != oldest
    ties = newest == listing.ids[::-1]
    said = f"newest or oldest first: {yes(turned)}; within one second as well: {yes(ties)}"
    verdict = IMPLEMENTED if turned and ties else PARTLY if turned else IGNORED
    return Finding(verdict, f"{said}; `sideways`: {listing.status(order='sideways')}")
