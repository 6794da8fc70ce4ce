"""Voluntary retirement: a company retires whole tonnes of its own will, for an event or somebody; no cap counts it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.certificate import certify_retirement
from tanpuhui.offsetting.eligible import is_local
from tanpuhui.offsetting.models import VoluntaryRetirement
from tanpuhui.offsetting.refusals import (
    BeneficiaryMissing,
    KeyReused,
    NotEnoughHeld,
    NotWholeTonnes,
    NoVoluntaryUse,
)
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.quantify.rule_tables import Rule
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.retire import retire
from tanpuhui.registry.units import Part, UnitOrder, ranges_as_json

SINK = "voluntary_cancellation"
#: Advisory lock of a company's voluntary retirements: one of them at a time, until its transaction ends.
LOCK = 0x6F6676
MOST_CHARACTERS = 200


@dataclass(frozen=True)
class VoluntaryOrder:
    """So much of a company's holdings, of one lot or the oldest first, for whom and for what; once under its key."""

    key: str
    company: int
    amount_mg: int
    beneficiary: str
    purpose: str
    lot: str = ""


def retire_voluntarily(
    order: VoluntaryOrder, jurisdiction: Jurisdiction, *, at: datetime
) -> VoluntaryRetirement:
    """Retire tonnes of a place in the caller's transaction, with a certificate: all of it, or a refusal and nothing.

    The place whose reductions they are must have a rule that lets them be used so on that day. No verb undoes it.
    """
    said = (" ".join(order.beneficiary.split()), " ".join(order.purpose.split()))
    _lock_company(order.company)
    digest = digest_json([jurisdiction.code, order.company, order.amount_mg, *said, order.lot])
    known = VoluntaryRetirement.objects.filter(key=order.key).first()
    if known is not None:
        if known.content_digest != digest:
            raise KeyReused(key=order.key)
        return known
    if not all(1 <= len(text) <= MOST_CHARACTERS for text in said):
        raise BeneficiaryMissing(most=MOST_CHARACTERS)
    if order.amount_mg < 1 or order.amount_mg % TONNE_MG:
        raise NotWholeTonnes(amount_mg=order.amount_mg)
    on = local_day(to_us(at), jurisdiction.zone)
    rule = _rule_of(jurisdiction, on)
    parts = _parts(order, jurisdiction)
    beneficiary, purpose = said
    why = {"purpose": "voluntary", "beneficiary": beneficiary, "for": purpose}
    ranges = retire(UnitOrder(f"offset:voluntary:{order.key}", order.company, parts, on, why), at=at)
    done = VoluntaryRetirement.objects.create(
        key=order.key,
        content_digest=digest,
        company=order.company,
        jurisdiction=jurisdiction.code,
        amount_mg=order.amount_mg,
        beneficiary=beneficiary,
        purpose=purpose,
        rule=rule.as_json(),
        ranges=ranges_as_json(ranges),
        retired_at=at,
    )
    certify_retirement(done, at=at)
    return done


def retirable(company: int, place: Jurisdiction) -> list[tuple[Lot, int]]:
    """A company's lots of a place that are not annulled, with the whole tonnes that are not locked; oldest first."""
    held = Block.objects.filter(owner=company, state=Block.HELD, closed_at__isnull=True)
    tonnes: dict[str, int] = {}
    for lot_code, first, last in held.values_list("lot", "first", "last"):
        tonnes[lot_code] = tonnes.get(lot_code, 0) + last - first + 1
    annulled = set(Annulment.objects.filter(pk__in=tonnes).values_list("pk", flat=True))
    lots = Lot.objects.filter(pk__in=set(tonnes) - annulled).order_by("vintage", "serial_first")
    return [(lot, tonnes[lot.code]) for lot in lots if is_local(lot.jurisdiction, place)]


def _parts(order: VoluntaryOrder, place: Jurisdiction) -> tuple[Part, ...]:
    found = [(lot, tonnes) for lot, tonnes in retirable(order.company, place) if order.lot in ("", lot.code)]
    wanted = left = order.amount_mg // TONNE_MG
    parts = []
    for lot, tonnes in found:
        taken = min(left, tonnes)
        if taken:
            parts.append(Part(lot.code, taken))
        left -= taken
    if left:
        raise NotEnoughHeld(
            wanted_t=wanted,
            held_t=sum(tonnes for _, tonnes in found),
            jurisdiction=f"{place.code} {order.lot}".strip(),
        )
    return tuple(parts)


def _rule_of(place: Jurisdiction, on: date) -> Rule:
    rule = place.rule("sinks", on, sink=SINK)
    if rule is None:
        sinks = ", ".join(str(one.content["sink"]) for one in place.sinks if one.covers(on))
        raise NoVoluntaryUse(day=on, jurisdiction=place.code, sinks=sinks or "none")
    return rule


def _lock_company(company: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashint8(%s))", [LOCK, company])
