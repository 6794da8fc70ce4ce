"""Adopt: enter a lot that another platform certified of what we reported, and share it out among our residents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.registry.certify import Prepared, Shares, issue, lock_lots_made
from tanpuhui.registry.models import FarLot, Lot
from tanpuhui.registry.refusals import LotDiffers


@dataclass(frozen=True)
class LotFacts:
    """A lot as the registry that certified it says it."""

    code: str
    jurisdiction: str
    methodology: str
    vintage: int
    through: date
    tonnes: int
    serial_first: int
    status: str
    operator: str
    verifier: str
    certified_at: datetime

    @property
    def serial_last(self) -> int:
        return self.serial_first + self.tonnes - 1


def adopt(facts: LotFacts, prepared: Prepared, *, registry: str, at: datetime) -> Lot:
    """Enter a lot and its shares, which sum to it, in the caller's transaction; one that is here stays as it is."""
    shares: Shares = prepared.shares
    assert sum(shares.amounts_mg) == facts.tonnes * TONNE_MG, "shares sum to the lot"
    lock_lots_made()
    known = Lot.objects.filter(pk=facts.code).first()
    if known is not None:
        _refuse_other(known, facts)
        return known
    if Lot.objects.filter(serial_first__lte=facts.serial_last, serial_last__gte=facts.serial_first).exists():
        raise LotDiffers(lot=facts.code, field="serial_first")
    lot = Lot.objects.create(
        code=facts.code,
        jurisdiction=facts.jurisdiction,
        methodology=facts.methodology,
        vintage=facts.vintage,
        through=facts.through,
        tonnes=facts.tonnes,
        serial_first=facts.serial_first,
        serial_last=facts.serial_last,
        residents=len(shares.accounts),
        status=facts.status,
        operator=facts.operator,
        verifier=facts.verifier,
        manifests=[manifest.digest for manifest in prepared.manifests],
        certified_at=facts.certified_at,
    )
    FarLot.objects.create(lot=lot, home=FarLot.ELSEWHERE, party=registry, owner=None)
    issue(lot, prepared, at=at)
    return lot


def _refuse_other(known: Lot, facts: LotFacts) -> None:
    for field in ("methodology", "vintage", "through", "tonnes", "serial_first", "status"):
        if getattr(known, field) != getattr(facts, field):
            raise LotDiffers(lot=facts.code, field=field)
