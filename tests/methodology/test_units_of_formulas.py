"""Units: exact conversions, and formulas that count what they say."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tanpuhui.methodology.parse import parse
from tanpuhui.methodology.refusals import UnitMismatch, UnitUnknown
from tanpuhui.methodology.unit_rules import count_of
from tanpuhui.methodology.units import known_units, parse_unit, show_dimensions

NAMES = {
    "distance_m": "m",
    "factor": "gCO2e/km",
    "mass_g": "g",
    "energy_wh": "Wh",
    "power": "W",
    "daily": "h/day",
    "days": "day",
    "saving": "percent",
    "n": "1",
    "emitted": "kgCO2e",
}
UNITS = {name: parse_unit(symbol) for name, symbol in NAMES.items()}


def counted(formula: str) -> str:
    dimensions = count_of(parse(formula), UNITS, "here").dimensions
    return "anything" if dimensions is None else show_dimensions(dimensions)


@pytest.mark.parametrize(
    ("symbol", "scale"),
    [
        ("1", Fraction(1)),
        ("person", Fraction(1)),
        ("gCO2e/km", Fraction(1, 1000)),
        ("gCO2e/(person*km)", Fraction(1, 1000)),
        ("tCO2e/MWh", Fraction(1)),  # 10^6 g / 10^6 Wh
        ("kWh", Fraction(1000)),
        ("MJ", Fraction(1_000_000, 3600)),
        ("percent", Fraction(1, 100)),
        ("s", Fraction(1, 3600)),
        ("m**2", Fraction(1)),
        ("L", Fraction(1, 1000)),
        ("1/h", Fraction(1)),
        ("kg / m3", Fraction(1000)),
    ],
)
def test_conversions_are_exact(symbol: str, scale: Fraction) -> None:
    assert parse_unit(symbol).scale == scale


@pytest.mark.parametrize("symbol", sorted(known_units() - {"count"}))
def test_every_unit_of_the_table_can_be_read(symbol: str) -> None:
    assert parse_unit(symbol).scale > 0


@pytest.mark.parametrize(
    "symbol",
    [
        "furlong",
        "gco2e",
        "",
        "m +",
        "2*m",
        "km/",
        "(m",
        "m)(",
        "m m",
        "m**x",
        "m**0.5",
        "m**99",
        "__import__",
    ],
)
def test_a_unit_that_is_none_is_refused(symbol: str) -> None:
    with pytest.raises(UnitUnknown):
        parse_unit(symbol)


@pytest.mark.parametrize(
    ("formula", "counts"),
    [
        ("distance_m * factor", "gCO2e"),
        ("mass_g / distance_m * distance_m", "g"),
        ("power * daily * days", "Wh"),
        ("emitted + distance_m * factor", "gCO2e"),
        ("max(0, emitted)", "gCO2e"),
        ("if(distance_m > 0, emitted, 0)", "gCO2e"),
        ("0", "anything"),
        ("0 * emitted", "anything"),
        ("emitted * (1 - saving)", "gCO2e"),
        ("min(saving, saving)", "a plain number"),
        ("if(saving > 0, n, 1)", "a plain number"),
    ],
)
def test_units_work_out(formula: str, counts: str) -> None:
    assert counted(formula) == counts


@pytest.mark.parametrize(
    ("formula", "part"),
    [
        ("mass_g + energy_wh", "mass_g counts g, but energy_wh counts Wh"),
        ("emitted + mass_g", "emitted counts gCO2e, but mass_g counts g"),
        ("distance_m + 1", "distance_m counts m, but 1 counts a plain number"),
        ("min(distance_m, energy_wh)", "counts Wh"),
        ("if(distance_m > 5, n, n)", "5 counts a plain number"),
        ("if(n > 5, distance_m, energy_wh)", "counts Wh"),
        ("if(saving >= 5, n, 0)", "make the number a parameter"),
        ("if(2 * saving >= 5, n, 0)", "make the number a parameter"),
        ("max(saving, 50)", "make the number a parameter"),
    ],
)
def test_unlike_things_are_refused(formula: str, part: str) -> None:
    with pytest.raises(UnitMismatch) as refused:
        counted(formula)

    assert part in str(refused.value)
