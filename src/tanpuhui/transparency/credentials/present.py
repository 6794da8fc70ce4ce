"""Present: a holder shows some claims of a credential and, if it is bound to a key, proves to have that key."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from joserfc.jwk import ECKey

from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency.credentials.form import SdJwt
from tanpuhui.transparency.credentials.key import sign_jwt
from tanpuhui.transparency.credentials.plain import unpacked
from tanpuhui.transparency.credentials.reveal import Path, reveal

KEY_BINDING = "kb+jwt"


class NoSuchClaim(Refusal):
    code = "credential.no_such_claim"
    message = "There is no claim '{claim}' to show. There are: {claims}."


def parse_path(text: str) -> Path:
    """A claim's place as one writes it.

    >>> parse_path("ranges/0/vintage")
    ('ranges', 0, 'vintage')
    """
    return tuple(int(one) if one.isascii() and one.isdecimal() else one for one in text.split("/"))


def disclose(credential: SdJwt, wanted: Collection[Path]) -> SdJwt:
    """The credential with these claims, all below them, and what they are in; and without the holder's proof.

    Receipts of the log say more than single claims do: they stay only when everything is shown.
    """
    places = reveal(unpacked(credential.jwt.split(".")[1]), credential.disclosures).places
    for path in wanted:
        if not any(_same(path, place) for place in places.values()):
            there = sorted({str(place[0]) for place in places.values()})
            raise NoSuchClaim(claim="/".join(map(str, path)), claims=", ".join(there))
    shown = tuple(one for one in credential.disclosures if any(_same(path, places[one]) for path in wanted))
    receipts = credential.receipts if len(shown) == len(credential.disclosures) else ()
    return replace(credential, disclosures=shown, key_binding="", receipts=receipts)


def bind(credential: SdJwt, holder: ECKey, *, audience: str, nonce: str, at_s: int) -> SdJwt:
    """The credential with the proof, for one verifier and its nonce, that its holder shows it."""
    claims = {"iat": at_s, "aud": audience, "nonce": nonce, "sd_hash": credential.bound_digest}
    return replace(credential, key_binding=sign_jwt({"typ": KEY_BINDING}, claims, holder))


def _same(path: Path, place: Path) -> bool:
    """Whether one is the other, or is in it."""
    shorter = min(len(path), len(place))
    return path[:shorter] == place[:shorter]
