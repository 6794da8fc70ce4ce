"""Unseal: open a programme's hold-out once a period is settled, for whoever verifies it."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.programme.find import get_programme, periods_of
from tanpuhui.programme.models import Opening
from tanpuhui.programme.refusals import StillSealed
from tanpuhui.programme.seal import look_inside


def unseal(code: str, *, at: datetime) -> Opening:
    """Write the draw down where it can be read; opened once, opening again changes nothing."""
    programme = get_programme(code)
    if not periods_of(programme):
        raise StillSealed(code=code)
    made, _ = Opening.objects.get_or_create(
        programme=programme, defaults={"content": look_inside(programme).content, "at": at}
    )
    return made
