"""Declare: what a company emitted in a year, verified, and the allowances it was given; the newest counts."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.kit.tonnes import MOST_T, TONNE_MG
from tanpuhui.offsetting.cap import YearOf, cap_of
from tanpuhui.offsetting.models import Obligation
from tanpuhui.offsetting.refusals import BadObligation, ObligationBelowUse
from tanpuhui.offsetting.year import lock_year, newest_obligation, place_of, used_mg
from tanpuhui.quantify.jurisdiction import Jurisdiction


def declare(company: int, jurisdiction: Jurisdiction, of: YearOf, *, source: str, at: datetime) -> Obligation:
    """Record an obligation, in the caller's transaction; the same again is answered with what stands.

    Amounts under which more was used already than the cap allows are refused.
    """
    if of.verified_emissions_mg is None or of.verified_emissions_mg < 0 or (of.allowances_mg or 0) < 0:
        raise BadObligation(
            problem="Verified emissions are missing or negative.", next_step="Give 0 t or more."
        )
    if max(of.verified_emissions_mg, of.allowances_mg or 0) > MOST_T * TONNE_MG:
        raise BadObligation(
            problem="The amounts are more than can be counted here.", next_step=f"Give at most {MOST_T} t."
        )
    if not source.strip():
        raise BadObligation(
            problem="It does not say who verified.", next_step="Name the report or notice (--source)."
        )
    place = place_of(jurisdiction)
    lock_year(place.code, of.year)
    standing = newest_obligation(company, place.code, of.year)
    said = (of.verified_emissions_mg, of.allowances_mg, source)
    if standing and (standing.verified_emissions_mg, standing.allowances_mg, standing.source) == said:
        return standing
    cap = cap_of(place, of)
    used = used_mg(place.code, of.year, company)
    if used > cap.cap_mg:
        raise ObligationBelowUse(cap_mg=cap.cap_mg, used_mg=used, year=of.year)
    return Obligation.objects.create(
        company=company,
        jurisdiction=place.code,
        year=of.year,
        sequence=standing.sequence + 1 if standing else 1,
        verified_emissions_mg=of.verified_emissions_mg,
        allowances_mg=of.allowances_mg,
        source=source,
        declared_at=at,
    )
