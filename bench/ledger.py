"""The ledger beside the other common design of one in PostgreSQL, in one run, fsync on.

Run: .venv/bin/python bench/ledger.py [--accounts 100000] [--balances 1000000|5000000|25000000] [--seconds 5]
     [--rounds 3] [--clients 1,2,8,20] [--only PART ...] [--peer-ids ulid|uuid] [--set wal_compression=lz4 ...]
A new embedded cluster in a temporary folder, as an installation has it. pgbench calls one function for each, in
prepared statements, on the same cores as the server. The peer is ``bench/peer.py``: pgledger's design, written anew,
with the same promises (once under a key, sum zero, no balance below zero, only added to). Each round runs the peer and
then ours; what is printed are medians of the rounds and of their ratios, so that a busy neighbour meets both.

Parts: ``transfer`` between any two accounts at each number of clients, and in the same turns what the least schema
(``bench/least.py``) and one row with its commit do: the ceilings of that run; ``hot``, all from one account;
``hold``, a hold, a commit, a capture, a commit (the peer: to an account beside, and on); ``many``, a thousand
transfers in one call; ``batch``, a day's credits for half a million residents in one transaction where ``--balances``
balances are kept (the peer: calls of a thousand); ``read``, balance now, a page of a statement and balance at a time
of accounts drawn from all (median and 99 % of a hundred). At the end every invariant of both is checked, and how long
that takes is told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import least
import numpy as np
import peer
from machine import Tool, execute, in_turns, installation, median_ratio, ran_on, settings, value_of
from post import journal_bytes, post_day, wal_bytes

EACH = 1_000_000_000
PARTS = ("transfer", "hot", "hold", "many", "batch", "read")
#: Of the issue that asked for this: how many times the peer at every number of clients, postings a second, bytes each.
TIMES_THE_PEER, POSTINGS_PER_S, JOURNAL_B = 4, 350_000, 80
#: With 25 million balances kept, and WAL compressed by lz4.
POSTINGS_PER_S_AT_25M = 225_000
RESIDENTS = 500_000
READ = 100
POSTINGS = 1_000_000
FILL_AT_ONCE = 1_000_000
FIRST_DAY = datetime(2026, 3, 2, 1, tzinfo=UTC)

#: A resident other than the first, drawn without a branch.
PAIR = """\\set source random(1, {accounts})
\\set target (:source + random(1, {accounts} - 1) - 1) % {accounts} + 1
"""
TRANSFER = """SELECT ledger_transfer(gen_random_uuid()::text, repeat('d', 64), 'bench', current_date, now(), NULL,
    ARRAY[:source * 16::bigint + 8, :target * 16::bigint + 8], ARRAY[{asset}, {asset}], ARRAY[-1, 1]::bigint[],
    ARRAY[0, 0]::bigint[], ARRAY[0, 0]::smallint[]);
"""
PEER_TRANSFER = (
    f"SELECT peer.move(gen_random_uuid()::text, {peer.name(':source')}, {peer.name(':target')}, 1);\n"
)
HOT = "\\set source 1\n\\set target random(2, {accounts})\n"
HOLD = """\\set source random(1, {accounts})
SELECT (ledger_hold(gen_random_uuid()::text, repeat('d', 64), 'bench', now(), NULL, ARRAY[:source * 16::bigint + 8],
    ARRAY[{asset}], ARRAY[1::bigint])).id \\gset
SELECT ledger_capture(gen_random_uuid()::text, repeat('d', 64), 'bench', current_date, now(), :id, ARRAY[1],
    ARRAY[14::bigint], ARRAY[1::bigint], ARRAY[0::bigint], ARRAY[0::smallint]);
"""
PEER_HOLD = (
    "\\set source random(1, {accounts})\n\\set beside :source + {accounts}\n"
    f"SELECT peer.move(gen_random_uuid()::text, {peer.name(':source')}, {peer.name(':beside')}, 1);\n"
    f"SELECT peer.move(gen_random_uuid()::text, {peer.name(':beside')}, {peer.name('0')}, 1);\n"
)
CALL = 1_000
MANY = """\\set first random(1, {last})
SELECT count(*) FROM (
    SELECT array_agg(gen_random_uuid()::text) AS keys, array_agg(repeat('d', 64)) AS digests,
           array_agg((:first + n) * 16::bigint + 8) AS sources, 
           array_agg((:first + {call} + n) * 16::bigint + 8) AS targets,
           array_agg({asset}) AS assets, array_agg(1::bigint) AS amounts, array_agg(0::bigint) AS refs,
           array_agg(0::smallint) AS codes
    FROM generate_series(1, {call}) AS n) o,
LATERAL ledger_transfer_many(o.keys, o.digests, 'bench', current_date, now(), o.sources, o.targets, o.assets,
                             o.amounts, o.refs, o.codes) answer WHERE answer.state = 'posted';
"""
PEER_MANY = (
    "\\set first random(1, {last})\nSELECT peer.move_many(array_agg(gen_random_uuid()::text), "
    f"array_agg({peer.name(':first + n')}), array_agg({peer.name(':first + {call} + n')}), array_agg(1::numeric)) "
    "FROM generate_series(1, {call}) AS n;\n"
)


def main() -> None:
    given = parse()
    with installation(given.set) as home:
        print(json.dumps(Bench(given, home).run(), indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--balances", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--days", type=int, default=3)
    parser.add_argument("--clients", default="1,2,8,20")
    parser.add_argument("--peer-ids", choices=("ulid", "uuid"), default="ulid")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    return parser.parse_args()


class Bench:
    """One run: what was given, where, and both ledgers filled."""

    def __init__(self, given: argparse.Namespace, home: Path) -> None:
        from tanpuhui.project.database import url

        self.given, self.tool, self.kept = given, Tool(url(), home), 0
        self.clients = [int(number) for number in given.clients.split(",")]
        self.asset = fill_ours(given.accounts)
        execute(*peer.filled(given.accounts, EACH, plain_ids=given.peer_ids == "uuid"))
        execute(*least.filled(given.accounts, EACH), "VACUUM ANALYZE")
        self.named = {
            "accounts": given.accounts,
            "asset": self.asset,
            "call": CALL,
            "last": given.accounts - 2 * CALL,
        }

    def run(self) -> dict[str, Any]:
        told = ("accounts", "seconds", "rounds", "peer_ids")
        figures: dict[str, Any] = {**ran_on(), "settings": settings(self.given.set)}
        figures |= {name: getattr(self.given, name) for name in told}
        parts: dict[str, Callable[[], Any]] = {
            "transfer": lambda: self.at_each(
                "transfer",
                PAIR + PEER_TRANSFER,
                PAIR + TRANSFER,
                least=PAIR + least.MOVE,
                commit=least.COMMIT,
            ),
            "hot": lambda: self.at_each("hot", HOT + PEER_TRANSFER, HOT + TRANSFER),
            "hold": lambda: self.at_each("hold", PEER_HOLD, HOLD),
            "many": lambda: self.at_each("many", PEER_MANY, MANY, times=CALL, clients=[1, 2]),
            "batch": self.batch,
            "read": self.read,
        }
        for name in PARTS:
            if name in self.given.only:
                figures[name] = parts[name]()
        execute("ANALYZE")
        start = time.perf_counter()
        figures["findings"] = check()
        figures["check_s"] = round(time.perf_counter() - start, 1)
        figures["load_average_after"] = os.getloadavg()[0]
        return figures

    def at_each(
        self,
        name: str,
        theirs: str,
        ours: str,
        *,
        times: int = 1,
        clients: list[int] | None = None,
        **ceilings: str,
    ) -> list[dict[str, Any]]:
        """At each number of clients, the peer, ours and what shows how much the machine gave, in turns; a second."""
        scripts = [
            self.tool.script(f"{whose}_{name}", text.format(**self.named))
            for whose, text in {"peer": theirs, "ours": ours, **ceilings}.items()
        ]
        found = []
        for number in clients or self.clients:
            loops = [self.rate(number, script, times) for script in scripts]
            turns = in_turns(self.given.rounds, *loops)
            ratio = median_ratio(turns)
            one = {
                "clients": number,
                "ours_per_s": round(statistics.median(turn[1] for turn in turns)),
                "peer_per_s": round(statistics.median(turn[0] for turn in turns)),
                "rounds": [[round(rate) for rate in turn] for turn in turns],
                "ratio": round(ratio, 2),
                "target": TIMES_THE_PEER,
                "met": ratio >= TIMES_THE_PEER,
            }
            for place, ceiling in enumerate(ceilings, 2):
                one |= {
                    f"{ceiling}_per_s": round(statistics.median(turn[place] for turn in turns)),
                    f"ours_of_{ceiling}": round(median_ratio(turns, of=1, to=place), 2),
                    f"{ceiling}_times_the_peer": round(median_ratio(turns, of=place), 2),
                }
            found.append(one)
        return found

    def rate(self, clients: int, script: Path, times: int) -> Callable[[], float]:
        """To be called for a rate a second; each transaction of the script does so many."""
        return lambda: times * self.tool.rate(clients, self.given.seconds, script)

    def batch(self) -> dict[str, Any]:
        """Days of a million credits where many balances are kept; the first days make the balances."""
        from django.db import connection

        from tanpuhui.ledger.asset import get_or_create_asset

        asset = get_or_create_asset(connection, "pending:bench/1@1:2026").id
        self.kept = kept = max(self.given.balances, RESIDENTS)
        for start in range(0, kept, FILL_AT_ONCE):
            count = min(FILL_AT_ONCE, kept - start)
            owners = np.arange(start + 1, start + count + 1, dtype=np.int64)
            post_day(
                connection, credits(owners, asset, start), FIRST_DAY + timedelta(days=start // FILL_AT_ONCE)
            )
        execute("VACUUM ANALYZE ledger_balance", "CHECKPOINT")
        owners = np.arange(POSTINGS, dtype=np.int64) * RESIDENTS // POSTINGS * (kept // RESIDENTS) + 1
        rates, journal, wal = [], [], []
        for number in range(self.given.days):
            before = journal_bytes(connection), wal_bytes(connection)
            at = FIRST_DAY + timedelta(days=100 + number)
            rates.append(POSTINGS / post_day(connection, credits(owners, asset, number), at))
            journal.append((journal_bytes(connection) - before[0]) / POSTINGS)
            wal.append((wal_bytes(connection) - before[1]) / POSTINGS)
        self.owner = int(owners[-1])
        target = POSTINGS_PER_S_AT_25M if kept >= 25_000_000 else POSTINGS_PER_S
        rate = statistics.median(rates)
        return {
            "balances": kept,
            "postings_per_s": round(rate),
            "days": [round(one) for one in rates],
            "target_per_s": target,
            "met": rate >= target,
            "journal_and_index_B": round(statistics.median(journal), 1),
            "journal_target_B": JOURNAL_B,
            "journal_met": statistics.median(journal) <= JOURNAL_B,
            "wal_B": round(statistics.median(wal)),
            "balance_table_MB": value_of("SELECT pg_total_relation_size('ledger_balance') >> 20"),
            "peer_in_calls_of_1000_per_s": round(self.peer_batch()),
        }

    def peer_batch(self) -> float:
        """The only bulk way that the peer's design has: transfers in arrays, a call for a thousand."""
        script = self.tool.script("peer_many", PEER_MANY.format(**self.named))
        return statistics.median(
            CALL * self.tool.rate(2, self.given.seconds, script) for _ in range(self.given.rounds)
        )

    def read(self) -> dict[str, Any]:
        """Balances now, pages of statements, and balances as of the day before the last, of accounts among all."""
        from django.db import connection

        from tanpuhui.ledger.account import Kind, account_id
        from tanpuhui.ledger.balance import balances, owner_balances_at
        from tanpuhui.ledger.statement import statement

        now, then = datetime.now(UTC), FIRST_DAY + timedelta(days=101)
        owners = np.random.default_rng(1).integers(1, max(self.kept, self.given.accounts) + 1, READ).tolist()
        beside = np.random.default_rng(1).integers(1, self.given.accounts + 1, READ).tolist()
        account = peer.name("%s")
        return {
            "balance_now_ms": in_ms(owners, lambda owner: balances(
                connection, [account_id(Kind.RESIDENT_PENDING, owner)])),
            "statement_ms": in_ms(owners, lambda owner: statement(connection, owner, at=now, limit=50)),
            "balance_at_ms": in_ms(owners, lambda owner: owner_balances_at(connection, owner, then)),
            "target_p99_ms": {"balance_now": 10, "statement": 50},
            "peer_statement_ms": in_ms(beside, lambda owner: rows(
                f"SELECT * FROM peer.entry WHERE account = {account} ORDER BY created_at DESC LIMIT 50", owner)),
            "peer_balance_at_ms": in_ms(beside, lambda owner: rows(
                f"SELECT peer.balance_at({account}, now() - interval '1 second')", owner)),
        }  # fmt: skip


def fill_ours(accounts: int) -> int:
    """Give everybody the same in an asset of the bench; answers its number."""
    from django.db import connection, transaction

    from tanpuhui.ledger.account import Kind
    from tanpuhui.ledger.asset import get_or_create_asset
    from tanpuhui.ledger.legs import Legs
    from tanpuhui.ledger.post_batch import post_batch

    asset = get_or_create_asset(connection, "bench").id
    owners, nothing = np.arange(1, accounts + 1, dtype=np.int64), np.zeros(accounts, np.int64)
    legs = Legs(owners * 16 + int(Kind.RESIDENT_POINTS), nothing + asset, nothing + EACH, nothing, nothing)
    at = datetime.now(UTC)
    with transaction.atomic():
        post_batch(
            connection, key="bench", manifest=None, reason="bench", effective_on=at.date(), legs=legs, at=at
        )
    return asset


def credits(owners: Any, asset: int, seed: int) -> Any:
    """Credits of 1 mg to 5 g for these owners, sorted, drawn with a seed."""
    from tanpuhui.ledger.account import Kind
    from tanpuhui.ledger.legs import Legs

    count = len(owners)
    nothing = np.zeros(count, np.int64)
    amounts = np.random.default_rng(seed).integers(1, 5_000, count)
    return Legs(
        owners * 16 + int(Kind.RESIDENT_PENDING), nothing + asset, amounts, np.arange(count), nothing + 1
    )


def in_ms(owners: Any, read: Callable[[int], Any]) -> dict[str, float]:
    """The median time of a reading, and that which one in a hundred exceeds."""
    times = []
    for owner in owners:
        start = time.perf_counter()
        read(owner)
        times.append((time.perf_counter() - start) * 1_000)
    return {
        "median": round(statistics.median(times), 2),
        "p99": round(sorted(times)[-(len(times) // 100 + 1)], 2),
    }


def rows(query: str, owner: int) -> list[Any]:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(query, [owner])
        return list(cursor.fetchall())


def check() -> list[str]:
    """What breaks an invariant of either."""
    from django.db import connection

    from tanpuhui.ledger.invariants import check as check_ours

    broken = value_of(peer.BROKEN)
    return [*(str(one) for one in check_ours(connection)), *([f"{broken} of the peer"] if broken else [])]


if __name__ == "__main__":
    main()
