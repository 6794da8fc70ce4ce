"""A second book of today behind the pages: the pages look at the clock, so nothing in it is of a fixed date."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from points.book import KG, RULE, certify, new_key, new_offer, new_organisation
from tanpuhui.access.models import Organisation
from tanpuhui.consent.give import give
from tanpuhui.consent.models import Grant
from tanpuhui.consent.terms import Terms
from tanpuhui.kit.moment import utc_now
from tanpuhui.points.convert import ConvertOrder, convert
from tanpuhui.points.models import Offer, Redemption, Sponsor
from tanpuhui.points.offer import TermsOf
from tanpuhui.points.redeem import CaptureOrder, RedeemOrder, capture, redeem


def earn(account: int, sponsor: Sponsor, points: int, *, at: datetime | None = None) -> None:
    """Certify so many kilograms to a resident, and convert them into points now."""
    now = at or utc_now()
    certify(account, points * KG)
    order = ConvertOrder(new_key(), sponsor.code, account, points, timezone.localdate(now))
    convert(order, RULE, at=now).accepted()


def offer_now(sponsor: Sponsor | None, merchant: Organisation | None = None, **changes: Any) -> Offer:
    """A coffee for three points, from yesterday on, for a week."""
    now = utc_now()
    dates = {"starts_at": now - timedelta(days=1), "ends_at": now + timedelta(days=6)}
    return new_offer(sponsor, merchant, **{**dates, **changes})


def held_now(offer: Offer, account: int, quantity: int = 1, *, at: datetime | None = None) -> Redemption:
    """A redemption that a resident asked for just now."""
    now = at or utc_now()
    order = RedeemOrder(new_key(), offer.code, account, quantity, timezone.localdate(now))
    return Redemption.objects.get(pk=redeem(order, at=now).accepted())


def captured_now(offer: Offer, account: int, quantity: int = 1, *, at: datetime | None = None) -> Redemption:
    """A redemption that its merchant took just now."""
    now = at or utc_now()
    found = held_now(offer, account, quantity, at=now)
    order = CaptureOrder(new_key(), found.pk, offer.organisation.code)
    capture(order, day=timezone.localdate(now), at=now).accepted()
    return found


def bank() -> Organisation:
    """The bank that the policy of consent names."""
    return Organisation.objects.filter(code="bank").first() or new_organisation(Organisation.BANK, "bank")


def loan(bank: Organisation, **changes: Any) -> Offer:
    """A loan whose rate is lower by tier: from 1 kg on 0.1 points, from 20 kg on a quarter."""
    terms = (
        TermsOf(1, "青铜档优惠", "The first tier's discount", 10),
        TermsOf(20, "白银档优惠", "The second tier's discount", 25),
    )
    values = {"kind": Offer.FINANCIAL, "price_points": 0, "terms": terms, "title_en": "Green loan"}
    return offer_now(None, bank, **{**values, "code_s": 86_400 * 7, **changes})


def lets_see(account: int, bank: Organisation) -> Grant:
    """A resident's consent that a bank sees their tier, in force."""
    terms = Terms("platform", ("account_tier",), purpose="disclosure", recipient=bank.code)
    found: Grant = give(account, terms, at=utc_now(), by="resident", method="test")
    return found
