"""Offers: what a company lists for everybody, what it proposes to one buyer, and what is proposed to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext

from tanpuhui.close.installation import jurisdiction
from tanpuhui.kit.moment import utc_now
from tanpuhui.market.cancel import LISTING, PROPOSAL, CancelOrder, cancel
from tanpuhui.market.listing import ListOrder, left_t, list_units
from tanpuhui.market.member import members
from tanpuhui.market.models import Listing, Membership, Proposal
from tanpuhui.market.negotiate import ProposeOrder, ReplyOrder, accept, decline, propose
from tanpuhui.market.rule import market_rule
from tanpuhui.registry.models import Block
from tanpuhui.web.company.orders import (
    OrderForm,
    ReasonForm,
    SureForm,
    at,
    moment,
    order_page,
    ordered,
    price_of_a_tonne,
    tonnes_text,
    whole_tonnes,
)
from tanpuhui.web.company.owner import acts, key_of, looks, may_act, mine, owner_of
from tanpuhui.web.company.trade import band_facts, facts_of
from tanpuhui.web.shared.access import own_or_404, shown_recently
from tanpuhui.web.shared.templatetags.page import count, money, organisation_name

PER_PAGE = 25


class OfferForm(OrderForm):
    """Which units, how many, at which price, and for how long."""

    lot = forms.ChoiceField(label=_l("Lot"), help_text=_l("What you hold and is not set aside."))
    tonnes = whole_tonnes()
    price = price_of_a_tonne()
    days = forms.IntegerField(label=_l("For how many days"), min_value=1)

    def __init__(self, request: HttpRequest, most_days: int) -> None:
        super().__init__(request, initial={"days": most_days})
        self.fields["lot"].choices = _lots(request)  # type: ignore[attr-defined]
        days = self.fields["days"]
        assert isinstance(days, forms.IntegerField)
        days.max_value = most_days
        days.widget.attrs["max"] = most_days
        days.help_text = _("At most {most}.").format(most=most_days)


class ProposeForm(OfferForm):
    """The same, to one buyer."""

    buyer = forms.ChoiceField(label=_l("Buyer"), help_text=_l("Members of the market."))
    field_order = ("buyer", "lot", "tonnes", "price", "days")

    def __init__(self, request: HttpRequest, most_days: int) -> None:
        super().__init__(request, most_days)
        own = mine(request).organisation
        found = [one.organisation for one in members() if one.state == Membership.ADMITTED]
        self.fields["buyer"].choices = [  # type: ignore[attr-defined]
            (one.code, organisation_name(one)) for one in found if one.pk != own.pk
        ]


@looks
def offers(request: HttpRequest) -> HttpResponse:
    """What the company listed, proposed, and is proposed, newest first."""
    own, now = mine(request).organisation, utc_now()
    listings = Listing.objects.filter(seller=own).select_related("lot", "ending").order_by("-id")
    proposals = (
        Proposal.objects.filter(Q(seller=own) | Q(buyer=own))
        .select_related("lot", "ending", "seller", "buyer")
        .order_by("-id")
    )
    page = Paginator(listings, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "listings": [
            {"listing": one, "left_t": left_t(one), "state": state_of(one, now), "is_open": not _ended(one)}
            for one in page
        ],
        "proposals": [
            {
                "proposal": one,
                "amount_minor": one.price_minor * one.tonnes,
                "to_us": one.buyer_id == own.pk,
                "state": state_of(one, now),
            }
            for one in proposals[:PER_PAGE]
        ],
        "may_act": may_act(request),
    }
    return render(request, "company/trade_offers.html", context)


@acts
def list_for_all(request: HttpRequest) -> HttpResponseBase:
    """Offer units to everybody at a price."""
    place = jurisdiction()
    rule = market_rule(place, utc_now())

    def send(given: dict[str, Any]) -> str:
        now = utc_now()
        order = ListOrder(
            key_of(request, given["key"]),
            mine(request).organisation.code,
            given["lot"],
            given["tonnes"],
            given["price"],
            rule.currency,
            _until(given["days"], rule.listing_days, now),
        )
        ordered(
            request,
            "list_units",
            lambda: list_units(order, place, at=now),
            kind="listing",
            key=lambda said: said["listing"],
            facts={"lot": order.lot, "tonnes": order.tonnes, "price": order.price},
        )
        messages.success(
            request, _("Listed. The units are locked until they are taken or you take them back.")
        )
        return at(request, "trade_offers")

    context = {
        "title": _("List units"),
        "lead": _("Whoever is admitted to the market may take all of it, or a part, at this price."),
        "facts": band_facts(rule),
        "button": _("List"),
        **_back(request),
    }
    return order_page(request, OfferForm(request, rule.listing_days), send, context)


@acts
def propose_to_one(request: HttpRequest) -> HttpResponseBase:
    """Offer units to one buyer."""
    place = jurisdiction()
    rule = market_rule(place, utc_now())

    def send(given: dict[str, Any]) -> str:
        now = utc_now()
        order = ProposeOrder(
            key_of(request, given["key"]),
            mine(request).organisation.code,
            given["buyer"],
            given["lot"],
            given["tonnes"],
            given["price"],
            rule.currency,
            _until(given["days"], rule.listing_days, now),
        )
        ordered(
            request,
            "propose_trade",
            lambda: propose(order, place, at=now),
            kind="proposal",
            key=lambda said: said["proposal"],
            facts={"buyer": order.buyer, "lot": order.lot, "tonnes": order.tonnes, "price": order.price},
        )
        messages.success(request, _("Proposed. The units are locked until the buyer answers."))
        return at(request, "trade_offers")

    context = {
        "title": _("Propose a trade"),
        "lead": _("Only this buyer sees it, and accepts all of it or declines."),
        "facts": band_facts(rule, negotiated=True),
        "button": _("Propose"),
        **_back(request),
    }
    return order_page(request, ProposeForm(request, rule.listing_days), send, context)


@acts
def cancel_listing(request: HttpRequest, listing: int) -> HttpResponseBase:
    """Take one's own listing back."""
    own = mine(request).organisation
    found = own_or_404(Listing.objects.filter(seller=own).select_related("seller", "lot"), pk=listing)
    return _cancel(request, found, LISTING)


@acts
def cancel_proposal(request: HttpRequest, proposal: int) -> HttpResponseBase:
    """Take one's own proposal back."""
    own = mine(request).organisation
    found = own_or_404(Proposal.objects.filter(seller=own).select_related("seller", "lot"), pk=proposal)
    return _cancel(request, found, PROPOSAL)


@acts
@shown_recently
def accept_proposal(request: HttpRequest, proposal: int) -> HttpResponseBase:
    """Accept what somebody proposed."""
    found = _to_us(request, proposal)

    def send(given: dict[str, Any]) -> str:
        order = ReplyOrder(key_of(request, given["key"]), found.pk, mine(request).organisation.code)
        made = ordered(
            request,
            "accept_proposal",
            lambda: accept(order, jurisdiction(), at=utc_now()),
            kind="trade",
            key=lambda said: said["trade"],
            facts={"proposal": found.pk},
        )
        messages.success(request, _("Accepted."))
        return at(request, "trade_one", made["trade"])

    context = {
        "title": _("Accept a proposal"),
        "lead": _(
            "With enough money here, units and money move at once. Without, the units wait for your payment."
        ),
        "facts": _proposal_facts(found),
        "button": _("Accept"),
        **_back(request),
    }
    return order_page(request, SureForm(request), send, context)


@acts
def decline_proposal(request: HttpRequest, proposal: int) -> HttpResponseBase:
    """Decline what somebody proposed."""
    found = _to_us(request, proposal)

    def send(given: dict[str, Any]) -> str:
        order = ReplyOrder(key_of(request, given["key"]), found.pk, mine(request).organisation.code)
        ordered(
            request,
            "decline_proposal",
            lambda: decline(order, jurisdiction(), at=utc_now()),
            kind="proposal",
            key=lambda said: said["proposal"],
        )
        messages.success(request, _("Declined."))
        return at(request, "trade_offers")

    context = {
        "title": _("Decline a proposal"),
        "lead": _("Its units are the seller's again."),
        "facts": _proposal_facts(found),
        "button": pgettext("proposal", "Decline"),
        **_back(request),
    }
    return order_page(request, SureForm(request), send, context)


def state_of(found: Any, now: Any) -> str:
    """How a listing or a proposal stands now."""
    ended = _ended(found)
    if ended is not None:
        return str(ended.outcome)
    return "expired" if found.expires_at <= now else "open"


def _ended(found: Any) -> Any:
    return getattr(found, "ending", None)


def _cancel(request: HttpRequest, found: Listing | Proposal, kind: str) -> HttpResponseBase:
    def send(given: dict[str, Any]) -> str:
        order = CancelOrder(
            key_of(request, given["key"]), kind, found.pk, given["reason"], mine(request).organisation.code
        )
        ordered(
            request,
            f"cancel_{kind}",
            lambda: cancel(order, jurisdiction(), at=utc_now()),
            kind=kind,
            key=lambda _said: found.pk,
            facts={"reason": given["reason"]},
        )
        messages.success(request, _("Taken back. The units are yours to use again."))
        return at(request, "trade_offers")

    context = {
        "title": _("Take back an offer"),
        "lead": _("Trades that were made of it stand; what is left is yours again."),
        "facts": [*facts_of(found), (_("Tonnes"), tonnes_text(found.tonnes))],
        "button": _("Take back"),
        **_back(request),
    }
    return order_page(request, ReasonForm(request), send, context)


def _to_us(request: HttpRequest, number: int) -> Proposal:
    own = mine(request).organisation
    return own_or_404(Proposal.objects.filter(buyer=own).select_related("seller", "lot"), pk=number)


def _proposal_facts(found: Proposal) -> list[tuple[str, Any]]:
    return [
        *facts_of(found),
        (_("Tonnes"), tonnes_text(found.tonnes)),
        (_("Amount"), money(found.price_minor * found.tonnes, found.currency)),
        (_("Stands until"), moment(found.expires_at)),
    ]


def _back(request: HttpRequest) -> dict[str, str]:
    return {"back": at(request, "trade_offers"), "back_text": pgettext("market", "Offers")}


def _until(days: int, most: int, now: Any) -> Any:
    """The rule's whole time is left to the rule."""
    return None if days == most else now + timedelta(days=days)


def _lots(request: HttpRequest) -> list[tuple[str, str]]:
    """Lots of which the company has free units, the oldest vintage first."""
    rows = (
        Block.objects.filter(owner=owner_of(request), state=Block.HELD, closed_at__isnull=True)
        .values("lot", "lot__vintage")
        .annotate(sum_t=Sum(F("last") - F("first") + 1))
        .order_by("lot__vintage", "lot")
    )
    return [(row["lot"], f"{row['lot']} · {row['lot__vintage']} · {count(row['sum_t'])} t") for row in rows]
