"""Supersede: a change of what was agreed to is a new grant that ends the old one, in one transaction."""

from __future__ import annotations

from datetime import datetime

from tanpuhui.consent import store
from tanpuhui.consent.age import ZONE
from tanpuhui.consent.give import refuse_unknown_giver, sign_and_store
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.consent.refusals import OtherConsent
from tanpuhui.consent.state import State
from tanpuhui.consent.store import Step
from tanpuhui.consent.terms import Terms, decide
from tanpuhui.consent.withdraw import refuse_wrong_step


def supersede(
    grant_id: int,
    terms: Terms,
    *,
    at: datetime,
    by: str = "resident",
    method: str,
    guardian: int | None = None,
    zone: str = ZONE,
) -> Grant:
    """A person agrees to other terms with the same provider, recipient and purpose; the old grant ends.

    Of acts that only the old grant covered, nothing more is processed.
    """
    refuse_unknown_giver(by)
    old, last = store.lock_grant(grant_id)
    refuse_wrong_step(last, State.SUPERSEDED, at)
    person = store.lock_residents([old.resident_id])[old.resident_id]
    rules = policy()
    decided = decide(terms, person, rules, at=at, guardian=guardian, zone=zone)
    if decided.key != (old.resident_id, old.provider, old.recipient, old.purpose):
        raise OtherConsent(
            grant=grant_id, provider=old.provider, recipient=old.recipient, purpose=old.purpose
        )
    store.append([Step(grant_id, last.seq + 1, State.SUPERSEDED, at, by, method)])
    return sign_and_store([decided], rules, State.GIVEN, at=at, by=by, method=method, supersedes=grant_id)[0]
