"""An audit finds what a superuser changed, with every trigger off, and names the row."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection, transaction

from close.town import Town
from notary.logged import found, integrate
from notary.town import ACME, by_force, lived, lived_further, rests_on_more, rules_dropped
from registry.units_town import given
from tanpuhui.kit.home import home
from tanpuhui.ledger.invariants import Finding
from tanpuhui.notary.audit import audit, audit_table
from tanpuhui.notary.installation import log
from tanpuhui.notary.sealed_tables import CERTIFIED
from tanpuhui.registry.models import Block, Lot, Movement
from tanpuhui.transparency.log import destroy_opening, find_leaf, newest_note
from tanpuhui.transparency.models import DestroyedSalt, Leaf, SignedCheckpoint

pytestmark = pytest.mark.django_db


@pytest.fixture()
def lot(town: Town) -> Lot:
    """A town that lived, all of it in the log."""
    lot = lived(town)
    integrate()
    return lot


@pytest.fixture()
def other_lot(town: Town, lot: Lot) -> Lot:
    """And what is rarer, in the log as well."""
    other = lived_further(town, lot)
    integrate()
    return other


@pytest.fixture(autouse=True)
def what_was_broken_is_not_checked(db: None) -> Iterator[None]:
    """Tests leave rows that refer to nothing; they are rolled back and not looked at."""
    yield
    transaction.set_rollback(True)


def found_in(table: str, town: Town) -> list[Finding]:
    """What the parts of the audit find that look at one table."""
    with transaction.atomic():
        return [one for one in audit_table(table, log(), town.places).findings if one.table == table]


def test_an_untouched_town_has_no_findings(town: Town, lot: Lot) -> None:
    with transaction.atomic():
        looked = audit(log(), town.places, seen=[newest_note()])

    assert looked.findings == ()
    assert looked.checked["leaves"] == Leaf.objects.count()
    assert looked.checked["facts"] == Leaf.objects.exclude(kind="rows").count()
    assert looked.checked["sealed_rows"] > 20


def test_what_was_not_entered_yet_is_no_finding(town: Town) -> None:
    lived(town)
    assert found(town) == []

    integrate()
    assert found(town) == []


def edits(table: str) -> list[tuple[str, str]]:
    """Every column of a table, with an expression for another value of its type."""
    other = {
        "bigint": "{} + 1000",
        "integer": "{} + 1000",
        "smallint": "{} + 1",
        "numeric": "{} + 1",
        "text": "{} || '~'",
        "character varying(7)": "reverse({})",
        "date": "{} + 1",
        "timestamp with time zone": "{} + interval '1 microsecond'",
        "jsonb": "jsonb_build_array({})",
        "bigint[]": "{} || 1::bigint",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [table],
        )
        return [(name, other[kind].format(f'"{name}"')) for name, kind in cursor.fetchall()]


def row_with(table: str, column: str) -> tuple[str, str]:
    """Some row of a table (the partition, and its place there) in which a column says something; none: empty."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT tableoid::regclass::text, ctid::text FROM {table} WHERE "{column}" IS NOT NULL '
            "ORDER BY tableoid, ctid LIMIT 1"
        )
        return cursor.fetchone() or ("", "")


@pytest.mark.slow
def test_any_column_of_any_sealed_row_that_is_edited_is_named(town: Town, other_lot: Lot) -> None:
    tried = []
    for one in CERTIFIED:
        rules_dropped(one.table)
        for column, other in edits(one.table):
            partition, place = row_with(one.table, column)
            if not place or (one.table, column) == ("ledger_posting", "stream"):
                # It says nowhere anything, or no partition would take the row.
                continue
            point = transaction.savepoint()
            assert by_force(f'UPDATE {partition} SET "{column}" = {other} WHERE ctid = %s::tid', place)

            named = {finding.invariant for finding in found_in(one.table, town)}

            transaction.savepoint_rollback(point)
            assert named & {"rows_are_as_sealed", "facts_are_as_logged"}, (one.table, column)
            tried.append((one.table, column))

    assert len(tried) >= 100
    assert found(town) == []


FACTS = [
    ("registry_lot", "UPDATE registry_lot SET tonnes = 5, serial_last = 5", "tonnes is 5, logged as 4"),
    ("registry_lot", "UPDATE registry_lot SET verifier = 'nobody'", "verifier"),
    ("registry_lot", "DELETE FROM registry_lot", "it is gone"),
    ("close_manifest", "UPDATE close_manifest SET credited_mg = credited_mg + 1", "credited_mg"),
    ("close_manifest", 'UPDATE close_manifest SET body = body || \'{"code": "9"}\'', "the body was edited"),
    ("registry_movement", "DELETE FROM registry_movement WHERE to_state = 'retired'", "it is gone"),
    ("registry_movement", "UPDATE registry_movement SET said = '{}' WHERE verb = 'retire'", "said"),
    ("offsetting_ending", "UPDATE offsetting_ending SET ended_at = now()", "ended_at"),
    ("offsetting_ending", "DELETE FROM offsetting_ending", "it is gone"),
    (
        "registry_statistics_release",
        "UPDATE registry_statistics_release SET body = '{}'",
        "the body was edited",
    ),
    ("registry_statistics_release", "UPDATE registry_statistics_release SET digest = 'x'", "digest"),
    ("registry_statistics_release", "UPDATE registry_statistics_release SET month = '2026-02'", "month is"),
]


RARER = [
    ("registry_annulment", "UPDATE registry_annulment SET reason = 'none'", "reason"),
    ("registry_private_release", "UPDATE registry_private_release SET body = '{}'", "the body was edited"),
    ("registry_private_release", "UPDATE registry_private_release SET epsilon = 1", "epsilon_millionths"),
    ("registry_private_release", "UPDATE registry_private_release SET limit_epsilon = 0", "edited after"),
    ("registry_private_release", "DELETE FROM registry_private_release", "it is gone"),
    (
        "transparency_status_step",
        "DELETE FROM transparency_status_step WHERE state = 'revoked'",
        "it is gone",
    ),
    ("transparency_status_step", "UPDATE transparency_status_step SET reason = 'another'", "reason"),
    ("transparency_status_step", "UPDATE transparency_status_step SET by = 'somebody'", "by is"),
    (
        "transparency_status_step",
        "UPDATE transparency_status_step SET state = 'suspended' WHERE state = 'revoked'",
        'state is "suspended", logged as "revoked"',
    ),
    # The step of one credential given to another: its place in the list is another one.
    (
        "transparency_status_step",
        "UPDATE transparency_status_step SET sequence = 3, credential_id = "
        "(SELECT min(id) FROM transparency_credential) WHERE state = 'revoked'",
        "status_index",
    ),
    ("transparency_credential", "UPDATE transparency_credential SET status_list = 2", "it was edited"),
    ("transparency_credential", "UPDATE transparency_credential SET jwt = jwt || 'x'", "it was edited"),
    ("offsetting_certificate", "UPDATE offsetting_certificate SET content = '{}'", "it was edited"),
    ("offsetting_replacement", "UPDATE offsetting_replacement SET key = 'k'", "it was edited"),
]


FAR = [
    ("registry_reported", "UPDATE registry_reported SET lines = '[1]'", "it was edited"),
    ("registry_reported", "DELETE FROM registry_reported", "it was deleted"),
    ("registry_left_out", "UPDATE registry_left_out SET accounts = 1", "it was edited"),
    ("registry_certifier", "UPDATE registry_certifier SET registry = ''", "it was edited"),
    ("registry_far_lot", "UPDATE registry_far_lot SET party = 'nobody'", "party"),
    ("registry_far_lot", "DELETE FROM registry_far_lot", "it is gone"),
    ("verification_statement", "UPDATE verification_statement SET conclusion = 'refuse'", "conclusion"),
    ("verification_statement", "UPDATE verification_statement SET jws = 'x'", "jws"),
    ("verification_statement", "DELETE FROM verification_statement", "it is gone"),
    (
        "verification_verifier_key",
        "UPDATE verification_verifier_key SET public_key = sha256('another')",
        "public_key",
    ),
    ("verification_verifier_key", "DELETE FROM verification_verifier_key", "it is gone"),
    ("verification_key_ending", "DELETE FROM verification_key_ending", "it is gone"),
]


def test_what_certification_rests_on_is_named_when_it_was_edited_or_deleted(town: Town, lot: Lot) -> None:
    """What a district reported, what was left out, who certifies, who keeps a lot, and what a verifier signed."""
    rests_on_more()
    integrate()

    named_each(town, FAR)


def test_a_fact_that_was_edited_or_deleted_is_named(town: Town, lot: Lot) -> None:
    named_each(town, FACTS)


def test_a_rarer_fact_that_was_edited_or_deleted_is_named(town: Town, other_lot: Lot) -> None:
    """Status of credentials, figures of districts, annulments and what was replaced."""
    assert found(town) == []

    named_each(town, RARER)


def named_each(town: Town, edits: list[tuple[str, str, str]]) -> None:
    for table, statement, what in edits:
        point = transaction.savepoint()
        assert by_force(statement)

        named = found_in(table, town)

        transaction.savepoint_rollback(point)
        assert any(what in finding.found for finding in named), (statement, named)


def test_a_ledger_row_that_was_deleted_is_named(town: Town, lot: Lot) -> None:
    by_force(
        "DELETE FROM ledger_posting WHERE account_id & 15 = 1 AND tx_id = (SELECT min(tx_id) FROM ledger_posting)"
    )

    first = next(finding for finding in found(town) if finding.table == "ledger_posting")

    assert (first.invariant, first.found) == ("rows_are_as_sealed", "it was deleted after it was sealed")


def test_a_row_that_came_among_sealed_ones_is_named(town: Town, lot: Lot) -> None:
    by_force(
        "INSERT INTO ledger_posting SELECT tx_id, account_id + 16, amount, ref, asset_id, posted_on, leg, code, stream "
        "FROM ledger_posting WHERE tx_id = (SELECT min(tx_id) FROM ledger_posting) LIMIT 1"
    )

    first = next(finding for finding in found(town) if finding.table == "ledger_posting")

    assert first.found == "it came among rows that were sealed"


def test_a_credit_that_was_invented_after_everything_was_sealed_is_named(town: Town, lot: Lot) -> None:
    """It is sealed as it stands, and no close gave it: the log dates it, the books name it."""
    by_force(
        "INSERT INTO ledger_posting SELECT tx_id + 1000, account_id, amount, ref, asset_id, posted_on, leg, code, "
        "stream FROM ledger_posting WHERE account_id & 15 = 1 AND amount > 0 LIMIT 1"
    )
    integrate()

    assert found(town)


def test_two_rows_that_changed_places_are_both_named(town: Town, lot: Lot) -> None:
    rules_dropped("registry_movement")
    by_force(
        "UPDATE registry_movement m SET verb = o.verb, key = o.key, first = o.first, last = o.last, "
        "from_state = o.from_state, to_state = o.to_state, said = o.said FROM registry_movement o "
        "WHERE (m.id, o.id) IN (SELECT min(id), max(id) FROM registry_movement "
        "UNION SELECT max(id), min(id) FROM registry_movement)"
    )

    named = {finding.key for finding in found(town) if finding.invariant == "rows_are_as_sealed"}

    with connection.cursor() as cursor:
        cursor.execute("SELECT min(id), max(id) FROM registry_movement")
        first, last = cursor.fetchone()
    assert named == {f"id={first}", f"id={last}"}


def test_a_retired_number_that_changed_places_with_a_held_one_is_named(town: Town, lot: Lot) -> None:
    """Every sum is as it was; the retired number could be used again."""
    with transaction.atomic():
        given(ACME, lot.code, 1)
    blocks = Block.objects.filter(lot=lot, closed_at__isnull=True)
    held, retired = blocks.get(state="held"), blocks.filter(state="retired").earliest("first")
    assert (held.first, held.last, retired.first) == (4, 4, 1)
    assert found(town) == []
    rules_dropped("registry_block")
    by_force("UPDATE registry_block SET first = 1, last = 1 WHERE id = %s", held.pk)
    by_force("UPDATE registry_block SET first = 2, last = 4 WHERE id = %s", retired.pk)

    named = [one.key for one in found(town) if one.invariant == "blocks_are_where_movements_left_them"]

    code = lot.code
    assert named == [f"id={held.pk} {code} 1 to 1", f"id={retired.pk} {code} 2 to 4"]


SWAP = (
    "UPDATE transparency_leaf a SET entry = b.entry FROM transparency_leaf b "
    "WHERE (a.index, b.index) IN ((3, 7), (7, 3))"
)
LEAVES: list[tuple[str, str, str]] = [
    (
        r"UPDATE transparency_leaf SET entry = decode(repeat('00', 32), 'hex') WHERE index = 3",
        "leaves_are_what_was_published",
        "index=3",
    ),
    (SWAP, "leaves_are_what_was_published", "index=3"),
    ("DELETE FROM transparency_leaf WHERE index = 3", "log_has_no_gap", "index=3"),
    ("UPDATE transparency_leaf SET index = index + 1 WHERE index >= 3", "log_has_no_gap", "index=3"),
    ("DELETE FROM transparency_leaf WHERE index > 3", "log_has_no_gap", "index=4"),
    (
        "UPDATE transparency_opening SET record = '{}' WHERE leaf_id = 3",
        "openings_open_their_leaves",
        "leaf=3",
    ),
    ("UPDATE transparency_opening SET salt = '' WHERE leaf_id = 3", "openings_open_their_leaves", "leaf=3"),
    ("DELETE FROM transparency_opening WHERE leaf_id = 3", "openings_are_there", "leaf=3"),
]


def test_a_row_of_the_log_that_was_touched_is_the_first_that_is_named(town: Town, lot: Lot) -> None:
    rules_dropped("transparency_leaf")
    for statement, invariant, key in LEAVES:
        point = transaction.savepoint()
        assert by_force(statement)

        first = found(town)[0]

        transaction.savepoint_rollback(point)
        assert (first.invariant, first.key) == (invariant, key), statement


def test_a_second_row_under_the_key_of_a_fact_is_named_whatever_it_says(town: Town, lot: Lot) -> None:
    rules_dropped("offsetting_ending")
    by_force(
        "INSERT INTO offsetting_ending (reservation_id, outcome, key, ended_at) "
        "SELECT reservation_id, 'released', key, ended_at FROM offsetting_ending"
    )

    named = found_in("offsetting_ending", town)

    assert [one.found for one in named] == ["several rows have this key"]


def test_an_opening_that_was_destroyed_on_purpose_is_in_the_log_and_no_finding(town: Town, lot: Lot) -> None:
    leaf = find_leaf("retirement", str(Movement.objects.filter(to_state="retired").earliest("pk").pk))
    destroy_opening(leaf)
    integrate()

    assert found(town) == []
    assert find_leaf("destroyed_opening", str(DestroyedSalt.objects.get().pk))
    by_force("DELETE FROM transparency_destroyed_salt")
    named = {(one.invariant, one.key) for one in found(town)}
    assert ("openings_are_there", f"leaf={leaf.index}") in named


def test_a_checkpoint_that_was_written_over_is_named(town: Town, lot: Lot) -> None:
    by_force("UPDATE transparency_checkpoint SET root = %s", bytes(32))

    invariants = {finding.invariant for finding in found(town)}

    assert {"checkpoints_are_signed", "checkpoints_are_of_their_leaves"} <= invariants


def test_a_log_that_was_built_anew_does_not_contain_what_a_witness_kept(town: Town, lot: Lot) -> None:
    """With the key and every right, history can be written again; not what somebody else has seen of it."""
    kept = newest_note()
    by_force("DELETE FROM transparency_cosignature")
    by_force("DELETE FROM transparency_checkpoint")
    by_force("DELETE FROM transparency_opening")
    by_force("DELETE FROM transparency_leaf")
    for path in sorted(log().folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    by_force("UPDATE registry_lot SET verifier = 'somebody else'")
    integrate()
    assert found(town) == []

    (first, *_) = found(town, kept)

    assert (first.invariant, first.key) == ("checkpoints_are_of_their_leaves", "a checkpoint that was seen")


def test_a_lost_file_of_the_log_or_of_seals_is_named(town: Town, lot: Lot) -> None:
    (log().folder / "tile/entries/000.p" / str(SignedCheckpoint.objects.get().size)).unlink()
    next((home() / "seals").rglob("*.parquet")).unlink()

    invariants = {finding.invariant for finding in found(town)}

    assert invariants == {"log_files_are_there", "seals_are_there"}


def test_a_result_file_that_was_altered_is_named(town: Town, lot: Lot) -> None:
    path = next((town.places.lake / "closes").rglob("*.parquet"))
    path.write_bytes(path.read_bytes() + b"x")

    (first,) = found(town)

    assert (first.invariant, first.table) == ("bodies_have_their_digests", "close_manifest")


def test_a_copy_of_an_opening_is_named_to_the_letter_or_not(town: Town, lot: Lot) -> None:
    leaf = find_leaf("lot", lot.code)
    rules_dropped("transparency_opening")
    by_force(
        "INSERT INTO transparency_opening SELECT * FROM transparency_opening WHERE leaf_id = %s", leaf.index
    )

    assert {finding.key for finding in found_in("transparency_opening", town)} == {f"leaf={leaf.index}"}
