"""Somebody with something in every place that can hold personal words, each with a mark that is found again."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
from django.db import connection, transaction

from access.people import user
from close.town import DAY, Town, act, metro
from disclosure.people import consent
from notary.town import AT, lived
from tanpuhui.access import approve
from tanpuhui.access.audit import record
from tanpuhui.access.hold import hold
from tanpuhui.access.models import Approval, Organisation
from tanpuhui.access.organise import organise
from tanpuhui.console import jobs
from tanpuhui.console.models import Job
from tanpuhui.disclosure.models import Statement
from tanpuhui.erasure.erase import VERB, arguments_of
from tanpuhui.erasure.plan import KEEP, PERSONAL, SEALED, Table, tables
from tanpuhui.evidence.models import QuarantinedRow, SubjectLink
from tanpuhui.integrity.answer import answer
from tanpuhui.integrity.appeal import Against, appeal
from tanpuhui.kit.home import home
from tanpuhui.rights.answer import refuse
from tanpuhui.rights.ask import ask
from tanpuhui.rights.models import Carried, Request
from tanpuhui.rights.visit import open_visit

#: A day that is nobody's birthday but theirs.
BORN = date(1931, 7, 19)
LAKE, ROW = "cnlakesource", "cnquarantine"
#: Places that words reach through verbs, since they are sealed on the way.
THROUGH_VERBS = {
    ("rights_request", "words"),
    ("rights_request_step", "words"),
    ("rights_visit", "reason"),
    ("integrity_answer", "reason"),
    ("vault.appeal_words", "words"),
    ("disclosure_statement", "content"),
    ("access_audit_entry", "reason"),
    ("access_approval", "reason"),
    ("access_approval", "decision_reason"),
    ("console_job", "reason"),
    ("rights_carried", "content"),
}


def mark(table: str, column: str) -> str:
    """The mark of a place: ten letters, so that the narrowest column takes it."""
    return "cn" + hashlib.sha256(f"{table}.{column}".encode()).hexdigest()[:8]


def places() -> list[tuple[Table, str]]:
    """Every place that can hold something about a person, as the list of all columns has it."""
    return [
        (table, column.name)
        for table in tables()
        for column in table.columns
        if column.holds in (PERSONAL, SEALED)
    ]


def lived_in_every_place(town: Town) -> tuple[int, int]:
    """A town in which everything happened, one of its people with a mark in every place; that account and another."""
    lived(town)
    account, other = SubjectLink.objects.order_by("account_id").values_list("account_id", flat=True)[:2]
    later = DAY + timedelta(days=1)
    with transaction.atomic():
        town.take(
            metro(f"{LAKE}1", "a", 5_000, day=later),
            metro("other", "b", 5_000, day=later),
            act("second_hand_sale", f"{LAKE}2", "a", day=later, pieces=1, product=1),
            metro("revised", "a", 4_000, day=later),
            {"source_id": ROW, "person": "a", "kind": "metro_trip", "started_at": "soon"},
        )
        town.take(metro("revised", "a", 3_000, day=later, revision=1, action="report"))
    town.close(later)
    for sent in town.folder.glob("batch-*.ndjson"):
        sent.unlink()
    with transaction.atomic():
        _through_verbs(account)
        _by_force(account)
    return account, other


def agreed(account: int, at: datetime = AT) -> Request:
    """The request to erase, and a colleague's yes."""
    with transaction.atomic():
        request = Request.objects.filter(account=account, kind=Request.ERASURE).first()
        request = request or ask(account, Request.ERASURE, "everything, please", at=at)
        approval = approve.ask(VERB, arguments_of(request), reason="asked for", by=user(), at=at)
        approve.decide(approval.pk, yes=True, reason="seen", by=user(), at=at)
    return request


def _through_verbs(account: int) -> None:
    staff = user()
    hold(user(f"{mark('vault.user', 'email')}@example.org"), account, at=AT)
    asked = ask(account, "correction", f"{mark('rights_request', 'words')} is wrong", at=AT)
    refuse(asked.pk, f"no, {mark('rights_request_step', 'words')} is right", at=AT)
    reason = mark("rights_visit", "reason")
    open_visit(account, clerk=staff.pk, organisation="o", document="passport", reason=reason, at=AT)
    made = appeal(
        Against(account, 7, DAY, "duplicate_of", "sha256:00"), mark("vault.appeal_words", "words"), at=AT
    )
    answer(made.pk, uphold=True, reason=mark("integrity_answer", "reason"), by=staff, at=AT)
    said = {"name": mark("disclosure_statement", "content")}
    grant = consent(account=account)
    Statement.objects.create(grant=grant, recipient="bank", content=said, jws="a..b", made_at=AT)
    Carried.objects.create(
        account=account,
        digest="sha256:00",
        controller="elsewhere",
        made_at=AT,
        content={"words": mark("rights_carried", "content")},
        at=AT,
    )
    _agreed_upon(account)
    record(
        "counter_look",
        who=staff,
        at=AT,
        object_kind="account",
        object_key=account,
        reason=mark("access_audit_entry", "reason"),
    )


def _agreed_upon(account: int) -> None:
    """What staff wrote when one asked for a claw-back and another agreed, and the work that came of it."""
    verb, arguments = "account.claw_back", {"account": account, "lot": "L-1", "amount_mg": 1}
    asker = user()
    asked = approve.ask(verb, arguments, reason=mark("access_approval", "reason"), by=asker, at=AT)
    said = mark("access_approval", "decision_reason")
    approve.decide(asked.pk, yes=False, reason=said, by=user(), at=AT)
    made = organise(Organisation.OPERATOR, "centre", name_zh="中心", name_en="Centre", at=AT)
    why = mark("console_job", "reason")
    job = jobs.ask(verb, arguments, by=asker, organisation=made, at=AT, reason=why)
    jobs.finish(job, {}, done=False, at=AT)
    assert (Approval.objects.get(pk=asked.pk).decision_reason, Job.objects.get().reason) == (said, why)


def _by_force(account: int) -> None:
    """One row more in every other table that has a personal column, past triggers and keys."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id FROM vault.holder WHERE account = %s", [account])
        (who,) = cursor.fetchone()
        cursor.execute("SELECT max(id) FROM consent_grant WHERE resident_id = %s", [account])
        (grant,) = cursor.fetchone()
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in tables():
            wanted = [one.name for one in table.personal if (table.name, one.name) not in THROUGH_VERBS]
            if table.action != KEEP and wanted and table.name != "evidence_quarantinedrow":
                _plant(cursor, table, wanted, {"account": account, "user": who, "grant": grant})
        cursor.execute("INSERT INTO vault.subject_link VALUES (%s, %s, %s)", [NUMBER, account, AT])
        cursor.execute(
            "INSERT INTO transparency_credential "
            "(id, kind, subject, sequence, status_list, status_index, jwt, issued_at) "
            "VALUES (%s, 'x', %s, 1, 1, 1, 'x', %s)",
            [NUMBER, f"account:{account}:x", AT],
        )
        cursor.execute(
            "INSERT INTO integrity_flag (id, record_id, account, day, pattern, found_at) "
            "VALUES (%s, 1, %s, %s, 'x', %s)",
            [NUMBER, account, DAY, AT],
        )
        cursor.execute("SET LOCAL session_replication_role = origin")


def _plant(cursor: Any, table: Table, wanted: list[str], who: dict[str, Any]) -> None:
    columns = _columns(cursor, table)
    kinds = {name: kind for name, kind, _ in columns}
    given = {column: _marked(kinds[column], table, column) for column in wanted}
    if table.name == "vault.user":
        sets = ", ".join(f'"{name}" = %s' for name in given)
        cursor.execute(f"UPDATE {table.quoted} SET {sets} WHERE id = %s", [*given.values(), who["user"]])
        return
    for name, kind, needed in columns:
        if name in KEYS:
            given[name] = KEYS[name](who)
        elif needed and name not in given:
            given[name] = NUMBER if name == "id" and kind != "uuid" else DEFAULTS[kind]
    given |= EXTRA.get(table.name, {})
    names, values = ", ".join(f'"{name}"' for name in given), ", ".join(["%s"] * len(given))
    cursor.execute(f"INSERT INTO {table.quoted} ({names}) VALUES ({values})", list(given.values()))


#: A number that no row of the town has.
NUMBER = 900_000
KEYS: dict[str, Any] = {
    "account": lambda who: who["account"],
    "account_id": lambda who: NUMBER,
    "resident_id": lambda who: who["account"],
    "user_id": lambda who: who["user"],
    "grant_id": lambda who: who["grant"],
    "group_id": lambda who: EXTRA["community_group"]["id"],
    "email_address_id": lambda who: NUMBER,
}
DEFAULTS: dict[str, Any] = {
    "bigint": NUMBER,
    "bytea": b"x",
    "integer": 1,
    "smallint": 1,
    "boolean": False,
    "text": "x",
    "uuid": "00000000-0000-4000-8000-000000000001",
    "timestamp with time zone": AT,
    "date": date(2026, 3, 1),
    "jsonb": "{}",
}
EXTRA: dict[str, dict[str, Any]] = {
    "integrity_verdict": {"decision": "confirmed"},
    "vault.invitation": {
        "email": f"{mark('vault.user', 'email')}@example.org",
        "role": "member",
        "expires_at": AT + timedelta(days=1),
    },
    "community_group": {"kind": "family", "id": "00000000-0000-4000-8000-000000000001"},
    "community_goal": {"month": date(2026, 3, 1)},
    "access_api_token": {"expires_at": AT + timedelta(days=1)},
    "disclosure_reference_code": {"expires_at": AT + timedelta(days=1)},
}


def _columns(cursor: Any, table: Table) -> list[tuple[str, str, bool]]:
    """Names, types, and whether a row needs a value there."""
    cursor.execute(
        "SELECT attname, split_part(format_type(atttypid, NULL), '(', 1), attnotnull AND NOT atthasdef "
        "FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        [table.quoted],
    )
    rows = cursor.fetchall()
    return [(name, "text" if kind.startswith("character") else kind, needed) for name, kind, needed in rows]


def _marked(kind: str, table: Table, column: str) -> Any:
    text = mark(table.name, column)
    if kind == "bytea":
        return text.encode()
    if kind == "jsonb":
        return json.dumps({"said": text})
    if kind == "date":
        return BORN
    if column == "email":
        return f"{mark('vault.user', 'email')}@example.org"
    return text


def in_lake(town: Town, words: str) -> int:
    """In how many files of the lake some words are, in any column of any row."""
    found = 0
    for path in town.places.lake.rglob("*.parquet"):
        found += any(words in str(value) for value in pq.read_table(path).to_pylist())
    return found


def in_files(words: str) -> list[str]:
    """Files of the home in which the bytes of some words are, but for the database's own."""
    return [
        str(path)
        for path in home().rglob("*")
        if path.is_file() and "postgres" not in path.parts and words.encode() in path.read_bytes()
    ]


def quarantined() -> int:
    """How many refused rows there are."""
    return QuarantinedRow.objects.count()
