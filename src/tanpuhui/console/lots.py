"""Lots: what was certified, from which closes, with which serial numbers; and asking for a new one."""

from __future__ import annotations

import os
from typing import Any, ClassVar

from django import forms
from django.contrib.admin import display
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.close.models import Manifest
from tanpuhui.close.post import key_parts
from tanpuhui.console import cells, four_eyes, names
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.guard import ConsoleRequest
from tanpuhui.console.lists import Choices, ReadOnlyList, choice_filter
from tanpuhui.console.units import OF_LOT
from tanpuhui.console.verb import DayInput, Reasoned, VerbPage
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import Kind
from tanpuhui.registry.certify import Order, refuse_dependent_verifier
from tanpuhui.registry.left_out import left_out_of
from tanpuhui.registry.models import Lot
from tanpuhui.registry.serial import serials

#: Under which name lots are certified; without it, the organisation's own.
OPERATOR = "TANPUHUI_OPERATOR"


def pending() -> list[tuple[str, int, int]]:
    """What is pending: methodology (``code@version``), vintage and milligrams that nobody has frozen."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a.code, sum(b.available)::bigint FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE a.code LIKE 'pending:%%' AND b.account_id & 15 = %s GROUP BY a.code ORDER BY a.code",
            [int(Kind.RESIDENT_PENDING)],
        )
        rows = cursor.fetchall()
    found = []
    for code, amount_mg in rows:
        _start, methodology, vintage = code.rsplit(":", 2)
        found.append((methodology, int(vintage), int(amount_mg)))
    return found


def _vintages() -> Choices:
    found = Lot.objects.order_by("-vintage").values_list("vintage", flat=True).distinct()
    return [(str(vintage), vintage) for vintage in found]


class LotList(ReadOnlyList):
    heading = _l("Lots")
    says = _l("Reductions certified together, in whole tonnes, each with a serial number.")
    empty = _l("No lot was certified yet.")
    place = "lots"
    list_display = (
        "lot",
        "methodology_",
        "vintage_",
        "through_",
        "tonnes_",
        "residents_",
        "status_",
        "verified_by",
    )
    list_filter = (choice_filter(_l("vintage"), "vintage", _vintages),)
    search_fields = ("code", "methodology", "verifier")
    search_help_text = _l("Code, methodology or verifier")
    ordering = ("-serial_first",)
    numbers = (2, 4, 5)
    exported: ClassVar = [
        ("lot", lambda row: row.code),
        ("methodology", lambda row: row.methodology),
        ("vintage", lambda row: row.vintage),
        ("through", lambda row: row.through),
        ("tonnes", lambda row: row.tonnes),
        ("serials", serials),
        ("residents", lambda row: row.residents),
        ("status", lambda row: row.status),
        ("verifier", lambda row: row.verifier),
        ("certified_at", lambda row: row.certified_at),
    ]

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Certify a lot"), reverse("console:lot_certify"))] if request.may_act else []

    @display(description=_l("Lot"), ordering="code")
    def lot(self, row: Lot) -> str:
        return row.code

    @display(description=_l("Methodology"), ordering="methodology")
    def methodology_(self, row: Lot) -> Any:
        return names.methodology(row.methodology)

    @display(description=_l("Vintage"), ordering="vintage")
    def vintage_(self, row: Lot) -> int:
        return row.vintage

    @display(description=_l("Through"), ordering="through")
    def through_(self, row: Lot) -> Any:
        return cells.day(row.through)

    @display(description=_l("Tonnes"), ordering="tonnes")
    def tonnes_(self, row: Lot) -> str:
        return cells.count(row.tonnes)

    @display(description=_l("Residents"), ordering="residents")
    def residents_(self, row: Lot) -> str:
        return cells.count(row.residents)

    @display(description=_l("Factors"), ordering="status")
    def status_(self, row: Lot) -> Any:
        return cells.badge(row.status)

    @display(description=_l("Verifier"), ordering="verifier")
    def verified_by(self, row: Lot) -> str:
        return row.verifier

    def page(self, request: ConsoleRequest, found: Lot) -> dict[str, Any]:
        closes = {
            manifest.digest: manifest
            for manifest in Manifest.objects.filter(digest__in=found.manifests).defer("body")
        }
        rows = [
            [
                cells.day(closes[digest].day),
                cells.count(closes[digest].sequence),
                cells.mass(closes[digest].credited_mg),
                cells.link(cells.code(digest), "close_manifest_change", digest),
            ]
            for digest in found.manifests
            if digest in closes
        ]
        language = "zh" if (get_language() or "").startswith("zh") else "en"
        return {
            "title": found.code,
            "eyebrow": _("Lot"),
            "lead": jurisdiction().notice.get(language, ""),
            "tools": [(text, reverse(f"console:{name}", args=[found.code])) for name, text in OF_LOT]
            if request.may_act
            else [],
            "facts": [
                (_("Serial numbers"), cells.code(serials(found))),
                (_("Tonnes"), cells.count(found.tonnes)),
                (_("Methodology"), names.methodology(found.methodology)),
                (_("Vintage"), found.vintage),
                (_("Through"), cells.day(found.through)),
                (_("Residents"), cells.count(found.residents)),
                (_("Factors"), cells.badge(found.status)),
                (_("Operator"), found.operator),
                (_("Verifier"), found.verifier),
                (_("Certified at"), cells.moment(found.certified_at)),
            ],
            "tables": [
                Table(
                    [_("Day"), _("Close of this day"), _("Credited"), _("Manifest")],
                    rows,
                    caption=_("The closes it rests on"),
                    numbers=(1, 2),
                ),
                Table(
                    [_("Market"), _("Accounts"), _("Amount"), _("Clause"), _("Source")],
                    [
                        [
                            cells.code(one.market),
                            cells.count(one.accounts),
                            cells.mass(one.amount_mg),
                            one.clause,
                            one.source,
                        ]
                        for one in left_out_of(found)
                    ],
                    caption=_("Accounts left out because another market covers their meters"),
                    numbers=(1, 2),
                ),
                trail("lot", found.code),
            ],
        }


class NewLot(Reasoned):
    """What is certified, through which day, and who verified it."""

    methodology = forms.ChoiceField(
        label=_l("Methodology"), help_text=_l("With what is pending of it, by vintage.")
    )
    through = forms.DateField(
        label=_l("Through"),
        help_text=_l("The last day whose reductions are taken; its year is the vintage."),
        widget=DayInput(),
    )
    verifier = forms.CharField(
        label=_l("Verifier"), help_text=_l("Who verified, by name; never the operator."), max_length=120
    )
    field_order = ("methodology", "through", "verifier", "reason")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        found: dict[str, list[str]] = {}
        for methodology, vintage, amount_mg in pending():
            tonnes = amount_mg // TONNE_MG
            found.setdefault(methodology, []).append(f"{vintage}: {cells.count(tonnes)} t")
        choices = [
            (key, f"{names.title(key)} {key} ({', '.join(amounts)})") for key, amounts in found.items()
        ]
        self.fields["methodology"].choices = choices  # type: ignore[attr-defined]


class CertifyLot(VerbPage):
    title = _l("Certify a lot")
    says = _l(
        "Whole tonnes of what is pending become a lot with serial numbers, shared among residents to the milligram; "
        "its days are frozen. A colleague must agree; then it is done."
    )
    button = _l("Ask a colleague")
    form_class = NewLot
    takes_two = True

    def initial(self, **named: Any) -> dict[str, Any]:
        last = Manifest.objects.order_by("-day").values_list("day", flat=True).first()
        return {"through": last or timezone.localdate()}

    def do(self, form: Any, **named: Any) -> str:
        at, given = utc_now(), form.cleaned_data
        code, version = key_parts(given["methodology"])
        operator = os.environ.get(OPERATOR) or self.request.organisation.name_en
        arguments = {
            "methodology": code,
            "version": version,
            "vintage": given["through"].year,
            "through": given["through"].isoformat(),
            "operator": operator,
            "verifier": given["verifier"],
        }
        order = Order(code, version, given["through"].year, given["through"], operator, given["verifier"], at)
        refuse_dependent_verifier(order)
        approval = four_eyes.ask(self.request, "lot.certify", arguments, reason=given["reason"], at=at)
        self.say(_("A colleague was asked. It is done when they agree."))
        return reverse("console:access_approval_change", args=[approval.pk])
