"""The log in the database and its files: once per record, without a gap, whole after a kill, and never two trees."""

from __future__ import annotations

import json
import threading
import time
from base64 import b64decode
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from tanpuhui.transparency import note
from tanpuhui.transparency.log import (
    Log,
    destroy_opening,
    enter,
    find_leaf,
    latest,
    prove,
    publish,
    receipt,
    sign_checkpoint,
)
from tanpuhui.transparency.merkle import (
    EMPTY_ROOT,
    prove_consistency,
    root_of,
    verify_consistency,
)
from tanpuhui.transparency.merkle import hash_leaf as hashed
from tanpuhui.transparency.models import Leaf, Opening, SignedCheckpoint
from tanpuhui.transparency.policy import read_policy
from tanpuhui.transparency.proof import verify_proof
from tanpuhui.transparency.record import Record
from tanpuhui.transparency.refusals import (
    LogBehind,
    LogForked,
    NotInLog,
    NotIntegrated,
    OpeningDestroyed,
    RecordChanged,
)

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
KEY = note.key_from_secret("log.example", bytes(32))
POLICY = read_policy(f"log {KEY.verifier}\nquorum none\n")


@pytest.fixture()
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log", KEY)


def records(first: int, after: int) -> list[Record]:
    return [Record("lot", f"DEMO-{number:06}", {"tonnes": number}) for number in range(first, after)]


def add(log: Log, first: int, after: int) -> SignedCheckpoint:
    """Enter, sign and publish as the command does."""
    with transaction.atomic():
        enter(records(first, after), at=AT)
        signed = sign_checkpoint(log, at=AT)
    publish(log)
    return signed


@pytest.mark.django_db
def test_an_empty_log_is_signed_and_published(log: Log) -> None:
    signed = add(log, 0, 0)

    assert (signed.size, bytes(signed.root)) == (0, EMPTY_ROOT)
    assert (log.folder / "checkpoint").read_text() == signed.note
    assert note.verify(signed.note, [str(KEY.verifier)]).text.startswith("log.example\n0\n")


@pytest.mark.django_db
def test_a_leaf_is_the_salted_hash_of_its_record_and_its_root_is_that_of_all(log: Log) -> None:
    signed = add(log, 0, 300)

    leaves = list(Leaf.objects.order_by("index"))
    assert [leaf.index for leaf in leaves] == list(range(300))
    assert bytes(signed.root) == root_of([hashed(bytes(leaf.entry)) for leaf in leaves])
    opening = Opening.objects.get(pk=7)
    assert records(7, 8)[0].entry(bytes(opening.salt)) == bytes(leaves[7].entry)
    assert len({bytes(one.salt) for one in Opening.objects.all()}) == 300


@pytest.mark.django_db
def test_the_same_record_again_has_the_leaf_that_it_has(log: Log) -> None:
    add(log, 0, 3)

    assert enter(records(0, 4), at=AT) == 1
    assert enter([*records(4, 5), *records(4, 5)], at=AT) == 1
    assert Leaf.objects.count() == 5


@pytest.mark.django_db
def test_a_record_that_became_another_is_refused_and_nothing_enters(log: Log) -> None:
    add(log, 0, 3)

    with pytest.raises(RecordChanged, match="leaf 1"):
        enter([*records(7, 8), Record("lot", "DEMO-000001", {"tonnes": 2})], at=AT)
    with pytest.raises(RecordChanged):
        enter([*records(8, 9), Record("lot", "DEMO-000008", {"tonnes": 0})], at=AT)

    assert Leaf.objects.count() == 3


@pytest.mark.django_db
def test_nothing_new_signs_nothing_new(log: Log) -> None:
    first = add(log, 0, 3)

    assert add(log, 0, 3).note == first.note
    assert SignedCheckpoint.objects.count() == 1


@pytest.mark.django_db
def test_every_leaf_is_proved_under_every_later_checkpoint(log: Log) -> None:
    sizes = [1, 2, 256, 257, 300]
    for before, size in zip([0, *sizes], sizes, strict=False):
        add(log, before, size)

        for leaf in Leaf.objects.filter(index__in=[0, 1, 255, 256, size - 1], index__lt=size):
            verify_proof(str(prove(log, leaf)), entry=bytes(leaf.entry), policy=POLICY)

    old = SignedCheckpoint.objects.get(size=257)
    proof = prove(log, Leaf.objects.get(index=256), under=old)
    assert verify_proof(str(proof), entry=bytes(Leaf.objects.get(index=256).entry), policy=POLICY)
    for one in SignedCheckpoint.objects.filter(size__gt=0):
        hashes = prove_consistency(size1=one.size, size2=300, subtree=log.tiles.subtree(300))
        verify_consistency(
            size1=one.size,
            size2=300,
            root1=bytes(one.root),
            root2=bytes(SignedCheckpoint.objects.get(size=300).root),
            proof=hashes,
        )


@pytest.mark.django_db
def test_a_receipt_has_all_that_is_needed_to_compute_the_leaf(log: Log) -> None:
    add(log, 0, 3)

    given = json.loads(json.dumps(receipt(log, find_leaf("lot", "DEMO-000002"))))

    assert given["record"] == {"tonnes": 2}
    entry = Record(given["kind"], given["key"], given["record"]).entry(b64decode(given["salt"]))
    assert verify_proof(given["proof"], entry=entry, policy=POLICY).checkpoint.size == 3


@pytest.mark.django_db
def test_what_is_not_there_or_not_signed_yet_is_refused(log: Log) -> None:
    with pytest.raises(NotIntegrated):
        publish(log)
    add(log, 0, 1)
    enter(records(1, 2), at=AT)

    with pytest.raises(NotInLog):
        find_leaf("lot", "DEMO-000009")
    with pytest.raises(NotIntegrated):
        receipt(log, find_leaf("lot", "DEMO-000001"))


@pytest.mark.django_db
def test_destroying_an_opening_leaves_every_root_and_proof(log: Log) -> None:
    before = add(log, 0, 5)
    leaf = find_leaf("lot", "DEMO-000002")

    assert destroy_opening(leaf)
    assert not destroy_opening(leaf)

    after = add(log, 5, 6)
    assert bytes(SignedCheckpoint.objects.get(size=5).root) == bytes(before.root)
    verify_proof(str(prove(log, leaf)), entry=bytes(leaf.entry), policy=POLICY)
    assert after.size == 6
    with pytest.raises(OpeningDestroyed):
        receipt(log, leaf)


@pytest.mark.django_db
@pytest.mark.parametrize("indexes", [[1], [0, 2], [-1]])
def test_the_database_refuses_leaves_with_a_gap(indexes: list[int]) -> None:
    leaves = [
        Leaf(index=index, kind="lot", key=str(index), entry=bytes(32), entered_at=AT) for index in indexes
    ]

    with pytest.raises(DatabaseError), transaction.atomic():
        Leaf.objects.bulk_create(leaves)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "order",
    [
        "UPDATE transparency_leaf SET key = 'x'",
        "DELETE FROM transparency_leaf",
        "UPDATE transparency_opening SET salt = ''",
        "UPDATE transparency_checkpoint SET note = ''",
        "DELETE FROM transparency_checkpoint",
        "TRUNCATE transparency_opening",
    ],
)
def test_even_the_owner_is_stopped_from_changing_the_log(log: Log, order: str) -> None:
    add(log, 0, 2)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(order)


def by_force(order: str, *values: Any) -> None:
    """What a superuser does who switches triggers off."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(order, values)
        cursor.execute("SET session_replication_role = origin")


@pytest.mark.django_db
def test_a_log_whose_files_were_changed_signs_nothing(log: Log) -> None:
    add(log, 0, 3)
    tile = log.folder / "tile/0/000.p/3"
    tile.write_bytes(bytes(32) + tile.read_bytes()[32:])

    with pytest.raises(LogForked), transaction.atomic():
        enter(records(3, 4), at=AT)
        sign_checkpoint(log, at=AT)

    assert latest().size == 3  # type: ignore[union-attr]


@pytest.mark.django_db
def test_a_database_that_forgot_what_was_published_signs_nothing(log: Log) -> None:
    add(log, 0, 2)
    add(log, 2, 4)
    by_force("DELETE FROM transparency_checkpoint WHERE size = 4")

    with pytest.raises(LogBehind), transaction.atomic():
        sign_checkpoint(log, at=AT)


@pytest.mark.django_db
def test_a_database_with_another_root_than_was_published_signs_nothing(log: Log) -> None:
    add(log, 0, 2)
    by_force("UPDATE transparency_checkpoint SET root = %s", bytes(32))

    with pytest.raises(LogForked), transaction.atomic():
        sign_checkpoint(log, at=AT)


@pytest.mark.django_db
def test_a_lost_leaf_signs_nothing(log: Log) -> None:
    add(log, 0, 2)
    enter(records(2, 5), at=AT)
    by_force("DELETE FROM transparency_opening WHERE leaf_id = 3")
    by_force("DELETE FROM transparency_leaf WHERE index = 3")

    with pytest.raises(LogForked, match="lost a leaf"), transaction.atomic():
        sign_checkpoint(log, at=AT)


@pytest.mark.django_db
def test_tiles_of_a_checkpoint_that_was_rolled_back_are_written_again(log: Log) -> None:
    add(log, 0, 2)
    with transaction.atomic():
        enter(records(2, 9), at=AT)
        sign_checkpoint(log, at=AT)
        transaction.set_rollback(True)
    assert latest().size == 2  # type: ignore[union-attr]

    signed = add(log, 2, 300)

    assert bytes(signed.root) == root_of([hashed(bytes(one.entry)) for one in Leaf.objects.order_by("index")])
    assert log.tiles.root(300) == bytes(signed.root)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_enter_every_record_once_and_without_a_gap(log: Log) -> None:
    failed: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for step in range(5):
                with transaction.atomic():
                    enter(records(first + step * 10, first + step * 10 + 30), at=AT)
                    sign_checkpoint(log, at=AT)
        except BaseException as error:
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(first,)) for first in (0, 15, 30, 45)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    publish(log)

    assert failed == []
    leaves = list(Leaf.objects.order_by("index"))
    assert sorted(leaf.key for leaf in leaves) == [record.key for record in records(0, 115)]
    assert [leaf.index for leaf in leaves] == list(range(115))
    assert bytes(latest().root) == root_of([hashed(bytes(leaf.entry)) for leaf in leaves])  # type: ignore[union-attr]


@pytest.mark.django_db
def test_thousands_of_leaves_enter_and_are_signed_in_a_second(log: Log) -> None:
    """Seconds of this process, so that a busy machine does not decide."""
    begun = time.process_time()

    add(log, 0, 5_000)

    assert time.process_time() - begun < 5.0, "1,000 leaves a second at the very least"
