"""Mass: milligrams of CO2e for people, exact, in the unit that reads best, with the language's own separators."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import pgettext

#: (milligrams in one, word), the largest first.
UNITS = ((1_000_000_000, "t"), (1_000_000, "kg"), (1_000, "g"), (1, "mg"))


@dataclass(frozen=True)
class Mass:
    """An amount as it is shown: the number, and its unit in the reader's language."""

    number: str
    unit: str
    mg: int

    def __str__(self) -> str:
        return f"{self.number}\N{NO-BREAK SPACE}{self.unit}"


def mass(amount_mg: int, *, unit: str = "") -> Mass:
    """Every milligram is kept: 1,234,567 mg are 1.234567 kg, and 1,500 mg are 1.5 g."""
    size, name = next(
        (size, name)
        for size, name in UNITS
        if (name == unit if unit else abs(amount_mg) >= size or name == "mg")
    )
    if not unit and amount_mg == 0:
        size, name = 1_000, "g"
    whole, rest = divmod(abs(amount_mg), size)
    digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0") if size > 1 else ""
    text = f"{whole}.{digits}" if digits else str(whole)
    number = number_format(text, use_l10n=True, force_grouping=True)
    return Mass(f"\N{MINUS SIGN}{number}" if amount_mg < 0 else number, unit_name(name), amount_mg)


def unit_name(unit: str) -> str:
    """A unit's name where it stands after a number."""
    return {
        "t": pgettext("unit", "t"),
        "kg": pgettext("unit", "kg"),
        "g": pgettext("unit", "g"),
        "mg": pgettext("unit", "mg"),
    }[unit]
