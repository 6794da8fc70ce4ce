"""Offers that points are good for: the list, one of them with its limits, and asking for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import uuid4

from django import forms
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _l

from tanpuhui.close.installation import jurisdiction
from tanpuhui.consent.policy import policy
from tanpuhui.copies.points_words import kinds
from tanpuhui.disclosure.hand_over import PURPOSE
from tanpuhui.kit.moment import utc_now
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.asset import points_code
from tanpuhui.points.models import Offer, Terms
from tanpuhui.points.offer import terms_of
from tanpuhui.points.redeem import MOST_AT_ONCE, RedeemOrder, consent_to, earned_mg, redeem
from tanpuhui.points.refusals import ConsentMissing
from tanpuhui.points.sponsor import available_of_account, resident_account
from tanpuhui.points.standing import standing, standings
from tanpuhui.web.shared.access import ResidentRequest, own_or_404, resident_page
from tanpuhui.web.shared.refused import status_of, text_of

#: What ended is shown for a while, so that nobody looks for it in vain.
SHOWN_AFTER = timedelta(days=14)


class RedeemForm(forms.Form):
    """How many; the key names this asking, so that a second sending is not a second redemption."""

    quantity = forms.IntegerField(label=_l("How many"), min_value=1, max_value=MOST_AT_ONCE, initial=1)
    key = forms.UUIDField(widget=forms.HiddenInput)


@dataclass(frozen=True)
class Product:
    """A financial product as one resident sees it: every tier's terms, their own, and whether the bank may see it."""

    terms: list[Terms]
    own: Terms | None
    earned_mg: int
    has_consent: bool
    consent_address: str

    @property
    def may_apply(self) -> bool:
        """Whether the tier and the consent are there."""
        return self.own is not None and self.has_consent


@resident_page
def offers(request: HttpRequest) -> HttpResponse:
    """Every offer of a kind, or of all: those to be had first; sold out, over and stopped are shown as such."""
    now = utc_now()
    names = kinds()
    kind = request.GET.get("kind", "")
    found = Offer.objects.filter(ends_at__gt=now - SHOWN_AFTER).filter(
        Q(stop__isnull=True) | Q(stop__at__gt=now - SHOWN_AFTER)
    )
    if kind in names:
        found = found.filter(kind=kind)
    shown = standings(
        found.select_related("organisation", "sponsor__organisation").order_by("ends_at", "code"),
        at=now,
        day=timezone.localdate(now),
    )
    context = {
        "kinds": names,
        "kind": kind if kind in names else "",
        "open": [one for one in shown if one.is_open],
        "others": [one for one in shown if not one.is_open],
    }
    return render(request, "resident/points_offers.html", context)


@resident_page
def offer(request: HttpRequest, offer: str) -> HttpResponseBase:
    """One offer with everything that limits it; with POST it is asked for, and the code is on the next page."""
    account = cast(ResidentRequest, request).account
    found = own_or_404(Offer.objects.select_related("organisation", "sponsor__organisation"), code=offer)
    now, status = utc_now(), 200
    form = RedeemForm(
        request.POST if request.method == "POST" else None, initial={"quantity": 1, "key": uuid4()}
    )
    if form.is_bound and form.is_valid():
        try:
            number = _redeem(account, found, form, at=now)
        except Refusal as refusal:
            status = status_of(refusal)
            form = _again(request)
            form.add_error(None, text_of(refusal))
        else:
            return redirect("resident:redemption", redemption=number)
    elif form.is_bound:
        status = 422
    stands = standing(found, at=now, day=timezone.localdate(now))
    product = _product(account, found, now) if found.kind == Offer.FINANCIAL else None
    context = {
        "form": form,
        "standing": stands,
        "may_ask": stands.is_open and (product is None or product.may_apply),
        "offer": found,
        "available": _available(account, found),
        "product": product,
        "notice": jurisdiction().notice.get("zh" if (get_language() or "zh").startswith("zh") else "en", ""),
        "limited": any((found.per_person, found.per_person_day, found.per_day)),
    }
    return render(request, "resident/points_offer.html", context, status=status)


def _redeem(account: int, found: Offer, form: RedeemForm, *, at: datetime) -> int:
    given = form.cleaned_data
    order = RedeemOrder(
        key=f"web:redeem:{account}:{given['key']}",
        offer=found.code,
        account=account,
        quantity=given["quantity"],
        day=timezone.localdate(at),
    )
    with transaction.atomic():
        answer = redeem(order, at=at)
    return answer.accepted()


def _again(request: HttpRequest) -> RedeemForm:
    """The form as typed, under a new key: what was refused stays refused under the old one."""
    again = request.POST.copy()
    again["key"] = str(uuid4())
    fresh = RedeemForm(again)
    fresh.is_valid()
    return fresh


def _available(account: int, found: Offer) -> int:
    if found.sponsor is None:
        return 0
    return available_of_account(resident_account(account), points_code(found.sponsor.code))[0]


def _product(account: int, found: Offer, at: datetime) -> Product:
    earned = earned_mg(account, at)
    try:
        consent_to(found, account, at)
        has_consent = True
    except ConsentMissing:
        has_consent = False
    return Product(
        terms=list(found.terms.order_by("least_kg")),
        own=terms_of(found, earned),
        earned_mg=earned,
        has_consent=has_consent,
        consent_address=_consent_address(found),
    )


def _consent_address(found: Offer) -> str:
    """The consent to this bank, from where the way leads back to the offer; nothing where no policy names the bank."""
    rules: Any = policy()
    bank = found.organisation.code
    if bank not in rules.parties or bank not in rules.purposes[PURPOSE].recipients:
        return ""
    address = reverse("resident:recipient", kwargs={"purpose": PURPOSE, "recipient": bank})
    return f"{address}?offer={found.code}"
