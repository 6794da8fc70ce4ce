"""Find: a programme by its code."""

from __future__ import annotations

from tanpuhui.programme.models import Period, Programme
from tanpuhui.programme.refusals import UnknownProgramme


def get_programme(code: str) -> Programme:
    """The programme, or a refusal that names those there are."""
    found = Programme.objects.filter(code=code).first()
    if found is None:
        known = ", ".join(Programme.objects.order_by("code").values_list("code", flat=True)) or "none"
        raise UnknownProgramme(code=code, known=known)
    return found


def periods_of(programme: Programme) -> list[Period]:
    """Its settled periods in order, of all windows."""
    found = Period.objects.filter(window__programme=programme).select_related("window")
    return list(found.order_by("first_day"))
