"""Filings of companies for tests: rules, declarations and reservations in one word each."""

from __future__ import annotations

from dataclasses import replace as changed
from datetime import date
from typing import Any

from django.db import connection

from registry.units_town import ACME, AT, key
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.invariants import check, exceptions
from tanpuhui.offsetting.cap import YearOf
from tanpuhui.offsetting.declare import declare
from tanpuhui.offsetting.invariants import INVARIANTS
from tanpuhui.offsetting.models import Reservation
from tanpuhui.offsetting.reserve import ReserveOrder, reserve
from tanpuhui.quantify.jurisdiction import Jurisdiction, load_jurisdiction
from tanpuhui.quantify.rule_tables import FOREVER, Rule

GUANGDONG = load_jurisdiction("guangdong")
DEMO = load_jurisdiction("demo")


def with_rules(jurisdiction: Jurisdiction = DEMO, **content: Any) -> Jurisdiction:
    """The place with another cap: a tenth of emissions, no local share, and what is given."""
    cap = {"share_percent": "10", "denominator": "verified_emissions", **content}
    rule = Rule(date(2010, 1, 1), FOREVER, "illustrative", "a test", cap)
    return changed(jurisdiction, offset_caps=(rule,))


def declared(
    emissions_t: int, jurisdiction: Jurisdiction = DEMO, company: int = ACME, year: int = 2026
) -> None:
    of = YearOf(year, emissions_t * TONNE_MG)
    declare(company, jurisdiction, of, source="verification report 1", at=AT)


def ask(
    amount_mg: int,
    jurisdiction: Jurisdiction = DEMO,
    company: int = ACME,
    *,
    year: int = 2026,
    name: str = "",
) -> Reservation:
    return reserve(ReserveOrder(name or key(), company, year, amount_mg), jurisdiction, at=AT)


def sound() -> None:
    assert check(connection) == []
    assert [finding for one in INVARIANTS for finding in exceptions(connection, one)] == []
