"""Codes: signed, for one merchant, for a time, and accepted without a network only within limits."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc.jwk import OKPKey

from points.book import AT, held, new_offer, new_sponsor, with_points
from tanpuhui.points import code
from tanpuhui.points.models import Offer, Redemption
from tanpuhui.points.refusals import (
    CodeElsewhere,
    CodeForged,
    CodeNeedsNetwork,
    CodeNotYet,
    CodeOver,
    CodeSeen,
)

pytestmark = pytest.mark.django_db


@pytest.fixture()
def offer(fresh_home: Path) -> Offer:
    return new_offer(new_sponsor(), code_s=600, offline_s=3_600, offline_points=6)


def token_of(offer: Offer, quantity: int = 1) -> tuple[str, int]:
    assert offer.sponsor is not None
    number = held(offer, with_points(offer.sponsor, 30), quantity)
    return code.sign(Redemption.objects.get(pk=number), offer), number


def test_a_phone_tells_a_good_code_without_a_database(offer: Offer, django_db_blocker: object) -> None:
    token, number = token_of(offer, 2)
    key, merchant = code.public_key(), offer.organisation.code

    with django_db_blocker.block():  # type: ignore[attr-defined]
        found = code.accept_offline(token, key, merchant=merchant, seen=set(), at=AT)

    assert (found.redemption, found.quantity, found.points) == (number, 2, 6)
    assert "d" not in key
    assert len(token) < 400


def test_a_code_says_nothing_of_the_person(offer: Offer) -> None:
    token, number = token_of(offer)

    said = urlsafe_b64decode(token.split(".")[1] + "==").decode()

    assert f'"r":{number}' in said
    assert set(vars(code.read(token, code.public_key()))) == {
        "redemption",
        "organisation",
        "offer",
        "quantity",
        "points",
        "offline_points",
        "issued_at",
        "good_until",
    }


@pytest.mark.parametrize(
    ("seconds", "refusal"), [(-61, CodeNotYet), (-60, None), (660, None), (661, CodeOver)]
)
def test_a_code_is_good_for_its_time_and_a_minute_of_clocks(
    offer: Offer, seconds: int, refusal: type[Exception] | None
) -> None:
    token, _ = token_of(offer)
    given = {"merchant": offer.organisation.code, "seen": (), "at": AT + timedelta(seconds=seconds)}

    if refusal is None:
        code.accept_offline(token, code.public_key(), **given)  # type: ignore[arg-type]
    else:
        with pytest.raises(refusal):
            code.accept_offline(token, code.public_key(), **given)  # type: ignore[arg-type]


def test_what_is_too_much_seen_before_or_somebody_elses_is_not_accepted(offer: Offer) -> None:
    token, number = token_of(offer)
    large, _ = token_of(offer, 3)
    key, merchant = code.public_key(), offer.organisation.code

    with pytest.raises(CodeNeedsNetwork):
        code.accept_offline(large, key, merchant=merchant, seen=(), at=AT)
    with pytest.raises(CodeSeen):
        code.accept_offline(token, key, merchant=merchant, seen={number}, at=AT)
    with pytest.raises(CodeElsewhere):
        code.accept_offline(token, key, merchant="another", seen=(), at=AT)


def test_a_code_that_was_changed_or_signed_by_somebody_else_is_forged(offer: Offer) -> None:
    token, _ = token_of(offer)
    head, body, signature = token.split(".")
    said = urlsafe_b64decode(body + "==").replace(b'"p":3', b'"p":1')
    changed = ".".join([head, urlsafe_b64encode(said).decode().rstrip("="), signature])
    none = urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    other = OKPKey.import_key(Ed25519PrivateKey.generate()).as_dict(private=False)

    for text in (changed, f"{none}.{body}.", "", "x", token + "x", "a.b.c", "名"):
        with pytest.raises(CodeForged):
            code.read(text, code.public_key())
    with pytest.raises(CodeForged):
        code.read(token, dict(other))
