"""Equivalents: what an amount is like, in trees and kilometres; a range, with where each end of it comes from.

Published equivalents of a tree differ by thirteen times, so one number would be a claim that nobody can hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

MG_PER_KG = 1_000_000


@dataclass(frozen=True)
class End:
    """One end of a range: what one piece is taken to be, in kg CO2, with its status and where it was read."""

    kg_each: Fraction
    said: str
    status: str
    source: str


@dataclass(frozen=True)
class Equivalent:
    """A range of whole pieces, the low end rounded down and the high end too."""

    code: str
    fewest: int
    most: int
    high: End
    low: End


#: Reduction that is equated with one tree for one year.
TREE = (
    End(
        Fraction("18.3"),
        "18.3",
        "secondary",
        "http://tanpaifang.com/fangfaxue/202307/1498699.html (Chongqing 2023, derived from its totals)",
    ),
    End(
        Fraction("1.40"),
        "1.40",
        "secondary",
        "http://dbnyb.com/06/jienenjianpai/2023/0912/68595.html (2023: 51.903 kg said to be 37 trees)",
    ),
)
#: What a petrol car emits for one kilometre.
CAR_KM = (
    End(
        Fraction("5.98") / 22,
        "0.272",
        "published",
        "https://news.hlgnet.com/info/17600 (Beijing Transport Commission 2019: 22 km a day are 5.98 kg)",
    ),
    End(Fraction("0.250"), "0.250", "secondary", "Beijing petrol-to-EV method 2025, as quoted by others"),
)
#: Below this, "0 to 0 trees" would be said.
FEWEST_MG = MG_PER_KG


def equivalents(amount_mg: int) -> list[Equivalent]:
    """What an amount is like, if it is large enough to be like anything.

    >>> [(one.code, one.fewest, one.most) for one in equivalents(100 * MG_PER_KG)]
    [('trees', 5, 71), ('car_km', 367, 400)]
    """
    if amount_mg < FEWEST_MG:
        return []
    return [_range("trees", amount_mg, TREE), _range("car_km", amount_mg, CAR_KM)]


def _range(code: str, amount_mg: int, ends: tuple[End, End]) -> Equivalent:
    high, low = ends
    assert high.kg_each > low.kg_each, "the larger one gives fewer"
    kg = Fraction(amount_mg, MG_PER_KG)
    return Equivalent(code, int(kg // high.kg_each), int(kg // low.kg_each), high, low)
