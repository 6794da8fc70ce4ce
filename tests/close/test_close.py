"""Close: a day's acts are posted once; every later close posts exactly the difference."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow.parquet as pq
import pytest
from django.db import connection, transaction

from close.town import (
    DAY,
    OPENED_AT,
    PHONE_MG,
    SHANGHAI,
    TAKEN_AT,
    Town,
    act,
    lake_rows,
    manifest,
    metro,
    pending_mg,
    posted_lines,
    results,
)
from tanpuhui.close.models import Manifest
from tanpuhui.close.refusals import DayNotOver
from tanpuhui.close.run import close_day
from tanpuhui.consent.models import Grant
from tanpuhui.consent.open_account import open_account
from tanpuhui.consent.withdraw import withdraw
from tanpuhui.evidence.models import LakeFile
from tanpuhui.ledger.invariants import check
from tanpuhui.ledger.statement import statement
from tanpuhui.quantify.engines.choice import EngineChoice, UnknownEngine

NEXT_DAY = date(2026, 3, 3)


def lines_of(account: int) -> list[int]:
    """The amounts of a resident's statement, oldest first."""
    return [line.amount for line in reversed(statement(connection, account, at=TAKEN_AT).lines)]


def test_the_first_close_posts_what_each_person_avoided(town: Town) -> None:
    people = town.settle("ab")
    town.take(
        metro("1", "a", 10_000),
        metro("2", "a", 3_000, hour=18),
        metro("3", "b", 1),
        metro("4", "b", 0, hour=9),
    )

    answer = town.close()

    # 46.7 g/km: 10 km, 3 km, and 1 m, which is 46.7 mg and is floored.
    assert (pending_mg(people["a"]), pending_mg(people["b"])) == (467_000 + 140_100, 46)
    assert answer.posted
    assert (answer.sequence, answer.activities, answer.credited_mg) == (1, 4, 607_146)
    assert answer.outcomes == {"credited": 3, "excluded": 1}
    assert check(connection) == []


def test_the_same_close_again_changes_nothing(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 10_000))
    first = town.close()
    lines = posted_lines()

    second = town.close(at=datetime(2026, 3, 12, tzinfo=SHANGHAI))

    assert (second.manifest, second.sequence, second.posted) == (first.manifest, 1, False)
    assert posted_lines() == lines
    assert Manifest.objects.count() == 1


def test_a_day_without_evidence_is_closed_with_nothing(town: Town) -> None:
    answer = town.close()

    assert (answer.activities, answer.outcomes, answer.credited_mg, answer.posted) == (0, {}, 0, True)
    assert posted_lines() == []


def test_an_act_counts_on_the_local_day_in_which_it_ended(town: Town) -> None:
    people = town.settle("a")
    night = metro("1", "a", 10_000) | {
        "started_at": "2026-03-02T23:50:00+08:00",
        "ended_at": "2026-03-03T00:00:00+08:00",
    }
    town.take(night)

    assert town.close().credited_mg == 0
    assert town.close(NEXT_DAY).credited_mg == 467_000
    assert pending_mg(people["a"]) == 467_000


def test_a_late_file_posts_the_difference(town: Town) -> None:
    people = town.settle("ab")
    town.take(metro("1", "a", 10_000), metro("2", "b", 10_000))
    town.close()

    town.take(metro("3", "a", 2_000, hour=20))
    answer = town.close()

    assert (answer.posted, answer.sequence, answer.credited_mg) == (True, 2, 467_000 + 93_400 + 467_000)
    assert lines_of(people["a"]) == [467_000, 93_400]
    assert lines_of(people["b"]) == [467_000]
    assert check(connection) == []


@pytest.mark.parametrize(("distance_m", "change_mg"), [(4_000, -280_200), (12_000, 93_400)])
def test_a_correction_posts_the_difference_in_either_direction(
    town: Town, distance_m: int, change_mg: int
) -> None:
    people = town.settle("a")
    town.take(metro("1", "a", 10_000))
    town.close()

    town.take(metro("1", "a", distance_m, revision=1, action="report"))
    answer = town.close()

    assert answer.outcomes == {"credited": 1, "superseded": 1}
    assert lines_of(people["a"]) == [467_000, change_mg]
    assert answer.credited_mg == 467_000 + change_mg
    assert check(connection) == []


def test_a_correction_that_moves_an_act_to_another_day_takes_it_off_the_first(town: Town) -> None:
    people = town.settle("a")
    town.take(metro("1", "a", 10_000))
    town.close()
    town.take(metro("1", "a", 10_000, day=NEXT_DAY, revision=1, action="report"))

    first, second = town.close(), town.close(NEXT_DAY)

    assert (first.credited_mg, second.credited_mg) == (0, 467_000)
    assert first.outcomes == {"superseded": 1}
    assert lines_of(people["a"]) == [467_000, -467_000, 467_000]


def test_a_retraction_takes_all_of_it_back(town: Town) -> None:
    people = town.settle("a")
    town.take(metro("1", "a", 10_000), metro("2", "a", 1_000, hour=12))
    town.close()

    town.take(metro("1", "a", 10_000, revision=1, action="retract"))
    answer = town.close()

    assert answer.outcomes == {"credited": 1, "retracted": 1, "retraction": 1}
    assert lines_of(people["a"]) == [513_700, -467_000]
    assert pending_mg(people["a"]) == 46_700


def test_what_was_credited_stands_after_a_withdrawal_and_nothing_new_is_processed(town: Town) -> None:
    people = town.settle("ab")
    grant = Grant.objects.get(resident_id=people["a"]).pk
    town.take(metro("1", "a", 10_000), metro("2", "b", 10_000))
    town.close()

    withdraw(grant, at=TAKEN_AT, method="test")
    town.take(metro("3", "a", 10_000, hour=12), at=datetime(2026, 3, 10, 21, tzinfo=SHANGHAI))
    answer = town.close(at=datetime(2026, 3, 11, tzinfo=SHANGHAI))
    again = town.close(at=datetime(2026, 3, 12, tzinfo=SHANGHAI))

    assert answer.outcomes == {"credited": 2, "withdrawn": 1}
    assert (pending_mg(people["a"]), pending_mg(people["b"])) == (467_000, 467_000)
    assert (again.posted, again.manifest) == (False, answer.manifest)


def test_a_retraction_takes_back_also_what_was_credited_before_a_withdrawal(town: Town) -> None:
    people = town.settle("a")
    town.take(metro("1", "a", 10_000))
    town.close()

    withdraw(Grant.objects.get(resident_id=people["a"]).pk, at=TAKEN_AT, method="test")
    town.take(
        metro("1", "a", 10_000, revision=1, action="retract"), at=datetime(2026, 3, 10, 21, tzinfo=SHANGHAI)
    )
    town.close(at=datetime(2026, 3, 11, tzinfo=SHANGHAI))

    assert pending_mg(people["a"]) == 0


def test_a_person_linked_later_is_credited_in_the_bucket_of_their_account(town: Town) -> None:
    people = town.settle("ab")
    town.take(metro("1", "stranger", 10_000), metro("2", "a", 1_000), metro("3", "nobody", 1_000))
    first = town.close()

    town.link({"stranger": people["b"]})
    second = town.close()

    assert first.outcomes == {"credited": 1, "unknown_person": 2}
    assert second.outcomes == {"credited": 2, "unknown_person": 1}
    assert lines_of(people["b"]) == [467_000]
    outputs = {output["bucket"]: output["rows"] for output in manifest(second).body["outputs"]}
    assert outputs == {people["a"] % 2: 1, people["b"] % 2: 1, -1: 1}


def test_every_record_of_the_lakes_day_has_one_end(town: Town) -> None:
    town.settle("ab")
    town.take(
        metro("1", "a", 10_000),
        metro("2", "a", 9_000),
        metro("3", "nobody", 1_000),
        act("e_invoice", "4", "a"),
        act("top_up", "5", "a"),
        metro("6", "b", 5_000, day=NEXT_DAY),
        metro("7", "a", 5_000, day=date(2026, 2, 27)),
    )
    town.take(metro("2", "a", 1, revision=1, action="retract"), metro("8", "b", 1_000, hour=9))

    answer = town.close()

    found = results(town, answer)
    assert len(found) == answer.activities == sum(answer.outcomes.values()) == lake_rows(DAY) == 7
    assert sum(mg for _, mg in found.values()) == answer.credited_mg == 467_000 + 46_700
    assert answer.outcomes == {
        "credited": 2,
        "no_grant": 1,
        "not_an_act": 1,
        "retracted": 1,
        "retraction": 1,
        "unknown_person": 1,
    }


def test_the_manifest_names_every_file_that_was_read_by_digest(town: Town) -> None:
    town.settle("ab")
    town.take(metro("1", "a", 10_000), metro("2", "b", 10_000))
    town.take(metro("1", "a", 9_000, revision=1, action="report"))

    body = manifest(town.close()).body

    records = LakeFile.objects.filter(part=LakeFile.RECORDS, day=DAY)
    assert {file["digest"] for file in body["inputs"]["evidence"]} == {file.digest for file in records}
    assert [file["digest"] for file in body["inputs"]["revisions"]] == [
        file.digest for file in LakeFile.objects.filter(part=LakeFile.REVISIONS)
    ]
    assert body["inputs"]["jurisdiction"]["digest"] == town.jurisdiction.digest
    named = {item["code"]: item["digest"] for item in body["inputs"]["methodologies"]}
    assert named["shenzhen/metro"] == town.library.get("shenzhen/metro", 1).digest
    assert body["previous"] is None
    assert sum(body["outcomes"].values()) == sum(output["rows"] for output in body["outputs"]) == 3


def test_a_second_close_names_the_one_before(town: Town) -> None:
    town.settle("a")
    town.take(metro("1", "a", 10_000))
    first = town.close()
    town.take(metro("2", "a", 10_000, hour=12))

    assert manifest(town.close()).body["previous"] == first.manifest


def test_the_number_of_buckets_changes_no_result(
    town: Town, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [metro(f"{n}", person, 1_000 * n) for n, person in enumerate("abcdefg", 1)]
    rows += [act("second_hand_sale", f"s{n}", "c", hour=9 + n) for n in range(4)]
    found = []
    for buckets in (1, 2, 5):
        sid = transaction.savepoint()
        other = Town(tmp_path_factory.mktemp("town"), town.library, town.jurisdiction, buckets)
        people = other.settle("abcdef")
        receipt = other.take(*rows)
        answer = other.close()
        by_row = {record - (receipt.batch << 32): end for record, end in results(other, answer).items()}
        found.append((by_row, answer.outcomes, {name: pending_mg(who) for name, who in people.items()}))
        transaction.savepoint_rollback(sid)

    assert found[0] == found[1] == found[2]
    assert found[0][2]["c"] == 3 * 46_700 + 3 * PHONE_MG
    assert found[0][1] == {"capped": 1, "credited": 9, "unknown_person": 1}


def test_a_day_is_not_closed_before_it_is_over(town: Town) -> None:
    with pytest.raises(DayNotOver):
        town.close(at=datetime(2026, 3, 2, 23, 59, 59, 999_999, tzinfo=SHANGHAI))
    assert town.close(at=datetime(2026, 3, 3, tzinfo=SHANGHAI)).posted


def test_an_unknown_engine_is_refused_and_nothing_is_posted(town: Town) -> None:
    with pytest.raises(UnknownEngine):
        close_day(
            DAY,
            at=TAKEN_AT,
            places=town.places,
            jurisdiction=town.jurisdiction,
            library=town.library,
            engine=EngineChoice("abacus"),
        )
    assert Manifest.objects.count() == 0


def test_a_grant_given_after_the_act_may_cover_it_and_the_next_close_credits_it(town: Town) -> None:
    people = town.settle("b")
    account = open_account(at=OPENED_AT)
    town.link({"a": account})
    town.take(metro("1", "a", 10_000), metro("2", "b", 10_000))
    assert town.close().outcomes == {"credited": 1, "no_grant": 1}

    town.give(account)

    assert town.close().outcomes == {"credited": 2}
    assert lines_of(account) == lines_of(people["b"]) == [467_000]


def test_result_files_hold_no_account_where_no_grant_allowed_it(town: Town) -> None:
    town.settle("a")
    town.take(act("e_invoice", "1", "a"), metro("2", "a", 1_000))
    answer = town.close()

    tables = [
        pq.read_table(town.places.results.checked(output["results"]))
        for output in manifest(answer).body["outputs"]
    ]
    people = {row["outcome"]: row["account_id"] for table in tables for row in table.to_pylist()}
    assert people[13] == 0
    assert people[1] > 0
