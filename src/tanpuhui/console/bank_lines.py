"""Bank lines: what a bank said that nobody expected, kept with the reason; and importing a statement."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib.admin import display
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext

from tanpuhui.console import cells
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import Choices, ReadOnlyList, choice_filter
from tanpuhui.console.points import money
from tanpuhui.console.verb import VerbPage
from tanpuhui.kit.moment import utc_now
from tanpuhui.money.amounts import to_text
from tanpuhui.money.bank_statement import import_statement
from tanpuhui.money.models import BankLine


def reason(code: str) -> Any:
    """Why a line is nobody's payment, in words, with its code."""
    said = {
        "unknown_reference": _("nobody here has this reference"),
        "no_such_settlement": _("no settlement has this reference"),
        "no_such_organisation": _("no organisation has this reference"),
        "no_such_trade": _("no trade has this reference"),
        "trade_over": _("the trade that it pays is over"),
        "units_gone": _("the lot of the trade that it pays was annulled"),
        "no_such_withdrawal": _("no withdrawal has this reference"),
        "not_booked": _("the bank has not booked it yet"),
        "reversal": _("it takes a payment back"),
        "cancelled_before": _("what it pays was cancelled before"),
        "money_out": _("money went out, where it was expected to come in"),
        "amount_differs": _("the amount is another one"),
        "currency_differs": _("the currency is another one"),
        "paid_before": _("it was paid before"),
        "money_in": _("money came in, where it was expected to go out"),
        "seen_before": _("another statement had this entry"),
        "other_content": _("the bank gave its reference to another entry before"),
    }.get(code)
    return cells.beside(said, cells.code(code)) if said else cells.code(code)


def _reasons() -> Choices:
    found = BankLine.objects.exclude(why_not="").values_list("why_not", flat=True).distinct()
    return [(code, reason(code)) for code in sorted(found)]


class BankLineList(ReadOnlyList):
    heading = _l("Bank lines that nobody claims")
    says = _l(
        "Lines of banks' statements that are nobody's payment. Nothing is guessed: they wait here, with why."
    )
    empty = _l("Every line of every statement was somebody's payment.")
    place = "bank-lines"
    list_display = ("line_", "reference_", "amount_", "booked_", "why_", "statement_")
    list_filter = (choice_filter(_l("reason"), "why_not", _reasons),)
    search_fields = ("reference", "entry", "file__statement")
    search_help_text = _l("Reference, entry or statement")
    ordering = ("-id",)
    numbers = (2,)
    list_select_related = ("file",)
    exported: ClassVar = [
        ("statement", lambda row: row.file.statement),
        ("line", lambda row: row.number),
        ("entry", lambda row: row.entry),
        ("reference", lambda row: row.reference),
        ("amount", lambda row: to_text(row.amount_minor, row.currency)),
        ("currency", lambda row: row.currency),
        ("money", lambda row: "out" if row.is_debit else "in"),
        ("booked_on", lambda row: row.booked_on),
        ("why", lambda row: row.why_not),
    ]

    def get_queryset(self, request: Any) -> Any:
        """Those that nobody claimed."""
        return super().get_queryset(request).exclude(why_not="")

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Import a statement"), reverse("console:bank_import"))] if request.may_act else []

    @display(description=_l("Line"), ordering="id")
    def line_(self, row: BankLine) -> int:
        return row.number

    @display(description=_l("Reference"), ordering="reference")
    def reference_(self, row: BankLine) -> Any:
        return cells.code(row.reference or row.entry)

    @display(description=_l("Amount"), ordering="amount_minor")
    def amount_(self, row: BankLine) -> str:
        return money(-row.amount_minor if row.is_debit else row.amount_minor, row.currency)

    @display(description=_l("Booked"), ordering="booked_on")
    def booked_(self, row: BankLine) -> Any:
        return cells.day(row.booked_on)

    @display(description=_l("Why"), ordering="why_not")
    def why_(self, row: BankLine) -> Any:
        return reason(row.why_not)

    @display(description=_l("Statement"), ordering="file__statement")
    def statement_(self, row: BankLine) -> str:
        return row.file.statement

    def page(self, request: ConsoleRequest, found: BankLine) -> dict[str, Any]:
        del request
        return {
            "title": found.reference or found.entry or str(found.pk),
            "eyebrow": _("Bank line"),
            "facts": [
                (_("Why"), reason(found.why_not)),
                (_("Amount"), self.amount_(found)),
                (_("Booked"), cells.day(found.booked_on)),
                (_("Reference"), cells.code(found.reference)),
                (_("The bank's entry"), cells.code(found.entry)),
                (_("Statement"), found.file.statement),
                (_("Line"), found.number),
                (_("Imported at"), cells.moment(found.file.at)),
                (_("Digest"), cells.whole(found.file.digest)),
            ],
        }


class ImportForm(forms.Form):
    """The bank's file as it came."""

    file = forms.FileField(
        label=_l("File"),
        help_text=_l("ISO 20022 camt.053, versions 02 to 13. The same file again changes nothing."),
        widget=forms.FileInput(attrs={"accept": ".xml,application/xml,text/xml"}),
    )


class ImportStatement(VerbPage):
    title = _l("Import a bank's statement")
    says = _l(
        "Lines whose reference and amount are somebody's payment pay it; every other line is kept, with why. "
        "A file that is not whole is refused whole."
    )
    button = _l("Import")
    form_class = ImportForm

    def do(self, form: Any, **named: Any) -> str:
        at = utc_now()
        answer = import_statement(form.cleaned_data["file"].read(), at=at)
        paid, kept = len(answer["matched"]), len(answer["unmatched"])
        facts = {"statement": answer["statement"], "paid": paid, "kept": kept}
        record(
            self.request,
            "statement.imported",
            at=at,
            object_kind="bank_file",
            object_key=answer["digest"],
            facts=facts,
        )
        said = ngettext(
            "%(lines)s line: %(paid)s paid something, %(kept)s is kept here.",
            "%(lines)s lines: %(paid)s paid something, %(kept)s are kept here.",
            answer["lines"],
        )
        self.say(said % {"lines": answer["lines"], "paid": paid, "kept": kept})
        return reverse("console:money_bankline_changelist")
