"""Offers: published once, never changed; a tier has one set of terms, and a bank hears when a consent ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.utils import IntegrityError

from points.book import (
    AT,
    DAY,
    KG,
    certify,
    code_of,
    findings,
    held,
    new_key,
    new_offer,
    new_organisation,
    new_resident,
    new_sponsor,
    offering,
    taking,
    wanting,
)
from tanpuhui.access.models import Organisation
from tanpuhui.consent.give import give
from tanpuhui.consent.withdraw import withdraw as end
from tanpuhui.disclosure.hand_over import terms
from tanpuhui.points.models import Offer, Outbox, Redemption, Terms
from tanpuhui.points.offer import TermsOf, describe, offers_at, publish
from tanpuhui.points.outbox import delivered, waiting_for
from tanpuhui.points.redeem import ReleaseOrder, capture, redeem, release
from tanpuhui.points.refusals import BadOffer, ConsentMissing, TierTooLow

pytestmark = pytest.mark.django_db
TIERS = (TermsOf(1, "利率优惠5个基点", "5 bp off", 5), TermsOf(20, "利率优惠20个基点", "20 bp off", 20))


def test_an_offer_is_published_once_and_is_what_it_was() -> None:
    order = offering(new_sponsor(), stock=5)

    first, again = publish(order, at=AT), publish(order, at=AT + timedelta(days=1))

    assert first.pk == again.pk
    with pytest.raises(BadOffer):
        publish(replace(order, price_points=4), at=AT)
    assert describe(first, 5)["price_points"] == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "lottery"},
        {"price_points": 0},
        {"ends_at": AT - timedelta(days=1)},
        {"stock": 0},
        {"stock": 10**30},
        {"price_points": 2**63},
        {"offline_s": -1},
        {"offline_points": -1},
        {"per_person": 0},
        {"budget_points": 2},
        {"title_en": " "},
        {"sponsor": None},
        {"code_s": 29},
        {"offline_points": 5},
        {"terms": TIERS},
        {"kind": "financial"},
    ],
)
def test_what_no_offer_may_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BadOffer):
        publish(replace(offering(new_sponsor()), **changes), at=AT)
    assert Offer.objects.count() == 0


def test_offers_are_listed_while_they_are_to_be_had() -> None:
    sponsor = new_sponsor()
    now, later = new_offer(sponsor), new_offer(sponsor, starts_at=AT + timedelta(days=1))

    assert [one.pk for one in offers_at(AT)] == [now.pk]
    assert list(offers_at(AT + timedelta(days=1))) == sorted([now, later], key=lambda one: one.code)
    assert list(offers_at(AT + timedelta(days=6))) == []


@pytest.mark.parametrize("kind", [Offer.PUBLIC_SERVICE, Offer.DONATION])
def test_a_pass_and_a_donation_are_redeemed_as_anything_else(kind: str) -> None:
    from points.book import points_of, with_points

    sponsor = new_sponsor()
    offer = new_offer(sponsor, new_organisation(Organisation.OPERATOR), kind=kind, price_points=1)
    resident = with_points(sponsor, 10)

    redemption = held(offer, resident, 7)
    capture(taking(offer, redemption), day=DAY, at=AT).accepted()

    assert points_of(resident, sponsor) == (3, 0)
    assert findings() == []


@pytest.fixture()
def bank() -> Organisation:
    return new_organisation(Organisation.BANK, code="bank")


@pytest.fixture()
def loan(bank: Organisation) -> Offer:
    return new_offer(None, bank, kind="financial", price_points=0, terms=TIERS, per_person=1)


def consent(resident: int) -> int:
    """A consent of its own to the bank, for the tier alone."""
    return int(give(resident, terms("bank", "account_tier"), at=AT, method="test").pk)


def test_the_same_tier_gets_the_same_terms(loan: Offer) -> None:
    people = [new_resident(certified) for certified in (KG, 19 * KG, 20 * KG, 500 * KG)]
    for person in people:
        consent(person)

    redemptions = [held(loan, person) for person in people]

    given = [
        Terms.objects.get(pk=Redemption.objects.get(pk=one).terms_id).rate_discount_bp for one in redemptions
    ]
    assert given == [5, 5, 20, 20]
    with pytest.raises(IntegrityError), transaction.atomic():
        Terms.objects.create(offer=loan, least_kg=20, rate_discount_bp=30, text_zh="x", text_en="x")


def test_a_higher_tier_never_gets_less(bank: Organisation) -> None:
    worse = (TermsOf(1, "a", "a", 20), TermsOf(20, "b", "b", 5))

    with pytest.raises(BadOffer, match="higher tier"):
        publish(offering(None, bank, kind="financial", price_points=0, terms=worse), at=AT)


def test_without_a_consent_of_its_own_or_a_tier_there_is_no_product(loan: Offer) -> None:
    rich, poor = new_resident(30 * KG), new_resident(KG - 1)
    consent(poor)

    with pytest.raises(ConsentMissing):
        redeem(wanting(loan, rich), at=AT).accepted()
    with pytest.raises(TierTooLow):
        redeem(wanting(loan, poor), at=AT).accepted()


def test_a_product_that_was_refused_stays_refused_under_its_key(loan: Offer) -> None:
    rich, poor = new_resident(30 * KG), new_resident(KG - 1)
    consent(poor)
    orders = [wanting(loan, rich), wanting(loan, poor)]

    first = [redeem(order, at=AT) for order in orders]
    consent(rich)
    certify(poor, 30 * KG)
    again = [redeem(order, at=AT + timedelta(hours=1)) for order in orders]

    assert [(one.state, one.refusal and one.refusal.code) for one in first] == [
        ("refused", "points.consent_missing"),
        ("refused", "points.tier_too_low"),
    ]
    assert [(one.id, one.refusal and str(one.refusal)) for one in again] == [
        (one.id, one.refusal and str(one.refusal)) for one in first
    ]
    assert [one.repeated for one in again] == [True, True]
    assert [redeem(wanting(loan, person), at=AT).state for person in (rich, poor)] == ["held", "held"]


def test_only_a_bank_lends() -> None:
    with pytest.raises(BadOffer):
        publish(offering(None, new_organisation(), kind="financial", price_points=0, terms=TIERS), at=AT)


def test_a_bank_is_told_when_a_consent_ends_and_takes_it_once(loan: Offer, bank: Organisation) -> None:
    resident, other = new_resident(30 * KG), new_resident(30 * KG)
    grant = consent(resident)
    consent(other)
    redemption = held(loan, resident)
    capture(taking(loan, redemption), day=DAY, at=AT).accepted()
    capture(taking(loan, held(loan, other)), day=DAY, at=AT).accepted()

    withdraw(grant)

    (message,) = waiting_for(bank.pk)
    assert (message["redemption"], message["state"]) == (redemption, "Withdrawn")
    assert delivered(bank.pk + 1, [message["message"]], at=AT) == 0
    assert [delivered(bank.pk, [message["message"]], at=AT) for _ in range(2)] == [1, 0]
    assert waiting_for(bank.pk) == []


def test_after_a_withdrawal_nothing_is_granted_under_the_consent(loan: Offer, bank: Organisation) -> None:
    resident = new_resident(30 * KG)
    grant = consent(resident)
    redemption = held(loan, resident)

    withdraw(grant)
    answer = capture(taking(loan, redemption), day=DAY, at=AT + timedelta(seconds=1))

    assert code_of(answer) == "points.consent_missing"
    assert len(waiting_for(bank.pk)) == 1


def test_a_product_that_was_given_up_is_nothing_to_tell(loan: Offer, bank: Organisation) -> None:
    resident = new_resident(30 * KG)
    grant = consent(resident)
    release(ReleaseOrder(new_key(), held(loan, resident), account=resident), at=AT).accepted()

    withdraw(grant)

    assert not Outbox.objects.exists()


def test_what_was_used_for_points_still_counts_for_the_tier(loan: Offer) -> None:
    from points.book import RULE
    from tanpuhui.points.convert import ConvertOrder, convert

    sponsor, resident = new_sponsor(), new_resident(20 * KG)
    certify(resident, 1)
    convert(ConvertOrder(new_key(), sponsor.code, resident, 20, DAY), RULE, at=AT).accepted()
    consent(resident)

    redemption = Redemption.objects.get(pk=held(loan, resident))

    assert Terms.objects.get(pk=redemption.terms_id).rate_discount_bp == 20


def withdraw(grant: int) -> None:
    end(grant, at=AT + timedelta(seconds=1), method="test")
