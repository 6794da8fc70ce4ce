"""A person's rows leave every file of the lake; everything else still adds up, and no other change passes for it."""

from __future__ import annotations

import json
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
from django.db import connection

from close.test_replay import again, altered
from close.town import DAY, TAKEN_AT, Town, act, metro, pending_mg
from tanpuhui.close import erase
from tanpuhui.close.acts import acts_of
from tanpuhui.close.erase import Person, Prepared
from tanpuhui.close.models import ErasedCredit, Erasure
from tanpuhui.close.run import CloseAnswer
from tanpuhui.close.store import FileAltered, FileMissing, NoteInvalid
from tanpuhui.evidence import lake
from tanpuhui.evidence.models import SubjectLink
from tanpuhui.kit.erased import SUFFIX, notes_of, write_notes
from tanpuhui.registry import statistics
from tanpuhui.registry.reconcile import reconcile
from tanpuhui.registry.suppression import total

pytestmark = pytest.mark.django_db


@pytest.fixture()
def people(town: Town) -> dict[str, int]:
    """Three people, one of them linked after the file was taken; a revision, and acts of nobody."""
    people = town.settle("abc")
    town.take(
        metro("1", "a", 10_000),
        metro("2", "late", 3_000),
        metro("3", "nobody", 100),
        metro("4", "c", 7_000),
        act("second_hand_sale", "5", "a", pieces=1, product=1),
    )
    town.take(metro("1", "a", 9_000, revision=1, action="report"))
    town.link({"late": people["b"]})
    return people


@pytest.fixture()
def closed(town: Town, people: dict[str, int]) -> CloseAnswer:
    return town.close()


def person(account: int) -> Person:
    subjects = SubjectLink.objects.filter(account_id=account).values_list("subject_id", flat=True)
    return Person(account, frozenset(subjects))


def erased(town: Town, account: int) -> Prepared:
    prepared = erase.prepare(person(account), uuid4(), town.places, at=TAKEN_AT)
    erase.record(prepared)
    erase.finish(town.places)
    return prepared


def rows_of(town: Town, who: Person) -> int:
    """Rows of a person in any Parquet file below the lake."""
    found = 0
    for path in town.places.lake.rglob("*.parquet"):
        table = pq.read_table(path)
        for name, values in (("account_id", {who.account}), ("subject_id", who.subjects)):
            if name in table.column_names:
                found += sum(value in values for value in table[name].to_pylist())
    return found


def test_no_file_has_a_row_of_whoever_is_erased_and_a_replay_agrees_and_says_erased(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    gone = 0
    for letter, ends in (("a", 3), ("b", 1), ("c", 1)):
        who = person(people[letter])
        assert rows_of(town, who) > 0

        erased(town, who.account)

        gone += ends
        assert rows_of(town, who) == 0
        answer = again(town, closed)
        assert answer.differences == []
        assert (answer.agrees, answer.erased, answer.rows) == (True, gone, closed.activities - gone)
        assert lake.missing_or_changed(town.places.lake) == []
        assert lake.sweep(town.places.lake) == []
    steps = [len(json.loads(path.read_text())) for path in town.places.lake.rglob(f"*{SUFFIX}")]
    assert max(steps) > 1


def test_others_have_what_they_had_and_the_ledger_stands(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    a, c = people["a"], people["c"]
    before = pending_mg(a), pending_mg(c), acts_of(c, [DAY], town.places)

    erased(town, a)

    assert (pending_mg(a), pending_mg(c), acts_of(c, [DAY], town.places)) == before
    assert acts_of(a, [DAY], town.places) == []
    assert reconcile(connection) == []


def test_a_day_is_closed_again_without_the_person_and_their_credit_stays(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    credited = pending_mg(people["a"])
    erased(town, people["a"])
    town.take(metro("9", "c", 1_000, hour=20))

    again_closed = town.close()

    assert again_closed.posted
    assert pending_mg(people["a"]) == credited > 0
    assert sum(ErasedCredit.objects.values_list("credited_mg", flat=True)) == credited
    assert reconcile(connection) == []
    assert again(town, again_closed).agrees


def test_a_record_that_is_sent_again_is_nobodys(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    """What told a repeat from a new record went too: it comes back as somebody unknown, and is credited to nobody."""
    erased(town, people["c"])
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM vault.subject_link WHERE account_id = %s", [people["c"]])
        cursor.execute("SET LOCAL session_replication_role = origin")

    receipt = town.take(metro("4", "c", 7_000))

    assert receipt.accepted == 1
    assert town.close().outcomes["unknown_person"] == 2
    assert reconcile(connection) == []


def test_an_erasure_that_was_cut_short_is_finished_later(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    prepared = erase.prepare(person(people["a"]), uuid4(), town.places, at=TAKEN_AT)
    assert again(town, closed).agrees
    erase.record(prepared)
    assert again(town, closed).agrees

    assert erase.finish(town.places) == len(prepared.files)
    assert erase.finish(town.places) == 0

    assert again(town, closed).agrees
    assert Erasure.objects.get().rows == prepared.rows


def test_a_sweep_before_an_erasure_is_finished_takes_none_of_its_files(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    for letter in "ab":
        prepared = erase.prepare(person(people[letter]), uuid4(), town.places, at=TAKEN_AT)
        erase.record(prepared)

        assert lake.sweep(town.places.lake, lambda: erase.written_anew(town.places)) == []
        erase.finish(town.places)

        assert lake.missing_or_changed(town.places.lake) == []
        assert again(town, closed).agrees


def test_no_other_change_passes_for_an_erasure(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    prepared = erased(town, people["a"])
    file = next(one for one in prepared.files if "bucket=" in one.path and "bucket=-1" not in one.path)
    path = town.places.lake / file.path
    left = path.with_name(f"{file.after.removeprefix('sha256:')}.parquet")
    whole, notes = left.read_bytes(), notes_of(path)

    altered(left)
    with pytest.raises(FileAltered):
        again(town, closed)
    left.unlink()
    with pytest.raises(FileMissing):
        again(town, closed)
    left.write_bytes(whole)
    header, payload, signature = notes[0].split(".")
    other = next(one for one in prepared.files if one.path != file.path)
    for forged in (f"{header}.{payload}.{'A' * len(signature)}", other.note):
        write_notes(path, (forged,))
        with pytest.raises(NoteInvalid):
            again(town, closed)
    write_notes(path, notes)
    assert again(town, closed).agrees


def test_rows_of_a_bystander_cannot_go_along(
    town: Town, people: dict[str, int], closed: CloseAnswer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has the key and takes a row too many out of the inputs changes what is computed: a replay tells."""
    prepared = erase.prepare(person(people["a"]), uuid4(), town.places, at=TAKEN_AT)
    only_inputs = [one for one in prepared.files if one.path.startswith("evidence/day=")]

    erase.record(Prepared(prepared.erasure, TAKEN_AT, tuple(only_inputs)))
    erase.finish(town.places)

    assert not again(town, closed).agrees


def test_after_an_erasure_statistics_are_of_everybody_else_and_their_sums_still_hold(
    town: Town, people: dict[str, int], closed: CloseAnswer
) -> None:
    """The closes that stand still say what they credited; the acts of the erased person are in no figure any more."""
    before = statistics.count("2026-03", town.places, town.library)

    erased(town, people["a"])

    after = statistics.count("2026-03", town.places, town.library)
    gone = sum(ErasedCredit.objects.values_list("credited_mg", flat=True))
    assert gone > 0
    was, left = total(before.kinds.values()), total(after.kinds.values())
    assert left.persons == was.persons - 1
    assert left.credited_mg == was.credited_mg - gone
