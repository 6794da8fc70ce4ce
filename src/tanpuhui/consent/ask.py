"""Ask: terms are put before a person, who says yes, no, or nothing. After a no they are left in peace."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection

from tanpuhui.consent import store
from tanpuhui.consent.age import ZONE, day_of
from tanpuhui.consent.give import Giving, record, refuse_child_alone, refuse_unknown_giver
from tanpuhui.consent.models import Grant
from tanpuhui.consent.policy import policy
from tanpuhui.consent.refusals import AccountClosed, AskedAfterNo, CannotFollow, RequestLapsed
from tanpuhui.consent.state import State
from tanpuhui.consent.store import Step
from tanpuhui.consent.terms import Terms
from tanpuhui.consent.withdraw import refuse_wrong_step

_LAST_NO = """
    SELECT max(e.at) FROM consent_grant AS g JOIN consent_grant_event AS e ON e.grant_id = g.id
    WHERE (g.resident_id, g.provider, g.recipient, g.purpose) = (%s, %s, %s, %s)
        AND e.state IN ('Refused', 'Withdrawn')
"""


def ask(
    account: int, terms: Terms, *, at: datetime, method: str, guardian: int | None = None, zone: str = ZONE
) -> Grant:
    """Put terms before a person. Nothing may be processed until they agree.

    Refuses to ask again, for the same provider, recipient and purpose, within the quiet days after a no or a
    withdrawal (Network Data Regulations, article 22 (5)).
    """
    store.lock_residents([account])
    _refuse_after_no(account, terms, at, zone)
    giving = Giving(account, terms, guardian)
    return record([giving], State.REQUESTED, at=at, by="operator", method=method, zone=zone)[0]


def agree(grant_id: int, *, at: datetime, by: str = "resident", method: str) -> None:
    """The person says yes to what they were asked; of a child, the guardian."""
    refuse_unknown_giver(by)
    grant, last = store.lock_grant(grant_id)
    refuse_child_alone(grant, by, at)
    _refuse_unless_asked(last, State.GIVEN, at)
    if grant.resident.closed_at is not None:
        raise AccountClosed(account=grant.resident_id)
    if at >= grant.expires_at:
        raise RequestLapsed(grant=grant_id, expired=grant.expires_at)
    store.append([Step(grant_id, last.seq + 1, State.GIVEN, at, by, method, grant.digest)])


def say_no(grant_id: int, *, at: datetime, by: str = "resident", method: str) -> None:
    """The person says no to what they were asked."""
    refuse_unknown_giver(by)
    _, last = store.lock_grant(grant_id)
    _refuse_unless_asked(last, State.REFUSED, at)
    store.append([Step(grant_id, last.seq + 1, State.REFUSED, at, by, method)])


def refuse(
    account: int,
    terms: Terms,
    *,
    at: datetime,
    by: str = "resident",
    method: str,
    guardian: int | None = None,
    zone: str = ZONE,
) -> Grant:
    """A person says no to terms that they were shown, and is not asked again within the quiet days."""
    giving = Giving(account, terms, guardian)
    return record([giving], State.REFUSED, at=at, by=by, method=method, zone=zone)[0]


def _refuse_after_no(account: int, terms: Terms, at: datetime, zone: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_LAST_NO, [account, terms.provider, terms.recipient, terms.purpose])
        said_no_at = cursor.fetchone()[0]
    if said_no_at is None:
        return
    ask_from = said_no_at + timedelta(days=policy().quiet_days)
    if at < ask_from:
        raise AskedAfterNo(
            account=account, said_no_on=day_of(said_no_at, zone), ask_from=day_of(ask_from, zone)
        )


def _refuse_unless_asked(last: store.Last, after: State, at: datetime) -> None:
    if last.state is not State.REQUESTED:
        raise CannotFollow(
            grant=last.grant_id,
            before=last.state.value,
            after=after.value,
            next_step="Only what was asked for can be answered; give or withdraw instead.",
        )
    refuse_wrong_step(last, after, at)
