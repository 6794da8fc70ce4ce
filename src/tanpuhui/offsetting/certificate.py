"""Certificate: what was surrendered or retired, said once and numbered; and what became of its lots since.

Its signed form is a credential (SD-JWT VC) whose claims its holder can show one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from tanpuhui.access.models import Organisation
from tanpuhui.close.methodology_then import find_methodology
from tanpuhui.consent.artefact import moment_text
from tanpuhui.consent.policy import policy
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.refusal import Refusal
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.account import FIRST_ORGANISATION
from tanpuhui.offsetting.deadline import deadlines_of
from tanpuhui.offsetting.models import (
    Certificate,
    CertificateRange,
    Ending,
    Replacement,
    Reservation,
    VoluntaryRetirement,
)
from tanpuhui.offsetting.number import numbered, sequence_of
from tanpuhui.offsetting.refusals import (
    CertificateInvalid,
    CertificateWithoutCredential,
    NotSurrendered,
    UnknownCertificate,
)
from tanpuhui.offsetting.year import cap_as_filed, ending_of
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.quantify.rule_tables import STATUSES
from tanpuhui.registry.models import Annulment, Lot
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credentials import kinds
from tanpuhui.transparency.credentials.conceal import hidden
from tanpuhui.transparency.credentials.form import SdJwt, read
from tanpuhui.transparency.credentials.key import Issuer, public_jwk, read_key
from tanpuhui.transparency.credentials.verify import claims_of
from tanpuhui.transparency.issuer import issuer_key
from tanpuhui.transparency.models import Credential

SCHEMA = "tanpuhui-certificate/1"
SURRENDER, VOLUNTARY = "surrender", "voluntary"
#: Claims that are about the credential, and not of the certificate.
REGISTERED = frozenset({"iss", "iat", "vct", "status"})
#: Advisory lock under which certificates are numbered, one after the other: no number is left out.
LOCK = 0x6F6663


@dataclass(frozen=True)
class Annulled:
    """Tonnes of a certificate whose lot was annulled later, and the tonnes that stand in their place, if any do."""

    lot: str
    tonnes: int
    reason: str
    annulled_at: datetime
    replaced_by: list[dict[str, Any]] | None

    def as_json(self) -> dict[str, Any]:
        return {
            "lot": self.lot,
            "tonnes": self.tonnes,
            "reason": self.reason,
            "annulled_at": moment_text(self.annulled_at),
            "replaced_by": self.replaced_by,
        }


def certify_surrender(reservation: Reservation, *, at: datetime) -> Certificate:
    """The certificate of a surrendered reservation, in the caller's transaction; one, however often it is asked for."""
    ended = ending_of(reservation)
    if ended is None or ended.outcome != Ending.SURRENDERED:
        raise NotSurrendered(number=reservation.pk)
    _lock()
    known = Certificate.objects.filter(reservation=reservation).first()
    if known is not None:
        return known
    cap = cap_as_filed(reservation.company, reservation.jurisdiction, reservation.year)
    deadlines = deadlines_of(load_jurisdiction(reservation.jurisdiction), reservation.year)
    content = {
        "kind": SURRENDER,
        "year": reservation.year,
        "reservation": reservation.pk,
        "rule": {
            "name": reservation.rule,
            "says": cap.rule_says,
            "status": cap.rule.status,
            "source": cap.rule.source,
            "denominator": cap.rule.content["denominator"],
            "share_percent": cap.rule.content["share_percent"],
            "least_local_percent": cap.least_local_percent,
            "whole_mg": cap.whole_mg,
            "arithmetic": cap.arithmetic,
            "cap_mg": cap.cap_mg,
            "used_before_mg": reservation.used_before_mg,
        },
        "deadlines": deadlines.as_json() if deadlines else None,
        "used_at": moment_text(ended.ended_at),
    }
    return _issue(reservation, content, at=at, reservation=reservation)


def certify_retirement(retirement: VoluntaryRetirement, *, at: datetime) -> Certificate:
    """The certificate of a voluntary retirement, in the caller's transaction; one, however often it is asked for."""
    _lock()
    known = Certificate.objects.filter(retirement=retirement).first()
    if known is not None:
        return known
    rule = retirement.rule
    content = {
        "kind": VOLUNTARY,
        "retirement": retirement.pk,
        "beneficiary": retirement.beneficiary,
        "purpose": retirement.purpose,
        "rule": {
            "name": f"{retirement.jurisdiction}/sinks/{rule['from']}",
            "says": f"reductions of {retirement.jurisdiction} may be retired voluntarily",
            "status": rule["status"],
            "source": rule["source"],
        },
        "used_at": moment_text(retirement.retired_at),
    }
    return _issue(retirement, content, at=at, retirement=retirement)


def find_certificate(given: str) -> Certificate:
    """A certificate by its number as somebody typed it."""
    sequence = sequence_of(given)
    found = Certificate.objects.filter(sequence=sequence).first() if sequence else None
    if found is None:
        raise UnknownCertificate(number=given[:40])
    return found


def annulled_of(certificate: Certificate) -> list[Annulled]:
    """Which tonnes of a certificate do not count any more, because their lot was annulled, and what replaces them.

    What stands in for others may be annulled too; it is here then as well.
    """
    replacements: dict[str, list[dict[str, Any]]] = {}
    if certificate.reservation_id is not None:
        for one in Replacement.objects.filter(reservation=certificate.reservation_id).order_by("id"):
            replacements[one.lot] = one.ranges
    tonnes: dict[str, int] = {}
    for ranges in (certificate.content["ranges"], *replacements.values()):
        for one in ranges:
            tonnes[one["lot"]] = tonnes.get(one["lot"], 0) + one["tonnes"]
    found = Annulment.objects.filter(pk__in=tonnes).order_by("annulled_at", "pk")
    return [
        Annulled(one.pk, tonnes[one.pk], one.reason, one.annulled_at, replacements.get(one.pk))
        for one in found
    ]


def certify_credential(certificate: Certificate, *, at: datetime) -> Credential:
    """The living credential of a certificate, in the caller's transaction; another one after the last was revoked.

    Every claim of it, and everything in each, can be shown by itself.
    """
    kind = kinds.SURRENDER if certificate.content["kind"] == SURRENDER else kinds.RETIREMENT
    claims = hidden(certificate.content)
    return credentials.issue_once(kind, subject_of(certificate), claims, issuer=policy().origin, at=at)


def subject_of(certificate: Certificate) -> str:
    """What its credentials are about."""
    return f"certificate:{certificate.number}"


def credential_of(certificate: Certificate) -> Credential:
    """The newest credential of a certificate."""
    found = credentials.find(subject_of(certificate))
    if found is None:
        raise CertificateWithoutCredential(number=certificate.number)
    return found


def signed(certificate: Certificate) -> SdJwt:
    """The certificate as it was signed, with everything to show; it verifies offline."""
    return credentials.whole(credential_of(certificate))


def check(token: str, key: dict[str, Any] | None = None) -> dict[str, Any]:
    """The content of a signed certificate with everything shown; refuses whatever is not exactly what was signed.

    ``key`` is the issuer's (JWK); this installation's when left out. Nothing is said about its status.
    """
    public = issuer_key() if key is None else read_key(key)
    try:
        claims = claims_of(read(token), Issuer(policy().origin, {public.thumbprint(): public}))
    except Refusal as refusal:
        raise CertificateInvalid(why=refusal.code) from refusal
    if claims.get("vct") not in kinds.LOGGED:
        raise CertificateInvalid(why="another kind of document")
    return {name: value for name, value in claims.items() if name not in REGISTERED}


def as_json(certificate: Certificate) -> dict[str, Any]:
    """A certificate with its digest, signed form and status, and, apart from them, what became of its lots since."""
    credential = credential_of(certificate)
    return {
        "certificate": certificate.content,
        "digest": certificate.digest,
        "signed": credentials.whole(credential).compact(),
        "key": public_jwk(issuer_key()),
        "credential": credential.pk,
        "status": credentials.state_of(credential),
        "annulled_since": [one.as_json() for one in annulled_of(certificate)],
    }


def address_of(certificate: Certificate) -> str:
    """Where its public page is."""
    return str(certificate.content["address"])


def _issue(
    used: Reservation | VoluntaryRetirement, content: dict[str, Any], *, at: datetime, **of: Any
) -> Certificate:
    sequence = (Certificate.objects.aggregate(last=Max("sequence"))["last"] or 0) + 1
    number = numbered(sequence)
    whole = {"schema": SCHEMA, "number": number, **_said_of_all(used, number), **content}
    whole["issued_at"] = moment_text(at)
    made = Certificate.objects.create(
        number=number,
        sequence=sequence,
        company=used.company,
        content=whole,
        digest=digest_json(whole),
        issued_at=at,
        **of,
    )
    CertificateRange.objects.bulk_create(
        CertificateRange(certificate=made, first=one["serial_first"], last=one["serial_last"])
        for one in whole["ranges"]
    )
    certify_credential(made, at=at)
    return made


def _said_of_all(used: Reservation | VoluntaryRetirement, number: str) -> dict[str, Any]:
    place = load_jurisdiction(used.jurisdiction)
    company = Organisation.objects.filter(pk=used.company - FIRST_ORGANISATION).first()
    ranges = [_range(one) for one in used.ranges]
    rules = policy()
    return {
        "issuer": rules.parties["platform"].name,
        "address": f"{rules.origin}/certificates/{number}/",
        "company": {
            "code": company.code if company else str(used.company),
            "name_zh": company.name_zh if company else str(used.company),
            "name_en": company.name_en if company else str(used.company),
        },
        "jurisdiction": {"code": place.code, "title": place.title},
        "notice": place.notice,
        "amount_mg": used.amount_mg,
        "tonnes": used.amount_mg // TONNE_MG,
        "ranges": ranges,
        "weakest_status": max((one["status"] for one in ranges), key=STATUSES.index),
    }


def _range(one: dict[str, Any]) -> dict[str, Any]:
    """A serial range with what its lot is."""
    lot = Lot.objects.get(pk=one["lot"])
    found = find_methodology(lot.methodology)
    title = {"zh": found.title.zh, "en": found.title.en} if found else None
    return {
        **one,
        "jurisdiction": lot.jurisdiction,
        "methodology": lot.methodology,
        "methodology_title": title,
        "vintage": lot.vintage,
        "status": lot.status,
        "verifier": lot.verifier,
    }


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
