"""Kills: a process that is killed at any point, and started again, ends as if nothing had happened."""

from __future__ import annotations

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest

from program import Answer, Program, lines_file, with_residents

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).resolve().parents[2] / "src" / "tanpuhui"
POINTS = sorted(
    {
        name
        for path in SOURCE.rglob("*.py")
        for name in re.findall(r"crash_point\(\"([\w.]+)\"\)", path.read_text(encoding="utf-8"))
    }
)
TAKING = [point for point in POINTS if point.startswith("evidence.take.")]
CLOSING = [point for point in POINTS if point.startswith(("close.", "ledger."))]
#: Tried in ``test_inbox.py``.
RECEIVING = [point for point in POINTS if point.startswith(("api.", "evidence.inbox.", "evidence.work."))]
#: Tried in ``test_work.py``.
WORKING = [point for point in POINTS if point.startswith("console.")]
#: Tried in ``tests/cli/test_log.py`` and ``tests/transparency/test_witness.py``.
LOGGING = [point for point in POINTS if point.startswith(("log.", "witness."))]
#: Tried in ``tests/erasure/test_erase.py``.
ERASING = [point for point in POINTS if point.startswith("erasure.")]
#: Tried in ``tests/notary/test_detached_month.py``.
DETACHING = [point for point in POINTS if point.startswith("month.")]
#: Tried in ``tests/evidence/test_crash.py``.
INDEXING = [point for point in POINTS if point.startswith("evidence.index.")]
HEADER = "source_id,person,kind,started_at,ended_at,distance_m"
#: Of each day: 10 km of one person and 3 km of another at 46.7 g, one unknown person, one row that is refused.
CREDITED_MG = 467_000 + 140_100
OUTCOMES = {"credited": 2, "unknown_person": 1}
_days = count()


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with with_residents() as one:
        yield one


def next_day(program: Program) -> tuple[date, Path]:
    """A day that no test has used, and its file."""
    day = date(2026, 1, 1) + timedelta(days=next(_days))
    ride = f"metro_trip,{day}T08:00:00+08:00,{day}T08:30:00+08:00"
    rows = [f"{day}-1,a,{ride},10000", f"{day}-2,b,{ride},3000", f"{day}-3,c,{ride},1", f"{day}-4,a,{ride},x"]
    return day, lines_file(program.home / f"{day}.csv", [HEADER, *rows])


def take_again(program: Program, path: Path) -> None:
    """The second start of a taking: each row counted once, and nothing left behind that a sweep would not find."""
    receipt = program.json("evidence", "take", "generic", path)
    assert {name: receipt[name] for name in ("rows", "accepted", "duplicate", "refused")} == {
        "rows": 4,
        "accepted": 3,
        "duplicate": 0,
        "refused": 1,
    }


def close_again(program: Program, day: date) -> None:
    """The second start of a close: its credits are there, whatever the first had done."""
    answer = program.json("close", day)
    assert (answer["credited_mg"], answer["outcomes"]) == (CREDITED_MG, OUTCOMES)
    assert (answer["activities"], answer["sequence"]) == (3, 1)


def check_books(program: Program) -> None:
    """The ledger has what the closes say, breaks no rule of its own, and the last close can be replayed."""
    closes = program.json("close", "list")
    assert len({close["day"] for close in closes}) == len(closes), "each day was closed once"
    statements = [program.json("statement", account) for account in (1, 2)]
    assert [each["pending_mg"] for each in statements] == [467_000 * len(closes), 140_100 * len(closes)]
    assert [len(each["lines"]) for each in statements] == [len(closes)] * 2
    assert program.json("ledger", "check")["ok"]
    assert program.json("evidence", "check")["ok"]
    program.json("evidence", "sweep")
    assert program.json("close", "replay", closes[-1]["manifest"])["agrees"]


def was_killed(answer: Answer) -> bool:
    assert answer.status in (0, -signal.SIGKILL), answer
    return answer.status != 0


def test_every_crash_point_of_the_source_is_tried() -> None:
    tried = (TAKING, CLOSING, WORKING, RECEIVING, LOGGING, ERASING, DETACHING, INDEXING)
    assert {point for points in tried for point in points} == set(POINTS)
    assert len(ERASING) == 3
    assert DETACHING == ["month.taken", "month.written"]
    assert INDEXING == ["evidence.index.run_written"]
    assert len(WORKING) >= 3
    assert len(LOGGING) >= 7
    assert len(TAKING) >= 2
    assert len(CLOSING) >= 6


def test_a_taking_killed_at_any_point_takes_each_row_once(program: Program) -> None:
    for point in TAKING:
        day, path = next_day(program)
        assert was_killed(program.run("evidence", "take", "generic", path, crash_at=point)), point

        take_again(program, path)
        close_again(program, day)
    check_books(program)


def test_a_close_killed_at_any_point_posts_once(program: Program) -> None:
    for point in CLOSING:
        day, path = next_day(program)
        take_again(program, path)

        assert was_killed(program.run("close", day, crash_at=point)), point

        close_again(program, day)
    check_books(program)


def test_kills_at_random_moments_change_nothing(program: Program) -> None:
    """Others in each run, until four were in time; the seed says them again."""
    seed = int(os.environ.get("TESTS_SEED", time.time_ns() % 2**32))
    print(f"TESTS_SEED={seed}")
    moments = random.Random(seed)
    killed = 0
    for number in range(40):
        if killed == 4:
            break
        day, path = next_day(program)
        if number % 2:
            killed += was_killed(
                program.run("evidence", "take", "generic", path, kill_after_s=moments.uniform(0, 0.25))
            )
        take_again(program, path)
        if not number % 2:
            killed += was_killed(program.run("close", day, kill_after_s=moments.uniform(0, 0.5)))
        close_again(program, day)
    assert killed == 4
    check_books(program)


def test_a_database_server_killed_in_the_middle_of_a_close_starts_again(program: Program) -> None:
    day, path = next_day(program)
    take_again(program, path)
    postmaster = int((program.home / "postgres" / "postmaster.pid").read_text().split()[0])

    with ThreadPoolExecutor(1) as elsewhere:
        closing = elsewhere.submit(program.run, "close", day)
        time.sleep(0.3)
        os.kill(postmaster, signal.SIGKILL)
        assert closing.result().status in (0, 1)
    while Path(f"/proc/{postmaster}").exists():
        time.sleep(0.05)

    close_again(program, day)
    assert int((program.home / "postgres" / "postmaster.pid").read_text().split()[0]) != postmaster
    check_books(program)
