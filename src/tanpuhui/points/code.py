"""Code: what a person shows to a merchant, signed, so that a phone without a network can tell that it is good.

It is a compact JWS (Ed25519) over the redemption's number, its merchant, offer, quantity, points and times: nothing of
the person. What it promises is held in the ledger until it can no longer arrive, so a merchant who accepted it offline
is paid. It is captured once, by number: two phones that accept the same code offline get one payment, which is why
offers limit how many points are accepted so.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from tanpuhui.kit.digest import canonical_json
from tanpuhui.kit.home import secret_key
from tanpuhui.points.models import Offer, Redemption
from tanpuhui.points.refusals import (
    CodeElsewhere,
    CodeForged,
    CodeNeedsNetwork,
    CodeNotYet,
    CodeOver,
    CodeSeen,
)

ALGORITHM = "Ed25519"
TYPE = "redemption+jwt"
#: How far the clocks of a phone and of the platform may differ.
CLOCKS = timedelta(seconds=60)


@dataclass(frozen=True)
class Code:
    """What a code says."""

    redemption: int
    organisation: str
    offer: str
    quantity: int
    points: int
    offline_points: int
    issued_at: datetime
    good_until: datetime


def sign(redemption: Redemption, offer: Offer) -> str:
    """The code of a redemption that is held; the same each time."""
    assert redemption.state == Redemption.HELD
    assert redemption.good_until is not None
    body = {
        "r": redemption.pk,
        "m": offer.organisation.code,
        "o": offer.code,
        "q": redemption.quantity,
        "p": redemption.points,
        "l": offer.offline_points,
        "iat": int(redemption.opened_at.timestamp()),
        "exp": int(redemption.good_until.timestamp()),
    }
    header = {"alg": ALGORITHM, "typ": TYPE}
    return str(jws.serialize_compact(header, canonical_json(body), _key(), algorithms=[ALGORITHM]))


def public_key() -> dict[str, Any]:
    """The key by which codes are checked, as a JWK: what a merchant's phone keeps."""
    found = _key().as_dict(private=False)
    return {name: found[name] for name in ("kty", "crv", "x")}


def read(token: str, key: dict[str, Any]) -> Code:
    """What a code says, if the platform signed it; needs no database and no network."""
    try:
        signed = jws.deserialize_compact(
            token.strip().encode(), OKPKey.import_key(key), algorithms=[ALGORITHM]
        )
        if signed.headers().get("typ") != TYPE:
            raise CodeForged(why="it is something else")
        body = json.loads(signed.payload or b"")
        return Code(
            redemption=int(body["r"]),
            organisation=str(body["m"]),
            offer=str(body["o"]),
            quantity=int(body["q"]),
            points=int(body["p"]),
            offline_points=int(body["l"]),
            issued_at=datetime.fromtimestamp(int(body["iat"]), UTC),
            good_until=datetime.fromtimestamp(int(body["exp"]), UTC),
        )
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise CodeForged(why=type(error).__name__) from error


#: Without letters that are read as others (Crockford's base 32).
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SPOKEN = re.compile(r"([0-9]{1,18})[-\s]?([0-9A-Z]{6})")


def spoken(token: str, redemption: int) -> str:
    """What a person reads out where nothing scans: the redemption's number and six letters of its code's digest.

    Thirty bits: nobody guesses them in the tries that a till has, and with a network the platform makes the code again.
    """
    digest = int.from_bytes(hashlib.sha256(token.encode()).digest()[:4], "big")
    return f"{redemption}-{''.join(_LETTERS[digest >> place & 31] for place in range(0, 30, 5))}"


def number_of(text: str) -> int | None:
    """The redemption that a spoken code is of, unchecked; nothing where it is none: then it may be a whole code."""
    found = _SPOKEN.fullmatch(text.strip().upper())
    return int(found[1]) if found else None


def as_spoken(text: str) -> str:
    """A spoken code as it would be written, however it was typed: O is 0, I and L are 1."""
    found = _SPOKEN.fullmatch(text.strip().upper())
    assert found, "ask number_of first"
    return f"{int(found[1])}-{found[2].translate(str.maketrans('OIL', '011'))}"


def accept_offline(
    token: str, key: dict[str, Any], *, merchant: str, seen: Container[int], at: datetime
) -> Code:
    """Whether a phone may accept a code without a network: signed, for it, in time, small enough, and new to it.

    ``seen`` has the redemptions that this phone accepted before. What it accepts it captures when it is connected.
    """
    code = read(token, key)
    if code.organisation != merchant:
        raise CodeElsewhere(organisation=code.organisation, merchant=merchant)
    if at > code.good_until + CLOCKS:
        raise CodeOver(good_until=code.good_until.isoformat())
    if at < code.issued_at - CLOCKS:
        raise CodeNotYet(issued_at=code.issued_at.isoformat())
    if code.points > code.offline_points:
        raise CodeNeedsNetwork(points=code.points, most=code.offline_points)
    if code.redemption in seen:
        raise CodeSeen()
    return code


def is_public_key(key: Any) -> bool:
    """Whether this is a public key as :func:`public_key` gives it, so that what it does not fit is a forged code."""
    if not isinstance(key, dict) or (key.get("kty"), key.get("crv")) != ("OKP", "Ed25519"):
        return False
    try:
        OKPKey.import_key(key)
    except (JoseError, ValueError, TypeError, KeyError):
        return False
    return True


def _key() -> OKPKey:
    return _loaded(secret_key("redemption-codes"))


@lru_cache(maxsize=4)
def _loaded(secret: bytes) -> OKPKey:
    return OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(secret))
