"""Slow disk: the same is credited, once; who comes meanwhile waits, and a limit of time undoes all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from crash.test_kills import CREDITED_MG, check_books, close_again, next_day, take_again
from crash.test_work import ask, state_of
from program import Program, with_residents
from slow_disk import SECONDS, standing, until
from tanpuhui.close.places import FROZEN, RESULTS
from tanpuhui.evidence.lake import FOLDER as LAKE
from tanpuhui.project import embedded
from tanpuhui.project.database import NAME

pytestmark = pytest.mark.slow

#: In the place of a signal: whether the process has ended is asked, and waited for, and nothing is sent.
ASKED = 0
ESSENCE = """
import json
from tanpuhui.close.models import Manifest
from tanpuhui.evidence.models import Batch, LakeFile
named = ("bucket", "rows", "digest", "acts", "results", "credits", "credited_mg")
print(json.dumps({
    "batches": list(Batch.objects.order_by("id").values_list("rows", "accepted", "duplicate", "refused")),
    "files": sorted(LakeFile.objects.values_list("digest", flat=True)),
    "closes": [[[output[name] for name in named] for output in one.body["outputs"]]
        for one in Manifest.objects.order_by("day", "sequence")],
}))
"""


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with with_residents() as one:
        yield one


@contextmanager
def owner(program: Program, database: str = NAME) -> Iterator[psycopg.Connection[Any]]:
    """A session of the database's owner, that sees and may hold up everybody."""
    with psycopg.connect(embedded._place(program.home).url(database), autocommit=True) as connection:
        yield connection


@contextmanager
def slow_commits(program: Program) -> Iterator[None]:
    """A database that waits for a tenth of a second before it writes a commit down."""
    with owner(program) as connection:
        for name, value in (("commit_delay", 100_000), ("commit_siblings", 0)):
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
        connection.execute("SELECT pg_reload_conf()")
        yield
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def held(program: Program, table: str) -> Iterator[None]:
    """Nobody else writes to a table for so long: a statement there takes as long as on a disk that stands still."""
    with owner(program) as connection, connection.transaction():
        connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        yield


def waits_for_a_turn(program: Program) -> bool:
    with owner(program) as connection:
        found = connection.execute("SELECT FROM pg_stat_activity WHERE wait_event = 'advisory'").fetchone()
    return found is not None


def essence(program: Program) -> Any:
    return json.loads(program.python(ESSENCE))


def closes_of(program: Program, day: date) -> list[int]:
    return [close["sequence"] for close in program.json("close", "list") if close["day"] == day.isoformat()]


def test_a_day_on_a_slow_disk_ends_in_the_same_files_results_and_balances_as_on_a_fast_one(
    program: Program, tmp_path: Path
) -> None:
    day, path = next_day(program)
    fast, slow = ends_of_a_day(day, path), ends_of_a_day(day, path, slow_s="0.02")

    assert slow == fast
    assert [each["pending_mg"] for each in slow["statements"]] == [467_000, 140_100]
    assert (len(slow["closes"]), slow["batches"]) == (1, [[4, 3, 0, 1]])


def ends_of_a_day(day: date, path: Path, *, slow_s: str = "") -> Any:
    """Everything that is left of a day in a new installation."""
    with with_residents() as program:
        if not slow_s:
            take_again(program, path)
            close_again(program, day)
        else:
            with slow_commits(program):
                program.json("evidence", "take", "generic", path, **{SECONDS: slow_s})
                program.json("close", day, **{SECONDS: slow_s})
            assert {"machine.disk_slow"} <= codes(program, **{SECONDS: "0.11"}), "the disk was slow"
            check_books(program)
        statements = [program.json("statement", account) for account in (1, 2)]
        kept = [{"pending_mg": each["pending_mg"], "lines": len(each["lines"])} for each in statements]
        return {**essence(program), "statements": kept}


def codes(program: Program, **environment: str) -> set[str]:
    answer = program.run("doctor", "--json", **environment)
    return {one["code"] for one in answer.json["findings"]}


def test_the_doctor_says_that_commits_are_slow(program: Program) -> None:
    with slow_commits(program):
        assert "database.commits_slow" in codes(program)


def test_a_second_taking_of_a_file_waits_while_the_first_stands_and_counts_nothing_twice(
    program: Program, tmp_path: Path
) -> None:
    day, path = next_day(program)
    with ThreadPoolExecutor(1) as elsewhere, standing(tmp_path, LAKE) as disk:
        first = program.begin("evidence", "take", "generic", path, **disk.environment)
        until(disk.is_reached)
        second = elsewhere.submit(take_again, program, path)
        until(lambda: waits_for_a_turn(program))
        assert not second.done()
        disk.go_on()
        second.result()

    assert first.end(ASKED) == 0
    close_again(program, day)
    check_books(program)


def test_a_second_close_waits_while_the_first_stands_as_it_freezes_and_the_day_is_posted_once(
    program: Program, tmp_path: Path
) -> None:
    day, path = next_day(program)
    take_again(program, path)
    with ThreadPoolExecutor(1) as elsewhere, standing(tmp_path, FROZEN) as disk:
        first = program.begin("close", day, **disk.environment)
        until(disk.is_reached)
        second = elsewhere.submit(close_again, program, day)
        until(lambda: waits_for_a_turn(program))
        assert not second.done()
        disk.go_on()
        second.result()

    assert first.end(ASKED) == 0
    assert closes_of(program, day) == [1]
    check_books(program)


def test_a_second_close_goes_ahead_while_the_first_stands_as_it_computes_and_the_day_is_posted_once(
    program: Program, tmp_path: Path
) -> None:
    day, path = next_day(program)
    take_again(program, path)
    with standing(tmp_path, RESULTS) as disk:
        first = program.begin("close", day, **disk.environment)
        until(disk.is_reached)
        close_again(program, day)
        disk.go_on()
        assert first.end(ASKED) == 0

    assert closes_of(program, day) == [1]
    check_books(program)


def test_a_second_worker_leaves_a_job_to_the_one_that_stands_and_it_is_done_once(
    program: Program, tmp_path: Path
) -> None:
    day, path = next_day(program)
    take_again(program, path)
    job = ask(program, "close.day", day=day.isoformat())
    with standing(tmp_path, RESULTS) as disk:
        first = program.begin("work", "--until-empty", **disk.environment)
        until(disk.is_reached)
        program.run("work", "--until-empty", kill_after_s=2.5)
        meanwhile = state_of(program, job)
        disk.go_on()
        assert first.end(ASKED) == 0

    assert meanwhile[:2] == ["running", 1]
    state, attempts, answer = state_of(program, job)
    assert (state, attempts, answer["credited_mg"]) == ("done", 1, CREDITED_MG)
    assert closes_of(program, day) == [1]
    check_books(program)


#: Limits of time of a session, and where they are over: files are written and rows are inserted by then.
LIMITS = [
    ("statement_timeout", "400ms", "held"),
    ("lock_timeout", "100ms", "held"),
    ("idle_in_transaction_session_timeout", "100ms", "slow"),
    ("transaction_timeout", "900ms", "slow"),
]


@pytest.mark.parametrize(("setting", "limit", "why"), LIMITS)
def test_a_limit_of_time_that_is_over_in_the_middle_leaves_nothing_half_done(
    program: Program, setting: str, limit: str, why: str
) -> None:
    day, path = next_day(program)
    before = essence(program)

    refuse(program, setting, limit, why, "evidence_batch", "evidence", "take", "generic", path)
    assert essence(program) == before
    take_again(program, path)
    refuse(program, setting, limit, why, "close_manifest", "close", day)
    assert closes_of(program, day) == []
    close_again(program, day)

    check_books(program)


def refuse(program: Program, setting: str, limit: str, why: str, table: str, *command: Any) -> None:
    """A command is refused because the limit is over, and says which it was."""
    options = {"PGOPTIONS": f"-c {setting}={limit}"}
    if why == "held":
        with held(program, table):
            answer = program.json(*command, status=2, **options)
    else:
        answer = program.json(*command, status=2, **options, **{SECONDS: "0.4"})
    assert (answer["refused"]["code"], answer["refused"]["facts"]["setting"]) == ("kit.time_limit", setting)


#: A file into the queue of the inbox, as the server puts it there.
ARRIVE = """
import sys
from pathlib import Path
from django.db import transaction
from tanpuhui.client.key import generate_key
from tanpuhui.evidence.inbox import Arrival, admit
from tanpuhui.evidence.provider_key import add_key
from tanpuhui.evidence.upload import store_upload
from tanpuhui.kit.home import inbox
from tanpuhui.kit.moment import utc_now
content, name, at = Path(sys.argv[1]).read_bytes(), sys.argv[2], utc_now()
with transaction.atomic():
    key = add_key("generic", generate_key("generic").public_bytes, valid_from=at, at=at)
    upload = store_upload([content], folder=inbox(), said="csv", compressed=False, announced_bytes=len(content))
    admit(upload, Arrival("generic", name, name, key, name, at))
"""
RESTS = """
from tanpuhui.evidence.models import InboxWaiting
from tanpuhui.kit.moment import utc_now
print(list(InboxWaiting.objects.filter(not_before__gt=utc_now()).values_list("attempts", flat=True)))
InboxWaiting.objects.update(not_before=utc_now())
"""


@pytest.mark.parametrize(("setting", "limit", "why"), LIMITS[:3])
def test_a_batch_whose_taking_a_limit_ended_rests_with_its_name_and_is_taken_later(
    program: Program, setting: str, limit: str, why: str
) -> None:
    day, path = next_day(program)
    program.python(ARRIVE, str(path), day.isoformat())
    before, options = essence(program), {"PGOPTIONS": f"-c {setting}={limit}"}

    if why == "held":
        with held(program, "evidence_batch"):
            ended = program.run("evidence", "work", "--once", "--json", **options)
    else:
        ended = program.run("evidence", "work", "--once", "--json", **options, **{SECONDS: "0.4"})
    untouched = essence(program) == before
    rests = json.loads(program.python(RESTS))
    again = program.json("evidence", "work", "--once")

    assert (ended.status, ended.json["failed"], setting in ended.err, untouched) == (1, 1, True, True)
    assert "Traceback" not in ended.err
    assert (rests, again) == ([1], {"taken": 1, "refused": 0, "rows": 4, "failed": 0})
    close_again(program, day)
