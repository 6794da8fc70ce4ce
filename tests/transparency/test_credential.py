"""Credentials in the database: one lives at a time, places are never used twice, and lists say what became of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from ledger.bookings import in_parallel
from tanpuhui.kit.refusal import Refusal
from tanpuhui.transparency import credential as credentials
from tanpuhui.transparency.credential_status import (
    AGAIN_S,
    publish_lists,
    restore,
    revoke,
    states_of,
    suspend,
)
from tanpuhui.transparency.credentials.conceal import Hidden
from tanpuhui.transparency.credentials.kinds import PORTABILITY
from tanpuhui.transparency.credentials.status_list import LEAST_ENTRIES, Status, read_list
from tanpuhui.transparency.credentials.verify import Expected, verify
from tanpuhui.transparency.issuer import issuer, list_uri, lists
from tanpuhui.transparency.models import Credential, CredentialOpening, StatusStep

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_home")]
AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AT_S = int(AT.timestamp())
NAME = "https://carbon.example"
WHY: dict[str, Any] = {"reason": "because", "by": "test", "at": AT}


def issued(subject: str = "account:1:a") -> Credential:
    return credentials.issue_once(PORTABILITY, subject, {"acts": Hidden(7)}, issuer=NAME, at=AT)


def state_in_list(one: Credential, at_s: int = AT_S) -> int:
    token = (lists() / str(one.status_list)).read_text()
    return read_list(token, issuer(NAME), at_s=at_s).states[one.status_index]


def code_of(verb: Any, *args: Any, **kwargs: Any) -> str:
    with pytest.raises(Refusal) as caught:
        verb(*args, **kwargs)
    return caught.value.code


def test_it_verifies_with_what_is_published_and_is_issued_once() -> None:
    made = issued()
    publish_lists(NAME, at=AT)

    token = (lists() / str(made.status_list)).read_text()
    held = verify(credentials.whole(made).text(), Expected(issuer(NAME), AT_S, (token,)), lambda one: one)

    assert (held.claims["acts"], held.status) == (7, "valid")
    assert issued() == made
    assert Credential.objects.count() == 1


def test_after_a_revocation_and_only_then_there_is_another() -> None:
    first = issued()
    suspend(first, **WHY)
    assert issued() == first

    revoke(first, **WHY)
    second = issued()

    assert (second.sequence, credentials.find("account:1:a")) == (2, second)
    assert second.status_index != first.status_index
    with pytest.raises(DatabaseError, match="is not revoked"), transaction.atomic():
        Credential.objects.create(
            kind=PORTABILITY,
            subject="account:1:a",
            sequence=3,
            status_list=1,
            status_index=0,
            jwt="x",
            issued_at=AT,
        )


def test_every_step_is_in_the_list_and_a_revocation_is_the_end() -> None:
    one = issued()
    states = []
    for verb in (suspend, restore, suspend, revoke):
        assert verb(one, **WHY) is not None
        assert verb(one, **WHY) is None
        publish_lists(NAME, at=AT)
        states.append(state_in_list(one))

    assert states == [Status.SUSPENDED, Status.VALID, Status.SUSPENDED, Status.REVOKED]
    assert code_of(restore, one, **WHY) == "credential.status_cannot_follow"
    assert code_of(suspend, one, **WHY) == "credential.status_cannot_follow"
    assert [step.state for step in one.steps.order_by("sequence")] == [
        "suspended",
        "valid",
        "suspended",
        "revoked",
    ]


def test_a_step_needs_a_reason_and_the_database_keeps_the_order_itself() -> None:
    one = issued()

    for reason in ("", "  ", "x" * 501):
        assert code_of(revoke, one, reason=reason, by="test", at=AT) == "credential.reason_missing"
    revoke(one, **WHY)
    for sequence, state in ((2, "valid"), (3, "suspended")):
        with pytest.raises(DatabaseError, match="does not become"), transaction.atomic():
            StatusStep.objects.create(credential=one, sequence=sequence, state=state, **WHY)
    for change in (lambda: StatusStep.objects.all().delete(), lambda: Credential.objects.update(jwt="x")):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            change()


def test_places_are_drawn_at_random_and_the_next_list_begins_when_one_is_full(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    places = {
        (one.status_list, one.status_index) for one in (issued(f"account:1:{each}") for each in range(20))
    }
    assert len(places) == 20
    assert max(index for _, index in places) > 1_000

    # 20 places among the first 20 are taken: nothing that is drawn from them is free.
    taken = iter([index for _, index in sorted(places)] * 2)
    monkeypatch.setattr(credentials.secrets, "randbelow", lambda most: next(taken))
    other = issued("account:1:other")

    assert other.status_list == 2
    assert publish_lists(NAME, at=AT) == 2
    said = read_list((lists() / "2").read_text(), issuer(NAME), at_s=AT_S)
    assert (said.uri, said.states.entries) == (list_uri(NAME, 2), LEAST_ENTRIES)


def test_lists_are_signed_again_when_a_state_changes_or_an_hour_is_over_and_not_before() -> None:
    one = issued()
    assert publish_lists(NAME, at=AT) == 1
    assert publish_lists(NAME, at=AT + timedelta(seconds=AGAIN_S - 1)) == 0
    assert publish_lists(NAME, at=AT + timedelta(seconds=AGAIN_S)) == 1

    revoke(one, **WHY)

    assert publish_lists(NAME, at=AT + timedelta(seconds=AGAIN_S + 1)) == 1
    assert publish_lists(NAME, at=AT + timedelta(seconds=AGAIN_S + 2)) == 0
    assert publish_lists(NAME, at=AT + timedelta(seconds=AGAIN_S + 2), again=True) == 1


def test_without_its_opening_nobody_shows_a_claim_again_and_its_place_stays() -> None:
    one = issued()
    revoke(one, **WHY)

    assert credentials.destroy_opening(one)

    assert code_of(credentials.whole, one) == "credential.opening_destroyed"
    assert not credentials.destroy_opening(one)
    assert states_of(1)[one.status_index] == Status.REVOKED
    assert b"acts" not in json.dumps(one.jwt).encode()
    assert CredentialOpening.objects.count() == 0


def test_what_is_not_there_is_said() -> None:
    assert code_of(credentials.get, 404) == "credential.unknown"


@pytest.mark.django_db(transaction=True)
def test_asked_for_at_one_moment_it_is_one_and_steps_follow_each_other() -> None:
    def ask(each: int) -> int:
        with transaction.atomic():
            return issued().pk

    numbers = in_parallel(8, ask)
    assert len(set(numbers)) == 1, numbers
    one = credentials.get(numbers[0])

    def step(each: int) -> Any:
        with transaction.atomic():
            return (suspend, revoke)[each % 2](one, **WHY)

    results = in_parallel(8, step)

    assert all(isinstance(each, StatusStep | Refusal | None) for each in results), results
    assert [each.state for each in one.steps.order_by("sequence")][-1] == "revoked"
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO transparency_credential (kind, subject, sequence, status_list, status_index, jwt, issued_at) "
            "VALUES ('k', 'other', 1, %s, %s, 'x', now())",
            [one.status_list, one.status_index],
        )
