"""Energy: watt-hours for people as kilowatt-hours, exact, with the language's own separators."""

from __future__ import annotations

from django.utils.formats import number_format

WH = 1_000


def energy(energy_wh: int) -> str:
    """Every watt-hour is kept: 1,234,500 Wh are 1,234.5 kWh."""
    whole, rest = divmod(abs(energy_wh), WH)
    digits = f"{rest:03}".rstrip("0")
    number = number_format(f"{whole}.{digits}" if digits else str(whole), use_l10n=True, force_grouping=True)
    sign = "\N{MINUS SIGN}" if energy_wh < 0 else ""
    return f"{sign}{number}\N{NO-BREAK SPACE}kWh"
