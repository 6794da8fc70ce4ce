"""Open account: an account for one person, or for many at once; it is a number and says nothing about them."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db import IntegrityError, connection, transaction

from tanpuhui.consent.age import ADULT, AGE, ZONE, day_of, is_under
from tanpuhui.consent.models import Identity
from tanpuhui.consent.refusals import GuardianMissing, GuardianUnfit, IdentityTaken
from tanpuhui.kit.exact import INT64_MAX
from tanpuhui.kit.home import secret_key

UNNUMBERED = "(new)"


@dataclass(frozen=True)
class IdentityProof:
    """What an identity service answered: who says so, and its opaque name for the person. No name, no number."""

    issuer: str
    subject: str = field(repr=False)

    def digest(self) -> bytes:
        """A keyed digest of the subject: equal for the same person, useless without the key."""
        said = f"identity|{self.issuer}|{self.subject}".encode()
        return hmac.digest(secret_key("identity-proofs"), said, "sha256")


@dataclass(frozen=True)
class Facts:
    """What is known of a new resident; all of it may be missing."""

    birth_on: date | None = None
    guardian: int | None = None
    proof: IdentityProof | None = None

    def __bool__(self) -> bool:
        return (self.birth_on, self.guardian, self.proof) != (None, None, None)


def open_account(
    *,
    at: datetime,
    birth_on: date | None = None,
    guardian: int | None = None,
    proof: IdentityProof | None = None,
    zone: str = ZONE,
) -> int:
    """Open one account and give its number. Under fourteen it needs the account of a guardian."""
    return open_accounts(1, at=at, facts={0: Facts(birth_on, guardian, proof)}, zone=zone)[0]


def open_accounts(
    count: int, *, at: datetime, facts: Mapping[int, Facts] | None = None, zone: str = ZONE
) -> list[int]:
    """Open many accounts at once and give their numbers, ascending.

    ``facts`` are what is known of some of them, by place in the answer. Either all are opened or none.
    """
    assert count >= 0, "how many accounts"
    known = {place: fact for place, fact in (facts or {}).items() if fact}
    assert all(0 <= place < count for place in known), "facts about an account that is not opened"
    _refuse_minors_alone(list(known.values()), at, zone)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO consent_resident (opened_at) SELECT %s FROM generate_series(1, %s) RETURNING id",
            [at, count],
        )
        accounts = sorted(number for (number,) in cursor.fetchall())
    _store_facts({accounts[place]: fact for place, fact in known.items()})
    return accounts


def account_of_proof(proof: IdentityProof) -> int | None:
    """The account that was opened with a verified identity, if there is one."""
    known = Identity.objects.filter(proof_issuer=proof.issuer, proof_digest=proof.digest()).first()
    return known.pk if known else None


def _refuse_minors_alone(known: Sequence[Facts], at: datetime, zone: str) -> None:
    day = day_of(at, zone)
    for fact in known:
        if fact.guardian is None and is_under(fact.birth_on, AGE, day):
            raise GuardianMissing(account=UNNUMBERED, age=AGE, day=day)
    refuse_unfit_guardians({fact.guardian for fact in known if fact.guardian is not None}, day)


def refuse_unfit_guardians(guardians: set[int], day: date) -> None:
    """A guardian has an open account here and is not a minor."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.id, r.closed_at IS NOT NULL, i.birth_on FROM consent_resident AS r "
            "LEFT JOIN vault.identity AS i ON i.resident_id = r.id WHERE r.id = ANY(%s)",
            [sorted(guardian for guardian in guardians if 1 <= guardian <= INT64_MAX)],
        )
        found = {account: (is_closed, born) for account, is_closed, born in cursor.fetchall()}
    for guardian in sorted(guardians):
        if guardian not in found:
            raise GuardianUnfit(guardian=guardian, why="there is no such account")
        is_closed, born = found[guardian]
        if is_closed:
            raise GuardianUnfit(guardian=guardian, why="it is closed")
        if is_under(born, ADULT, day):
            raise GuardianUnfit(guardian=guardian, why=f"it belongs to someone under {ADULT}")


def _store_facts(facts: Mapping[int, Facts]) -> None:
    rows = [_identity(account, fact) for account, fact in facts.items()]
    try:
        with transaction.atomic():
            Identity.objects.bulk_create(rows, batch_size=2_000)
    except IntegrityError as error:
        if "consent_one_identity" not in str(error):
            raise
        issuers = sorted({fact.proof.issuer for fact in facts.values() if fact.proof})
        raise IdentityTaken(issuer=", ".join(issuers)) from None


def _identity(account: int, fact: Facts) -> Identity:
    return Identity(
        resident_id=account,
        birth_on=fact.birth_on,
        guardian_id=fact.guardian,
        proof_issuer=fact.proof.issuer if fact.proof else None,
        proof_digest=fact.proof.digest() if fact.proof else None,
    )
