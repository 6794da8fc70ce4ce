"""Posting: a day's credits into residents' accounts, fsync on, in one transaction: postings a second and bytes each.

Run: .venv/bin/python bench/post.py [--postings 1000000] [--residents 500000] [--assets 1] [--days 5]
     [--set NAME=VALUE ...]
A new embedded cluster in a temporary folder, as an installation has it (``--set`` changes a setting of the server,
to compare). Timed from the columns to the end of COMMIT: digest, encoding, COPY, the rules in the database,
balances, index summary, and what is judged at COMMIT: the batch against the manifest of its day. Day 1 makes the
balances; the days after it update them. At the end every invariant is checked, and a statement is read.
"""

from __future__ import annotations

import argparse
import statistics
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from machine import installation, ran_on, settings

FIRST_DAY = datetime(2026, 3, 2, 1, tzinfo=UTC)


def main() -> None:
    arguments = parse()
    with installation(arguments.set):
        from tanpuhui.project.embedded import SETTINGS

        run(arguments, {**SETTINGS, **settings(arguments.set)})


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--postings", type=int, default=1_000_000)
    parser.add_argument("--residents", type=int, default=500_000)
    parser.add_argument("--assets", type=int, default=1)
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


def run(arguments: argparse.Namespace, has: dict[str, str]) -> None:
    from django.db import connection

    from tanpuhui.ledger.asset import get_or_create_asset

    codes = [f"pending:bench/{number}@1:2026" for number in range(arguments.assets)]
    assets = [get_or_create_asset(connection, code).id for code in codes]
    print(f"{ran_on()}, {has}")
    rates = []
    for number in range(arguments.days):
        at = FIRST_DAY + timedelta(days=number)
        disk, wal = journal_bytes(connection), wal_bytes(connection)
        seconds = post_day(connection, make_legs(arguments, assets, seed=at.day), at)
        disk, wal = journal_bytes(connection) - disk, wal_bytes(connection) - wal
        rates.append(arguments.postings / seconds)
        each = f"{disk / arguments.postings:.1f} B of journal and index, {wal / arguments.postings:.0f} B of WAL each"
        print(f"day {number + 1}: {seconds:.2f} s, {rates[-1]:,.0f} postings/s, {each}")
    print(f"median {statistics.median(rates):,.0f} postings/s over {arguments.days} days")
    look(connection)


def post_day(connection: Any, legs: Any, at: datetime, body: dict[str, Any] | None = None) -> float:
    """Post one day with its manifest, as a close does, and commit; returns seconds. A body given is of another day."""
    from django.db import transaction

    from tanpuhui.close.models import Manifest
    from tanpuhui.ledger.post_batch import post_batch

    digest, credited_mg = f"sha256:{at.date()}", int(legs.credited())
    given = body or {"inputs": {}, "outputs": [{"credited_mg": credited_mg}]}
    body = {
        **given,
        "inputs": {**given["inputs"], "day": at.date().isoformat()},
        "credited_mg": credited_mg,
        "previous": None,
    }
    start = time.perf_counter()
    with transaction.atomic():
        post_batch(
            connection,
            key=f"close:{digest}",
            manifest=digest,
            reason="close",
            effective_on=at.date(),
            legs=legs,
            at=at,
        )
        Manifest.objects.create(
            digest=digest,
            day=at.date(),
            sequence=1,
            as_of=at,
            body=body,
            activities=len(legs),
            credited_mg=credited_mg,
            posted_at=at,
        )
    return time.perf_counter() - start


def make_legs(arguments: argparse.Namespace, assets: list[int], seed: int) -> Any:
    """Every resident has as many credits as any other; amounts of 1 mg to 5 g are drawn with a seed."""
    from tanpuhui.ledger.account import Kind
    from tanpuhui.ledger.legs import Legs

    count = arguments.postings
    owner = np.arange(count, dtype=np.int64) * arguments.residents // count + 1
    number = np.arange(count, dtype=np.int64)
    return Legs(
        account_id=owner * 16 + Kind.RESIDENT_PENDING,
        asset_id=np.array(assets, np.int64)[number % len(assets)],
        amount=np.random.default_rng(seed).integers(1, 5_000, count),
        ref=number,
        code=number % len(assets) + 1,
    )


def look(connection: Any) -> None:
    """Check every invariant, and read one resident's statement."""
    from tanpuhui.ledger.invariants import check
    from tanpuhui.ledger.statement import statement

    start = time.perf_counter()
    findings = check(connection)
    print(f"check: {len(findings)} findings in {time.perf_counter() - start:.1f} s")
    times = []
    for owner in range(1_000, 11_000, 500):
        start = time.perf_counter()
        statement(connection, owner, at=FIRST_DAY + timedelta(days=30))
        times.append((time.perf_counter() - start) * 1_000)
    print(f"statement: {statistics.median(times):.2f} ms, at most {max(times):.2f} ms")


def journal_bytes(connection: Any) -> int:
    return int(number_of(
        connection,
        "SELECT coalesce(sum(pg_total_relation_size(relid)), 0) FROM pg_partition_tree('ledger_posting')",
    ))  # fmt: skip


def wal_bytes(connection: Any) -> int:
    return int(number_of(connection, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn"))


def number_of(connection: Any, query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


if __name__ == "__main__":
    main()
