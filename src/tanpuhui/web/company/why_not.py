"""Why not: the reason for which a lot may not be used for a year, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from tanpuhui.copies.status_names import status_name
from tanpuhui.registry.models import Lot


def why_not(said: str, lot: Lot, cap: dict[str, Any], year: int) -> str:
    """A reason of ``offsetting.eligible`` as a sentence; one that is not known here is shown as it is."""
    if said == "annulled":
        return _("The lot was annulled.")
    if said.startswith("from "):
        return _("It is from {place}, which is not accepted here.").format(place=lot.jurisdiction)
    if " is before " in said:
        return _("Vintage {vintage} is before {first}.").format(
            vintage=lot.vintage, first=cap["earliest_vintage"]
        )
    if " years before " in said:
        return _("Vintage {vintage} is more than {most} years before {year}.").format(
            vintage=lot.vintage, most=cap["most_vintages_back"], year=year
        )
    if said.startswith("factors "):
        return _("Its factors are {status}, which is not accepted here.").format(
            status=status_name(lot.status)
        )
    if said.startswith("scope "):
        return _("Its scope is excluded here: {scope}.").format(scope=said.split()[1])
    return said
