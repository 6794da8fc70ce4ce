"""Erase: a person is taken out of tables, files and keys, after two others have agreed. No verb brings them back.

The account stays as a number that is nobody's: its reductions stay in the lots that they were certified in, its
points go back to their sponsors. See ``docs/decisions/what-an-erasure-leaves.md``.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from django.db import ProgrammingError, connection, transaction
from psycopg.errors import InsufficientPrivilege

from tanpuhui.access.approve import digest_of, use
from tanpuhui.access.audit import record as write_down
from tanpuhui.access.models import Approval, AuditEntry, Membership
from tanpuhui.close import erase as lake
from tanpuhui.close.erase import Person
from tanpuhui.close.places import Places
from tanpuhui.consent.close_account import close_account
from tanpuhui.consent.models import Resident
from tanpuhui.erasure.obstacles import refuse_open
from tanpuhui.erasure.person import Found, find
from tanpuhui.erasure.plan import orders
from tanpuhui.erasure.refusals import NotAgreed, NotAnErasure, NotTheOwner, StillOpen
from tanpuhui.evidence.lake import sweep, without_sweep
from tanpuhui.kit.crash import crash_point
from tanpuhui.notary.shares import destroy_salts
from tanpuhui.points.lapse import lapse
from tanpuhui.rights.answer import done
from tanpuhui.rights.models import Request
from tanpuhui.rights.show import shown
from tanpuhui.rights.state import State
from tanpuhui.sealing import keys

VERB = "account.erase"
#: What the trail says afterwards: no other verb writes it.
DONE = "account.erased"


@dataclass(frozen=True)
class Erased:
    """What an erasure did: rows by table, files and rows of the lake, points that went back, salts destroyed."""

    request: UUID
    account: int
    tables: dict[str, int]
    files: int
    rows: int
    points: int
    salts: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"request": str(self.request)}


def arguments_of(request: Request) -> dict[str, Any]:
    """What a colleague agrees to, to the letter."""
    return {"account": request.account, "request": str(request.pk)}


def erase(number: UUID, *, at: datetime, places: Places, zone: str = "Asia/Shanghai") -> Erased:
    """Erase whoever asked for it, in transactions of its own: files first, then one, then what cannot be undone.

    Killed before the transaction, nothing has changed but files that nobody refers to; after it, the same command or
    the periodic rounds finish what is left.
    """
    one = shown(number)
    if one.request.kind != Request.ERASURE:
        raise NotAnErasure(kind=one.request.kind)
    finish(places)
    if one.state is State.DONE and not _was_erased(one.request.account):
        raise StillOpen(
            account=one.request.account,
            what="its request was answered as done, and nothing was erased",
            next_step="Write the request down again with 'tanpuhui request open', and ask a colleague.",
        )
    if one.state is State.DONE:
        return Erased(number, one.request.account, {}, 0, 0, 0, 0)
    approval = _agreed(one.request, at)
    _close_and_sweep(one.request, at, places, zone)
    with without_sweep():
        return _erase(one.request, approval, at, places, zone)


def finish(places: Places) -> int:
    """Do what cannot be undone and is still to do: notes in place, old files gone, keys destroyed; how many."""
    gone = lake.finish(places)
    erased = AuditEntry.objects.filter(verb=DONE, object_kind="account").values_list("object_key", flat=True)
    for account in sorted({int(key) for key in erased}):
        if not keys.is_destroyed(account):
            gone += keys.destroy(account)
    return gone


def _was_erased(account: int) -> bool:
    return AuditEntry.objects.filter(verb=DONE, object_kind="account", object_key=str(account)).exists()


def erase_again(*, places: Places, at: datetime) -> list[int]:
    """After a database was restored: erase once more everybody whose key is destroyed; answers the accounts."""
    again = []
    for account in keys.destroyed():
        found = find(account)
        if not Resident.objects.filter(pk=account).exists() or not _is_there(found):
            continue
        with without_sweep():
            prepared = lake.prepare(Person(account, frozenset(found.subjects)), uuid4(), places, at=at)
            with transaction.atomic():
                _empty(found)
                if prepared.files:
                    lake.record(prepared)
        again.append(account)
    finish(places)
    return again


def _close_and_sweep(request: Request, at: datetime, places: Places, zone: str) -> None:
    account = request.account
    refuse_open(account, today=at.astimezone(ZoneInfo(zone)).date())
    with transaction.atomic():
        if Resident.objects.filter(pk=account, closed_at__isnull=True).exists():
            close_account(account, at=at, by="operator", method="erasure")
        sweep(places.lake, lambda: lake.written_anew(places))


def _erase(request: Request, approval: Approval, at: datetime, places: Places, zone: str) -> Erased:
    account = request.account
    found = find(account)
    prepared = lake.prepare(Person(account, frozenset(found.subjects)), uuid4(), places, at=at)
    crash_point("erasure.prepared")
    with transaction.atomic():
        use(approval.pk, VERB, arguments_of(request), at=at)
        refuse_open(account, today=at.astimezone(ZoneInfo(zone)).date())
        points, salts = lapse(account, at=at), destroy_salts(account)
        done(request.pk, "", at=at)
        touched = _empty(found)
        if prepared.files:
            lake.record(prepared)
        write_down(
            DONE,
            who=None,
            at=at,
            object_kind="account",
            object_key=account,
            facts={"request": str(request.pk), "approval": str(approval.pk), "rows": prepared.rows},
        )
        crash_point("erasure.before_commit")
    crash_point("erasure.committed")
    finish(places)
    return Erased(request.pk, account, touched, len(prepared.files), prepared.rows, points, salts)


def _agreed(request: Request, at: datetime) -> Approval:
    """The yes of a second person to exactly this, that is not used yet."""
    known = Approval.objects.filter(
        digest=digest_of(VERB, arguments_of(request)),
        decision=Approval.YES,
        used_at__isnull=True,
        expires_at__gt=at,
    ).first()
    if known is None:
        raise NotAgreed(request=request.pk)
    return known


def _is_there(found: Found) -> bool:
    """Whether a restored database has anything of somebody who was erased."""
    with connection.cursor() as cursor:
        for table, _ in orders():
            if "account" in table.whose and "user" not in table.whose and table.action == "delete":
                cursor.execute(f"SELECT EXISTS (SELECT FROM {table.quoted} WHERE {table.whose})", found.facts)
                if cursor.fetchone()[0]:
                    return True
    return bool(found.user or found.subjects)


def _empty(found: Found) -> dict[str, int]:
    """Delete or blank every row of the person, in the caller's transaction, past the triggers that forbid it."""
    touched: dict[str, int] = {}
    try:
        with connection.cursor() as cursor:
            allow(cursor, [table.name for table, _ in orders()] + ["vault.user"])
            _forget_user(cursor, found)
            for table, order in orders():
                cursor.execute(order, found.facts)
                if cursor.rowcount:
                    touched[table.name] = cursor.rowcount
            if found.user is not None:
                touched["vault.user"] = _user_goes(cursor, found)
            cursor.execute("SET LOCAL pgtrigger.ignore = '{}'")
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise NotTheOwner from error
        raise
    return touched


def allow(cursor: Any, names: list[str]) -> None:
    """Until the transaction ends, the triggers that keep these tables' rows let this connection pass, and no other."""
    cursor.execute(
        "SELECT DISTINCT t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE t.tgname LIKE 'pgtrigger\\_%%' "
        "AND (n.nspname || '.' || c.relname = ANY(%s) OR n.nspname = 'public' AND c.relname = ANY(%s))",
        [names, names],
    )
    passed = sorted(name for (name,) in cursor.fetchall())
    cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", ["{" + ",".join(passed) + "}"])


def _forget_user(cursor: Any, found: Found) -> None:
    """What somebody did to their own account was done by nobody who is known any more."""
    cursor.execute(
        "UPDATE access_audit_entry SET who_id = NULL WHERE who_id = %(user)s AND organisation_id IS NULL",
        found.facts,
    )
    cursor.execute(
        "UPDATE vault.identity SET guardian_id = NULL WHERE guardian_id = %(account)s", found.facts
    )


def _user_goes(cursor: Any, found: Found) -> int:
    """The row of the user goes; of somebody who ever acted for an organisation the bare number stays."""
    if Membership.objects.filter(user=found.user).exists():
        cursor.execute(
            "UPDATE vault.\"user\" SET email = NULL, password = '', language = '', last_login = NULL, "
            "is_active = false, is_staff = false WHERE id = %(user)s",
            found.facts,
        )
    else:
        cursor.execute('DELETE FROM vault."user" WHERE id = %(user)s', found.facts)
    return int(cursor.rowcount)
