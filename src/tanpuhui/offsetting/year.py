"""Year: what stands of a compliance year: its lock, its rules, what companies declared, reserved and surrendered."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from tanpuhui.kit.digest import digest_json
from tanpuhui.offsetting.cap import Cap, YearOf, cap_of, reckon
from tanpuhui.offsetting.models import Ending, Obligation, Reservation, YearRules
from tanpuhui.offsetting.refusals import NoObligation, RulesRewritten, UnknownReservation
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, Rule

#: Advisory lock of filings, with the hash of place and year: one of them at a time, until its transaction ends.
LOCK = 0x6F6666


def place_of(jurisdiction: Jurisdiction) -> Jurisdiction:
    """Whose cap and pool a filing counts under: a district's city, unless the district has such rules of its own."""
    if not jurisdiction.parent:
        return jurisdiction
    city = load_jurisdiction(jurisdiction.parent)
    own = (jurisdiction.offset_caps, jurisdiction.offset_pools) != (city.offset_caps, city.offset_pools)
    return jurisdiction if own else city


def lock_year(place: str, year: int) -> None:
    """Let this transaction alone file for a place's year: neither a company's cap nor the pool can be overrun."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", [LOCK, f"{place}:{year}"])


def newest_obligation(company: int, place: str, year: int) -> Obligation | None:
    found = Obligation.objects.filter(company=company, jurisdiction=place, year=year)
    return found.order_by("-sequence").first()


def cap_of_company(company: int, place: Jurisdiction, year: int) -> Cap:
    """The cap of a company's year by what it declared last."""
    declared = newest_obligation(company, place.code, year)
    if declared is None:
        raise NoObligation(year=year, jurisdiction=place.code)
    return cap_of(place, YearOf(year, declared.verified_emissions_mg, declared.allowances_mg))


def used_mg(place: str, year: int, company: int | None = None) -> int:
    """What is reserved or surrendered for a year, by one company or by all; what was released is free again."""
    living = Reservation.objects.filter(jurisdiction=place, year=year)
    living = living.filter(Q(ending__isnull=True) | ~Q(ending__outcome=Ending.RELEASED))
    if company is not None:
        living = living.filter(company=company)
    return int(living.aggregate(amount=Sum("amount_mg"))["amount"] or 0)


def fix_rules(cap: Cap, *, at: datetime) -> None:
    """Keep the rules that a year is first filed under, and refuse others ever after."""
    said = {"cap": cap.rule.as_json(), "pool": cap.pool.as_json() if cap.pool else None}
    # The last day may still be set: it does not change what the rule says of this year.
    digest = digest_json([{**rule, "to": None} if rule else None for rule in said.values()])
    known = YearRules.objects.filter(jurisdiction=cap.jurisdiction, year=cap.year).first()
    if known is None:
        YearRules.objects.create(
            jurisdiction=cap.jurisdiction, year=cap.year, digest=digest, fixed_at=at, **said
        )
    elif known.digest != digest:
        raise RulesRewritten(jurisdiction=cap.jurisdiction, year=cap.year, then=known.digest, now=digest)


def cap_as_filed(company: int, place: str, year: int) -> Cap:
    """The cap of a company's year by the rules that the year was filed under, whatever the file says by now."""
    kept = YearRules.objects.get(jurisdiction=place, year=year)
    declared = newest_obligation(company, place, year)
    assert declared is not None, "nothing is filed for before it is declared"
    of = YearOf(year, declared.verified_emissions_mg, declared.allowances_mg)
    return reckon(place, _kept_rule(kept.cap), _kept_rule(kept.pool) if kept.pool else None, of)


def _kept_rule(said: dict[str, Any]) -> Rule:
    content = {name: value for name, value in said.items() if name not in ("from", "to", "status", "source")}
    last = date.fromisoformat(said["to"]) if said["to"] else FOREVER
    return Rule(date.fromisoformat(said["from"]), last, said["status"], said["source"], content)


def get_reservation(number: int) -> Reservation:
    found = Reservation.objects.filter(pk=number).first()
    if found is None:
        raise UnknownReservation(number=number)
    return found


def ending_of(reservation: Reservation) -> Ending | None:
    return Ending.objects.filter(pk=reservation.pk).first()
