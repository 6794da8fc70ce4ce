"""Limits: how much a key and an address may ask in a minute, and how a provider is slowed when too much waits."""

from __future__ import annotations

import json
import os
import threading

import httpx
import pytest
from django.db import connections, transaction
from pytest_django import Settings

from api.caller import BATCHES, Call, code_of, registered, rides
from tanpuhui.client import SigningKey
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.evidence import inbox
from tanpuhui.evidence.models import Batch, InboxBatch, LakeFile
from tanpuhui.evidence.work import Place, take_waiting
from tanpuhui.kit.home import inbox as folder
from tanpuhui.kit.moment import utc_now

pytestmark = pytest.mark.django_db


def test_every_answer_says_what_is_left(key: SigningKey, settings: Settings) -> None:
    settings.PROVIDER_KEY_REQUESTS_PER_MINUTE = 50

    first, second = (Call(key, method="GET").send() for _ in range(2))

    assert first.headers["RateLimit-Policy"] == '"key";q=50;w=60'
    left = [int(answer.headers["RateLimit"].split(";")[1].removeprefix("r=")) for answer in (first, second)]
    assert left in ([49, 48], [49, 49])


def test_a_key_that_asks_too_much_is_slowed_and_another_is_not(key: SigningKey, settings: Settings) -> None:
    settings.PROVIDER_KEY_REQUESTS_PER_MINUTE = 2
    other = registered("szt")

    answers = [Call(key, method="GET").send() for _ in range(6)]

    refused = [answer for answer in answers if answer.status_code == 429]
    assert 2 <= len(refused) <= 4
    assert code_of(refused[0]) == (429, "api.too_many_requests")
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert Call(other, method="GET").send().status_code == 200


def test_an_address_that_asks_too_much_is_slowed_whatever_its_keys(
    key: SigningKey, settings: Settings
) -> None:
    settings.PROVIDER_ADDRESS_REQUESTS_PER_MINUTE = 2

    answers = [
        Call(each, method="GET").send().status_code for each in (key, registered("szt")) for _ in range(3)
    ]

    assert answers.count(429) >= 2


def test_guessing_signatures_is_slowed_for_its_address(key: SigningKey, settings: Settings) -> None:
    settings.PROVIDER_ADDRESS_FAILURES_PER_MINUTE = 3
    guess = {"Signature": "sig1=:AAAA:"}

    answers = [Call(key, method="GET", after_signing=guess).send().status_code for _ in range(8)]

    assert answers[:3] == [401, 401, 401]
    assert 429 in answers


def test_a_provider_with_too_many_waiting_batches_is_asked_to_wait(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_WAITING", 2)
    monkeypatch.setattr(inbox, "_backlogs", {})

    def send(name: str) -> object:
        monkeypatch.setattr(inbox, "_backlogs", {})
        return Call(key, body=rides(f"{name},p")).send()

    first, second, third = send("a"), send("b"), send("c")

    assert (first.status_code, second.status_code) == (202, 202)  # type: ignore[attr-defined]
    assert code_of(third) == (429, "api.inbox_full")  # type: ignore[arg-type]
    assert third.headers["Retry-After"] == "30"  # type: ignore[attr-defined]
    assert third.json()["facts"]["waiting"] == 2  # type: ignore[attr-defined]
    assert InboxBatch.objects.count() == 2
    assert Call(registered("szt"), method="GET").send().status_code == 200


@pytest.mark.django_db(transaction=True)
def test_while_a_worker_stands_on_the_disk_batches_are_kept_up_to_the_limit_and_all_of_them_taken_once(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MOST_WAITING", 3)
    places()  # A new home writes its number of buckets down.
    fsync, stands, go_on = os.fsync, threading.Event(), threading.Event()

    def slow(file: int) -> None:
        if threading.current_thread() is worker:
            stands.set()
            assert go_on.wait(60)
        fsync(file)

    def send(name: str) -> httpx.Response:
        inbox._backlogs.clear()
        return Call(key, body=rides(f"{name},p")).send()

    monkeypatch.setattr(os, "fsync", slow)
    worker = threading.Thread(target=_take_and_leave)
    answered = [send("a")]
    worker.start()
    assert stands.wait(60)
    answered += [send(name) for name in "bc"]
    beside = _take()
    refused = [send("d"), send("e")]
    go_on.set()
    worker.join()
    _take()
    later = send("d")
    _take()

    assert [each.status_code for each in answered] == [202, 202, 202]
    assert beside == 0, "another worker leaves the batches of a provider to the one that takes them"
    assert [(code_of(each), each.headers["Retry-After"]) for each in refused] == [
        ((429, "api.inbox_full"), "30"),
        ((429, "api.inbox_full"), "30"),
    ]
    kept = [*answered, later]
    assert {batch.pk: (batch.accepted, batch.duplicate) for batch in Batch.objects.all()} == {
        each.json()["batch"]: (1, 0) for each in kept
    }
    assert InboxBatch.objects.count() == len(kept)
    assert inbox.backlog() == (0, 0)
    assert sum(file.rows for file in LakeFile.objects.filter(part=LakeFile.RECORDS)) == len(kept)


def _take() -> int:
    """What a worker does once for a provider; how many batches that were."""
    where = places()
    place = Place(folder(), where.lake, where.buckets, jurisdiction().zone)
    with transaction.atomic():
        taken = take_waiting("generic", place, at=utc_now(), wait=False)
    taken.remove_files(place.inbox)
    return len(taken.receipts)


def _take_and_leave() -> None:
    try:
        _take()
    finally:
        connections.close_all()


def test_too_many_bytes_waiting_count_as_well(key: SigningKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "MOST_WAITING_BYTES", 100)
    monkeypatch.setattr(inbox, "_backlogs", {})
    Call(key, body=rides("a,p")).send()
    monkeypatch.setattr(inbox, "_backlogs", {})

    assert code_of(Call(key, body=rides("b,p")).send()) == (429, "api.inbox_full")
    assert json.loads(Call(key, method="GET", path=BATCHES).send().text)["items"]


def test_a_provider_behind_a_proxy_is_known_by_its_own_address(key: SigningKey, settings: Settings) -> None:
    """Whoever guesses behind the same proxy slows themselves alone; without a proxy nobody is believed."""
    settings.PROVIDER_ADDRESS_FAILURES_PER_MINUTE = 3
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    guess = {"Signature": "sig1=:AAAA:", "X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
    other = {"X-Forwarded-For": "198.51.100.1, 198.51.100.2"}

    answers = [Call(key, method="GET", after_signing=guess).send().status_code for _ in range(5)]

    assert answers[3:] == [429, 429]
    assert Call(key, method="GET", after_signing=other).send().status_code == 200
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 0
    named = [{"Signature": "sig1=:AAAA:", "X-Forwarded-For": f"203.0.113.{n}"} for n in range(5)]
    assert 429 in [Call(key, method="GET", after_signing=each).send().status_code for each in named]
