"""Whose: for whom a resident decides here: for themselves, or for a child under fourteen in their care."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from tanpuhui.consent.show import guardian_of, wards_of
from tanpuhui.web.shared.access import ResidentRequest


@dataclass(frozen=True)
class Whose:
    """The account that is decided about, who decides, and whether the reader may."""

    account: int
    by: str
    guardian: int | None
    child: int | None
    may_decide: bool

    def address(self, name: str, **named: object) -> str:
        """The address of a page about this account: one's own, or the child's."""
        if self.child is None:
            return reverse(f"resident:{name}", kwargs=named)
        return reverse(f"resident:child:{name}", kwargs={"child": self.child, **named})


def whose(request: ResidentRequest, child: int | None) -> Whose:
    """Oneself, or one's own child; anybody else's is not there."""
    today = timezone.localdate()
    if child is None:
        alone = guardian_of(request.account, on=today) is None
        return Whose(request.account, "resident", None, None, alone)
    if child not in {ward.account for ward in wards_of(request.account, on=today)}:
        raise Http404
    return Whose(child, "guardian", request.account, child, True)
