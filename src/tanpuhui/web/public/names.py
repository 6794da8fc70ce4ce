"""Names: what sectors and months are called in the reader's language."""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format
from django.utils.translation import pgettext

from tanpuhui.copies.kinds import kind_name

__all__ = ["format_decimal", "kind_name", "month_name", "sector_name"]


def sector_name(sector: str) -> str:
    """What kind of provider reports: the first word of a methodology's scope."""
    return {
        "transport": pgettext("sector", "Transport"),
        "energy": pgettext("sector", "Energy"),
        "waste": pgettext("sector", "Waste"),
        "consumption": pgettext("sector", "Consumption"),
        "goods": pgettext("sector", "Goods"),
        "buildings": pgettext("sector", "Buildings"),
        "household": pgettext("sector", "Households"),
        "other": pgettext("sector", "Other kinds, together"),
    }.get(sector, sector)


def month_name(month: str) -> str:
    """``2026-03`` as a month."""
    return date_format(date.fromisoformat(f"{month}-01"), "YEAR_MONTH_FORMAT")


def format_decimal(millionths: int) -> str:
    """Millionths as a decimal without needless zeros.

    >>> format_decimal(1_000_000), format_decimal(250_000)
    ('1', '0.25')
    """
    return f"{millionths // 1_000_000}.{millionths % 1_000_000:06d}".rstrip("0").rstrip(".")
