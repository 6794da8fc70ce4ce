"""Verify: whether a credential holds, against what its verifier trusts. No network, no database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tanpuhui.transparency.credentials.form import SdJwt, read
from tanpuhui.transparency.credentials.issue import TYPE
from tanpuhui.transparency.credentials.key import Issuer, read_header, read_key, verify_jwt
from tanpuhui.transparency.credentials.kinds import KINDS, LOGGED
from tanpuhui.transparency.credentials.log_proof import refuse_other
from tanpuhui.transparency.credentials.present import KEY_BINDING
from tanpuhui.transparency.credentials.refusals import (
    AudienceWrong,
    CredentialMalformed,
    Expired,
    IssuerWrong,
    KeyBindingMissing,
    KeyBindingWrong,
    NonceWrong,
    NotYetValid,
    Revoked,
    StatusListMissing,
    StatusUnknown,
    Suspended,
    TypeWrong,
)
from tanpuhui.transparency.credentials.reveal import reveal
from tanpuhui.transparency.credentials.status_list import LEEWAY_S, Status, moment, read_list


@dataclass(frozen=True)
class Expected:
    """What a verifier goes by: whose keys, which status lists, who it is, what it asked, and what time it is."""

    issuer: Issuer
    at_s: int
    status_lists: tuple[str, ...] = ()
    audience: str | None = None
    nonce: str | None = None
    kinds: tuple[str, ...] = KINDS
    needs_log: bool = False


@dataclass(frozen=True)
class Held:
    """A credential that holds: its claims as shown, and what was looked at besides the signature."""

    claims: dict[str, Any]
    #: ``valid`` under a list that may be relied on so long, or ``without`` when it has no status.
    status: str
    status_until_s: int | None
    is_bound: bool
    #: What its receipts prove.
    logged: tuple[Any, ...]

    def checked(self) -> dict[str, Any]:
        return {
            "status": self.status,
            "status_until": moment(self.status_until_s) if self.status_until_s is not None else None,
            "holder": "proved" if self.is_bound else "not asked for",
            "log": "proved" if self.logged else "not shown",
        }


def verify(text: str, expected: Expected, prove: Callable[[Mapping[str, Any]], Any]) -> Held:
    """What a credential shows, or a refusal. ``prove`` says what a receipt of the log proves, or refuses."""
    credential = read(text)
    claims = claims_of(credential, expected.issuer)
    if claims.get("vct") not in expected.kinds:
        raise TypeWrong(found=str(claims.get("vct"))[:100], wanted=" or ".join(expected.kinds))
    refuse_time(claims, expected.at_s)
    is_bound = _refuse_holder(credential, claims, expected)
    _refuse_audience(claims, expected)
    status, until_s = _status(claims, expected)
    logged = tuple(prove(one) for one in credential.receipts)
    if claims["vct"] in LOGGED:
        refuse_other(claims, list(logged), needs_log=expected.needs_log)
    elif logged:
        raise CredentialMalformed(what="receipts of the log come along with what is not in it")
    return Held(claims, status, until_s, is_bound, logged)


def claims_of(credential: SdJwt, issuer: Issuer) -> dict[str, Any]:
    """The claims that the issuer signed and that are shown; nothing is said about time, status and holder yet."""
    header = read_header(credential.jwt, TYPE)
    payload = verify_jwt(credential.jwt, issuer.key_of(header), what="the credential")
    if payload.get("iss") != issuer.name:
        raise IssuerWrong(found=str(payload.get("iss"))[:100], wanted=issuer.name)
    return reveal(payload, credential.disclosures).claims


def refuse_time(claims: Mapping[str, Any], at_s: int) -> None:
    """Refuse what is over, or not good yet."""
    since, until, made = (claims.get(name) for name in ("nbf", "exp", "iat"))
    if any(one is not None and type(one) is not int for one in (since, until, made)):
        raise CredentialMalformed(what="a time in it is no number of seconds")
    if since is not None and since > at_s:
        raise NotYetValid(since=moment(since))
    if made is not None and made > at_s + LEEWAY_S:
        raise NotYetValid(since=moment(made))
    if until is not None and until <= at_s:
        raise Expired(until=moment(until))


def _refuse_audience(claims: Mapping[str, Any], expected: Expected) -> None:
    """What is for one recipient alone is refused to everybody else."""
    if "aud" in claims and claims["aud"] != expected.audience:
        raise AudienceWrong(found=claims["aud"], wanted=expected.audience or "not named")


def _refuse_holder(credential: SdJwt, claims: Mapping[str, Any], expected: Expected) -> bool:
    """Whether its holder proved the key that it is bound to, to this verifier and now."""
    bound = claims.get("cnf")
    if bound is None:
        if credential.key_binding:
            raise KeyBindingWrong(what="it is bound to no key")
        return False
    if not credential.key_binding:
        raise KeyBindingMissing()
    key = read_key(bound.get("jwk") if isinstance(bound, dict) else None)
    read_header(credential.key_binding, KEY_BINDING)
    proof = verify_jwt(credential.key_binding, key, what="the holder's proof")
    if proof.get("sd_hash") != credential.bound_digest:
        raise KeyBindingWrong(what="it is of other claims")
    if type(proof.get("iat")) is not int:
        raise KeyBindingWrong(what="it does not say when")
    if proof["iat"] > expected.at_s + LEEWAY_S:
        raise NotYetValid(since=moment(proof["iat"]))
    if expected.audience is None or proof.get("aud") != expected.audience:
        raise AudienceWrong(found=str(proof.get("aud"))[:100], wanted=expected.audience or "not named")
    if expected.nonce is None or proof.get("nonce") != expected.nonce:
        raise NonceWrong()
    return True


def _status(claims: Mapping[str, Any], expected: Expected) -> tuple[str, int | None]:
    if "status" not in claims:
        return "without", None
    place = claims["status"].get("status_list") if isinstance(claims["status"], dict) else None
    index, uri = (place.get(name) if isinstance(place, dict) else None for name in ("idx", "uri"))
    if type(index) is not int or not isinstance(uri, str):
        raise CredentialMalformed(what="its status is in no list")
    known = [read_list(one.strip(), expected.issuer, at_s=expected.at_s) for one in expected.status_lists]
    # Of several that are fresh the newest: an older one does not know yet who was revoked since.
    found = max((one for one in known if one.uri == uri), key=lambda one: one.since_s, default=None)
    if found is None:
        raise StatusListMissing(uri=uri)
    state = found.states[index]
    if state == Status.REVOKED:
        raise Revoked()
    if state == Status.SUSPENDED:
        raise Suspended()
    if state != Status.VALID:
        raise StatusUnknown(status=state)
    return "valid", found.until_s
