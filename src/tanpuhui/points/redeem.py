"""Redeem: hold points for an offer, then capture or release them; each once, whatever happens to the line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from tanpuhui.consent.models import Grant
from tanpuhui.consent.show import get_resident
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.refusal import Refusal
from tanpuhui.ledger.statement import statement
from tanpuhui.points.models import Offer, Redemption
from tanpuhui.points.offer import get_offer, terms_of
from tanpuhui.points.refusals import (
    ConsentMissing,
    KeyReused,
    MayBeAccepted,
    TierTooLow,
    UnknownRedemption,
    refusal_from,
)
from tanpuhui.points.sponsor import get_organisation

#: What a bank is shown of an account for its product; the consent names it.
TIER = "account_tier"
#: Of one offer, in one redemption.
MOST_AT_ONCE = 1_000_000_000


@dataclass(frozen=True)
class RedeemOrder:
    """Somebody wants so many of an offer, once; ``day`` is the local day that limits count."""

    key: str
    offer: str
    account: int
    quantity: int
    day: date

    def digest(self) -> str:
        """The digest of the content, without the key."""
        return digest_json(["redeem", self.offer, self.account, self.quantity])


@dataclass(frozen=True)
class Redeemed:
    """The state that a verb left a redemption in, or its refusal, which stays: commit, then :meth:`accepted`."""

    id: int
    state: str
    refusal: Refusal | None
    repeated: bool

    def accepted(self) -> int:
        """The redemption's number; raises the refusal of a refused one."""
        if self.refusal is not None:
            raise self.refusal
        return self.id


def redeem(order: RedeemOrder, *, at: datetime) -> Redeemed:
    """Hold points for an offer. What is refused is stored with its key and stays refused."""
    assert 1 <= order.quantity <= MOST_AT_ONCE
    known = _known(order)
    if known is not None:
        return known
    offer = get_offer(order.offer)
    get_resident(order.account)
    try:
        terms, grant = _terms(offer, order.account, at) if offer.kind == Offer.FINANCIAL else (None, None)
    except (TierTooLow, ConsentMissing) as refusal:
        return _turn_down(order, offer, refusal, at)
    return _ask(
        order.key,
        order.digest(),
        "points_hold(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            order.key,
            order.digest(),
            offer.pk,
            order.account,
            order.quantity,
            terms,
            grant,
            order.day,
            at,
        ],
    )


@dataclass(frozen=True)
class CaptureOrder:
    """A merchant takes what was held for it: all, or ``quantity`` of it, and the rest is free again."""

    key: str
    redemption: int
    organisation: str
    quantity: int | None = None


def capture(order: CaptureOrder, *, day: date, at: datetime) -> Redeemed:
    """Capture once. The same key gives the same answer; another one is told that it is captured already."""
    organisation = get_organisation(order.organisation)
    held = Redemption.objects.filter(pk=order.redemption).values_list("quantity", flat=True).first()
    if held is None:
        refusal = UnknownRedemption(redemption=order.redemption)
        return Redeemed(order.redemption, Redemption.REFUSED, refusal, repeated=False)
    quantity = held if order.quantity is None else order.quantity
    assert 1 <= quantity <= MOST_AT_ONCE
    digest = digest_json(["capture", order.redemption, order.organisation, quantity])
    return _ask(
        order.key,
        digest,
        "points_capture(%s, %s, %s, %s, %s, %s, %s)",
        [order.key, digest, order.redemption, organisation.pk, quantity, day, at],
    )


@dataclass(frozen=True)
class ReleaseOrder:
    """What was held is free again: the person does not want it, or the merchant does not give it."""

    key: str
    redemption: int
    account: int | None = None
    organisation: str | None = None


def release(order: ReleaseOrder, *, at: datetime) -> Redeemed:
    """Release once. A person waits where their code may have been accepted without a network; a merchant need not."""
    found = get_redemption(order.redemption)
    organisation = get_organisation(order.organisation).pk if order.organisation else None
    if (order.account is not None and found.account != order.account) or (
        organisation is not None and found.organisation_id != organisation
    ):
        raise UnknownRedemption(redemption=order.redemption)
    if organisation is None and found.state == Redemption.HELD and found.expires_at and found.good_until:
        may_arrive = found.good_until < found.expires_at and at < found.expires_at
        if may_arrive and not hasattr(found, "closing") and _offline(found):
            raise MayBeAccepted(
                redemption=found.pk,
                good_until=found.good_until.isoformat(),
                expires_at=found.expires_at.isoformat(),
            )
    digest = digest_json(["release", order.redemption])
    query = "points_release(%s, 'released', %s, %s, %s)"
    return _ask(order.key, digest, query, [order.redemption, order.key, digest, at])


def expire_redemptions(*, at: datetime, most: int = 10_000, since: datetime | None = None) -> int:
    """Give back what nobody captured in time, at most so many at once; answers how many there were.

    Whoever has looked at everything before ``since`` need not look again.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT points_expire_redemptions(coalesce(%s, '-infinity'::timestamptz), %s, %s)",
            [since, at, most],
        )
        return int(cursor.fetchone()[0])


def get_redemption(number: int) -> Redemption:
    """A redemption by its number; refuses an unknown one."""
    found = Redemption.objects.filter(pk=number).select_related("closing").first()
    if found is None:
        raise UnknownRedemption(redemption=number)
    return found


def state_of(redemption: Redemption) -> str:
    """``held``, ``refused``, or how it ended."""
    closing = getattr(redemption, "closing", None)
    return closing.state if closing else redemption.state


def earned_mg(account: int, at: datetime) -> int:
    """What tiers count: certified reductions, still held or retired."""
    drawn = statement(connection, account, at=at, limit=0)
    return drawn.certified_mg() + drawn.retired_mg()


def _terms(offer: Offer, account: int, at: datetime) -> tuple[int, int]:
    """The terms of the account's tier, and the consent to its bank, of its own and in force."""
    earned = earned_mg(account, at)
    terms = terms_of(offer, earned)
    if terms is None:
        least = min(one.least_kg for one in offer.terms.all())
        raise TierTooLow(offer=offer.code, least_kg=least, account=account, earned_mg=earned)
    return terms.pk, consent_to(offer, account, at)


def consent_to(offer: Offer, account: int, at: datetime) -> int:
    """The account's consent to the offer's bank that its tier is seen, of its own and in force; refuses without one."""
    grants = Grant.objects.filter(
        resident_id=account, recipient=offer.organisation.code, kinds__contains=[TIER], expires_at__gt=at
    ).order_by("-id")
    for grant in grants:
        if _stands(grant):
            return grant.pk
    raise ConsentMissing(offer=offer.code, account=account)


def _turn_down(order: RedeemOrder, offer: Offer, refusal: Refusal, at: datetime) -> Redeemed:
    """Store a refusal of a financial product under its key."""
    why_not = json.dumps({"code": refusal.code, "facts": refusal.facts})
    query = "points_turn_down(%s, %s, %s, %s, %s, %s, %s, %s)"
    given = [order.key, order.digest(), offer.pk, order.account, order.quantity, why_not, order.day, at]
    return _ask(order.key, order.digest(), query, given)


def _stands(grant: Grant) -> bool:
    last = grant.events.order_by("-seq").values_list("state", flat=True).first()
    return last in ("ConsentGiven", "Resumed")


def _offline(redemption: Redemption) -> bool:
    return Offer.objects.filter(pk=redemption.offer_id, offline_points__gte=redemption.points).exists()


def _known(order: RedeemOrder) -> Redeemed | None:
    found = Redemption.objects.filter(key=order.key).first()
    if found is None:
        return None
    if found.content_digest != order.digest():
        raise KeyReused(key=order.key)
    return Redeemed(
        found.pk, found.state, refusal_from(found.refusal) if found.refusal else None, repeated=True
    )


def _ask(key: str, digest: str, query: str, parameters: list[Any]) -> Redeemed:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (a).id, (a).state, (a).refusal::text, (a).content_digest, (a).repeated "
            f"FROM (SELECT {query} AS a OFFSET 0) call",
            parameters,
        )
        number, state, refusal, known_digest, repeated = cursor.fetchone()
    if known_digest is not None and known_digest != digest:
        raise KeyReused(key=key)
    return Redeemed(number, state, refusal_from(json.loads(refusal)) if refusal else None, repeated)
