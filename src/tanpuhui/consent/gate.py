"""Gate: whether a grant lets an act be processed, for one act and for a whole city at a close.

A grant lets an act through when it was given for its provider and kind, covers the whole of it, from its start to its
end, and is in force when it is processed. An end counts from the moment it is recorded, even if it is dated
later; a beginning counts from its own moment.

**No interleaving credits an act that no grant covered.** Whoever adds a step to a grant's stream holds the advisory
lock shared until they commit: a trigger on the stream sees to that, for every client, before the step gets its
number. A close holds the same lock exclusively twice: when it takes its snapshot with the mark, the number of the last
step, and again when it posts, until it commits. So while it holds the lock no step is under way; the snapshot has every
step up to the mark and nothing after it; and a step that ends a grant either was in the snapshot, or has a higher
number than the mark and is seen by :func:`ended_since` before posting, or is recorded after the posting was
committed, and then it stops further processing and leaves what was credited (PIPL article 15).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

import pyarrow as pa
from django.db import connection as database
from pyarrow import csv

from tanpuhui.consent.artefact import verify_artefact
from tanpuhui.consent.models import LOCK_KEY, Grant
from tanpuhui.consent.refusals import GrantRowAltered
from tanpuhui.consent.state import ENDING, VALID

REPORTING = ("quantification", "platform")

#: One row for each grant that was ever given; ``kinds`` are sorted and joined by commas.
SCHEMA = pa.schema(
    [
        ("account_id", pa.int64()),
        ("provider", pa.string()),
        ("kinds", pa.string()),
        ("from_us", pa.int64()),
        ("to_us", pa.int64()),
        ("usable", pa.bool_()),
        ("reason", pa.string()),
        ("grant_id", pa.int64()),
    ]
)
_PIECE_BYTES = 16_000_000


class Connection(Protocol):
    """What ``django.db.connection`` and ``psycopg.Connection`` have in common."""

    def cursor(self) -> Any:
        """A cursor with ``execute``, ``fetchone``, ``fetchall`` and ``copy``."""


class Reason(StrEnum):
    """Why an act may not be processed; the ends of a record at the close have the same names.

    ``withdrawn``: a grant covers it and is not in force (withdrawn, paused, expired, superseded or terminated).
    ``no_grant`` includes one that was asked for, refused, or has not begun.
    """

    NO_GRANT = "no_grant"
    WITHDRAWN = "withdrawn"
    OUTSIDE_RANGE = "outside_range"


@dataclass(frozen=True)
class Allowed:
    """The grant under which an act may be processed."""

    grant_id: int


def _quoted(states: frozenset[Any]) -> str:
    return ", ".join(f"'{state.value}'" for state in sorted(states))


def _moment(at: datetime) -> str:
    assert at.tzinfo is not None, "a moment without a zone is not a moment"
    return f"TIMESTAMPTZ '{at.astimezone(UTC).isoformat()}'"


def _grants(at: datetime, purpose: str, recipient: str, whose: str = "TRUE") -> str:
    """Grants that were given and have begun, with whether each may be used at a moment."""
    now = _moment(at)
    usable = f"last.state IN ({_quoted(VALID)}) AND last.at <= {now} AND {now} < g.expires_at"
    return f"""
        SELECT g.resident_id AS account_id, g.provider, array_to_string(g.kinds, ',') AS kinds,
            g.acts_from_us AS from_us, g.acts_to_us AS to_us, {usable} AS usable,
            CASE WHEN {usable} THEN '' ELSE '{Reason.WITHDRAWN.value}' END AS reason, g.id AS grant_id
        FROM consent_grant AS g JOIN (
            SELECT DISTINCT ON (e.grant_id) e.grant_id, e.state, e.at FROM consent_grant_event AS e
            WHERE {whose} ORDER BY e.grant_id, e.seq DESC
        ) AS last ON last.grant_id = g.id
        WHERE g.purpose = '{purpose}' AND g.recipient = '{recipient}' AND g.begins_at <= {now}
            AND last.state NOT IN ('Requested', 'Refused') AND (last.state <> 'ConsentGiven' OR last.at <= {now})
        ORDER BY g.resident_id, g.id
    """


def allows(
    account: int,
    provider: str,
    kind: str,
    *,
    started_us: int,
    ended_us: int,
    at: datetime,
    purpose: str = REPORTING[0],
    recipient: str = REPORTING[1],
    hold: bool = False,
) -> Allowed | Reason:
    """Whether one act may be processed at a moment, or one disclosure made; the artefact's signature is checked.

    With ``hold``, no grant of this resident can change until the caller's transaction ends: what is written in it
    is written under a grant that was in force when it was committed.
    """
    with database.cursor() as cursor:
        if hold:
            cursor.execute("SELECT id FROM consent_resident WHERE id = %s FOR SHARE", [account])
        whose = f"e.grant_id IN (SELECT id FROM consent_grant WHERE resident_id = {int(account)})"
        cursor.execute(_grants(at, _code(purpose), _code(recipient), whose))
        names = SCHEMA.names
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    named = [row for row in rows if row["provider"] == provider and kind in row["kinds"].split(",")]
    covering = [row for row in named if row["from_us"] <= started_us and ended_us < row["to_us"]]
    usable = [row for row in covering if row["usable"]]
    if usable:
        check_artefact(Grant.objects.get(pk=usable[0]["grant_id"]))
        return Allowed(usable[0]["grant_id"])
    if covering:
        return Reason.WITHDRAWN
    return Reason.OUTSIDE_RANGE if named else Reason.NO_GRANT


def check_artefact(grant: Grant) -> dict[str, Any]:
    """The signed content of a grant; refuses a row that is not what was signed."""
    content = verify_artefact(grant.token)
    for field, stored, signed in _compared(grant, content):
        if stored != signed:
            raise GrantRowAltered(grant=grant.pk, field=field)
    return content


def _compared(grant: Grant, content: dict[str, Any]) -> Iterator[tuple[str, object, object]]:
    yield "id", grant.pk, content["id"]
    yield "account", grant.resident_id, content["principal"]
    yield "provider", grant.provider, content["provider"]["id"]
    yield "recipient", grant.recipient, content["recipient"]["id"]
    yield "purpose", grant.purpose, content["purpose"]["code"]
    yield "kinds", grant.kinds, content["activity_types"]
    yield "acts_from_us", grant.acts_from_us, content["data_range"]["from_us"]
    yield "acts_to_us", grant.acts_to_us, content["data_range"]["to_us"]
    yield "begins_at", grant.begins_at, datetime.fromisoformat(content["start"])
    yield "expires_at", grant.expires_at, datetime.fromisoformat(content["expiry"])
    yield "supersedes", grant.supersedes_id, content["supersedes"]
    yield "guardian", grant.guardian_id, content["guardian"]


def snapshot(connection: Connection, at: datetime) -> Iterator[pa.Table]:
    """Every grant for reporting to the platform as of a moment, in pieces of :data:`SCHEMA`, by account and grant."""
    query = f"COPY ({_grants(at, *REPORTING)}) TO STDOUT (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        rest = bytearray()
        for block in copy:
            rest += block
            if len(rest) >= _PIECE_BYTES:
                cut = rest.rindex(b"\n") + 1
                yield _table(bytes(rest[:cut]))
                del rest[:cut]
        if rest:
            yield _table(bytes(rest))


def snapshot_with_mark(connection: Connection, at: datetime) -> tuple[pa.Table, int]:
    """The snapshot in one piece, and the number of the last step that it has seen.

    Call it under :func:`lock_for_close`. The same grants give the same table, chunk for chunk.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM consent_grant_event")
        (mark,) = cursor.fetchone()
    table = pa.concat_tables([SCHEMA.empty_table(), *snapshot(connection, at)])
    return table.combine_chunks(), int(mark)


def ended_since(connection: Connection, mark: int) -> tuple[int, ...]:
    """Accounts with a grant that was ended or paused after the mark, ascending; empty when there are none.

    Call it under :func:`lock_for_close`, in the transaction that posts.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT g.resident_id FROM consent_grant_event AS e JOIN consent_grant AS g ON g.id = e.grant_id "
            f"WHERE e.id > %s AND e.state IN ({_quoted(ENDING)}) ORDER BY g.resident_id",
            [mark],
        )
        return tuple(account for (account,) in cursor.fetchall())


def allowed_now(connection: Connection, *, purpose: str, recipient: str, at: datetime) -> dict[int, int]:
    """Everybody whose grant for a purpose and recipient may be used at a moment, with the newest such grant.

    Under :func:`lock_for_close` nobody's answer changes until the transaction ends.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT account_id, max(grant_id) FROM ({_grants(at, _code(purpose), _code(recipient))}) AS found "
            "WHERE usable GROUP BY account_id ORDER BY account_id"
        )
        return dict(cursor.fetchall())


def lock_for_close(connection: Connection) -> None:
    """Wait until no step of any grant is under way, and keep it so until the transaction ends.

    The transaction must be READ COMMITTED, so that what is read next sees all that was waited for.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK_KEY])
        cursor.execute(
            "SELECT current_setting('transaction_isolation'), EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' "
            "AND pid = pg_backend_pid() AND mode = 'ExclusiveLock' AND granted "
            "AND (classid::bigint << 32 | objid::bigint) = %s)",
            [LOCK_KEY],
        )
        isolation, is_held = cursor.fetchone()
    assert isolation == "read committed", "a close must see what it waited for: use READ COMMITTED"
    assert is_held, "the lock of a close lasts as long as its transaction: open one first"


def _code(value: str) -> str:
    assert value.replace("_", "").replace("-", "").isalnum(), (
        "a code of letters, digits, underscores, hyphens"
    )
    return value


def _table(content: bytes) -> pa.Table:
    return csv.read_csv(
        pa.BufferReader(content),
        read_options=csv.ReadOptions(column_names=SCHEMA.names, use_threads=False),
        convert_options=csv.ConvertOptions(
            column_types=SCHEMA, true_values=["t"], false_values=["f"], strings_can_be_null=False
        ),
    )
