"""What is kept longer than its purpose needs goes by itself, a moment before it does not, and sums stay."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection

from close.replaying import replayed
from close.town import DAY, SHANGHAI, TAKEN_AT, Town, metro, pending_mg
from disclosure.people import AT, consent
from tanpuhui.close.acts import acts_of
from tanpuhui.close.erase import finish
from tanpuhui.close.models import Manifest
from tanpuhui.close.refusals import InputsOver
from tanpuhui.close.replay import replay
from tanpuhui.community import board
from tanpuhui.consent.open_account import open_account
from tanpuhui.disclosure.hand_over import hand_over
from tanpuhui.disclosure.models import ReferenceCode, Statement
from tanpuhui.erasure.retain import last_day_over, listed, retain, retain_acts
from tanpuhui.evidence.lake import missing_or_changed
from tanpuhui.evidence.models import QuarantinedRow
from tanpuhui.methodology.load import load_library
from tanpuhui.quantify.jurisdiction import load_jurisdiction
from tanpuhui.registry.reconcile import reconcile
from tanpuhui.rights.answer import refuse
from tanpuhui.rights.ask import ask
from tanpuhui.rights.letter import end_letter, issue_letter
from tanpuhui.rights.models import Letter, Request
from tanpuhui.rights.show import shown
from tanpuhui.rights.visit import open_visit

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
SECOND = timedelta(seconds=1)


@pytest.fixture()
def town(fresh_home: Path) -> Town:
    return Town(fresh_home, load_library(), load_jurisdiction("demo"), buckets=1)


def test_a_statement_is_kept_as_long_as_the_grant_said() -> None:
    grant = consent()
    made = Statement.objects.create(grant=grant, recipient="bank", content={"a": 1}, jws="a..b", made_at=AT)
    assert grant.artefact["data_life"] == {"unit": "MONTH", "value": 12}
    over = AT.replace(year=2027)

    assert retain(at=over)["statements shown"] == 0
    assert Statement.objects.get(pk=made.pk).content == {"a": 1}
    assert retain(at=over + SECOND)["statements shown"] == 1

    assert Statement.objects.get(pk=made.pk).content == {}
    assert retain(at=over + SECOND)["statements shown"] == 0


def test_codes_letters_names_and_words_go_when_they_are_over() -> None:
    account = open_account(at=AT)
    hand_over(account, consent(account=account).pk, at=AT)
    issue_letter(account, at=AT)
    end_letter(account, at=AT)
    board.join_board(account, "Blue", at=AT, lang="en", method="test")
    board.end_nickname(account, at=AT)
    asked = ask(account, "correction", "words", at=AT)
    refuse(asked.pk, "reasons", at=AT)
    waiting = ask(account, "restriction", "still open", at=AT)
    open_visit(account, clerk=asked.pk, organisation="o", document="passport", reason="why", at=AT)

    soon = retain(at=AT + timedelta(days=30))
    assert (soon["codes handed over"], soon["letters that ended"]) == (0, 0)
    later = retain(at=AT + timedelta(days=38))
    assert (later["codes handed over"], later["letters that ended"]) == (1, 1)
    assert (ReferenceCode.objects.count(), Letter.objects.count()) == (0, 0)
    years = retain(at=AT + timedelta(days=3 * 366 + 1))

    assert {years[name] for name in ("nicknames given up", "words of requests", "words of answers")} == {1}
    assert years["what visits were for"] == 1
    assert (shown(asked.pk).request.words, shown(asked.pk).words) == ("(erased)", "(erased)")
    assert Request.objects.get(pk=waiting.pk).words == "still open"


def test_refused_rows_wait_ninety_days(town: Town) -> None:
    town.settle("a")
    town.take({"source_id": "1", "person": "a", "kind": "metro_trip", "started_at": "soon"})

    assert retain(at=TAKEN_AT + timedelta(days=90))["refused rows"] == 0
    assert retain(at=TAKEN_AT + timedelta(days=90) + SECOND)["refused rows"] == 1
    assert not QuarantinedRow.objects.exists()


def test_acts_are_over_after_the_life_that_people_agreed_to() -> None:
    assert last_day_over(at=datetime(2029, 3, 3, 12, tzinfo=SHANGHAI)) == date(2026, 3, 2)
    assert last_day_over(at=datetime(2028, 2, 29, 12, tzinfo=SHANGHAI)) == date(2025, 2, 27)
    assert {"what": "acts in the lake", "kept": "36 MONTH (quantification)"} in list(listed())


def test_days_that_are_over_leave_the_lake_and_what_was_credited_stays(town: Town) -> None:
    people = town.settle("ab")
    later = DAY + timedelta(days=1)
    town.take(metro("1", "a", 9_000), metro("2", "b", 1_000), metro("3", "a", 5_000, day=later))
    town.close()
    town.close(later)
    before = pending_mg(people["a"])

    went = retain_acts(town.places, at=datetime(2029, 3, 3, 12, tzinfo=SHANGHAI))

    assert went["rows"] > 4
    assert rows_of(town, DAY) == 0
    assert rows_of(town, later) == 1
    assert pending_mg(people["a"]) == before
    assert acts_of(people["a"], [DAY], town.places) == []
    assert len(acts_of(people["a"], [later], town.places)) == 1
    assert reconcile(connection) == []
    old, young = Manifest.objects.order_by("day")
    answer = replay(old, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
    assert (answer.agrees, answer.rows, answer.erased) == (True, 0, 2)
    with pytest.raises(InputsOver, match="2026-03-02"):
        replay(young, places=town.places, jurisdiction=town.jurisdiction, library=town.library)
    assert retain_acts(town.places, at=datetime(2029, 3, 3, 12, tzinfo=SHANGHAI))["rows"] == 0


def test_days_that_are_over_and_are_sent_again_count_once_and_go_again(town: Town) -> None:
    town.settle("ab")
    rows = [metro("1", "a", 9_000), metro("2", "b", 1_000)]
    over = datetime(2029, 3, 3, 12, tzinfo=SHANGHAI)
    town.take(*rows)
    retain_acts(town.places, at=over)

    # In other files: the same one again would have its first receipt.
    assert town.take(*rows[::-1]).accepted == 2
    finish(town.places)
    assert town.take(*rows, rows[0]).duplicate == 3

    assert retain_acts(town.places, at=over)["rows"] == 4
    assert retain_acts(town.places, at=over)["rows"] == 0
    assert rows_of(town, DAY) == 0
    assert missing_or_changed(town.places.lake) == []


def test_nothing_goes_before_its_time(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 9_000))
    town.close()

    assert retain_acts(town.places, at=datetime(2029, 3, 2, 12, tzinfo=SHANGHAI)) == {"files": 0, "rows": 0}
    assert all(answer.agrees for answer in replayed(town))


def rows_of(town: Town, day: date) -> int:
    found: list[Any] = list((town.places.lake / "evidence" / f"day={day}").rglob("*.parquet"))
    return sum(pq.read_metadata(path).num_rows for path in found)
