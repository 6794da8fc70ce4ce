"""Bound: what settled periods allow a lot to certify, and what the registry refuses for their sake."""

from __future__ import annotations

from datetime import date

from django.db.models import Sum

from tanpuhui.programme.models import Period, Programme
from tanpuhui.programme.refusals import NotOpened


def shared_mg(methodology: str, *, first: date, through: date) -> int:
    """What all periods that ended in these days have shared out under a methodology (its code), in mg."""
    ended = Period.objects.filter(
        window__programme__methodology=methodology, last_day__gte=first, last_day__lte=through
    )
    total: int = ended.aggregate(total=Sum("shared_mg", default=0))["total"]
    return total


def refuse_sealed(methodology: str, through: date) -> None:
    """A lot rests on hold-outs that somebody can check: each programme with a settled period has opened its own."""
    sealed = Programme.objects.filter(
        methodology=methodology, windows__periods__last_day__lte=through, opening__isnull=True
    )
    code = sealed.order_by("code").values_list("code", flat=True).first()
    if code is not None:
        raise NotOpened(code=code)
