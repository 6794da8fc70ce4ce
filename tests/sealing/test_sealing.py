"""Words open where they were sealed and nowhere else, and not at all once their person's key is destroyed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from access.people import AT, user
from tanpuhui.access.audit import record
from tanpuhui.access.models import AuditEntry
from tanpuhui.kit.home import keys as keys_folder
from tanpuhui.rights.answer import refuse
from tanpuhui.rights.ask import ask
from tanpuhui.rights.models import Request
from tanpuhui.rights.show import requests_of, waiting
from tanpuhui.sealing import keys
from tanpuhui.sealing.refusals import KeyDestroyed, KeyUnreadable, SealBroken
from tanpuhui.sealing.seal import GONE, Seat, seal, unseal

pytestmark = pytest.mark.usefixtures("fresh_home")
SEAT = Seat("rights_request", "7", "words", 1)


def test_a_text_opens_at_its_seat_and_at_no_other() -> None:
    sealed = seal("我的话", SEAT)

    assert unseal(sealed, SEAT) == "我的话"
    assert seal("我的话", SEAT) != sealed
    for other in (
        Seat("rights_visit", "7", "words", 1),
        Seat("rights_request", "8", "words", 1),
        Seat("rights_request", "7", "reason", 1),
        Seat("rights_request", "7", "words", 2),
    ):
        with pytest.raises(SealBroken):
            unseal(sealed, other)


def test_each_person_has_a_key_of_their_own_made_once(fresh_home: Path) -> None:
    first = keys.keys_of([3, 1, 3])

    assert first[0] == first[2] != first[1]
    assert keys.key_of(1) == first[1]
    assert (fresh_home / "subjects").stat().st_mode & 0o777 == 0o700
    assert (fresh_home / "subjects" / "keys").stat().st_mode & 0o777 == 0o600
    assert not any(key in (fresh_home / "subjects" / "keys").read_bytes() for key in first)


def test_a_destroyed_key_is_gone_for_good_and_is_not_made_again() -> None:
    sealed = seal("words", SEAT)
    other = seal("others", Seat("rights_request", "9", "words", 2))

    assert keys.destroy(1)
    assert not keys.destroy(1)

    assert unseal(sealed, SEAT) == GONE
    assert unseal(other, Seat("rights_request", "9", "words", 2)) == "others"
    assert keys.destroyed() == [1]
    with pytest.raises(KeyDestroyed):
        keys.key_of(1)


def test_keys_are_wrapped_by_a_key_that_is_elsewhere_and_bound_to_their_account(fresh_home: Path) -> None:
    keys.keys_of([1, 2])
    file = fresh_home / "subjects" / "keys"
    rows = file.read_bytes()
    size = keys.ROW_BYTES
    file.write_bytes(rows[:size] + rows[2 * size : 3 * size] + rows[size : 2 * size])
    with pytest.raises(KeyUnreadable):
        keys.key_of(1)
    file.write_bytes(rows)
    (keys_folder() / keys.KEK).write_bytes(b"0" * 32)
    with pytest.raises(KeyUnreadable):
        keys.key_of(1)


@pytest.mark.django_db
def test_what_people_write_is_sealed_in_the_table_and_read_as_written() -> None:
    asked = ask(1, "correction", "the words", at=AT)
    refuse(asked.pk, "the reasons", at=AT)
    record("look", who=user(), at=AT, object_kind="account", object_key=1, reason="because")
    record("look", who=user(), at=AT, object_kind="lot", object_key="L-1", reason="of a lot")

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT words FROM rights_request UNION ALL SELECT words FROM rights_request_step WHERE words <> '' "
            "UNION ALL SELECT reason FROM access_audit_entry WHERE object_kind = 'account'"
        )
        stored = [text for (text,) in cursor.fetchall()]

    assert len(stored) == 3
    assert all(text.startswith("sealed:1:") for text in stored)
    assert Request.objects.get().words == "the words"
    assert (requests_of(1)[0].request.words, requests_of(1)[0].words) == ("the words", "the reasons")
    assert sorted(AuditEntry.objects.values_list("pk", flat=True))
    assert {one.reason for one in AuditEntry.objects.all()} == {"because", "of a lot"}
    assert waiting() == []


@pytest.mark.django_db
def test_words_of_before_are_read_as_they_are_and_of_an_erased_person_none_are_kept() -> None:
    asked = ask(1, "correction", "the words", at=AT)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE rights_request SET words = 'from before'")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert Request.objects.get(pk=asked.pk).words == "from before"

    keys.destroy(1)
    record("look", who=None, at=AT, object_kind="account", object_key=1, reason="about somebody")

    with connection.cursor() as cursor:
        cursor.execute("SELECT reason FROM access_audit_entry")
        assert cursor.fetchall() == [(GONE,)]
