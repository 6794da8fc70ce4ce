"""Give: a person agrees, and the platform signs what they agreed to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest

from tanpuhui.consent import store
from tanpuhui.consent.age import AGE, ZONE, day_of
from tanpuhui.consent.artefact import compose, detach, sign
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import Policy, policy
from tanpuhui.consent.refusals import AlreadyGiven, Bundled, GuardianMissing, UnknownGiver
from tanpuhui.consent.state import State
from tanpuhui.consent.store import Step
from tanpuhui.consent.terms import Decided, Terms, decide
from tanpuhui.kit.digest import digest_json

#: Who may take a step: the person, their guardian, or the operator on their word (a counter, a hotline).
GIVERS = ("resident", "guardian", "operator")


@dataclass(frozen=True)
class Giving:
    """One person's yes, in a batch."""

    account: int
    terms: Terms
    guardian: int | None = None
    #: Digest of what proves the yes, such as a paper signed at a counter; without it, the artefact's.
    evidence: str | None = None


def give(
    account: int,
    terms: Terms,
    *,
    at: datetime,
    by: str = "resident",
    method: str,
    guardian: int | None = None,
    evidence: str | None = None,
    zone: str = ZONE,
) -> Grant:
    """A person agrees to terms: one signed artefact, in force at once or from its beginning on.

    Under fourteen, ``guardian`` is the account of the guardian on file who agrees. ``evidence`` is the digest of what
    proves the yes where that is not the artefact, such as a signed paper. Refuses a second grant for the same
    provider, recipient and purpose while one is in force.
    """
    giving = Giving(account, terms, guardian, evidence)
    return give_many([giving], at=at, by=by, method=method, zone=zone)[0]


def give_many(
    givings: Sequence[Giving], *, at: datetime, by: str = "resident", method: str, zone: str = ZONE
) -> list[Grant]:
    """Many people agree, each to their own terms: one signature each, a few statements for all, all or none."""
    return record(givings, State.GIVEN, at=at, by=by, method=method, zone=zone)


def record(
    givings: Sequence[Giving], state: State, *, at: datetime, by: str, method: str, zone: str = ZONE
) -> list[Grant]:
    """Decide, sign and store grants whose stream begins with ``state``."""
    refuse_unknown_giver(by)
    people = store.lock_residents(giving.account for giving in givings)
    rules = policy()
    decided = [
        decide(giving.terms, people[giving.account], rules, at=at, guardian=giving.guardian, zone=zone)
        for giving in givings
    ]
    refuse_second(decided, at)
    proofs = [giving.evidence for giving in givings]
    return sign_and_store(decided, rules, state, at=at, by=by, method=method, proofs=proofs)


def sign_and_store(
    decided: Sequence[Decided],
    rules: Policy,
    state: State,
    *,
    at: datetime,
    by: str,
    method: str,
    supersedes: int | None = None,
    proofs: Sequence[str | None] = (),
) -> list[Grant]:
    """Sign decided terms and store them with the first step of their stream."""
    numbers = store.reserve_grant_ids(len(decided))
    grants = [
        _signed_grant(one, rules, number, method, supersedes)
        for one, number in zip(decided, numbers, strict=True)
    ]
    store.insert_grants(grants)
    store.append(
        Step(grant.pk, 1, state, at, by, method, proof or grant.digest)
        for grant, proof in zip_longest(grants, proofs)
    )
    return grants


def refuse_unknown_giver(by: str) -> None:
    """Only a person, their guardian or the operator on their word takes a step."""
    if by not in GIVERS:
        raise UnknownGiver(given=by, known=", ".join(GIVERS))


def refuse_child_alone(grant: Grant, by: str, at: datetime) -> None:
    """Of what a guardian agreed to, or was asked for a child, nobody but the guardian lets processing go on.

    It ends with the fourteenth birthday, so whoever it is of is a child for as long as it lasts. A no, a pause and a
    withdrawal are the child's own to say.
    """
    if grant.guardian_id is not None and by == "resident":
        raise GuardianMissing(account=grant.resident_id, age=AGE, day=day_of(at, ZONE))


def refuse_second(decided: Sequence[Decided], at: datetime) -> None:
    """No two grants in force for one provider, recipient and purpose: neither stored nor within the batch."""
    live = store.live_grants({one.account for one in decided}, at)
    seen = set[store.Key]()
    for one in decided:
        if one.key in live:
            last = live[one.key]
            raise AlreadyGiven(grant=last.grant_id, account=one.account, state=last.state.value)
        if one.key in seen:
            raise Bundled(field="batch", given=f"account {one.account} twice for {one.provider.id}")
        seen.add(one.key)


def _signed_grant(one: Decided, rules: Policy, number: int, method: str, supersedes: int | None) -> Grant:
    artefact = compose(one, rules, grant_id=number, method=method, supersedes=supersedes)
    return Grant(
        id=number,
        resident_id=one.account,
        provider=one.provider.id,
        recipient=one.recipient.id,
        purpose=one.purpose.code,
        kinds=list(one.kinds),
        acts_from_us=one.acts_from_us,
        acts_to_us=one.acts_to_us,
        begins_at=one.begins_at,
        expires_at=one.expires_at,
        notice_digest=one.notice.digest,
        notice_version=one.notice.version,
        notice_lang=one.notice.lang,
        guardian_id=one.guardian,
        supersedes_id=supersedes,
        artefact=artefact,
        jws=detach(sign(artefact)),
        digest=digest_json(artefact),
    )
