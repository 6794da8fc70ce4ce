"""Everything that is certified enters the log, once, whoever did it and whenever its transaction ended."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from datetime import UTC, date, datetime
from itertools import chain

import pytest
from django.db import connection, transaction

from close.town import Town
from notary.town import AT, by_force, districts_released, lived, lived_further, rests_on_more
from points.book import certify
from tanpuhui.kit.tonnes import TONNE_MG
from tanpuhui.ledger.every_month import every_month
from tanpuhui.notary import keep, seals
from tanpuhui.notary.audit import audit_table
from tanpuhui.notary.detach import detach
from tanpuhui.notary.documents import receipt_of
from tanpuhui.notary.enter import enter_all, waiting
from tanpuhui.notary.installation import log, policy, set_policy
from tanpuhui.notary.sealed_tables import CERTIFIED
from tanpuhui.notary.shares import shares_of
from tanpuhui.transparency.log import find_leaf, publish, receipt
from tanpuhui.transparency.merkle import hash_leaf, verify_inclusion
from tanpuhui.transparency.models import Leaf
from tanpuhui.transparency.proof import verify_proof
from tanpuhui.transparency.record import Record
from tanpuhui.transparency.refusals import PolicyMalformed, ProofInvalid
from tanpuhui.transparency.verify import verify_file

pytestmark = pytest.mark.django_db


def integrate(*, rows: bool = True) -> int:
    with transaction.atomic():
        entered = enter_all(log(), at=AT, rows=rows)
    publish(log())
    return entered.new


def test_every_kind_of_fact_enters_and_waits_no_longer(town: Town) -> None:
    lived(town)
    before = waiting()

    integrate()

    counted = Counter(Leaf.objects.values_list("kind", flat=True))
    assert {kind: before[kind] for kind in ("close", "lot", "retirement", "surrender", "statistics")} == {
        "close": 1,
        "lot": 1,
        # One tonne by itself, and the two that were surrendered.
        "retirement": 2,
        "surrender": 1,
        "statistics": 1,
    }
    assert counted == Counter(before) + Counter({"rows": counted["rows"]})
    assert waiting() == {}
    assert counted["methodology"] == len(town.library.all())


def test_nothing_enters_twice(town: Town) -> None:
    lived(town)
    integrate()

    assert integrate() == 0


def test_an_empty_installation_has_its_methodologies_and_rules_in_the_log(town: Town) -> None:
    integrate()

    assert set(Leaf.objects.values_list("kind", flat=True)) == {"methodology", "rules", "rows"} - (
        set() if Leaf.objects.filter(kind="rows").exists() else {"rows"}
    )


def test_the_receipt_of_a_lot_verifies_with_the_policy_alone(town: Town) -> None:
    lot = lived(town)
    integrate()

    given = receipt(log(), find_leaf("lot", lot.code))

    assert given["record"]["tonnes"] == 4
    entry = Record("lot", lot.code, given["record"]).entry(b64decode(given["salt"]))
    assert verify_proof(given["proof"], entry=entry, policy=policy()).checkpoint.origin == log().origin


def test_a_share_is_proved_to_be_in_its_lot(town: Town) -> None:
    lot = lived(town)
    integrate()
    root = bytes.fromhex(find_leaf("lot", lot.code).opening.record["shares_root"])

    shares = shares_of(lot.code)
    proof = shares.proof(shares.accounts[1])

    assert shares.amounts_mg == (2 * TONNE_MG, 2 * TONNE_MG)
    assert proof is not None
    record = Record(proof["kind"], proof["key"], proof["record"])
    verify_inclusion(
        index=proof["index"],
        size=proof["size"],
        leaf_hash=hash_leaf(record.entry(b64decode(proof["salt"]))),
        proof=[b64decode(one) for one in proof["hashes"]],
        root=root,
    )
    assert shares.proof(99) is None


def test_what_is_rarer_enters_too(town: Town) -> None:
    lived_further(town, lived(town))

    integrate()

    counted = Counter(Leaf.objects.values_list("kind", flat=True))
    assert {kind: counted[kind] for kind in ("private_statistics", "annulment", "replacement")} == {
        "private_statistics": 1,
        "annulment": 1,
        "replacement": 1,
    }
    # Suspended and valid again; revoked.
    steps = Leaf.objects.filter(kind="credential_status").select_related("opening").order_by("index")
    said = [leaf.opening.record for leaf in steps]
    assert [(one["sequence"], one["state"]) for one in said] == [
        (1, "suspended"),
        (2, "valid"),
        (1, "revoked"),
    ]
    assert said[0]["status_index"] == said[1]["status_index"] != said[2]["status_index"]
    assert waiting() == {}


def test_the_receipt_of_a_months_districts_has_the_figures_whose_digest_was_logged(town: Town) -> None:
    release = districts_released("2026-02")
    integrate()

    document = receipt_of(log(), "private_statistics", str(release.pk))

    assert document["body"] == release.body
    (proved,) = verify_file(json.dumps(document).encode(), policy())
    assert (proved.record["month"], proved.record["digest"]) == ("2026-02", release.digest)
    with pytest.raises(ProofInvalid):
        verify_file(json.dumps({**document, "body": {"month": "2026-02"}}).encode(), policy())


def test_every_row_of_sealed_tables_is_in_a_page(town: Town) -> None:
    lot = lived(town)
    integrate()
    with transaction.atomic():
        detach(date(2026, 3, 1), at=datetime(2027, 4, 1, tzinfo=UTC))
    lived_further(town, lot)
    rests_on_more()
    integrate()

    for one in CERTIFIED:
        read = [seals.read_page(leaf) for leaf in seals.pages(one)]
        with every_month(connection), connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {one.table}")
            (count,) = cursor.fetchone()
        assert sum(len(page.keys) for page in read) == count, one.table
        assert count > 0, one.table


def test_the_columns_that_are_sealed_are_those_of_the_tables() -> None:
    for one in seals.TABLES:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
                [one.table],
            )
            assert {name for (name,) in cursor.fetchall()} == set(one.columns), one.table


def test_a_row_whose_number_was_given_out_early_is_sealed_when_it_comes(town: Town) -> None:
    integrate()
    add = "INSERT INTO ledger_asset (id, code, unit) OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'mg')"
    by_force(add, 1000, "late:1")
    by_force(add, 1003, "late:4")
    integrate()
    by_force(add, 1002, "late:3")

    integrate()
    integrate()

    pages = [seals.read_page(leaf) for leaf in seals.pages(seals.TABLES[0])]
    assert [list(page.numbers) for page in pages if page.numbers[-1] >= 1000] == [
        [*_low(pages), 1000, 1003],
        [1002],
    ]


def _low(pages: list[seals.Page]) -> list[int]:
    """Assets that the installation's own migrations made, if they came in the same page."""
    first = next(page for page in pages if page.numbers[-1] >= 1000)
    return [number for number in first.numbers if number < 1000]


def test_facts_alone_enter_where_rows_are_left_for_later(town: Town) -> None:
    lived(town)

    integrate(rows=False)

    assert waiting() == {}
    assert not Leaf.objects.filter(kind="rows").exists()


def test_a_policy_that_is_none_is_not_taken(town: Town) -> None:
    before = policy()

    with pytest.raises(PolicyMalformed):
        set_policy("trust everybody")

    assert policy() == before


@pytest.mark.parametrize(("numbers", "rows", "most"), [(50_000, 3, 2), (2, 1_000_000, 2), (50_000, 5, 3)])
def test_very_many_rows_are_sealed_in_one_round_on_pages_that_memory_holds(
    town: Town, monkeypatch: pytest.MonkeyPatch, numbers: int, rows: int, most: int
) -> None:
    keep.integrate()
    monkeypatch.setattr(seals, "AT_ONCE", numbers)
    monkeypatch.setattr(seals, "ROWS_AT_ONCE", rows)
    monkeypatch.setattr(seals, "FETCHED", 2)
    account = town.settle("a")["a"]
    for number in range(7):
        certify(account, 1_000 + number)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.id, a.legs FROM ledger_transaction t JOIN ledger_applied a ON a.tx_id = t.id"
        )
        legs = dict(cursor.fetchall())
    assert set(legs.values()) == {2}

    keep.integrate()

    found: dict[str, list[list[int]]] = {"ledger_transaction": [], "ledger_posting": []}
    for one in seals.TABLES:
        if one.table in found:
            found[one.table] = [list(seals.read_page(leaf).numbers) for leaf in seals.pages(one)]
    assert [sorted({*page}) for page in found["ledger_posting"]] == found["ledger_transaction"]
    assert list(chain(*found["ledger_transaction"])) == sorted(legs)
    assert Counter(chain(*found["ledger_posting"])) == Counter(legs)
    assert [len(page) for page in found["ledger_transaction"]] == [
        min(most, len(legs) - first) for first in range(0, len(legs), most)
    ]
    with transaction.atomic():
        for table in found:
            assert list(audit_table(table, log(), town.places).findings) == []
