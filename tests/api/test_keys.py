"""Keys: a provider rotates its own, and cannot lock itself out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from api.caller import client, registered
from tanpuhui.client import Problem, SigningKey, generate_key
from tanpuhui.evidence.models import ProviderKey, ProviderKeyStatus
from tanpuhui.evidence.provider_key import KeyRangeEmpty, NotAPublicKey, add_key, read_public_key, revoke_key
from tanpuhui.kit.moment import utc_now

pytestmark = pytest.mark.django_db


def code(refused: pytest.ExceptionInfo[Problem]) -> tuple[int, str]:
    return refused.value.status, refused.value.as_json()["code"]


def test_the_next_key_takes_over_without_a_gap(key: SigningKey) -> None:
    kept: list[SigningKey] = []
    with client(key) as platform:
        new = platform.rotate(keep=kept.append)

        assert kept == [new]
        assert {each["key_id"]: each["state"] for each in platform.list_keys()} == {
            key.key_id: "revoked",
            new.key_id: "active",
        }
        assert platform.list_keys()[1]["made_by"] == key.key_id
    with client(key) as late, pytest.raises(Problem) as refused:
        late.list_keys()
    assert code(refused) == (401, "api.key_not_in_force")


def test_two_keys_are_in_force_at_once(key: SigningKey) -> None:
    new = generate_key("generic")
    with client(key) as platform:
        platform.add_key(new.public_key)

    for each in (key, new):
        with client(each) as platform:
            assert len(platform.list_keys()) == 2


def test_a_key_that_is_registered_for_later_waits(key: SigningKey) -> None:
    new = generate_key("generic")
    with client(key) as platform:
        added = platform.add_key(new.public_key, valid_from=(utc_now() + timedelta(days=1)).isoformat())

        assert added["state"] == "coming"
        with pytest.raises(Problem) as refused:
            platform.revoke_key(key.key_id, reason="too early")
    assert code(refused) == (409, "evidence.last_key")


def test_the_last_key_is_kept_and_others_keys_are_not_there(key: SigningKey) -> None:
    other = registered("szt")
    with client(key) as platform:
        with pytest.raises(Problem) as last:
            platform.revoke_key(key.key_id, reason="oops")
        with pytest.raises(Problem) as theirs:
            platform.revoke_key(other.key_id, reason="mine now")
        with pytest.raises(Problem) as nobodys:
            platform.revoke_key("generic:" + "0" * 32, reason="guess")
        assert [each["key_id"] for each in platform.list_keys()] == [key.key_id]

    assert code(last) == (409, "evidence.last_key")
    assert code(theirs) == code(nobodys) == (404, "api.provider_key_unknown")
    assert ProviderKeyStatus.objects.count() == 0


def test_there_are_three_keys_at_most_and_each_once(key: SigningKey) -> None:
    with client(key) as platform:
        second = generate_key("generic")
        platform.add_key(second.public_key)
        with pytest.raises(Problem) as known:
            platform.add_key(second.public_key)
        platform.add_key(generate_key("generic").public_key)
        with pytest.raises(Problem) as many:
            platform.add_key(generate_key("generic").public_key)

    assert code(known) == (409, "evidence.key_known")
    assert code(many) == (409, "evidence.too_many_keys")
    assert ProviderKey.objects.count() == 3


@pytest.mark.parametrize(
    "given", ["", "AAAA", "!" * 44, "A" * 43 + "==", "A" * 5000, "-----BEGIN PUBLIC KEY-----"]
)
def test_what_is_no_key_is_refused(key: SigningKey, given: str) -> None:
    with client(key) as platform, pytest.raises(Problem) as refused:
        platform.add_key(given)
    with pytest.raises(NotAPublicKey):
        read_public_key(given)

    assert code(refused) == (422, "api.request_invalid")


@pytest.mark.parametrize(
    "given", ["soon", "2026-03-02T08:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]
)
def test_moments_without_sense_are_refused(key: SigningKey, given: str) -> None:
    with client(key) as platform, pytest.raises(Problem) as refused:
        platform.add_key(generate_key("generic").public_key, valid_from=given)

    assert code(refused) == (422, "api.request_invalid")


def test_an_end_before_the_start_is_refused(contracts: None) -> None:
    now = utc_now()

    with pytest.raises(KeyRangeEmpty), transaction.atomic():
        add_key("generic", bytes(32), valid_from=now, valid_to=now, at=now)


def test_the_operator_may_revoke_the_last_key_and_again(key: SigningKey) -> None:
    with transaction.atomic():
        first = revoke_key(key.key_id, reason="lost", at=utc_now())
        again = revoke_key(key.key_id, reason="lost again", at=utc_now())

    assert first == again
    assert ProviderKeyStatus.objects.get().reason == "lost"
