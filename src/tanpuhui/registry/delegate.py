"""Delegate: another platform certifies what is credited here, and nobody else does."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from tanpuhui.registry.models import Certifier, FarLot, Lot
from tanpuhui.registry.refusals import CertifiedElsewhere, HasLots, UsedInItsRegistry


def delegate(registry: str, *, at: datetime) -> Certifier:
    """Let ``registry`` certify from now on; empty: ourselves again. The same again changes nothing."""
    if certifier() == registry:
        last = Certifier.objects.order_by("-id").first()
        return last or Certifier.objects.create(registry=registry, since=at)
    own = Lot.objects.exclude(far__home=FarLot.ELSEWHERE).count()
    if registry and own:
        raise HasLots(count=own, registry=registry)
    return Certifier.objects.create(registry=registry, since=at)


def certifier() -> str:
    """Who certifies what is credited here; empty for ourselves."""
    last = Certifier.objects.order_by("-id").first()
    return last.registry if last else ""


def kept_elsewhere(lots: Iterable[str]) -> dict[str, str]:
    """Those of some lots that another registry certified and keeps, each with its code."""
    return dict(
        FarLot.objects.filter(pk__in=list(lots), home=FarLot.ELSEWHERE).values_list("lot_id", "party")
    )


def refuse_use_elsewhere(lots: Iterable[str]) -> None:
    """Tonnes are used in the registry that keeps them: used in two places, they would be counted twice."""
    for lot, registry in sorted(kept_elsewhere(lots).items()):
        raise UsedInItsRegistry(lot=lot, registry=registry)


def refuse_local() -> None:
    """The same milligrams are certified by one registry: where it is another one, not by us."""
    registry = certifier()
    if registry:
        raise CertifiedElsewhere(registry=registry)
