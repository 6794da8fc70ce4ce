"""Database: settings that lose nothing, privileges that edit nothing, sessions that hold nobody up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from tanpuhui.kit import time_limit
from tanpuhui.operation.finding import MUCH_TOO_SLOW_MS, SLOW_MS, Finding, median_ms
from tanpuhui.operation.server import SLOT
from tanpuhui.project.database import APP_ROLE, mutable_tables

MUST_BE = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
#: Off loses acknowledged commits when the machine falls over.
COMMITS = ("on", "remote_write", "remote_apply", "local")
OLDEST_VERSION = 150_000
#: A transaction open so long keeps rows from being cleaned; a session waiting so long is held up by another.
OPEN_S, WAITING_S = 600, 30
#: Transactions' numbers are 32 bits; autovacuum freezes from 200 million on.
AGE = 1_000_000_000
CLOCK_S = 2.0
#: A shorter limit of time is found: a taking is one transaction, and a day of a large city takes the better part of it.
LEAST_LIMIT_MS = 3_600_000
#: What the server keeps for a follower that does not come.
KEPT_BYTES = 2_000_000_000


def look(cursor: CursorWrapper, at: datetime) -> Iterator[Finding]:
    """Everything below, with the owner's connection."""
    yield from settings(cursor)
    yield from privileges(cursor)
    yield from sessions(cursor)
    yield from speed(cursor)
    yield from numbers(cursor)
    yield from clock(cursor, at)
    yield from follower(cursor)


def settings(cursor: CursorWrapper) -> Iterator[Finding]:
    cursor.execute(
        "SELECT current_setting('server_version_num')::integer, current_setting('synchronous_commit')"
    )
    version, commits = cursor.fetchone()
    if version < OLDEST_VERSION:
        yield Finding(
            "database.too_old", True, f"PostgreSQL is {version // 10_000}.", "Move to PostgreSQL 15 or later."
        )
    if commits not in COMMITS:
        yield Finding(
            "database.loses_commits",
            True,
            f"synchronous_commit is {commits}: what was acknowledged may be gone after a power cut.",
            "Run ALTER SYSTEM SET synchronous_commit = on; SELECT pg_reload_conf().",
        )
    for name, must in MUST_BE.items():
        cursor.execute("SELECT current_setting(%s)", [name])
        (found,) = cursor.fetchone()
        if found != must:
            yield Finding(
                "database.setting",
                True,
                f"{name} is {found}.",
                f"Run ALTER SYSTEM SET {name} = {must}; SELECT pg_reload_conf().",
            )


def time_limits(cursor: CursorWrapper) -> Iterator[Finding]:
    """Limits of the application's own sessions that a large file, or any file on a slow disk, does not keep."""
    cursor.execute(
        "SELECT name, setting::bigint, session_user FROM pg_settings WHERE name = ANY (%s) "
        "AND setting::bigint BETWEEN 1 AND %s ORDER BY name",
        [sorted(time_limit.SETTINGS.values()), LEAST_LIMIT_MS - 1],
    )
    for name, limit_ms, login in cursor.fetchall():
        yield Finding(
            "database.time_limit",
            False,
            f"{name} is {limit_ms:,} ms for {login}: what takes longer is undone, and ends the same way again.",
            f"Run ALTER ROLE {login} SET {name} = 0, and start servers and workers again.",
        )


def speed(cursor: CursorWrapper) -> Iterator[Finding]:
    """How long a commit takes that writes next to nothing."""
    took_ms = median_ms(lambda: cursor.execute("SELECT pg_logical_emit_message(true, 'tanpuhui.doctor', '')"))
    if took_ms > SLOW_MS:
        yield Finding(
            "database.commits_slow",
            took_ms > MUCH_TOO_SLOW_MS,
            f"An empty commit takes {took_ms:,.0f} ms; more than {SLOW_MS} ms are slow.",
            "Look at what else uses the disk of the database ('iostat -x 1'), at commit_delay, and at standbys that it "
            "waits for. Every answer waits for a commit; nothing is lost.",
        )


def privileges(cursor: CursorWrapper) -> Iterator[Finding]:
    """Tables that the application's role could edit though no stage lists them as such."""
    cursor.execute(
        "SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname IN ('public', 'vault') AND c.relkind IN ('r', 'p') "
        "AND (has_table_privilege(%s, c.oid, 'UPDATE') OR has_table_privilege(%s, c.oid, 'DELETE') "
        "  OR has_table_privilege(%s, c.oid, 'TRUNCATE')) ORDER BY 1",
        [APP_ROLE, APP_ROLE, APP_ROLE],
    )
    tables = sorted({name for (name,) in cursor.fetchall()} - set(mutable_tables()))
    if tables:
        yield Finding(
            "database.may_edit",
            True,
            f"The application's role may edit {', '.join(tables)}.",
            f"Find out who gave it that, REVOKE UPDATE, DELETE, TRUNCATE from {APP_ROLE}, and run 'tanpuhui audit'.",
        )


def sessions(cursor: CursorWrapper) -> Iterator[Finding]:
    cursor.execute(
        "SELECT pid, extract(epoch FROM now() - xact_start)::integer FROM pg_stat_activity "
        "WHERE datname = current_database() AND xact_start < now() - make_interval(secs => %s) "
        "AND backend_type = 'client backend' ORDER BY xact_start LIMIT 1",
        [OPEN_S],
    )
    row = cursor.fetchone()
    if row:
        yield Finding(
            "database.long_transaction",
            False,
            f"Session {row[0]} has had a transaction open for {row[1]} s.",
            "A taking on a slow disk takes so long by itself, and would begin again. If it is none and nobody waits "
            f"for it, end it: SELECT pg_terminate_backend({row[0]}).",
        )
    cursor.execute(
        "SELECT pid, pg_blocking_pids(pid), wait_event = 'advisory' FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database() "
        "AND state_change < now() - make_interval(secs => %s) ORDER BY 3 LIMIT 1",
        [WAITING_S],
    )
    row = cursor.fetchone()
    if row:
        yield Finding(
            "database.held_up",
            not row[2],
            f"Session {row[0]} waits for {', '.join(map(str, row[1])) or 'another'} for more than {WAITING_S} s.",
            "It waits for its turn, and goes on when the other has ended; on a slow disk that takes long."
            if row[2]
            else "Look at pg_stat_activity for what the other does; end it if it is stuck.",
        )
    cursor.execute(
        "SELECT count(*), current_setting('max_connections')::integer FROM pg_stat_activity "
        "WHERE backend_type = 'client backend'"
    )
    used, most = cursor.fetchone()
    if used * 10 >= most * 9:
        yield Finding(
            "database.connections",
            True,
            f"{used} of {most} connections are used.",
            "Run fewer workers ('tanpuhui serve --workers'), or raise max_connections and start the server again.",
        )


def numbers(cursor: CursorWrapper) -> Iterator[Finding]:
    cursor.execute("SELECT age(datfrozenxid) FROM pg_database WHERE datname = current_database()")
    (age,) = cursor.fetchone()
    if age > AGE:
        yield Finding(
            "database.numbers_run_out",
            True,
            f"The oldest row is {age:,} transactions old; the server stops at 2,100,000,000.",
            "See that autovacuum is on, then run VACUUM FREEZE.",
        )
    cursor.execute(
        "SELECT schemaname || '.' || sequencename, last_value, max_value FROM pg_sequences "
        "WHERE last_value > max_value / 2 ORDER BY 1 LIMIT 1"
    )
    row = cursor.fetchone()
    if row:
        yield Finding(
            "database.sequence_runs_out",
            False,
            f"{row[0]} is at {row[1]:,} of {row[2]:,}.",
            "Plan a migration to a wider column before it ends.",
        )


def clock(cursor: CursorWrapper, at: datetime) -> Iterator[Finding]:
    cursor.execute("SELECT extract(epoch FROM clock_timestamp() - %s)", [at])
    apart = abs(float(cursor.fetchone()[0]))
    if apart > CLOCK_S:
        yield Finding(
            "database.clock",
            True,
            f"The clock of the database and of this machine are {apart:.1f} s apart.",
            "Set both by the same time server.",
        )


def follower(cursor: CursorWrapper) -> Iterator[Finding]:
    """A follower that stopped: the server keeps everything for it, until the disk is full."""
    cursor.execute(
        "SELECT active, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint FROM pg_replication_slots "
        "WHERE slot_name = %s",
        [SLOT],
    )
    row = cursor.fetchone()
    if row and not row[0]:
        yield Finding(
            "backup.not_followed",
            (row[1] or 0) > KEPT_BYTES,
            f"Nobody follows this database any more; {(row[1] or 0) / 1e6:,.0f} MB are kept for whoever comes back.",
            "Start 'tanpuhui backup follow' again, or 'tanpuhui backup end'.",
        )
