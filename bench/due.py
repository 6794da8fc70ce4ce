"""Which days are due, asked of a year of closed days: time, and how many questions the database is asked.

Run: .venv/bin/python bench/due.py [--days 365] [--residents 400] [--files 4]
A new embedded cluster in a temporary folder. Everybody sells something every tenth day, so that the yearly cap takes
from everybody, and rides the metro every day; each file covers the year. All days are closed; then one sale of January
is taken back, and what is due for that is closed, so that room is looked for and found. Closing the year takes minutes
and is not measured.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

FIRST = date(2026, 1, 1)
#: A grant ends after a year: everything is closed in the half hour between the end of the year and that of the grants.
OPENED_AT = datetime(2025, 12, 31, 17, tzinfo=UTC)
NOW = datetime(2026, 12, 31, 16, 30, tzinfo=UTC)
PROVIDER, KINDS = "town", ("metro_trip", "second_hand_sale")
EVERY, RUNS = 10, 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--residents", type=int, default=400)
    parser.add_argument("--files", type=int, default=4)
    arguments = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="tanpuhui-bench-"))
    home.chmod(0o711)
    os.environ["TANPUHUI_HOME"] = str(home)
    os.environ.pop("TANPUHUI_DATABASE_URL", None)
    try:
        from tanpuhui.project import embedded

        embedded.start(home)
        from tanpuhui.project.database import prepare

        prepare()
        run(home, arguments.days, arguments.residents, arguments.files)
    finally:
        embedded.leave(home)
        shutil.rmtree(home, ignore_errors=True)


def run(home: Path, days: int, residents: int, files: int) -> None:
    from tanpuhui.close.installation import places

    here = places()
    settle(residents)
    for number in range(files):
        take(home, rows(days, range(number, residents, files)))
    started = time.perf_counter()
    for number in range(days):
        close(FIRST + timedelta(days=number))
    print(f"{days} days of {residents} residents closed in {time.perf_counter() - started:.0f} s")
    show("nothing is due", here)
    back = {
        "source_id": "s-0-0",
        "person": "p0",
        "kind": "second_hand_sale",
        "revision": 1,
        "action": "retract",
    }
    take(home, iter([back | times(FIRST, 12)]))
    show("one sale was taken back", here)
    for number in range(8):
        close(FIRST + timedelta(days=number))
    show("and its days closed again", here)


def settle(residents: int) -> None:
    from django.db import transaction

    from tanpuhui.consent.give import give
    from tanpuhui.consent.open_account import open_accounts
    from tanpuhui.consent.terms import Terms, acts_of_days
    from tanpuhui.evidence import contract, link

    first, _ = acts_of_days(FIRST, None)
    with transaction.atomic():
        contract.add(
            PROVIDER,
            format="generic",
            kinds=[*KINDS, "metro_entry"],
            pia_reference="PIA-1",
            valid_from=date(2020, 1, 1),
            made_at=OPENED_AT,
        )
        accounts = open_accounts(residents, at=OPENED_AT)
        link.link_many(PROVIDER, [(f"p{n}", account) for n, account in enumerate(accounts)], at=OPENED_AT)
        for account in accounts:
            give(account, Terms(PROVIDER, KINDS, acts_from_us=first), at=OPENED_AT, method="bench")


def rows(days: int, people: range) -> Iterator[dict[str, Any]]:
    for number in range(days):
        day = FIRST + timedelta(days=number)
        for person in people:
            who = {"person": f"p{person}"}
            yield (
                {"source_id": f"m-{number}-{person}", "kind": "metro_trip", "distance_m": 5_000}
                | who
                | times(day, 8)
            )
            if (number + person) % EVERY == 0:
                sale = {"source_id": f"s-{number}-{person}", "kind": "second_hand_sale", "pieces": 1}
                yield sale | who | times(day, 12)


def times(day: date, hour: int) -> dict[str, str]:
    return {
        name: f"{day}T{hour:02d}:{minute}:00+08:00"
        for name, minute in (("started_at", "00"), ("ended_at", 30))
    }


def take(home: Path, found: Iterator[dict[str, Any]]) -> None:
    from django.db import transaction

    from tanpuhui.close.installation import places
    from tanpuhui.evidence.take import take as take_file

    here = places()
    path = home / "batch.ndjson"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in found))
    with transaction.atomic():
        receipt = take_file(PROVIDER, path, at=NOW, lake=here.lake, buckets=here.buckets)
    assert receipt.refused == 0, receipt


def close(day: date) -> None:
    from tanpuhui.close.installation import jurisdiction, places
    from tanpuhui.close.run import close_day
    from tanpuhui.methodology.load import load_library

    close_day(day, at=NOW, places=places(), jurisdiction=jurisdiction(), library=load_library())


def show(what: str, here: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from tanpuhui.close.due import due

    times_ms, asked, found = [], 0, []
    for _ in range(RUNS):
        with CaptureQueriesContext(connection) as captured:
            started = time.perf_counter()
            found = due(NOW, "Asia/Shanghai", here)
            times_ms.append((time.perf_counter() - started) * 1000)
        asked = len(captured)
    reasons = sorted({each.reason for each in found})
    print(
        f"{what}: {len(found)} days {reasons}, {asked} queries ({sum(float(q['time']) for q in captured):.2f} s), "
        f"median {statistics.median(times_ms):.0f} ms of {RUNS} ({min(times_ms):.0f} to {max(times_ms):.0f})"
    )


if __name__ == "__main__":
    main()
