"""Auctions: what is auctioned off, a company's own bids, and after the clearing the price, what a bid got, why."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.copies import market_words as words
from tanpuhui.kit.moment import utc_now
from tanpuhui.market.auction import BidOrder, bid
from tanpuhui.market.models import Auction, AuctionEnding, Bid
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
from tanpuhui.web.company.trade import facts_of
from tanpuhui.web.shared.access import shown_recently

PER_PAGE = 25


class BidForm(OrderForm):
    """How much at most, at which price at most."""

    tonnes = whole_tonnes(label=_l("Tonnes at most"))
    price = price_of_a_tonne(label=_l("Most that a tonne may cost"))


@looks
def auctions(request: HttpRequest) -> HttpResponse:
    """Every auction, newest first; of bids there is nothing before one is cleared."""
    now = utc_now()
    found = Auction.objects.select_related("seller", "lot", "ending").order_by("-id")
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    rows = [{"auction": one, "state": state_of(one, now), "ending": _ending(one)} for one in page]
    return render(request, "company/trade_auctions.html", {"page": page, "rows": rows})


@looks
def auction(request: HttpRequest, auction: int) -> HttpResponse:
    """One auction with the company's own bids; of others' bids only what the price came from, once it is cleared."""
    found, own = _get(auction), mine(request).organisation
    ended, state = _ending(found), state_of(found, utc_now())
    bids = Bid.objects.filter(auction=found, buyer=own).select_related("ending", "trade").order_by("id")
    context = {
        "auction": found,
        "state": state,
        "ending": ended,
        "price_why": words.price_why(found, ended) if ended and ended.price_minor is not None else "",
        "bids": [
            {
                "bid": one,
                "got": got,
                "why": words.fill_why(got.why) if got else "",
                "trade": getattr(one, "trade", None),
            }
            for one in bids
            for got in [getattr(one, "ending", None)]
        ],
        "may_bid": state == words.OPEN and may_act(request) and found.seller_id != own.pk,
    }
    return render(request, "company/trade_auction.html", context)


@acts
@shown_recently
def enter_bid(request: HttpRequest, auction: int) -> HttpResponseBase:
    """Enter a sealed bid."""
    found = _get(auction)

    def send(given: dict[str, Any]) -> str:
        order = BidOrder(
            key_of(request, given["key"]),
            found.pk,
            mine(request).organisation.code,
            given["tonnes"],
            given["price"],
            found.currency,
        )
        ordered(
            request,
            "enter_bid",
            lambda: bid(order, jurisdiction(), at=utc_now()),
            kind="bid",
            key=lambda said: said["bid"],
            facts={"auction": found.pk},
        )
        messages.success(request, _("Your bid is entered, and its money is held."))
        return at(request, "trade_auction", found.pk)

    context = {
        "title": _("Bid"),
        "lead": _(
            "Nobody sees your bid before the auction is cleared. The most that it can cost is held until then; "
            "a bid is not taken back. All winners pay one price, which is never above their bid."
        ),
        "facts": [
            *facts_of(found),
            (_("Tonnes"), tonnes_text(found.tonnes)),
            (_("Bids until"), moment(found.expires_at)),
        ],
        "button": _("Enter the bid"),
        "back": at(request, "trade_auction", found.pk),
        "back_text": _("Auction {number}").format(number=found.pk),
    }
    return order_page(request, BidForm(request), send, context)


def state_of(found: Auction, now: Any) -> str:
    """How an auction stands now."""
    ended = _ending(found)
    if ended is not None:
        return ended.outcome
    return "closed" if found.expires_at <= now else words.OPEN


def _ending(found: Auction) -> AuctionEnding | None:
    return getattr(found, "ending", None)


def _get(number: int) -> Auction:
    found = Auction.objects.select_related("seller", "lot", "ending").filter(pk=number).first()
    if found is None:
        raise Http404
    return found
