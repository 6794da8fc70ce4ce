"""A year, day by day: intake, close and posting as they are, and what a year of them weighs and costs to read.

Run: .venv/bin/python bench/year.py [--days 365] [--scale 1] [--close-every 30] [--buckets 2] [--set NAME=VALUE ...]
A new embedded cluster in a temporary folder, fsync on. At scale 1 a day has 400 acts of 100 residents; at 500 it has
200,000, a hundredth of 20 million. Every 30th day is one as a city has it: its file is taken, and the day is closed
half an hour after its end. With ``--close-every 1`` all are. The days between are posted alone, each with its manifest
and judged as such: the credits of the day that was closed last, again. So each month has its partition, with a day's
postings for each day. After the first 30 days and at the end the same residents' statements and balances are read, with
memory warm. Every day is sealed in the log. At the end all months that ended two months ago are detached, as operators
do it; statements and balances of a moment in the first month and of now are read from files and compared with what
the table had said, and every invariant is asked of all months.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from machine import execute, installation, ran_on, settings, value_of
from post import journal_bytes, post_day

from tanpuhui.ledger.legs import Legs

FIRST = date(2026, 1, 1)
OPENED_AT = datetime(2025, 12, 31, 17, tzinfo=UTC)
PROVIDER = "town"
#: The kinds of acts, each with what is measured, its least and most, and how long one takes.
KINDS = (
    ("metro_trip", "distance_m", 2_000, 20_000, 40),
    ("bus_trip", "distance_m", 1_000, 10_000, 40),
    ("bike_trip", "distance_m", 500, 5_000, 40),
    ("ev_charge", "energy_wh", 5_000, 40_000, 50),
)
ACTS, RESIDENTS = 400, 100
BEGINNING, READ, PAGE = 30, 25, 50
TIMES = 2


def main() -> None:
    given = parse()
    os.environ["TANPUHUI_BUCKETS"] = str(given.buckets)
    with installation(given.set) as home:
        print(json.dumps(Year(given, home).run(), indent=2))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--close-every", type=int, default=30)
    parser.add_argument("--buckets", type=int, default=2)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    assert BEGINNING < given.days <= 365
    return given


class Year:
    """One run, on one installation."""

    def __init__(self, given: argparse.Namespace, home: Path) -> None:
        self.given, self.home = given, home
        self.acts, self.residents = ACTS * given.scale, RESIDENTS * given.scale
        self.taken_s: list[float] = []
        self.closed_s: list[float] = []
        self.posted_s: list[float] = []
        self.sealed_s: list[float] = []
        self.accepted = 0
        self.accounts = settle(self.residents)

    def run(self) -> dict[str, Any]:
        from tanpuhui.close.installation import places

        figures: dict[str, Any] = {**ran_on(), "settings": settings(self.given.set), "days": self.given.days,
                                   "acts_a_day": self.acts, "residents": self.residents}  # fmt: skip
        started, empty = time.perf_counter(), value_of("SELECT pg_database_size(current_database())")
        reading = []
        for number in range(self.given.days):
            day = FIRST + timedelta(days=number)
            if number % self.given.close_every == 0:
                self.close(day)
            else:
                self.post(day)
            self.seal()
            if number + 1 in (BEGINNING, self.given.days):
                execute("ANALYZE")
                reading.append(self.read(after(day)))
        first, last = reading
        figures["seconds"] = round(time.perf_counter() - started)
        figures |= {"days_closed": len(self.closed_s), "intake_s_a_day": beginning_and_end(self.taken_s),
                    "close_s_a_day": beginning_and_end(self.closed_s)}  # fmt: skip
        if self.posted_s:
            figures["post_alone_s_a_day"] = beginning_and_end(self.posted_s)
        figures["seal_s_a_day"] = beginning_and_end(self.sealed_s)
        figures |= self.weigh(empty, places().lake)
        figures["read_after_30_days"], figures["read_at_the_end"] = first, last
        for name in first:
            figures[f"{name}_times"] = round(last[name] / first[name], 2)
        figures["target_times"] = TIMES
        figures["met"] = all(last[name] <= TIMES * first[name] for name in first)
        figures["detached"] = self.detached(after(day))
        figures["check"] = check()
        figures["load_average_after"] = os.getloadavg()[0]
        return figures

    def post(self, day: date) -> None:
        """Post the credits of the day that was closed last once more, with a manifest of this day."""
        from django.db import connection

        self.posted_s.append(post_day(connection, self.credits, after(day), self.body))

    def close(self, day: date) -> None:
        """Take the file of a day and close the day."""
        from django.db import transaction

        from tanpuhui.close.installation import jurisdiction, places
        from tanpuhui.close.models import Manifest
        from tanpuhui.close.run import close_day
        from tanpuhui.evidence.take import take
        from tanpuhui.methodology.load import load_library

        path = self.home / "day.ndjson"
        path.write_text("".join(f"{json.dumps(act)}\n" for act in acts_of(day, self.acts, self.residents)))
        here, at = places(), after(day)
        start = time.perf_counter()
        with transaction.atomic():
            receipt = take(PROVIDER, path, at=at, lake=here.lake, buckets=here.buckets)
        assert receipt.refused == 0, receipt
        self.accepted += receipt.accepted
        middle = time.perf_counter()
        answer = close_day(day, at=at, places=here, jurisdiction=jurisdiction(), library=load_library())
        assert answer.posted
        assert answer.activities == self.acts
        self.taken_s.append(middle - start)
        self.closed_s.append(time.perf_counter() - middle)
        self.credits = credits_of(f"close:{answer.manifest}")
        self.body = Manifest.objects.get(pk=answer.manifest).body

    def seal(self) -> None:
        """Enter what the day brought into the log, as it is entered every minute."""
        from tanpuhui.notary.keep import integrate

        start = time.perf_counter()
        integrate()
        self.sealed_s.append(time.perf_counter() - start)

    def read(self, now: datetime) -> dict[str, float]:
        """The median of some residents' readings, in ms, the second time each is read."""
        from django.db import connection

        from tanpuhui.ledger.balance import owner_balances_at
        from tanpuhui.ledger.movements import holdings
        from tanpuhui.ledger.statement import statement

        owners = self.accounts[:: max(1, len(self.accounts) // READ)]
        then = after(FIRST + timedelta(days=14))
        readings: dict[str, Callable[[int], Any]] = {
            "statement_ms": lambda owner: statement(connection, owner, at=now, limit=PAGE),
            "balance_ms": lambda owner: holdings(connection, owner),
            "balance_at_ms": lambda owner: owner_balances_at(connection, owner, then),
            "balance_at_now_ms": lambda owner: owner_balances_at(connection, owner, now),
        }
        return {name: in_ms(owners, read) for name, read in readings.items()}

    def weigh(self, empty: int, lake: Path) -> dict[str, Any]:
        """Bytes for each act and each posting."""
        from django.db import connection

        postings = value_of("SELECT count(*) FROM ledger_posting")
        database = value_of("SELECT pg_database_size(current_database())") - empty
        parts = {path.name: size_of(path) for path in lake.iterdir() if path.is_dir()}
        return {
            "acts_of_closed_days": self.accepted,
            "postings": postings,
            "lake_B_per_act": {name: round(size / self.accepted, 1) for name, size in sorted(parts.items())},
            "database_B_per_posting": round(database / postings, 1),
            "journal_and_index_B_per_posting": round(journal_bytes(connection) / postings, 1),
        }

    def detached(self, now: datetime) -> dict[str, Any]:
        """Let every month go that may, two months after its end, and ask again what the table had answered."""
        from django.db import connection

        from tanpuhui.cli.owner import become_owner
        from tanpuhui.ledger.balance import owner_balances_at
        from tanpuhui.ledger.detach import bytes_in_table
        from tanpuhui.ledger.statement import statement
        from tanpuhui.notary.detach import LEAST_MONTHS, detach_and_give_back, may_go

        become_owner()
        owners = self.accounts[:: max(1, len(self.accounts) // READ)]
        then = after(FIRST + timedelta(days=14))
        asked: dict[str, Callable[[int], Any]] = {
            "statement_of_then": lambda owner: statement(connection, owner, at=then),
            "page_of_then": lambda owner: statement(connection, owner, at=then, limit=PAGE),
            "balance_of_then": lambda owner: owner_balances_at(connection, owner, then),
            "statement_of_now": lambda owner: statement(connection, owner, at=now),
            "page_of_now": lambda owner: statement(connection, owner, at=now, limit=PAGE),
            "balance_of_now": lambda owner: owner_balances_at(connection, owner, now),
        }
        said = {name: [ask(owner) for owner in owners] for name, ask in asked.items()}
        table_ms = {name: in_ms(owners, ask) for name, ask in asked.items()}
        wanted = may_go(at=now, older_than=LEAST_MONTHS)
        assert wanted, "no month ended two months before the last day"
        in_table = sum(bytes_in_table(connection, month) for month in wanted)
        there = sum(value_of(f"SELECT count(*) FROM ledger_posting_batch_{month:%Y_%m}") for month in wanted)
        gone, seconds = [], []
        for month in wanted:
            start = time.perf_counter()
            detached, is_back = detach_and_give_back(month, at=now, older_than=LEAST_MONTHS)
            seconds.append(round(time.perf_counter() - start, 2))
            assert is_back
            gone.append(detached)
        execute("ANALYZE")
        assert {name: [ask(owner) for owner in owners] for name, ask in asked.items()} == said, (
            "files say the same"
        )
        legs = sum(one.legs for one in gone)
        stays = sum(bytes_in_table(connection, month) for month in wanted)
        return {
            "months": [one.name for one in gone],
            "legs": legs,
            "s_a_month": seconds,
            "legs_a_s": round(legs / sum(seconds)),
            "table_B_per_posting_before": round(in_table / there, 1),
            "file_B_per_posting": round(sum(one.bytes for one in gone) / legs, 1),
            "all_B_per_posting_after": round((stays + sum(one.bytes for one in gone)) / there, 1),
            "from_table_ms": table_ms,
            "from_files_ms": {name: in_ms(owners, ask) for name, ask in asked.items()},
        }


def settle(residents: int) -> list[int]:
    """Accounts, a contract, links, and grants for the year."""
    from django.db import transaction

    from tanpuhui.consent.give import give
    from tanpuhui.consent.open_account import open_accounts
    from tanpuhui.consent.terms import Terms, acts_of_days
    from tanpuhui.evidence import contract, link

    kinds = tuple(sorted(kind for kind, *_ in KINDS))
    first, _ = acts_of_days(FIRST, None)
    with transaction.atomic():
        contract.add(PROVIDER, format="generic", kinds=[*kinds, "metro_entry"], pia_reference="bench",
                     valid_from=date(2020, 1, 1), made_at=OPENED_AT)  # fmt: skip
        accounts = open_accounts(residents, at=OPENED_AT)
        link.link_many(PROVIDER, [(f"p{n}", account) for n, account in enumerate(accounts)], at=OPENED_AT)
        for account in accounts:
            give(account, Terms(PROVIDER, kinds, acts_from_us=first), at=OPENED_AT, method="bench")
    return [int(account) for account in accounts]


def credits_of(batch: str) -> Legs:
    """The legs of a batch as they were posted, but for the counter account's."""
    found = rows(
        "SELECT p.account_id, p.asset_id, p.amount, p.ref, p.code::bigint FROM ledger_posting p "
        "JOIN ledger_transaction t ON t.id = p.tx_id AND t.posted_on = p.posted_on "
        f"JOIN ledger_batch b ON b.id = t.batch_id WHERE b.key = '{batch}' AND p.account_id >> 4 > 0 ORDER BY 1, 2, 4"
    )
    return Legs(*(np.array(column, np.int64) for column in zip(*found, strict=True)))


def acts_of(day: date, acts: int, residents: int) -> Iterator[dict[str, Any]]:
    """Acts of a day, each resident's one after the other through the day; amounts drawn with the day as seed."""
    draw = np.random.default_rng(day.toordinal())
    for number in range(acts):
        place, person = divmod(number, residents)
        kind, measure, least, most, minutes = KINDS[int(draw.integers(len(KINDS)))]
        hour = 6 + place % 16
        yield {
            "source_id": f"{day}-{number}",
            "person": f"p{person}",
            "kind": kind,
            "started_at": f"{day}T{hour:02d}:00:00+08:00",
            "ended_at": f"{day}T{hour:02d}:{minutes}:00+08:00",
            measure: int(draw.integers(least, most)),
        }


def after(day: date) -> datetime:
    """Half an hour after the local end of a day."""
    return datetime(day.year, day.month, day.day, 16, 30, tzinfo=UTC)


def in_ms(owners: Sequence[int], read: Callable[[int], Any]) -> float:
    times = []
    for owner in owners:
        read(owner)
        start = time.perf_counter()
        read(owner)
        times.append((time.perf_counter() - start) * 1_000)
    return round(statistics.median(times), 2)


def beginning_and_end(seconds: list[float]) -> list[float]:
    """The medians of the first and of the last tenth of them."""
    tenth = -(-len(seconds) // 10)
    return [round(statistics.median(part), 3) for part in (seconds[:tenth], seconds[-tenth:])]


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def rows(query: str) -> list[tuple[Any, ...]]:
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def check() -> dict[str, Any]:
    """Every invariant of the ledger, of all months as of one moment."""
    from django.db import connection, transaction

    from tanpuhui.ledger.every_month import every_month
    from tanpuhui.ledger.invariants import check as check_ledger
    from tanpuhui.ledger.invariants import unread

    start = time.perf_counter()
    with transaction.atomic(), every_month(connection) as everything:
        found = [str(one) for one in [*unread(everything), *check_ledger(connection)]]
    return {
        "findings": found,
        "legs_from_files": everything.from_files,
        "seconds": round(time.perf_counter() - start, 1),
    }


if __name__ == "__main__":
    main()
