"""Trade: what a company can buy now, what waits for it, taking a listing, and buying at the best prices."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.copies import market_words as words
from tanpuhui.kit.moment import utc_now
from tanpuhui.market.best import BuyOrder, buy
from tanpuhui.market.control import band
from tanpuhui.market.listing import TakeOrder, left_t, open_listings, take
from tanpuhui.market.member import newest
from tanpuhui.market.models import Auction, Listing, Membership, Proposal, StoredAnswer, Trade
from tanpuhui.market.prices import settled
from tanpuhui.market.refusals import NoMarket
from tanpuhui.market.rule import MarketRule, market_rule
from tanpuhui.money.account import money_account, money_of
from tanpuhui.web.company.orders import (
    OrderForm,
    at,
    moment,
    order_page,
    ordered,
    price_of_a_tonne,
    tonnes_text,
    whole_tonnes,
)
from tanpuhui.web.company.owner import acts, key_of, looks, may_act, mine
from tanpuhui.web.shared.access import shown_recently
from tanpuhui.web.shared.refused import text_of
from tanpuhui.web.shared.templatetags.page import methodology_title, money, organisation_name

PER_PAGE = 25


class TakeForm(OrderForm):
    """How much of a listing."""

    tonnes = whole_tonnes(help_text=_l("All of it, or a part."))


class BuyForm(OrderForm):
    """How much, at which price at most, and of which lot."""

    tonnes = whole_tonnes(help_text=_l("All of them are bought, or none."))
    most_price = price_of_a_tonne(label=_l("Most that a tonne may cost"))
    lot = forms.ChoiceField(label=_l("Lot"), required=False)

    def __init__(self, request: HttpRequest, lots: list[str]) -> None:
        super().__init__(request)
        self.fields["lot"].choices = [("", _("any lot")), *((lot, lot) for lot in lots)]  # type: ignore[attr-defined]


@looks
def home(request: HttpRequest) -> HttpResponse:
    """What can be taken, the company's money, and what waits for it."""
    own, now, place = mine(request).organisation, utc_now(), jurisdiction()
    membership = newest(own)
    rule, closed = rule_now()
    found = open_listings(now)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    lefts = _lefts(list(page))
    context = {
        "place": place,
        "rule": rule,
        "closed": closed,
        "band": _band(rule),
        "membership": membership,
        "may_trade": membership is not None and membership.state == Membership.ADMITTED,
        "may_act": may_act(request),
        "balances": money_of(money_account(own.pk)),
        "page": page,
        "rows": [
            {"listing": one, "left_t": lefts[one.pk], "is_own": one.seller_id == own.pk} for one in page
        ],
        "waiting": Trade.objects.filter(buyer=own, ending__isnull=True).order_by("pay_by"),
        "proposals": Proposal.objects.filter(buyer=own, ending__isnull=True, expires_at__gt=now).count(),
        "auctions": Auction.objects.filter(ending__isnull=True, expires_at__gt=now).count(),
        "has_prices": settled().filter(product=place.code).exists(),
    }
    return render(request, "company/trade.html", context)


@acts
@shown_recently
def take_listing(request: HttpRequest, listing: int) -> HttpResponseBase:
    """Take all of a listing or a part: the page says what it costs, and asks."""
    found = Listing.objects.select_related("seller", "lot").filter(pk=listing).first()
    if found is None:
        raise Http404
    own, left = mine(request).organisation.code, left_t(found)

    def send(given: dict[str, Any]) -> str:
        order = TakeOrder(key_of(request, given["key"]), found.pk, own, given["tonnes"])
        made = ordered(
            request,
            "take_listing",
            lambda: take(order, jurisdiction(), at=utc_now()),
            kind="trade",
            key=lambda said: said["trade"],
            facts={"listing": found.pk, "tonnes": given["tonnes"]},
        )
        _say_how_it_stands(request, made["state"])
        return at(request, "trade_one", made["trade"])

    context = {
        "title": _("Take a listing"),
        "lead": _(
            "With enough money here, units and money move at once. Without, the units wait for your payment."
        ),
        "facts": [
            *facts_of(found),
            (_("Tonnes left"), tonnes_text(left)),
            (_("All of it costs"), money(left * found.price_minor, found.currency)),
            (_("Stands until"), moment(found.expires_at)),
        ],
        "button": _("Take"),
        "back": at(request, "trade"),
        "back_text": _("Trade"),
    }
    return order_page(request, TakeForm(request, initial={"tonnes": left}), send, context)


@acts
@shown_recently
def buy_best(request: HttpRequest) -> HttpResponseBase:
    """Buy so many tonnes at the best prices that are listed."""
    place = jurisdiction()
    rule = market_rule(place, utc_now())
    lots = sorted({one.lot_id for one in open_listings(utc_now(), product=place.code)})

    def send(given: dict[str, Any]) -> str:
        order = BuyOrder(
            key_of(request, given["key"]),
            mine(request).organisation.code,
            place.code,
            given["tonnes"],
            given["most_price"],
            rule.currency,
            given["lot"] or None,
        )
        ordered(
            request,
            "buy_best",
            lambda: buy(order, place, at=utc_now()),
            kind="order",
            key=lambda _said: str(given["key"]),
            facts={"tonnes": given["tonnes"], "most_price": given["most_price"]},
        )
        return at(request, "bought", given["key"])

    context = {
        "title": _("Buy at the best prices"),
        "lead": _("The lowest price is taken first; of one price, what was listed first. Then you see why."),
        "facts": band_facts(rule),
        "button": _("Buy"),
        "back": at(request, "trade"),
        "back_text": _("Trade"),
    }
    return order_page(request, BuyForm(request, lots), send, context)


@looks
def bought(request: HttpRequest, key: UUID) -> HttpResponse:
    """What an order to buy took, listing by listing, and why; what it passed over, and why."""
    found = StoredAnswer.objects.filter(
        pk=key_of(request, str(key)), verb="buy", result__isnull=False
    ).first()
    if found is None:
        raise Http404
    result = found.result
    listings = Listing.objects.select_related("seller").in_bulk(
        [one["listing"] for one in (*result["taken"], *result["passed_over"])]
    )
    context = {
        "result": result,
        "at": found.at,
        "taken": [
            {**one, "seller": listings[one["listing"]].seller, "why": words.taken_why(one["why"])}
            for one in result["taken"]
        ],
        "passed_over": [
            {**one, "seller": listings[one["listing"]].seller, "why": words.passed_over_why(one["why"])}
            for one in result["passed_over"]
        ],
    }
    return render(request, "company/bought.html", context)


def facts_of(found: Listing | Proposal | Auction) -> list[tuple[str, Any]]:
    """What is offered, as names and values."""
    return [
        (_("Seller"), organisation_name(found.seller)),
        (_("Lot"), found.lot_id),
        (_("Methodology"), methodology_title(found.lot.methodology)),
        (_("Vintage"), found.lot.vintage),
        (
            _("Reserve price") if isinstance(found, Auction) else _("Price of a tonne"),
            money(found.price_minor, found.currency),
        ),
    ]


def rule_now() -> tuple[MarketRule | None, str]:
    """Today's rule; or nothing, and why there is no market."""
    try:
        return market_rule(jurisdiction(), utc_now()), ""
    except NoMarket as refusal:
        return None, text_of(refusal)


def band_facts(rule: MarketRule, *, negotiated: bool = False) -> list[tuple[str, Any]]:
    """Today's lowest and highest price, and what they are measured from."""
    found = band(rule, jurisdiction().code, negotiated=negotiated)
    if found is None:
        return []
    reference, lowest, highest = found
    percent = rule.negotiated_band_percent if negotiated else rule.band_percent
    return [
        (_("Lowest today"), money(max(lowest, 0), rule.currency)),
        (_("Highest today"), money(highest, rule.currency)),
        (
            _("Measured from"),
            f"{reference.text(rule.currency)} {rule.currency}, {words.reference_name(reference.of)}, ±{percent} %",
        ),
    ]


def _band(rule: MarketRule | None) -> list[tuple[str, Any]]:
    return band_facts(rule) if rule else []


def _lefts(found: list[Listing]) -> dict[int, int]:
    """What is left of each of these listings."""
    rows = Trade.objects.filter(listing__in=found).values("listing").annotate(sum_t=Sum("tonnes"))
    taken = {row["listing"]: int(row["sum_t"]) for row in rows}
    return {one.pk: one.tonnes - taken.get(one.pk, 0) for one in found}


def _say_how_it_stands(request: HttpRequest, state: str) -> None:
    if state == "settled":
        messages.success(request, _("Settled: the units are yours."))
    else:
        messages.success(request, _("The units are kept for you. Pay as this page says."))
