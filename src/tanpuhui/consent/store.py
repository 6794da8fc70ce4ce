"""Store: the set-based reads and writes that the verbs of consent share. Callers hold the transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from tanpuhui.consent.models import LOCK_KEY, Grant, GrantEvent, Resident, Restriction
from tanpuhui.consent.refusals import Restricted, UnknownGrant, UnknownResident
from tanpuhui.consent.state import FINAL, VALID, State
from tanpuhui.consent.terms import Person
from tanpuhui.kit.digest import digest_json
from tanpuhui.kit.exact import INT64_MAX

AT_ONCE = 2_000
Key = tuple[int, str, str, str]

#: The last step of each grant of the given residents.
_LAST_OF_RESIDENTS = """
    SELECT DISTINCT ON (g.id) g.resident_id, g.provider, g.recipient, g.purpose, g.id, e.seq, e.state, e.at
    FROM consent_grant AS g JOIN consent_grant_event AS e ON e.grant_id = g.id
    WHERE g.resident_id = ANY(%s) AND g.expires_at > %s
    ORDER BY g.id, e.seq DESC
"""


@dataclass(frozen=True)
class Last:
    """The last step of a grant's stream."""

    grant_id: int
    seq: int
    state: State
    at: datetime


@dataclass(frozen=True)
class Step:
    """One event to add, after the last one."""

    grant_id: int
    seq: int
    state: State
    at: datetime
    by: str
    method: str
    evidence_hash: str | None = None


def lock_residents(accounts: Iterable[int]) -> dict[int, Person]:
    """Hold these residents until the transaction ends, so that their grants change one after another.

    Takes the lock that a close waits for first, then the rows by number: always in that order. Refuses an
    account that does not exist.
    """
    wanted = sorted(set(accounts))
    for account in wanted:
        if not 1 <= account <= INT64_MAX:
            raise UnknownResident(account=account)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK_KEY])
        cursor.execute(
            "SELECT id, closed_at IS NOT NULL FROM consent_resident WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE",
            [wanted],
        )
        closed: dict[int, bool] = dict(cursor.fetchall())
        cursor.execute(
            "SELECT resident_id, birth_on, guardian_id FROM vault.identity WHERE resident_id = ANY(%s)",
            [wanted],
        )
        known = {account: (born, guardian) for account, born, guardian in cursor.fetchall()}
    for account in wanted:
        if account not in closed:
            raise UnknownResident(account=account)
    return {
        account: Person(account, closed[account], *known.get(account, (None, None))) for account in wanted
    }


def refuse_unknown(accounts: Iterable[int]) -> None:
    """Refuse the first of these accounts that was never opened."""
    wanted = sorted(set(accounts))
    within = [account for account in wanted if 1 <= account <= INT64_MAX]
    known = set(Resident.objects.filter(pk__in=within).values_list("pk", flat=True))
    for account in wanted:
        if account not in known:
            raise UnknownResident(account=account)


def lock_grant(grant_id: int) -> tuple[Grant, Last]:
    """A grant with its last step, its resident held until the transaction ends; refuses an unknown one."""
    grant = Grant.objects.filter(pk=grant_id).first()
    if grant is None:
        raise UnknownGrant(grant=grant_id)
    lock_residents([grant.resident_id])
    return grant, last_step(grant_id)


def last_step(grant_id: int) -> Last:
    """The last step of a grant; every grant has one, since both are written in one transaction."""
    event = GrantEvent.objects.filter(grant=grant_id).order_by("-seq").first()
    assert event is not None, f"grant {grant_id} has no event"
    return Last(grant_id, event.seq, State(event.state), event.at)


def live_grants(accounts: Collection[int], at: datetime) -> Mapping[Key, Last]:
    """The grants of these residents that are in force, paused or asked for at a moment, by what no two may share."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST_OF_RESIDENTS, [list(accounts), at])
        rows = cursor.fetchall()
    return {
        (account, provider, recipient, purpose): Last(grant_id, seq, State(state), at)
        for account, provider, recipient, purpose, grant_id, seq, state, at in rows
        if State(state) not in FINAL
    }


def reserve_grant_ids(count: int) -> list[int]:
    """Numbers for new grants, ascending: they are signed, so they are known before the rows are."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence('consent_grant', 'id')) FROM generate_series(1, %s)",
            [count],
        )
        return sorted(number for (number,) in cursor.fetchall())


def insert_grants(grants: Sequence[Grant]) -> None:
    """Store grants as they were signed."""
    Grant.objects.bulk_create(grants, batch_size=AT_ONCE)


def append(steps: Iterable[Step]) -> None:
    """Add steps to the streams of grants. The database refuses one that may not follow."""
    made = list(steps)
    _refuse_restricted([step.grant_id for step in made if step.state in VALID])
    GrantEvent.objects.bulk_create([_event(step) for step in made], batch_size=AT_ONCE)


def _refuse_restricted(grants: list[int]) -> None:
    """Nobody begins to use anything of somebody whose data is only kept."""
    held = set(Restriction.objects.filter(ended_at__isnull=True).values_list("resident_id", flat=True))
    if held and grants:
        found = Grant.objects.filter(pk__in=grants, resident__in=held).order_by("resident").first()
        if found is not None:
            raise Restricted(account=found.resident_id)


def _event(step: Step) -> GrantEvent:
    said = {
        "grant": step.grant_id,
        "seq": step.seq,
        "state": step.state.value,
        "at": step.at.isoformat(),
        "by": step.by,
        "method": step.method,
    }
    return GrantEvent(
        grant_id=step.grant_id,
        seq=step.seq,
        state=step.state.value,
        at=step.at,
        by=step.by,
        method=step.method,
        evidence_hash=step.evidence_hash or digest_json(said),
    )
