"""Units: what a number counts. Pint reads them, at load only; conversions are exact fractions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from tanpuhui.methodology.refusals import UnitUnknown

if TYPE_CHECKING:
    from pint import UnitRegistry

Dimensions: TypeAlias = tuple[tuple[str, int], ...]

#: Coherent units first (the ones defined by a dimension), then multiples; counts have no dimension.
DEFINITIONS = """
m = [length]; mm = m / 1000; cm = m / 100; km = 1000 * m; m2 = m ** 2; m3 = m ** 3
L = m3 / 1000; mL = L / 1000
g = [mass]; mg = g / 1000; kg = 1000 * g; t = 1000 * kg
h = [time]; min = h / 60; s = min / 60
Wh = [energy]; kWh = 1000 * Wh; MWh = 1000 * kWh; GWh = 1000 * MWh
J = Wh / 3600; kJ = 1000 * J; MJ = 1000 * kJ; GJ = 1000 * MJ; TJ = 1000 * GJ
W = Wh / h; kW = 1000 * W; MW = 1000 * kW
gCO2e = [co2e]; mgCO2e = gCO2e / 1000; kgCO2e = 1000 * gCO2e; tCO2e = 1000 * kgCO2e
count = []; person = count; household = count; piece = count; trip = count; order = count
day = count; month = count; year = count
percent = count / 100; permille = count / 1000; ppm = count / 1000000
CNY = [money_cny]; fen = CNY / 100; KRW = [money_krw]; point = [point]
"""
_COHERENT = {"[length]": "m", "[mass]": "g", "[time]": "h", "[energy]": "Wh", "[co2e]": "gCO2e"} | {
    "[money_cny]": "CNY",
    "[money_krw]": "KRW",
    "[point]": "point",
}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_SHAPE = re.compile(
    r"(?:1|\(*[A-Za-z][A-Za-z0-9]*(?:\*\*-?[1-9])?\)*)(?:[*/]\(*[A-Za-z][A-Za-z0-9]*(?:\*\*-?[1-9])?\)*)*"
)


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit: its symbol as written, its dimensions with powers, and how many coherent units one of it is."""

    symbol: str
    dimensions: Dimensions
    scale: Fraction

    @property
    def is_ratio(self) -> bool:
        """Without dimension, and yet not a plain number: percent, permille."""
        return not self.dimensions and self.scale != 1


@lru_cache(maxsize=1_000)
def parse_unit(symbol: str, where: str = "unit") -> Unit:
    """Read a unit.

    >>> parse_unit("gCO2e/(person*km)")
    Unit(symbol='gCO2e/(person*km)', dimensions=(('[co2e]', 1), ('[length]', -1)), scale=Fraction(1, 1000))
    """
    text = symbol.replace(" ", "")
    for name in _NAME.findall(text):
        if name not in known_units():
            raise UnitUnknown(where=where, unit=symbol, problem=f"{name} is not known")
    apart = re.search(r"\w\s+\w", symbol)
    if apart or not _SHAPE.fullmatch(text) or text.count("(") != text.count(")"):
        raise UnitUnknown(where=where, unit=symbol, problem="names joined by * / ** ( ) are expected")
    scale, dimensions = _resolve("count" if text == "1" else text.replace("1/", "count/", 1), symbol, where)
    return Unit(symbol, dimensions, scale)


def _resolve(text: str, symbol: str, where: str) -> tuple[Fraction, Dimensions]:
    registry: Any = _registry()
    try:
        unit = registry.parse_units(text)
        scale, _ = registry.get_base_units(unit)
        dimensions = [(name, _whole(power)) for name, power in unit.dimensionality.items()]
    except Exception as error:
        raise UnitUnknown(where=where, unit=symbol, problem="something cannot be read") from error
    return Fraction(scale), tuple(sorted((name, power) for name, power in dimensions if power))


def _whole(power: Fraction | int) -> int:
    assert Fraction(power).denominator == 1
    return int(power)


@lru_cache(maxsize=1)
def _registry() -> UnitRegistry[Any]:
    """Our own small registry: Pint's own knows no CO2e, and its prefixes would let ``mperson`` through."""
    from pint import UnitRegistry

    registry: UnitRegistry[Any] = UnitRegistry(None, non_int_type=Fraction)
    for definition in _definitions():
        registry.define(definition)
    return registry


def _definitions() -> list[str]:
    return [part.strip() for part in DEFINITIONS.replace("\n", ";").split(";") if part.strip()]


@lru_cache(maxsize=1)
def known_units() -> frozenset[str]:
    """The names that a unit is built from."""
    return frozenset(definition.split(" = ")[0] for definition in _definitions())


def show_dimensions(dimensions: Dimensions) -> str:
    """Dimensions as a product of coherent units, for messages.

    >>> show_dimensions((("[co2e]", 1), ("[length]", -1)))
    'gCO2e * m**-1'
    """
    parts = [_COHERENT[name] if power == 1 else f"{_COHERENT[name]}**{power}" for name, power in dimensions]
    return " * ".join(parts) or "a plain number"
