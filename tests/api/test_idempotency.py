"""Idempotency: one key is one request, whatever is repeated, changed, parallel or killed."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connections, transaction

from api.caller import BATCHES, Call, code_of, registered, rides
from tanpuhui.client import SigningKey, generate_key
from tanpuhui.evidence.contract import ensure_default_contracts
from tanpuhui.evidence.models import Batch, IdempotentAnswer, InboxBatch, ProviderKey, Resolution, UsedNonce
from tanpuhui.evidence.request import claim, forget
from tanpuhui.kit.home import inbox
from tanpuhui.kit.moment import utc_now

JSON = {"Content-Type": "application/json"}


def named(name: str, **more: str) -> dict[str, str]:
    return {"Idempotency-Key": json.dumps(name), **more}


@pytest.mark.django_db
@pytest.mark.parametrize("prefer", [{}, {"Prefer": "wait"}], ids=["at once", "waiting"])
def test_the_same_request_again_has_the_same_answer_and_one_effect(
    key: SigningKey, prefer: dict[str, str]
) -> None:
    call = Call(key, body=rides("a,p"), headers=named("monday", **prefer))

    first, second = call.send(), call.send()

    assert first.status_code == second.status_code
    assert first.json() == second.json()
    assert second.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert InboxBatch.objects.count() == 1
    assert len(list(inbox().iterdir())) == (0 if prefer else 1)


@pytest.mark.django_db
def test_a_key_with_other_content_is_refused_and_changes_nothing(key: SigningKey) -> None:
    Call(key, body=rides("a,p"), headers=named("monday")).send()

    answer = Call(key, body=rides("b,p"), headers=named("monday")).send()

    assert code_of(answer) == (422, "api.key_of_other_body")
    assert InboxBatch.objects.count() == 1
    assert len(list(inbox().iterdir())) == 1


@pytest.mark.django_db
def test_two_providers_may_use_one_key(key: SigningKey) -> None:
    other = registered("waste_weighings")
    body = rides("a,p")

    mine = Call(key, body=body, headers=named("monday")).send()
    theirs = Call(other, body=body, headers=named("monday")).send()

    assert (mine.status_code, theirs.status_code) == (202, 202)
    assert mine.json()["batch"] != theirs.json()["batch"]


@pytest.mark.django_db
def test_a_correction_is_made_once(key: SigningKey) -> None:
    batch = Call(key, body=rides("a,p,far"), headers={"Prefer": "wait"}).send().json()["batch"]
    body = json.dumps({"rows": [{"row": 1, "columns": {"distance_m": "5"}}]}).encode()
    call = Call(key, path=f"{BATCHES}/{batch}/corrections", body=body, headers=named("fix", **JSON))

    first, second = call.send(), call.send()
    other = Call(key, path=call.path, body=body + b" ", headers=named("fix", **JSON)).send()

    assert (first.status_code, first.json()) == (201, second.json())
    assert code_of(other) == (422, "api.key_of_other_body")
    assert (Resolution.objects.count(), IdempotentAnswer.objects.count()) == (1, 1)


@pytest.mark.django_db
def test_what_was_refused_may_be_mended_under_its_key(key: SigningKey) -> None:
    refused = Call(key, body=b"\xff", headers=named("monday")).send()

    answer = Call(key, body=rides("a,p"), headers=named("monday")).send()

    assert code_of(refused)[0] == 422
    assert answer.status_code == 202


@pytest.mark.django_db
def test_nonces_are_forgotten_when_the_clock_alone_refuses_them(key: SigningKey) -> None:
    Call(key, method="GET").send()
    now = utc_now()

    forget(at=now + timedelta(minutes=59))
    kept = UsedNonce.objects.count()
    forget(at=now + timedelta(minutes=61))

    assert (kept, UsedNonce.objects.count()) == (1, 0)


def together(count: int, do: Callable[[int], object]) -> list[object]:
    """Do something in some threads at once, each with its own connection."""
    answers: list[object] = [None] * count
    start = threading.Barrier(count)

    def one(number: int) -> None:
        start.wait(10)
        try:
            answers[number] = do(number)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return answers


@pytest.fixture()
def committed_key(transactional_db: None, fresh_home: Path) -> SigningKey:
    with transaction.atomic():
        ensure_default_contracts(at=utc_now())
    return registered()


@pytest.mark.slow
@pytest.mark.parametrize("prefer", [{}, {"Prefer": "wait"}], ids=["at once", "waiting"])
def test_the_same_request_many_times_at_once_has_one_effect(
    committed_key: SigningKey, prefer: dict[str, str]
) -> None:
    body = rides(*(f"{number},p" for number in range(50)))

    answers = together(6, lambda _: Call(committed_key, body=body, headers=named("monday", **prefer)).send())

    statuses = {answer.status_code for answer in answers}  # type: ignore[attr-defined]
    contents = {answer.text for answer in answers}  # type: ignore[attr-defined]
    assert (statuses, len(contents)) == ({201 if prefer else 202}, 1)
    assert InboxBatch.objects.count() == 1
    assert Batch.objects.count() == (1 if prefer else 0)
    assert len(list(inbox().iterdir())) == (0 if prefer else 1)


@pytest.mark.slow
def test_a_slow_disk_delays_answers_and_changes_none(
    committed_key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file takes most of a second to be safe: senders who ask again meanwhile have one answer and one effect."""
    synced = os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(0.8)
        synced(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    body = rides(*(f"{number},p" for number in range(50)))
    started = time.monotonic()

    answers = together(4, lambda _: Call(committed_key, body=body, headers=named("monday")).send())

    assert time.monotonic() - started >= 0.8, "no answer before the file is safe"
    assert {(answer.status_code, answer.text) for answer in answers} == {  # type: ignore[attr-defined]
        (202, answers[0].text)  # type: ignore[attr-defined]
    }
    assert (InboxBatch.objects.count(), len(list(inbox().iterdir()))) == (1, 1)
    assert Batch.objects.count() == 0
    monkeypatch.setattr(os, "fsync", synced)
    assert Call(committed_key, body=body, headers=named("monday")).send().text == answers[0].text  # type: ignore[attr-defined]


@pytest.mark.slow
def test_other_content_under_one_key_at_once_is_taken_once(committed_key: SigningKey) -> None:
    answers = together(
        6, lambda number: Call(committed_key, body=rides(f"{number},p"), headers=named("monday")).send()
    )

    statuses = sorted(answer.status_code for answer in answers)  # type: ignore[attr-defined]
    assert statuses == [202, 422, 422, 422, 422, 422]
    assert InboxBatch.objects.count() == 1
    assert len(list(inbox().iterdir())) == 1


@pytest.mark.slow
def test_one_nonce_many_times_at_once_is_used_once(committed_key: SigningKey) -> None:
    call = Call(committed_key, method="GET", nonce="once", at=utc_now())

    answers = together(6, lambda _: call.send())

    statuses = sorted(answer.status_code for answer in answers)  # type: ignore[attr-defined]
    assert statuses == [200, 401, 401, 401, 401, 401]


@pytest.mark.slow
def test_a_request_that_is_being_answered_is_in_flight_for_the_others(committed_key: SigningKey) -> None:
    public_key = generate_key("generic").public_key
    body = json.dumps({"public_key": public_key}).encode()
    call = Call(committed_key, path="/api/v1/provider/keys", body=body, headers=named("next", **JSON))
    with transaction.atomic():
        claim("generic", "keys", "next")

        (answer,) = together(1, lambda _: call.send())

    assert code_of(answer) == (409, "api.still_in_flight")  # type: ignore[arg-type]
    assert answer.headers["Retry-After"] == "2"  # type: ignore[attr-defined]
    assert call.send().status_code == 201
    assert ProviderKey.objects.filter(provider="generic").count() == 2
