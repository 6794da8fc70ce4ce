"""Eligible: which of a company's lots may be used for a year, which may not and why, and which are taken first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.kit.exact import parse_decimal
from tanpuhui.offsetting.refusals import NotEnoughEligible
from tanpuhui.quantify.jurisdiction import Jurisdiction, UnknownJurisdiction, load_jurisdiction
from tanpuhui.quantify.rule_tables import Rule
from tanpuhui.registry.delegate import kept_elsewhere
from tanpuhui.registry.models import Annulment, Block, Lot
from tanpuhui.registry.units import Part


@dataclass(frozen=True)
class Candidate:
    """What a company has of a lot and is not locked; ``why_not`` is empty where it may be used."""

    lot: str
    tonnes: int
    is_local: bool
    why_not: str = ""


def candidates(company: int, place: Jurisdiction, rule: Rule, *, year: int, on: date) -> list[Candidate]:
    """The lots that a company has whole tonnes of, the oldest vintage first, each with whether it may be used."""
    held = Block.objects.filter(owner=company, state=Block.HELD, closed_at__isnull=True)
    tonnes: dict[str, int] = {}
    for lot_code, first, last in held.values_list("lot", "first", "last"):
        tonnes[lot_code] = tonnes.get(lot_code, 0) + last - first + 1
    lots = Lot.objects.filter(pk__in=tonnes).order_by("vintage", "serial_first")
    annulled = set(Annulment.objects.filter(pk__in=tonnes).values_list("pk", flat=True))
    elsewhere = kept_elsewhere(tonnes)
    found = []
    for lot in lots:
        local = is_local(lot.jurisdiction, place)
        why_not = "annulled" if lot.code in annulled else _why_not(lot, place, rule, year=year, on=on)
        if not why_not and lot.code in elsewhere:
            why_not = f"kept by {elsewhere[lot.code]}, and used there"
        found.append(Candidate(lot.code, tonnes[lot.code], local, why_not))
    return found


def is_local(code: str, place: Jurisdiction) -> bool:
    """Whether a lot of that jurisdiction is of the place itself or of one of its districts."""
    try:
        return load_jurisdiction(code).is_within(place.code)
    except UnknownJurisdiction:
        return False


def _why_not(lot: Lot, place: Jurisdiction, rule: Rule, *, year: int, on: date) -> str:
    content = rule.content
    if not is_local(lot.jurisdiction, place) and lot.jurisdiction not in content.get("accepts", ()):
        return f"from {lot.jurisdiction}, which {place.code} does not accept"
    if lot.vintage < content.get("earliest_vintage", lot.vintage):
        return f"vintage {lot.vintage} is before {content['earliest_vintage']}"
    if year - lot.vintage > content.get("most_vintages_back", year - lot.vintage):
        return f"vintage {lot.vintage} is more than {content['most_vintages_back']} years before {year}"
    if lot.status not in place.statuses_accepted(on):
        return f"factors are {lot.status}, which {place.code} does not accept"
    scope = _scope(lot.methodology)
    for shut in (*content.get("excluded_scopes", ()), *_shut(place, on)):
        if scope is not None and (scope == shut or scope.startswith(f"{shut}.")):
            return f"scope {scope} is excluded"
    return ""


def _scope(methodology: str) -> str | None:
    found = find_methodology(methodology)
    return found.scope if found else None


def _shut(place: Jurisdiction, on: date) -> list[str]:
    return [str(rule.content["scope"]) for rule in place.excluded_scopes if rule.covers(on)]


def choose(found: Sequence[Candidate], wanted_t: int, least_local_percent: str) -> tuple[Part, ...]:
    """As many tonnes as are wanted, the oldest vintages first, and from elsewhere no more than the rule leaves.

    The least local share is rounded up to a tonne, since it is a least.
    """
    least = wanted_t * parse_decimal(least_local_percent) / 100
    local_t = -(-least.numerator // least.denominator)
    elsewhere_left, left = wanted_t - local_t, wanted_t
    parts = []
    for one in found:
        most = min(left, one.tonnes if one.is_local else min(one.tonnes, elsewhere_left))
        if one.why_not or most == 0:
            continue
        parts.append(Part(one.lot, most))
        left -= most
        elsewhere_left -= 0 if one.is_local else most
    if left:
        usable = [one for one in found if not one.why_not]
        raise NotEnoughEligible(
            wanted_t=wanted_t,
            local_t=local_t,
            eligible_t=sum(one.tonnes for one in usable),
            eligible_local_t=sum(one.tonnes for one in usable if one.is_local),
            not_eligible="; ".join(f"{one.lot}: {one.why_not}" for one in found if one.why_not) or "none",
        )
    return tuple(parts)
