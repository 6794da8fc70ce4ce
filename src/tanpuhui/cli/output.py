"""What commands print: JSON for scripts, tables for people, and refusals on the error stream."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

console = Console()
errors = Console(stderr=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output, unstyled, so that a script can read it."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2, default=str)
    sys.stdout.write("\n")


def amount_of(value: int, unit: str) -> str:
    """An amount of a ledger's line in its unit: mass, money with its decimals, or so many points.

    >>> amount_of(467_000, "mg"), amount_of(1250, "CNY-minor"), amount_of(2, "point")
    ('467 g', '12.50 CNY', '2 point')
    """
    if unit == "mg":
        return mg_as_mass(value)
    currency, _, minor = unit.partition("-")
    if minor == "minor":
        from tanpuhui.money.amounts import to_text

        return f"{to_text(value, currency)} {currency}"
    return f"{value:,} {unit}"


def mg_as_mass(amount_mg: int) -> str:
    """Milligrams of CO2e for people, exact in the unit shown.

    >>> mg_as_mass(467_000), mg_as_mass(1_234_567_890)
    ('467 g', '1,234.567 89 kg')
    """
    for unit, size in (("kg", 1_000_000), ("g", 1_000), ("mg", 1)):
        if abs(amount_mg) >= size or unit == "mg":
            whole, rest = divmod(abs(amount_mg), size)
            digits = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0") if size > 1 else ""
            groups = " ".join(digits[start : start + 3] for start in range(0, len(digits), 3))
            sign = "-" if amount_mg < 0 else ""
            return f"{sign}{whole:,}{'.' + groups if groups else ''} {unit}"
    raise AssertionError
