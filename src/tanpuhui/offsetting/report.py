"""Report: a company's year as others read it: cap, what is used and left, which lots may be used, and its filings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tanpuhui.kit.moment import local_day, to_us, utc_now
from tanpuhui.offsetting.eligible import candidates
from tanpuhui.offsetting.models import Replacement, Reservation
from tanpuhui.offsetting.replace import due_of
from tanpuhui.offsetting.year import cap_of_company, ending_of, newest_obligation, place_of, used_mg
from tanpuhui.quantify.jurisdiction import Jurisdiction


def report_of(company: int, jurisdiction: Jurisdiction, year: int) -> dict[str, Any]:
    """Everything about a company's year; refuses a year for which nothing is declared."""
    place = place_of(jurisdiction)
    cap = cap_of_company(company, place, year)
    declared = newest_obligation(company, place.code, year)
    assert declared is not None
    on = local_day(to_us(utc_now()), place.zone)
    used = used_mg(place.code, year, company)
    mine = Reservation.objects.filter(company=company, jurisdiction=place.code, year=year).order_by("id")
    return {
        "jurisdiction": place.code,
        "year": year,
        "verified_emissions_mg": declared.verified_emissions_mg,
        "allowances_mg": declared.allowances_mg,
        "declared_source": declared.source,
        "cap": cap.as_json(),
        "used_mg": used,
        "left_mg": max(0, cap.cap_mg - used),
        "pool_used_mg": used_mg(place.code, year),
        "lots": [asdict(one) for one in candidates(company, place, cap.rule, year=year, on=on)],
        "reservations": [reservation_as_json(reservation) for reservation in mine],
    }


def reservation_as_json(reservation: Reservation) -> dict[str, Any]:
    """A reservation with how it ended, its serial ranges, and what has to be replaced or was."""
    ended = ending_of(reservation)
    replacements = Replacement.objects.filter(reservation=reservation).order_by("id")
    return {
        "reservation": reservation.pk,
        "key": reservation.key,
        "jurisdiction": reservation.jurisdiction,
        "year": reservation.year,
        "amount_mg": reservation.amount_mg,
        "cap_mg": reservation.cap_mg,
        "used_before_mg": reservation.used_before_mg,
        "rule": reservation.rule,
        "state": ended.outcome if ended else "reserved",
        "reserved_at": reservation.reserved_at.isoformat(),
        "ended_at": ended.ended_at.isoformat() if ended else None,
        "ranges": reservation.ranges,
        "due": [asdict(due) for due in due_of(reservation)],
        "replacements": [
            {"lot": one.lot, "amount_mg": one.amount_mg, "ranges": one.ranges} for one in replacements
        ],
    }
