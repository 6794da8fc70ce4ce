"""Offsetting: what companies declared, reserved and surrendered, and their certificates; for looking at."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.console import cells
from tanpuhui.console.columns import Col, ColumnList, optional, owner
from tanpuhui.console.guard import ConsoleRequest
from tanpuhui.offsetting.certificate import subject_of
from tanpuhui.transparency.credential import find


class ObligationList(ColumnList):
    heading = _l("Obligations")
    says = _l(
        "What companies declared of a year, with who says so; of each company and year the newest counts."
    )
    empty = _l("Nothing was declared yet.")
    place = "obligations"
    search_fields = ("jurisdiction", "source", "year")
    search_help_text = _l("Jurisdiction, year or source")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("declared_at", _l("When"), cells.moment),
        Col("company", _l("Company"), owner),
        Col("jurisdiction", _l("Jurisdiction"), cells.code),
        Col("year", _l("Year")),
        Col("verified_emissions_mg", _l("Verified emissions"), cells.mass, is_number=True),
        Col("allowances_mg", _l("Allowances"), optional(cells.mass), is_number=True),
        Col("source", _l("Who says so")),
    )


class ReservationList(ColumnList):
    heading = _l("Reservations")
    says = _l("Units that companies set aside for a year, under the cap as it stood then.")
    empty = _l("Nothing was reserved yet.")
    place = "reservations"
    search_fields = ("jurisdiction", "year", "rule")
    search_help_text = _l("Jurisdiction, year or rule")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("id", _l("Number"), cells.count, is_number=True),
        Col("reserved_at", _l("When"), cells.moment),
        Col("company", _l("Company"), owner),
        Col("jurisdiction", _l("Jurisdiction"), cells.code),
        Col("year", _l("Year")),
        Col("amount_mg", _l("Amount"), cells.mass, is_number=True),
        Col("cap_mg", _l("Cap"), cells.mass, is_number=True),
        Col("used_before_mg", _l("Used before"), cells.mass, is_number=True),
        Col("rule", _l("Rule"), cells.code, is_detail=True),
        Col(
            "ranges",
            _l("Serial numbers"),
            lambda ranges: cells.listed(cells.code(one["serials"]) for one in ranges),
            is_detail=True,
        ),
    )


class CertificateList(ColumnList):
    heading = _l("Certificates")
    says = _l("What was surrendered or retired voluntarily; numbers follow each other without a gap.")
    empty = _l("No certificate was issued yet.")
    place = "certificates"
    search_fields = ("number",)
    search_help_text = _l("Number")
    ordering = ("-sequence",)
    columns: ClassVar = (
        Col("number", _l("Number"), cells.code),
        Col("issued_at", _l("When"), cells.moment),
        Col("company", _l("Company"), owner),
        Col("reservation_id", _l("Reservation"), optional(cells.count), is_number=True),
        Col("retirement_id", _l("Voluntary retirement"), optional(cells.count), is_number=True),
        Col("digest", _l("Digest"), cells.code),
    )

    def row_tools(self, request: ConsoleRequest, found: Any) -> list[tuple[Any, str]]:
        credential = find(subject_of(found))
        if credential is None:
            return []
        return [(_("Credential"), reverse("console:transparency_credential_change", args=[credential.pk]))]
