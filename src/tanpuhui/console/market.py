"""Market: members, listings, auctions and trades for looking at; admitting, suspending, auctioning, taking back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from django import forms
from django.db.models import F, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.access.models import Organisation
from tanpuhui.close.installation import jurisdiction
from tanpuhui.console import cells, names
from tanpuhui.console.cells import Table
from tanpuhui.console.closes import trail
from tanpuhui.console.columns import Col, ColumnList
from tanpuhui.console.guard import ConsoleRequest, record
from tanpuhui.console.lists import Choices, choice_filter
from tanpuhui.console.points import money
from tanpuhui.console.verb import Reasoned, VerbPage
from tanpuhui.copies import market_words as words
from tanpuhui.copies.points_words import name_of
from tanpuhui.kit.moment import utc_now
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.market.auction import AuctionOrder, clear_auction, get_auction, open_auction
from tanpuhui.market.cancel import AUCTION, LISTING, CancelOrder, cancel
from tanpuhui.market.listing import get_listing, left_t
from tanpuhui.market.member import MembershipOrder, admit, get_organisation, members, suspend
from tanpuhui.market.models import Auction, AuctionEnding, BidEnding, Listing, Membership, Trade
from tanpuhui.market.rule import market_rule
from tanpuhui.money.answer import Answer
from tanpuhui.registry.models import Block
from tanpuhui.registry.serial import written

_TONES = {"good": "good", "waiting": "busy", "bad": "bad", "plain": "plain"}


def party(organisation: Organisation) -> Any:
    """An organisation by its name, with its code beside it."""
    return names.named(name_of(organisation), organisation.code)


def state(name: str) -> Any:
    """How something on the market stands, as a badge."""
    return cells.state(_TONES[words.state_tone(name)], words.state_name(name))


def price(row: Any) -> str:
    return money(row.price_minor, row.currency)


def lot(code: str) -> Any:
    return cells.link(cells.code(code), "registry_lot_change", code)


def outcome(row: Any) -> Any:
    """How a row ended; while it has not, whether its time is over."""
    if row.outcome:
        return state(row.outcome)
    if isinstance(row, Trade):
        return state(words.WAITING)
    if row.expires_at > utc_now():
        return state(words.OPEN)
    return state("closed" if isinstance(row, Auction) else "expired")


def _member_state(name: str) -> Any:
    return cells.state("good" if name == Membership.ADMITTED else "bad", words.member_name(name))


def ask(
    request: ConsoleRequest,
    verb: str,
    do: Callable[[], Answer],
    *,
    kind: str,
    key: Callable[[dict[str, Any]], object],
    reason: str = "",
    facts: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Give an order for the operator and write down who did, once; a refusal leaves nothing."""
    answer = do()
    said = answer.accepted()
    if not answer.repeated:
        record(
            request,
            verb,
            at=utc_now(),
            object_kind=kind,
            object_key=key(said),
            reason=reason,
            facts=facts,
        )
    return said


class Keyed(forms.Form):
    """Sent twice it is done once."""

    key = forms.UUIDField(widget=forms.HiddenInput())

    def console_key(self) -> str:
        return f"console:{self.cleaned_data['key']}"


class KeyedReason(Keyed, Reasoned):
    """The same, with a reason."""


class KeyedPage(VerbPage):
    """A page whose form has a key."""

    def initial(self, **named: Any) -> dict[str, Any]:
        del named
        return {"key": str(uuid4())}


def plain_decimal(**named: Any) -> forms.RegexField:
    """Money as a plain decimal."""
    given = {"help_text": _l("A plain decimal, such as 12.50."), **named}
    return forms.RegexField(regex=r"\A[0-9]{1,15}(\.[0-9]{1,3})?\Z", max_length=20, **given)


def set_choices(form: forms.Form, name: str, choices: Choices) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(choices)


def choices_of(found: Any) -> Choices:
    """Organisations to choose from, by name and code."""
    return [(one.code, f"{name_of(one)} {one.code}") for one in found]


class MemberList(ColumnList):
    heading = _l("Members of the market")
    says = _l("Since when an organisation may trade, or may not, and why. Of each the newest row counts.")
    empty = _l("Nobody was admitted yet.")
    place = "market/members"
    search_fields = ("organisation__code", "organisation__name_zh", "organisation__name_en", "group")
    search_help_text = _l("Code, name or group")
    ordering = ("-id",)
    list_select_related = ("organisation",)
    columns: ClassVar = (
        Col("at", _l("Since"), cells.moment),
        Col("organisation", _l("Organisation"), party, is_sorted=False),
        Col("state", _l("State"), _member_state),
        Col("group", _l("Group"), lambda group: group or cells.NOTHING),
        Col("reason", _l("Reason")),
    )

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        if not request.may_act:
            return []
        return [
            (_("Admit"), reverse("console:market_admit")),
            (_("Suspend"), reverse("console:market_suspend")),
        ]

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        return {**super().page(request, found), "tables": [trail("market_member", found.organisation.code)]}


class AdmitForm(KeyedReason):
    """Whom, and with whom it belongs together."""

    organisation = forms.ChoiceField(label=_l("Organisation"))
    group = forms.CharField(
        label=_l("Group"),
        help_text=_l("Organisations of one group do not trade with each other. Empty: as before."),
        max_length=60,
        required=False,
    )
    field_order = ("organisation", "group", "reason")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        kinds = (Organisation.COMPANY, Organisation.BANK, Organisation.MERCHANT)
        found = Organisation.objects.filter(kind__in=kinds).order_by("code")
        set_choices(self, "organisation", choices_of(found))


class SuspendForm(KeyedReason):
    """Whom."""

    organisation = forms.ChoiceField(label=_l("Organisation"))
    field_order = ("organisation", "reason")

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        found = [one.organisation for one in members() if one.state == Membership.ADMITTED]
        set_choices(self, "organisation", choices_of(found))


class AdmitMember(KeyedPage):
    title = _l("Admit to the market")
    says = _l("The organisation may trade from now on; one that was suspended may again.")
    button = _l("Admit")
    form_class = AdmitForm

    def do(self, form: Any, **named: Any) -> str:
        given = form.cleaned_data
        order = MembershipOrder(
            form.console_key(), given["organisation"], given["reason"], given["group"].strip()
        )
        ask(
            self.request,
            "market.admitted",
            lambda: admit(order, at=utc_now()),
            kind="market_member",
            key=lambda said: said["organisation"],
            reason=given["reason"],
            facts={"group": order.group},
        )
        self.say(_("It may trade now."))
        return reverse("console:market_membership_changelist")


class SuspendMember(KeyedPage):
    title = _l("Suspend a member")
    says = _l("Nobody takes what it lists, and its bids get nothing. Trades that were made stand.")
    button = _l("Suspend")
    form_class = SuspendForm
    is_grave = True

    def do(self, form: Any, **named: Any) -> str:
        given = form.cleaned_data
        order = MembershipOrder(form.console_key(), given["organisation"], given["reason"])
        ask(
            self.request,
            "market.suspended",
            lambda: suspend(order, at=utc_now()),
            kind="market_member",
            key=lambda said: said["organisation"],
            reason=given["reason"],
        )
        self.say(_("It is suspended."))
        return reverse("console:market_membership_changelist")


class EndingList(ColumnList):
    """A list of what ends, with how it did as ``outcome``."""

    list_select_related: ClassVar[tuple[str, ...]] = ("seller",)

    def get_queryset(self, request: Any) -> Any:
        """Rows with how they ended."""
        return super().get_queryset(request).annotate(outcome=F("ending__outcome"))


class ListingList(EndingList):
    heading = _l("Listings")
    says = _l("What sellers offer everybody at a price. What is offered is locked.")
    empty = _l("Nothing was listed yet.")
    place = "market/listings"
    search_fields = ("=id", "seller__code", "lot__code")
    search_help_text = _l("Number, seller or lot")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("id", _l("Number"), cells.count, is_number=True),
        Col("at", _l("When"), cells.moment),
        Col("seller", _l("Seller"), party, is_sorted=False),
        Col("lot_id", _l("Lot"), lot),
        Col("tonnes", _l("Tonnes"), cells.count, is_number=True),
        Col("price_minor", _l("Price of a tonne"), price, is_number=True, is_of_row=True),
        Col("outcome", _l("State"), outcome, is_sorted=False, is_of_row=True),
        Col("expires_at", _l("Until"), cells.moment),
        Col("rule", _l("Rule"), cells.code, is_detail=True),
    )

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        shown = super().page(request, found)
        trades = [
            [
                cells.link(one.reference, "market_trade_change", one.pk),
                party(one.buyer),
                cells.count(one.tonnes),
            ]
            for one in found.trades.select_related("buyer").order_by("id")
        ]
        if not found.outcome:
            shown["facts"].append((_("Tonnes left"), cells.count(left_t(found))))
        table = Table(
            [_("Trade"), _("Buyer"), _("Tonnes")],
            trades,
            caption=_("What was taken of it"),
            empty=_("Nobody took any of it."),
            numbers=(2,),
        )
        return {**shown, "tables": [table, trail("listing", str(found.pk))]}

    def row_tools(self, request: ConsoleRequest, found: Any) -> list[tuple[Any, str]]:
        if found.outcome or not request.may_act:
            return []
        return [(_("Take back"), reverse("console:market_cancel_listing", args=[found.pk]))]


class TradeList(EndingList):
    heading = _l("Trades")
    says = _l(
        "Units against money, in one transaction; without money a trade waits, or ends when its time is over."
    )
    empty = _l("Nothing was traded yet.")
    place = "market/trades"
    search_fields = ("=id", "seller__code", "buyer__code", "lot__code")
    search_help_text = _l("Number, seller, buyer or lot")
    ordering = ("-id",)
    list_select_related = ("seller", "buyer")
    list_filter = (
        choice_filter(
            _l("how it ended"),
            "ending__outcome",
            lambda: [(one, words.state_name(one)) for one in ("settled", "expired", "lost")],
        ),
        choice_filter(
            _l("way"),
            "way",
            lambda: [(one, words.way_name(one)) for one in (Trade.LISTING, Trade.NEGOTIATED, Trade.AUCTION)],
        ),
    )
    columns: ClassVar = (
        Col("reference", _l("Reference"), cells.code, is_sorted=False),
        Col("at", _l("When"), cells.moment),
        Col("seller", _l("Seller"), party, is_sorted=False),
        Col("buyer", _l("Buyer"), party, is_sorted=False),
        Col("way", _l("Way"), words.way_name),
        Col("lot_id", _l("Lot"), lot),
        Col("tonnes", _l("Tonnes"), cells.count, is_number=True),
        Col("price_minor", _l("Price of a tonne"), price, is_number=True, is_of_row=True, is_detail=True),
        Col(
            "amount_minor",
            _l("Amount"),
            lambda row: money(row.amount_minor, row.currency),
            is_number=True,
            is_of_row=True,
        ),
        Col("currency", _l("Currency"), is_detail=True),
        Col("outcome", _l("State"), outcome, is_sorted=False, is_of_row=True),
        Col("pay_by", _l("To be paid until"), cells.moment),
    )

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        shown = super().page(request, found)
        ended = getattr(found, "ending", None)
        if ended is not None:
            serials = [written(found.lot, first, last) for first, last in ended.ranges]
            shown["facts"] += [
                (_("Ended at"), cells.moment(ended.at)),
                (_("Serial numbers"), cells.listed(cells.code(one) for one in serials) or cells.NOTHING),
            ]
        return {**shown, "title": found.reference}


class AuctionList(EndingList):
    heading = _l("Auctions")
    says = _l(
        "Sealed bids and one price for all. Nobody sees a bid before an auction is cleared, here neither."
    )
    empty = _l("No auction was opened yet.")
    place = "market/auctions"
    search_fields = ("=id", "seller__code", "lot__code")
    search_help_text = _l("Number, seller or lot")
    ordering = ("-id",)
    columns: ClassVar = (
        Col("id", _l("Number"), cells.count, is_number=True),
        Col("seller", _l("Seller"), party, is_sorted=False),
        Col("lot_id", _l("Lot"), lot),
        Col("tonnes", _l("Tonnes"), cells.count, is_number=True),
        Col("price_minor", _l("Reserve price"), price, is_number=True, is_of_row=True),
        Col("outcome", _l("State"), outcome, is_sorted=False, is_of_row=True),
        Col("expires_at", _l("Bids until"), cells.moment),
        Col("at", _l("When"), cells.moment, is_detail=True),
        Col("rule", _l("Rule"), cells.code, is_detail=True),
    )

    def tools(self, request: ConsoleRequest) -> list[tuple[Any, str]]:
        return [(_("Open an auction"), reverse("console:market_open_auction"))] if request.may_act else []

    def row_tools(self, request: ConsoleRequest, found: Any) -> list[tuple[Any, str]]:
        if found.outcome or not request.may_act:
            return []
        tools = [(_("Take back"), reverse("console:market_cancel_auction", args=[found.pk]))]
        if found.expires_at <= utc_now():
            tools.insert(0, (_("Clear"), reverse("console:market_clear", args=[found.pk])))
        return tools

    def page(self, request: ConsoleRequest, found: Any) -> dict[str, Any]:
        shown = super().page(request, found)
        ended: AuctionEnding | None = getattr(found, "ending", None)
        tables = []
        if ended is not None and ended.price_minor is not None:
            shown["facts"] += [
                (_("Price"), money(ended.price_minor, found.currency)),
                (_("Sold"), f"{cells.count(ended.sold_t)} t"),
                (_("Why"), words.price_why(found, ended)),
            ]
            tables.append(_fills(found))
        elif ended is not None:
            shown["facts"].append((_("Reason"), ended.reason or cells.NOTHING))
        return {**shown, "tables": [*tables, trail("auction", str(found.pk))]}


def _fills(found: Auction) -> Table:
    rows = [
        [
            cells.count(one.bid_id),
            party(one.bid.buyer),
            cells.count(one.bid.tonnes),
            price_text(one.bid.price_minor, found.currency),
            cells.count(one.tonnes),
            words.fill_why(one.why),
        ]
        for one in BidEnding.objects.filter(bid__auction=found)
        .select_related("bid__buyer")
        .order_by("pk")[:500]
    ]
    headers = [_("Bid"), _("Buyer"), _("Tonnes"), _("Price at most"), _("Got"), _("Why")]
    return Table(headers, rows, caption=_("Bids"), empty=_("There was no bid."), numbers=(0, 2, 3, 4))


def price_text(minor: int, currency: str) -> str:
    return money(minor, currency)


class AuctionForm(Keyed):
    """Whose units, how many, from which price on, and until when bids come."""

    seller = forms.ChoiceField(label=_l("Seller"))
    lot = forms.ChoiceField(label=_l("Lot"), help_text=_l("With what sellers hold and is free."))
    tonnes = forms.IntegerField(label=_l("Tonnes"), min_value=1, max_value=9_000_000_000)
    reserve = plain_decimal(label=_l("Reserve price"))
    closes_at = forms.DateTimeField(
        label=_l("Bids until"),
        help_text=_l("In local time."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        admitted = [one.organisation for one in members() if one.state == Membership.ADMITTED]
        set_choices(self, "seller", choices_of(admitted))
        held = Block.objects.filter(
            state=Block.HELD,
            closed_at__isnull=True,
            owner__in=[one.pk + FIRST_ORGANISATION for one in admitted],
        )
        rows = held.values("lot").annotate(sum_t=Sum(F("last") - F("first") + 1)).order_by("lot")
        set_choices(
            self, "lot", [(row["lot"], f"{row['lot']}, {cells.count(row['sum_t'])} t") for row in rows]
        )


class OpenAuction(KeyedPage):
    title = _l("Open an auction")
    says = _l("The seller's units are locked, and members bid until it closes. A bid is not taken back.")
    button = _l("Open")
    form_class = AuctionForm

    def initial(self, **named: Any) -> dict[str, Any]:
        tomorrow = timezone.localtime(utc_now() + timedelta(days=1))
        return {**super().initial(**named), "closes_at": tomorrow.strftime("%Y-%m-%dT%H:00")}

    def do(self, form: Any, **named: Any) -> str:
        given, place = form.cleaned_data, jurisdiction()
        currency = market_rule(place, utc_now()).currency
        order = AuctionOrder(
            form.console_key(),
            given["seller"],
            given["lot"],
            given["tonnes"],
            given["reserve"],
            currency,
            given["closes_at"],
        )
        said = ask(
            self.request,
            "auction.opened",
            lambda: open_auction(order, place, at=utc_now()),
            kind="auction",
            key=lambda said: said["auction"],
            facts={
                "seller": order.seller,
                "lot": order.lot,
                "tonnes": order.tonnes,
                "reserve": order.reserve,
            },
        )
        self.say(_("The auction is open."))
        return reverse("console:market_auction_change", args=[said["auction"]])


class ClearAuction(KeyedPage):
    title = _l("Clear an auction")
    says = _l(
        "One price for all; winners' money and units move in one transaction, and all other money is free."
    )
    button = _l("Clear")
    form_class = Keyed

    def facts(self, *, auction: int) -> list[tuple[Any, Any]]:
        return offered_facts(get_auction(auction))

    def do(self, form: Any, *, auction: int) -> str:
        ask(
            self.request,
            "auction.cleared",
            lambda: clear_auction(auction, jurisdiction(), key=form.console_key(), at=utc_now()),
            kind="auction",
            key=lambda said: said["auction"],
        )
        self.say(_("The auction is cleared."))
        return reverse("console:market_auction_change", args=[auction])


class CancelListing(KeyedPage):
    title = _l("Take a listing back")
    says = _l("Its units are the seller's again. Trades that were made of it stand.")
    button = _l("Take back")
    form_class = KeyedReason
    is_grave = True

    def facts(self, *, listing: int) -> list[tuple[Any, Any]]:
        return offered_facts(get_listing(listing))

    def do(self, form: Any, *, listing: int) -> str:
        _take_back(self.request, form, LISTING, listing)
        self.say(_("It is taken back."))
        return reverse("console:market_listing_change", args=[listing])


class CancelAuction(KeyedPage):
    title = _l("Take an auction back")
    says = _l("Its units are the seller's again, and all money that was held for bids is free.")
    button = _l("Take back")
    form_class = KeyedReason
    is_grave = True

    def facts(self, *, auction: int) -> list[tuple[Any, Any]]:
        return offered_facts(get_auction(auction))

    def do(self, form: Any, *, auction: int) -> str:
        _take_back(self.request, form, AUCTION, auction)
        self.say(_("It is taken back."))
        return reverse("console:market_auction_change", args=[auction])


def _take_back(request: ConsoleRequest, form: Any, kind: str, number: int) -> None:
    reason = form.cleaned_data["reason"]
    order = CancelOrder(form.console_key(), kind, number, reason)
    ask(
        request,
        f"{kind}.cancelled",
        lambda: cancel(order, jurisdiction(), at=utc_now()),
        kind=kind,
        key=lambda _said: number,
        reason=reason,
    )


def offered_facts(found: Listing | Auction) -> list[tuple[Any, Any]]:
    """What is offered, as names and values."""
    return [
        (_("Seller"), party(get_organisation(found.seller.code))),
        (_("Lot"), lot(found.lot_id)),
        (_("Tonnes"), cells.count(found.tonnes)),
        (_("Price of a tonne"), price(found)),
        (_("Until"), cells.moment(found.expires_at)),
    ]
