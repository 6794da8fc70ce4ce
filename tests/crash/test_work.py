"""Work: a worker that is killed at any point leaves its job to the next one, and what it does happens once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from crash.test_kills import CREDITED_MG, WORKING, next_day, take_again, was_killed
from program import Program, with_residents

pytestmark = pytest.mark.slow

#: What a test does in the installation's database, as the server would: ask for work, and look at what came of it.
ASIDE = """
import json, sys
from django.conf import settings
from django.db import connection, transaction
from tanpuhui.access.membership import join
from tanpuhui.access.models import AuditEntry, Membership, User
from tanpuhui.access.organise import organise
from tanpuhui.console import jobs
from tanpuhui.console.models import Job
from tanpuhui.kit.moment import utc_now
from tanpuhui.registry.freeze import freeze, frozen_of
settings.WORK_COMMAND = []
at = utc_now()
with transaction.atomic():
    centre = organise("operator", "centre", name_zh="中心", name_en="Centre", at=at)
    user = User.objects.filter(email="an@operator.example").first() or User.objects.create_user("an@operator.example")
    answer = eval(sys.argv[1])
print(json.dumps(answer, default=str))
"""


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with with_residents() as one:
        yield one


def aside(program: Program, expression: str) -> Any:
    return json.loads(program.python(ASIDE, expression))


def ask(program: Program, kind: str, **arguments: object) -> int:
    return int(aside(program, f"jobs.ask({kind!r}, {arguments!r}, by=user, organisation=centre, at=at).pk"))


def state_of(program: Program, job: int) -> list[Any]:
    return list(aside(program, f"Job.objects.values_list('state', 'attempts', 'answer').get(pk={job})"))


def test_a_close_by_a_worker_killed_at_any_point_is_posted_once(program: Program) -> None:
    for point in WORKING:
        day, path = next_day(program)
        take_again(program, path)
        job = ask(program, "close.day", day=day.isoformat())

        killed = was_killed(program.run("work", "--until-empty", crash_at=point))
        again = program.run("work", "--until-empty")

        assert again.status == 0, again
        state, attempts, answer = state_of(program, job)
        assert (state, answer["credited_mg"]) == ("done", CREDITED_MG)
        assert attempts == (2 if killed else 1)
        closes = [close for close in program.json("close", "list") if close["day"] == day.isoformat()]
        assert [close["sequence"] for close in closes] == [1]
        entries = f"AuditEntry.objects.filter(verb='close.day.done', facts__job={job}).count()"
        assert aside(program, entries) == 1
    assert program.json("ledger", "check")["ok"]


def test_what_happens_in_one_transaction_is_not_done_by_a_worker_that_is_killed_before_it_commits(
    program: Program,
) -> None:
    aside(program, "freeze(1, key='test', at=at)")
    frozen = aside(program, "[line.amount for line in frozen_of(1)]")
    job = ask(program, "account.unfreeze", account=1)

    assert was_killed(program.run("work", "--until-empty", crash_at="console.job_before_commit"))
    assert aside(program, "[line.amount for line in frozen_of(1)]") == frozen
    assert frozen
    assert program.run("work", "--until-empty").status == 0

    assert aside(program, "[line.amount for line in frozen_of(1)]") == []
    assert state_of(program, job) == ["done", 2, {"holds": 1}]
    assert program.json("ledger", "check")["ok"]
