"""Mass balance: what stations say was sorted against what hauliers weighed; who does not balance counts less.

The close credits by it (``close/balance.py``): whole numbers alone, every division downwards.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Part of the hauliers' weight by which a station may differ: what scales and moisture explain.
TOLERANCE_NUMERATOR, TOLERANCE_DENOMINATOR = 5, 100
#: Why so much of a station counts: within the tolerance; above or below what was fetched; nobody weighed it yet.
BALANCES, OVER, UNDER, NOT_WEIGHED = "balances", "over", "under", "not_weighed"


@dataclass(frozen=True)
class Station:
    """Grams of one window: the sum of residents' bags at a station, and of its containers as weighed when fetched.

    ``fetched_g`` is None where a weighing is missing: then nothing stands against the station's word.
    """

    station: str
    sorted_g: int
    fetched_g: int | None


@dataclass(frozen=True)
class Balance:
    """What of a station counts, and whether it balances: 1000 is all of the score."""

    station: str
    counted_g: int
    score_permille: int
    reason: str


def balance(station: Station) -> Balance:
    """Within 5 % all counts; beyond, what was fetched, when that is less, and a score that falls with the difference.

    Never more counts than was fetched. Without a weighing nothing counts until there is one.
    """
    assert station.sorted_g >= 0
    if station.fetched_g is None:
        return Balance(station.station, 0, 0, NOT_WEIGHED)
    difference = abs(station.sorted_g - station.fetched_g)
    counted = min(station.sorted_g, station.fetched_g)
    if difference * TOLERANCE_DENOMINATOR <= TOLERANCE_NUMERATOR * station.fetched_g:
        return Balance(station.station, counted, 1000, BALANCES)
    score_permille = 1000 * counted // max(station.fetched_g, station.sorted_g)
    return Balance(station.station, counted, score_permille, OVER if station.sorted_g > counted else UNDER)


def of_act(mass_g: int, *, counted_g: int, sorted_g: int) -> int:
    """Grams of one act that count: its part of what counts at its station, rounded down.

    So the acts of a station never count more together than the station does.

    >>> of_act(500, counted_g=333, sorted_g=1_000)
    166
    """
    return mass_g * counted_g // max(sorted_g, 1)


def incineration_avoided_mg(counted_g: int, *, incinerated_mg_g: int, recycled_mg_g: int) -> int:
    """Milligrams CO2e: burning what was sorted less recycling it. Factors are the methodology's; below 0 stands."""
    return counted_g * (incinerated_mg_g - recycled_mg_g)
