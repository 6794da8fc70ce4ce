"""Reserve: set whole tonnes aside for a company's year, under its cap and the pool of all companies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.moment import local_day, to_us
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.offsetting.cap import POOLS, TABLE, Cap, refuse_bad_year, rule_name
from tanpuhui.offsetting.deadline import FILE, refuse_late
from tanpuhui.offsetting.eligible import candidates, choose
from tanpuhui.offsetting.models import Reservation
from tanpuhui.offsetting.refusals import CapExceeded, KeyReused, NoSink, NotWholeTonnes, PoolExceeded
from tanpuhui.offsetting.year import cap_of_company, fix_rules, lock_year, place_of, used_mg
from tanpuhui.quantify.jurisdiction import Jurisdiction
from tanpuhui.registry.lock import lock
from tanpuhui.registry.units import UnitOrder, ranges_as_json

SINK = "allowance_surrender"


@dataclass(frozen=True)
class ReserveOrder:
    """So much of a company's holdings for a year, once under its key."""

    key: str
    company: int
    year: int
    amount_mg: int


def reserve(order: ReserveOrder, jurisdiction: Jurisdiction, *, at: datetime) -> Reservation:
    """Reserve in the caller's transaction: all of it, or a refusal and nothing.

    Filings of one place and year wait for each other, so that two of them never both get what is left.
    """
    refuse_bad_year(order.year)
    place = place_of(jurisdiction)
    lock_year(place.code, order.year)
    digest = digest_json([place.code, order.company, order.year, order.amount_mg])
    known = Reservation.objects.filter(key=order.key).first()
    if known is not None:
        if known.content_digest != digest:
            raise KeyReused(key=order.key)
        return known
    on = local_day(to_us(at), place.zone)
    refuse_late(place, order.year, FILE, on)
    cap = cap_of_company(order.company, place, order.year)
    fix_rules(cap, at=at)
    used, pool_used = _refuse_beyond(order, cap)
    _refuse_without_sink(place, on)
    parts = choose(
        candidates(order.company, place, cap.rule, year=order.year, on=on),
        order.amount_mg // TONNE_MG,
        cap.least_local_percent,
    )
    locked = lock(UnitOrder(f"offset:{order.key}", order.company, parts, on), at=at)
    return Reservation.objects.create(
        key=order.key,
        content_digest=digest,
        company=order.company,
        jurisdiction=place.code,
        year=order.year,
        amount_mg=order.amount_mg,
        used_before_mg=used,
        cap_mg=cap.cap_mg,
        rule=rule_name(place.code, TABLE, cap.rule),
        pool_used_before_mg=None if cap.pool_mg is None else pool_used,
        pool_mg=cap.pool_mg,
        hold=locked.hold,
        ranges=ranges_as_json(locked.ranges),
        reserved_at=at,
    )


def _refuse_beyond(order: ReserveOrder, cap: Cap) -> tuple[int, int]:
    """Refuse a milligram above the cap or the pool, then parts of a tonne; answers what is used of either."""
    if order.amount_mg < 1:
        raise NotWholeTonnes(amount_mg=order.amount_mg)
    used = used_mg(cap.jurisdiction, order.year, order.company)
    if used + order.amount_mg > cap.cap_mg:
        raise CapExceeded(
            wanted_mg=order.amount_mg,
            left_mg=max(0, cap.cap_mg - used),
            year=order.year,
            cap_mg=cap.cap_mg,
            used_mg=used,
            arithmetic=cap.arithmetic,
            rule=cap.rule_text,
            status=cap.rule.status,
            source=cap.rule.source,
        )
    pool_used = used_mg(cap.jurisdiction, order.year)
    if cap.pool is not None and cap.pool_mg is not None and pool_used + order.amount_mg > cap.pool_mg:
        raise PoolExceeded(
            wanted_mg=order.amount_mg,
            left_mg=max(0, cap.pool_mg - pool_used),
            jurisdiction=cap.jurisdiction,
            year=order.year,
            pool_mg=cap.pool_mg,
            used_mg=pool_used,
            rule=rule_name(cap.jurisdiction, POOLS, cap.pool),
            status=cap.pool.status,
            source=cap.pool.source,
        )
    if order.amount_mg % TONNE_MG:
        raise NotWholeTonnes(amount_mg=order.amount_mg)
    return used, pool_used


def _refuse_without_sink(place: Jurisdiction, on: date) -> None:
    if place.sinks and place.rule("sinks", on, sink=SINK) is None:
        sinks = ", ".join(str(rule.content["sink"]) for rule in place.sinks if rule.covers(on))
        raise NoSink(day=on, jurisdiction=place.code, sinks=sinks or "none")
