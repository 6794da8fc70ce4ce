"""Pools: rounds with what was sold of them; opening, selling, offering, settling, paying out, closing; money to pay."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.db.models import F
from django.http import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import Organisation
from tanpuhui.console import cells
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.columns import Col, ColumnList
from tanpuhui.console.export import csv_of
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import choice_filter
from tanpuhui.console.market import Keyed, KeyedPage, choices_of, lot, party, plain_decimal, set_choices
from tanpuhui.console.points import money
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.copies.points_words import name_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.money.amounts import to_minor, to_text
from tanpuhui.pooling.close_round import close_round
from tanpuhui.pooling.models import DIRECT, Closing, Offering, PayOut, Round, Sale, WithdrawalEnding
from tanpuhui.pooling.on_market import OfferOrder, offer, settle_round, take_back, waiting_t
from tanpuhui.pooling.open_round import RoundOrder, open_round
from tanpuhui.pooling.pay_out import pay_out
from tanpuhui.pooling.pool import get_pool, pools
from tanpuhui.pooling.report import buyers_of, supply_of
from tanpuhui.pooling.rounds import closing_of, get_round, kept_t, sold_t
from tanpuhui.pooling.sale import get_sale
from tanpuhui.pooling.sell import SellOrder, sell
from tanpuhui.pooling.withdraw import open_withdrawals
from tanpuhui.registry.models import Lot

#: A page of money that is to be paid out has a list for the bank.
PAID, CANCELLED = WithdrawalEnding.PAID, WithdrawalEnding.CANCELLED


def round_state(found: Round) -> Any:
    """Whether a round is open, closed, or its lot was annulled."""
    closing: Closing | None = closing_of(found)
    if closing is None:
        return cells.state("busy", _("open"))
    if closing.annulled:
        return cells.state("bad", _("its lot was annulled"))
    return cells.state("plain", _("closed"))


def least(found: Round) -> str:
    return money(found.price_minor, found.pool.currency)


def address_of(found: Round) -> str:
    return reverse("console:pooling_round_change", args=[found.pk])


class RoundList(ColumnList):
    heading = _l("Rounds of pools")
    says = _l(
        "Whole tonnes that residents lent to be sold at a price or more. Who they are is not shown here."
    )
    empty = _l("No round was opened yet.")
    place = "pool-rounds"
    search_fields = ("=id", "lot", "pool__code")
    search_help_text = _l("Number, lot or pool")
    ordering = ("-id",)
    list_select_related = ("pool__organisation",)
    columns: ClassVar = (
        Col("id", _l("Number"), cells.count, is_number=True),
        Col("opened_at", _l("When"), cells.moment),
        Col("pool", _l("Pool"), lambda pool: party(pool.organisation), is_sorted=False),
        Col("lot", _l("Lot"), lot),
        Col("tonnes", _l("Tonnes"), cells.count, is_number=True),
        Col("price_minor", _l("At this price or more"), least, is_number=True, is_of_row=True),
        Col("residents", _l("Residents"), cells.count, is_number=True),
        Col("key", _l("State"), round_state, is_sorted=False, is_of_row=True),
    )

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Open a round"), reverse("console:pool_open_round"))] if request.may_act else []

    def row_tools(self, request: ConsoleRequest, found: Any) -> list[tuple[Any, str]]:
        if not request.may_act or closing_of(found) is not None:
            return []
        verbs = [
            (_("Sell"), "pool_sell"),
            (_("Offer on the market"), "pool_offer"),
            (_("Settle what the market sold"), "pool_settle"),
            (_("Take back from the market"), "pool_take_back"),
            (_("Close the round"), "pool_close_round"),
        ]
        return [(text, reverse(f"console:{name}", args=[found.pk])) for text, name in verbs]

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        shown = super().page(request, found)
        closing = closing_of(found)
        shown["facts"] += [
            (_("Vintage"), found.vintage),
            (_("Sold"), f"{cells.count(sold_t(found))} t"),
            (_("Kept"), f"{cells.count(kept_t(found))} t"),
            (_("On the market"), f"{cells.count(0 if closing else waiting_t(found))} t"),
        ]
        if closing:
            shown["facts"] += [
                (_("Closed at"), cells.moment(closing.closed_at)),
                (_("Went back"), f"{cells.count(closing.tonnes_back)} t"),
            ]
        return {**shown, "tables": [_sales(found, request), trail("pool_round", str(found.pk))]}


def _sales(found: Round, request: ConsoleRequest) -> Table:
    sales = list(found.sales.select_related("pay_out").order_by("id"))
    buyers = buyers_of(sales)
    rows = [
        [
            cells.count(one.pk),
            cells.moment(one.sold_at),
            party(buyers[one.buyer]),
            _("directly") if one.via == DIRECT else cells.code(one.reference),
            cells.count(one.tonnes),
            money(one.amount_minor, one.currency),
            _paid(one, request),
        ]
        for one in sales
    ]
    headers = [_("Sale"), _("At"), _("Buyer"), _("Way"), _("Tonnes"), _("Amount"), _("Paid out")]
    return Table(headers, rows, caption=_("Sales"), empty=_("Nothing was sold yet."), numbers=(0, 4, 5))


def _paid(sale: Sale, request: ConsoleRequest) -> Any:
    paid: PayOut | None = getattr(sale, "pay_out", None)
    if paid is not None:
        return cells.beside(
            cells.moment(paid.paid_at), _("to %(count)s") % {"count": cells.count(paid.residents)}
        )
    if request.may_act:
        return cells.link(_("Pay out"), "pool_pay_out", sale.pk)
    return cells.state("busy", _("to be paid"))


class RoundPage(KeyedPage):
    """Something that is done with one round."""

    form_class: ClassVar[type[forms.Form]] = Keyed

    def facts(self, *, round: int) -> list[tuple[Any, Any]]:
        found = get_round(round)
        return [
            (_("Round"), cells.count(found.pk)),
            (_("Pool"), party(found.pool.organisation)),
            (_("Lot"), lot(found.lot)),
            (_("At this price or more"), least(found)),
            (_("Sold"), f"{cells.count(sold_t(found))} t"),
            (_("Kept"), f"{cells.count(kept_t(found))} t"),
            (_("On the market"), f"{cells.count(waiting_t(found))} t"),
        ]

    def done(
        self,
        verb: str,
        number: int,
        do: Callable[[], Any],
        *,
        reason: str = "",
        facts: dict[str, Any] | None = None,
    ) -> None:
        """Do it, and write down who did."""
        do()
        record(
            self.request,
            verb,
            at=utc_now(),
            object_kind="pool_round",
            object_key=number,
            reason=reason,
            facts=facts,
        )


class OpenRoundForm(Keyed):
    """Which pool, which lot, how many tonnes, at which price."""

    pool = forms.ChoiceField(label=_l("Pool"), help_text=_l("With how many residents are in it."))
    lot = forms.ChoiceField(
        label=_l("Lot"), help_text=_l("With what residents would lend, from which price on.")
    )
    tonnes = forms.IntegerField(label=_l("Tonnes"), min_value=1, max_value=9_000_000_000)
    price = plain_decimal(label=_l("At this price or more"))

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        supplies = [(one, supply_of(one, at=utc_now())) for one in pools()]
        set_choices(
            self,
            "pool",
            [
                (one.code, f"{name_of(one.organisation)} ({cells.count(said['residents'])})")
                for one, said in supplies
            ],
        )
        known = {code: code for code in Lot.objects.order_by("code").values_list("code", flat=True)}
        for one, said in supplies:
            for each in said["lots"]:
                steps = (
                    f"{step['price']} {one.currency}: {cells.mass_text(step['available_mg'])}"
                    for step in each["steps"]
                )
                known[each["lot"]] = f"{each['lot']} ({'; '.join(steps)})"
        set_choices(self, "lot", list(known.items()))


class OpenRound(KeyedPage):
    title = _l("Open a round")
    says = _l(
        "The tonnes are taken from residents whose terms fit, in proportion to what they have: all of them, or none. "
        "They are locked for the round and sold for its price or more."
    )
    button = _l("Open")
    form_class = OpenRoundForm

    def do(self, form: Any, **named: Any) -> str:
        given, key = form.cleaned_data, form.console_key()
        price_minor = to_minor(given["price"], get_pool(given["pool"]).currency)
        is_new = not Round.objects.filter(key=key).exists()
        order = RoundOrder(key, given["pool"], given["lot"], given["tonnes"], price_minor)
        made = open_round(order, at=utc_now())
        if is_new:
            facts = {"pool": order.pool, "lot": order.lot, "tonnes": order.tonnes, "price": given["price"]}
            record(
                self.request,
                "pool_round.opened",
                at=utc_now(),
                object_kind="pool_round",
                object_key=made.pk,
                facts=facts,
            )
        self.say(_("The round is open."))
        return address_of(made)


class SellForm(Keyed):
    """To whom, how many, at which price."""

    buyer = forms.ChoiceField(label=_l("Buyer"))
    tonnes = forms.IntegerField(label=_l("Tonnes"), min_value=1, max_value=9_000_000_000)
    price = plain_decimal(label=_l("Price of a tonne"))

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        own = {one.pk for one in pools()}
        found = Organisation.objects.filter(kind=Organisation.COMPANY).exclude(pk__in=own).order_by("code")
        set_choices(self, "buyer", choices_of(found))


class SellOfRound(RoundPage):
    title = _l("Sell tonnes of a round")
    says = _l("Tonnes and money change hands in one transaction, for the round's price or more.")
    button = _l("Sell")
    form_class = SellForm

    def do(self, form: Any, *, round: int) -> str:
        given, found = form.cleaned_data, get_round(round)
        order = SellOrder(
            form.console_key(),
            round,
            given["buyer"],
            given["tonnes"],
            to_minor(given["price"], found.pool.currency),
        )
        is_new = not Sale.objects.filter(via=DIRECT, reference=order.key, round=found).exists()
        made = sell(order, at=utc_now())
        if is_new:
            facts = {"sale": made.pk, "buyer": order.buyer, "tonnes": order.tonnes, "price": given["price"]}
            self.done("pool_round.sold", round, lambda: None, facts=facts)
        self.say(_("Sold."))
        return address_of(found)


class OfferForm(Keyed):
    """How many, at which price, for how long."""

    tonnes = forms.IntegerField(label=_l("Tonnes"), min_value=1, max_value=9_000_000_000)
    price = plain_decimal(label=_l("Price of a tonne"))
    days = forms.IntegerField(
        label=_l("For how many days"),
        help_text=_l("Empty: as long as the market's rule lets."),
        min_value=1,
        max_value=366,
        required=False,
    )


class OfferOfRound(RoundPage):
    title = _l("Offer tonnes of a round on the market")
    says = _l("They are listed under the market's rules; whoever takes them buys of the round.")
    button = _l("List")
    form_class = OfferForm

    def do(self, form: Any, *, round: int) -> str:
        given, found = form.cleaned_data, get_round(round)
        order = OfferOrder(form.console_key(), round, given["tonnes"], given["price"], given["days"])
        is_new = not Offering.objects.filter(round=found, key=order.key).exists()
        made = offer(order, at=utc_now())
        if is_new:
            facts = {"listing": made.listing_id, "tonnes": order.tonnes, "price": order.price}
            self.done("pool_round.offered", round, lambda: None, facts=facts)
        self.say(_("It is listed."))
        return address_of(found)


class SettleRound(RoundPage):
    title = _l("Settle what the market sold")
    says = _l(
        "What was traded becomes sales of the round, and what came back is kept again. Again, it changes nothing."
    )
    button = _l("Settle")

    def do(self, form: Any, *, round: int) -> str:
        del form
        self.done("pool_round.settled", round, lambda: settle_round(round, at=utc_now()))
        self.say(_("It is settled."))
        return address_of(get_round(round))


class TakeBackForm(Keyed, Reasoned):
    """Why."""


class TakeBack(RoundPage):
    title = _l("Take a round back from the market")
    says = _l("Its listings are cancelled. What was taken and waits for its money stays taken.")
    button = _l("Take back")
    form_class = TakeBackForm

    def do(self, form: Any, *, round: int) -> str:
        reason = form.cleaned_data["reason"]
        self.done(
            "pool_round.taken_back",
            round,
            lambda: take_back(round, reason=reason, at=utc_now()),
            reason=reason,
        )
        self.say(_("It is taken back."))
        return address_of(get_round(round))


class CloseRoundForm(Keyed, Reasoned):
    """Why."""


class CloseRound(RoundPage):
    title = _l("Close a round")
    says = _l(
        "What was not sold goes back to the residents who lent it, to the milligram. This cannot be undone."
    )
    button = _l("Close")
    form_class = CloseRoundForm
    is_grave = True

    def do(self, form: Any, *, round: int) -> str:
        reason = form.cleaned_data["reason"]
        if closing_of(get_round(round)) is None:
            self.done("pool_round.closed", round, lambda: close_round(round, at=utc_now()), reason=reason)
        self.say(_("The round is closed."))
        return address_of(get_round(round))


class PayOutSale(VerbPage):
    title = _l("Pay a sale out")
    says = _l("Everybody whose milligrams it took gets their part of the money, to the last unit, once.")
    button = _l("Pay out")
    form_class = forms.Form

    def facts(self, *, sale: int) -> list[tuple[Any, Any]]:
        found = get_sale(sale)
        return [
            (_("Sale"), cells.count(found.pk)),
            (_("Round"), cells.link(found.round_id, "pooling_round_change", found.round_id)),
            (_("Tonnes"), cells.count(found.tonnes)),
            (_("Amount"), money(found.amount_minor, found.currency)),
            (_("Residents"), cells.count(found.shares.count())),
        ]

    def do(self, form: Any, *, sale: int) -> str:
        del form
        found = get_sale(sale)
        is_new = not PayOut.objects.filter(pk=sale).exists()
        made = pay_out(sale, key=f"console:{sale}", at=utc_now())
        if is_new:
            facts = {
                "sale": sale,
                "residents": made.residents,
                "money": to_text(made.money_minor, found.currency),
            }
            record(
                self.request,
                "pool_round.paid_out",
                at=utc_now(),
                object_kind="pool_round",
                object_key=found.round_id,
                facts={**facts, "points": made.points},
            )
        self.say(_("It is paid out."))
        return reverse("console:pooling_round_change", args=[found.round_id])


def payment_state(row: Any) -> Any:
    """Whether a bank paid what somebody asked for."""
    if row.outcome == PAID:
        return cells.state("good", _("paid"))
    return (
        cells.state("plain", _("cancelled"))
        if row.outcome == CANCELLED
        else cells.state("busy", _("to be paid"))
    )


def amount(row: Any) -> str:
    return money(row.amount_minor, row.currency)


class PaymentList(ColumnList):
    """Money that somebody asked for, with how it ended as ``outcome``."""

    search_fields: ClassVar = ("=id",)
    search_help_text = _l("Number")
    ordering = ("-id",)
    list_filter = (
        choice_filter(
            _l("how it ended"), "ending__outcome", lambda: [(PAID, _("paid")), (CANCELLED, _("cancelled"))]
        ),
    )

    def get_queryset(self, request: Any) -> Any:
        """Rows with how they ended."""
        return super().get_queryset(request).annotate(outcome=F("ending__outcome"))


class ResidentPaymentList(PaymentList):
    heading = _l("Payments to residents")
    says = _l(
        "What residents want paid out of what pools brought them, until a bank's statement says so. No name is shown."
    )
    empty = _l("No resident asked for money.")
    place = "payments-to-residents"
    columns: ClassVar = (
        Col("reference", _l("Reference"), cells.code, is_sorted=False),
        Col("asked_at", _l("Asked at"), cells.moment),
        Col("amount_minor", _l("Amount"), amount, is_number=True, is_of_row=True),
        Col("currency", _l("Currency"), is_detail=True),
        Col("outcome", _l("State"), payment_state, is_sorted=False, is_of_row=True),
    )

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("List for the bank"), reverse("console:pool_pay_list"))] if request.may_act else []


class CompanyPaymentList(PaymentList):
    heading = _l("Payments to organisations")
    says = _l("What organisations want paid out of their money here; a bank's statement ends it.")
    empty = _l("No organisation asked for money.")
    place = "payments-to-organisations"
    list_select_related = ("organisation",)
    columns: ClassVar = (
        Col("reference", _l("Reference"), cells.code, is_sorted=False),
        Col("organisation", _l("Organisation"), party, is_sorted=False),
        Col("at", _l("Asked at"), cells.moment),
        Col("amount_minor", _l("Amount"), amount, is_number=True, is_of_row=True),
        Col("currency", _l("Currency"), is_detail=True),
        Col("outcome", _l("State"), payment_state, is_sorted=False, is_of_row=True),
    )


class PayList(VerbPage):
    title = _l("List for the bank")
    says = _l(
        "A CSV file with what is to be paid to residents: reference, the token that their bank gave them, amount. "
        "That it was taken along is in the audit trail."
    )
    button = _l("Take along as CSV")
    form_class = forms.Form

    def do(self, form: Any, **named: Any) -> HttpResponseBase:
        del form
        rows = open_withdrawals()
        record(
            self.request,
            "payments.listed",
            at=utc_now(),
            object_kind="list",
            object_key="payments-to-residents",
            facts={"rows": len(rows)},
        )
        columns: list[tuple[str, Callable[[Any], object]]] = [
            ("reference", lambda row: row[0].reference),
            ("payee", lambda row: row[1]),
            ("amount", lambda row: to_text(row[0].amount_minor, row[0].currency)),
            ("currency", lambda row: row[0].currency),
            ("asked_at", lambda row: row[0].asked_at),
        ]
        return csv_of("payments-to-residents", columns, rows)
