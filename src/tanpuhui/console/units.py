"""Units: serial ranges, moves and annulments for looking at; and, by two people, what is moved or taken out by hand."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext_lazy

from tanpuhui.access.models import Organisation
from tanpuhui.console import cells, four_eyes, names
from tanpuhui.console.columns import Col, ColumnList, owner
from tanpuhui.console.lists import choice_filter
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.kit.moment import utc_now
from tanpuhui.ledger.account import KIND_BITS, Kind, organisation
from tanpuhui.ledger.asset import lot_code
from tanpuhui.registry.buffer import buffer_mg
from tanpuhui.registry.lookup import get_lot
from tanpuhui.registry.models import Block, Lot
from tanpuhui.registry.refusals import BufferTooSmall, LotAnnulled, NotEnoughUnits, NotInPool, SameHolder
from tanpuhui.registry.serial import serials
from tanpuhui.registry.units import held_by, live_blocks

#: Verbs on the page of a lot, as addresses and texts.
OF_LOT = (
    ("lot_transfer", _l("Transfer units")),
    ("lot_cancel", _l("Cancel units")),
    ("lot_fill_buffer", _l("Fill the buffer")),
    ("lot_pay_from_buffer", _l("Pay from the buffer")),
    ("lot_annul", _l("Annul this lot")),
)


class BlockList(ColumnList):
    heading = _l("Serial ranges")
    says = _l("In which state and hand the tonnes of each lot are, and were.")
    empty = _l("No lot was certified yet.")
    place = "units"
    list_filter = (choice_filter(_l("state"), "state", lambda: [(state, state) for state in Block.STATES]),)
    search_fields = ("lot__code",)
    search_help_text = _l("Code of a lot")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("lot_id", _l("Lot"), cells.code),
        Col("first", _l("First"), cells.count, is_number=True),
        Col("last", _l("Last"), cells.count, is_number=True),
        Col("tonnes", _l("Tonnes"), cells.count, is_number=True, is_sorted=False),
        Col("state", _l("State"), names.unit_state),
        Col("owner", _l("Holder"), owner),
        Col("opened_at", _l("Since"), cells.moment),
        Col("closed_at", _l("Until"), cells.moment),
    )


class MovementList(ColumnList):
    heading = _l("Moves of units")
    says = _l("Every range of serial numbers that a verb moved, once, and why.")
    empty = _l("Nothing moved yet.")
    place = "moves"
    search_fields = ("lot__code", "key", "verb")
    search_help_text = _l("Code of a lot, verb or key")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("made_at", _l("When"), cells.moment),
        Col("verb", _l("Verb"), names.unit_verb),
        Col("lot_id", _l("Lot"), cells.code),
        Col("first", _l("First"), cells.count, is_number=True),
        Col("last", _l("Last"), cells.count, is_number=True),
        Col("from_owner", pgettext_lazy("holder", "From"), owner),
        Col("to_owner", pgettext_lazy("holder", "To"), owner),
        Col("to_state", _l("State"), names.unit_state),
        Col("key", _l("Key"), cells.code, is_detail=True),
        Col(
            "said",
            _l("Why"),
            lambda said: ", ".join(f"{name}: {text}" for name, text in sorted(said.items())),
        ),
    )


class AnnulmentList(ColumnList):
    heading = _l("Annulments")
    says = _l("Lots that turned out to be wrong. What was used of them has to be replaced.")
    empty = _l("No lot was annulled.")
    place = "annulments"
    search_fields = ("lot__code", "reason")
    search_help_text = _l("Code of a lot or reason")
    ordering = ("-annulled_at",)
    columns: ClassVar = (
        Col("lot_id", _l("Lot"), cells.code),
        Col("annulled_at", _l("When"), cells.moment),
        Col("reason", _l("Reason"), cells.words),
    )


def _companies() -> list[tuple[str, str]]:
    found = Organisation.objects.filter(kind=Organisation.COMPANY).order_by("code")
    return [(one.code, f"{one.name_zh} / {one.name_en} ({one.code})") for one in found]


class OfLot(Reasoned):
    """What every verb on a lot asks for besides its own."""


class Tonnes(Reasoned):
    """Whole tonnes of a company."""

    company = forms.ChoiceField(label=_l("Company"))
    tonnes = forms.IntegerField(label=_l("Whole tonnes"), min_value=1, max_value=9_000_000_000)
    field_order = ("company", "to", "tonnes", "reason")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        for name in ("company", "to"):
            if name in self.fields:
                self.fields[name].choices = _companies()  # type: ignore[attr-defined]


class Transfer(Tonnes):
    to = forms.ChoiceField(label=_l("To which company"))


class Milligrams(Reasoned):
    amount_mg = forms.IntegerField(label=_l("Milligrams"), min_value=1, max_value=2**62)
    field_order = ("amount_mg", "reason")


class LotVerb(VerbPage):
    """Something that two people do with a lot, by hand."""

    button = _l("Ask a colleague")
    takes_two = True
    verb: ClassVar[str]

    def facts(self, *, lot: str) -> list[tuple[Any, Any]]:
        found = get_lot(lot)
        return [(_("Lot"), cells.code(found.code)), (_("Serial numbers"), cells.code(serials(found)))]

    def ask(self, lot: Lot, reason: str, **arguments: Any) -> str:
        whole = {"lot": lot.code, "effective_on": timezone.localdate().isoformat(), **arguments}
        approval = four_eyes.ask(self.request, self.verb, whole, reason=reason, at=utc_now())
        self.say(_("A colleague was asked. It is done when they agree."))
        return reverse("console:access_approval_change", args=[approval.pk])


def _owner_of(code: str) -> int:
    return organisation(Organisation.objects.get(code=code).pk)


def _refuse_more(lot: Lot, company: int, tonnes: int) -> None:
    if hasattr(lot, "annulment"):
        raise LotAnnulled(lot=lot.code)
    available = sum(block.tonnes for block in live_blocks(lot.code, held_by(company)))
    if tonnes > available:
        raise NotEnoughUnits(lot=lot.code, state=Block.HELD, available_t=available, wanted_t=tonnes)


class TransferUnits(LotVerb):
    title = _l("Transfer units")
    says = _l(
        "Whole tonnes go from one company to another, with their serial numbers, without a trade: by an order of the "
        "authority or a court. A colleague must agree; then it is done."
    )
    form_class = Transfer
    verb = "units.transfer"

    def do(self, form: Any, *, lot: str) -> str:
        given, found = form.cleaned_data, get_lot(lot)
        company, to = _owner_of(given["company"]), _owner_of(given["to"])
        if company == to:
            raise SameHolder(holder=given["to"])
        _refuse_more(found, company, given["tonnes"])
        return self.ask(found, given["reason"], company=company, to=to, tonnes=given["tonnes"])


class CancelUnits(LotVerb):
    title = _l("Cancel units")
    says = _l(
        "Whole tonnes of a company are taken out of circulation for good, because they should not be there. "
        "A colleague must agree; then it is done."
    )
    form_class = Tonnes
    verb = "units.cancel"
    is_grave = True

    def do(self, form: Any, *, lot: str) -> str:
        given, found = form.cleaned_data, get_lot(lot)
        company = _owner_of(given["company"])
        _refuse_more(found, company, given["tonnes"])
        return self.ask(found, given["reason"], company=company, tonnes=given["tonnes"], why=given["reason"])


class FillBuffer(LotVerb):
    title = _l("Fill the buffer")
    says = _l(
        "Milligrams of the pool are kept back, to be cancelled if others turn out wrong after they were sold. "
        "A colleague must agree; then it is done."
    )
    form_class = Milligrams
    verb = "buffer.fill"

    def facts(self, *, lot: str) -> list[tuple[Any, Any]]:
        pools = [(_("In the pool"), cells.mass(amount)) for amount in pools_of(lot).values()]
        return [*super().facts(lot=lot), *pools, (_("In the buffer"), cells.mass(buffer_mg(lot)))]

    def do(self, form: Any, *, lot: str) -> str:
        given, found = form.cleaned_data, get_lot(lot)
        pools = pools_of(lot)
        pool, amount_mg = max(pools.items(), key=lambda one: one[1], default=(0, 0))
        if given["amount_mg"] > amount_mg:
            raise NotInPool(lot=lot, pool_mg=amount_mg, wanted_t=f"{given['amount_mg']} mg,")
        return self.ask(found, given["reason"], pool=pool, amount_mg=given["amount_mg"])


class PayFromBuffer(LotVerb):
    title = _l("Pay from the buffer")
    says = _l(
        "Milligrams of the buffer are cancelled for good, in the place of those that were sold and should not have "
        "been. A colleague must agree; then it is done."
    )
    form_class = Milligrams
    verb = "buffer.pay"
    is_grave = True

    def facts(self, *, lot: str) -> list[tuple[Any, Any]]:
        return [*super().facts(lot=lot), (_("In the buffer"), cells.mass(buffer_mg(lot)))]

    def do(self, form: Any, *, lot: str) -> str:
        given, found = form.cleaned_data, get_lot(lot)
        if given["amount_mg"] > buffer_mg(lot):
            raise BufferTooSmall(lot=lot, buffer_mg=buffer_mg(lot), wanted_mg=given["amount_mg"])
        return self.ask(found, given["reason"], amount_mg=given["amount_mg"], why=given["reason"])


class AnnulLot(LotVerb):
    title = _l("Annul this lot")
    says = _l(
        "What is left of the lot is cancelled, whoever has it; what companies used of it they have to replace, and "
        "their certificates say so. Nothing brings it back. A colleague must agree; then it is done."
    )
    form_class = OfLot
    verb = "lot.annul"
    is_grave = True

    def do(self, form: Any, *, lot: str) -> str:
        found = get_lot(lot)
        if hasattr(found, "annulment"):
            raise LotAnnulled(lot=lot)
        return self.ask(found, form.cleaned_data["reason"], why=form.cleaned_data["reason"])


def pools_of(lot: str) -> dict[int, int]:
    """Which pools have how much of a lot, in mg."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT b.account_id, b.available FROM ledger_balance b JOIN ledger_asset a ON a.id = b.asset_id "
            "WHERE a.code = %s AND b.account_id & 15 = %s AND b.available > 0 ORDER BY 1",
            [lot_code(lot), int(Kind.POOL)],
        )
        return {int(account) >> KIND_BITS: int(amount) for account, amount in cursor.fetchall()}
