"""Batches: durable before the answer, taken afterwards or at once, seen by their provider alone."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection, transaction

from api.caller import BATCHES, GENERIC, RIDE, Call, client, code_of, registered, rides
from tanpuhui.api.provider import batches
from tanpuhui.client import Client, SigningKey
from tanpuhui.close.installation import jurisdiction, places
from tanpuhui.evidence import receipt
from tanpuhui.evidence.contract import disable
from tanpuhui.evidence.inbox import TYPE, missing_or_changed_in, sweep_inbox
from tanpuhui.evidence.models import Batch, InboxBatch, InboxWaiting
from tanpuhui.evidence.take import take
from tanpuhui.evidence.work import Place, Taken, take_waiting
from tanpuhui.kit.home import inbox
from tanpuhui.kit.moment import utc_now

pytestmark = pytest.mark.django_db


def work(provider: str = "generic") -> Taken:
    """What the worker does once for a provider."""
    where = places()
    place = Place(inbox(), where.lake, where.buckets, jurisdiction().zone)
    with transaction.atomic():
        taken = take_waiting(provider, place, at=utc_now())
    taken.remove_files(place.inbox)
    return taken


def waiting_files() -> list[Path]:
    return sorted(inbox().iterdir())


def test_a_batch_is_on_the_disk_and_has_a_signed_receipt_before_it_is_answered(key: SigningKey) -> None:
    body = rides("a,p", "b,q,far")

    answer = Call(key, body=body, headers={"Idempotency-Key": '"monday"'}).send()

    assert answer.status_code == 202
    said = answer.json()
    signed = receipt.verify(said["inbox_receipt"], TYPE)
    assert signed == {name: said[name] for name in signed}
    assert (said["key"], said["size_bytes"], said["provider"]) == ("monday", len(body), "generic")
    assert answer.headers["Location"] == said["url"] == f"{BATCHES}/{said['batch']}"
    assert [path.read_bytes() for path in waiting_files()] == [body]
    assert InboxWaiting.objects.count() == 1
    assert inbox().stat().st_mode & 0o777 == 0o700


def test_a_batch_is_followed_from_waiting_to_its_full_receipt(key: SigningKey) -> None:
    batch = Call(key, body=rides("a,p", "b,q,far")).send().json()["batch"]
    before = Call(key, method="GET", path=f"{BATCHES}/{batch}").send().json()

    work()

    after = Call(key, method="GET", path=f"{BATCHES}/{batch}").send().json()
    assert (before["state"], before["rows"], before["receipt"]) == ("waiting", None, None)
    counts = {
        name: after[name] for name in ("state", "rows", "accepted", "duplicate", "refused", "quarantined")
    }
    assert counts == {
        "state": "taken",
        "rows": 2,
        "accepted": 1,
        "duplicate": 0,
        "refused": 1,
        "quarantined": 1,
    }
    assert receipt.verify(after["receipt"])["batch"] == batch
    assert after["inbox_receipt"] == before["inbox_receipt"]
    assert waiting_files() == []


def test_a_caller_that_prefers_to_wait_gets_the_full_receipt(key: SigningKey) -> None:
    answer = Call(key, body=rides("a,p", "b,q,far"), headers={"Prefer": "wait"}).send()

    assert answer.status_code == 201
    assert answer.headers["Preference-Applied"] == "wait"
    said = answer.json()
    assert (said["state"], said["accepted"], said["reasons"]) == ("taken", 1, {"evidence.not_a_number": 1})
    assert receipt.verify(said["receipt"])["accepted"] == 1
    assert waiting_files() == []


def ndjson() -> bytes:
    rows = [
        dict(zip(GENERIC.split(","), f"{each},p,bike_trip,{RIDE},4200".split(","), strict=True))
        for each in "ab"
    ]
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet() -> bytes:
    started, ended = RIDE.split(",")
    table = pa.table({
        "source_id": ["a", "b"],
        "person": ["p", "p"],
        "kind": ["bike_trip"] * 2,
        "started_at": [started] * 2,
        "ended_at": [ended] * 2,
        "distance_m": pa.array([4200, 4200], pa.int64()),
    })  # fmt: skip
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "media"),
    [
        (rides("a,p", "b,p"), "text/csv; charset=UTF-8"),
        (ndjson(), "application/x-ndjson"),
        (parquet(), "application/vnd.apache.parquet"),
    ],
    ids=["csv", "ndjson", "parquet"],
)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_each_media_type_is_taken_packed_or_not(
    key: SigningKey, content: bytes, media: str, packed: bool
) -> None:
    headers = {"Content-Type": media, "Prefer": "wait"}
    if packed:
        headers["Content-Encoding"] = "gzip"

    answer = Call(key, body=gzip.compress(content) if packed else content, headers=headers).send()

    assert (answer.status_code, answer.json()["accepted"]) == (201, 2), answer.text


def test_a_batch_that_cannot_be_read_is_refused_when_its_turn_comes_and_stays_refused(
    key: SigningKey,
) -> None:
    body = b"source_id,person\na,p\n"
    batch = (
        Call(key, body=body, headers={"Content-Disposition": 'attachment; filename="monday.csv"'})
        .send()
        .json()["batch"]
    )

    taken = work()

    assert [refusal.code for _, refusal in taken.refused] == ["evidence.wrong_columns"]
    found = Call(key, method="GET", path=f"{BATCHES}/{batch}").send().json()
    assert (found["state"], found["refusal"]["code"], found["rows"]) == (
        "refused",
        "evidence.wrong_columns",
        None,
    )
    assert "monday.csv" in found["refusal"]["detail"]
    assert str(inbox()) not in json.dumps(found)
    again = Call(
        key, body=body, headers={"Prefer": "wait", "Content-Disposition": 'attachment; filename="monday.csv"'}
    ).send()
    assert code_of(again) == (422, "evidence.wrong_columns")
    assert (Batch.objects.count(), InboxBatch.objects.count(), waiting_files()) == (0, 1, [])


def test_batches_are_listed_newest_first_page_by_page(key: SigningKey) -> None:
    sent = [Call(key, body=rides(f"{name},p")).send().json()["batch"] for name in "abcde"]
    work()

    first = Call(key, method="GET", path=f"{BATCHES}?limit=2").send().json()
    rest = Call(key, method="GET", path=f"{BATCHES}?limit=500&after={first['next']}").send().json()

    assert [each["batch"] for each in first["items"] + rest["items"]] == sent[::-1]
    assert rest["next"] is None


def test_batches_that_came_as_files_are_listed_too(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(rides("a,p"))
    where = places()
    with transaction.atomic():
        answer = take("generic", path, at=utc_now(), lake=where.lake, buckets=where.buckets)

    (found,) = Call(key, method="GET").send().json()["items"]

    assert (found["batch"], found["state"], found["inbox_receipt"]) == (answer.batch, "taken", None)


def test_what_came_as_a_file_is_not_taken_again_under_its_key(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(rides("a,p"))
    where = places()
    with transaction.atomic():
        first = take("generic", path, key="monday", at=utc_now(), lake=where.lake, buckets=where.buckets)
    named = {"Idempotency-Key": '"monday"'}

    same = Call(key, body=rides("a,p"), headers=named).send()
    other = Call(key, body=rides("b,p"), headers=named).send()

    assert (same.status_code, same.json()["batch"]) == (201, first.batch)
    assert code_of(other) == (422, "api.key_of_other_body")
    assert waiting_files() == []


def test_a_file_that_takes_a_waiting_batchs_key_turns_that_batch_away(
    key: SigningKey, tmp_path: Path
) -> None:
    Call(key, body=rides("a,p"), headers={"Idempotency-Key": '"monday"'}).send()
    path = tmp_path / "file.csv"
    path.write_bytes(rides("b,p"))
    where = places()
    with transaction.atomic():
        take("generic", path, key="monday", at=utc_now(), lake=where.lake, buckets=where.buckets)

    assert [refusal.code for _, refusal in work().refused] == ["evidence.taken_otherwise"]


def test_a_contract_that_is_disabled_takes_nothing_more(key: SigningKey) -> None:
    batch = Call(key, body=rides("a,p")).send().json()["batch"]
    with transaction.atomic():
        disable("generic", at=utc_now())

    assert code_of(Call(key, body=rides("b,p")).send()) == (403, "evidence.contract_disabled")
    assert [refusal.code for _, refusal in work().refused] == ["evidence.contract_disabled"]
    assert Call(key, method="GET", path=f"{BATCHES}/{batch}").send().json()["state"] == "refused"


@pytest.mark.parametrize("path", ["", "/quarantine", "/corrections"])
def test_another_providers_batch_is_not_there(key: SigningKey, path: str) -> None:
    batch = Call(key, body=rides("a,p,far"), headers={"Prefer": "wait"}).send().json()["batch"]
    other = registered("szt")
    body = json.dumps({"rows": [{"row": 1}]}).encode() if path == "/corrections" else None
    call = {
        "method": "POST" if body else "GET",
        "body": body,
        "headers": {"Content-Type": "application/json"} if body else {},
    }

    theirs = Call(other, path=f"{BATCHES}/{batch}{path}", **call).send()
    nobodys = Call(other, path=f"{BATCHES}/{batch + 999}{path}", **call).send()

    assert code_of(theirs) == code_of(nobodys) == (404, "api.batch_unknown")
    assert Call(other, method="GET").send().json()["items"] == []
    said = [
        {name: value for name, value in each.json().items() if name not in ("detail", "facts")}
        for each in (theirs, nobodys)
    ]
    assert said[0] == said[1]


def test_refused_rows_are_read_page_by_page_with_content_and_next_step(key: SigningKey) -> None:
    rows = [f"{number},p,{'far' if number % 2 else -number - 1}" for number in range(5)]
    batch = Call(key, body=rides(*rows), headers={"Prefer": "wait"}).send().json()["batch"]
    path = f"{BATCHES}/{batch}/quarantine"

    first = Call(key, method="GET", path=f"{path}?limit=2").send().json()
    rest = Call(key, method="GET", path=f"{path}?after={first['next']}").send().json()
    only = (
        Call(key, method="GET", path=f"{path}?code=evidence.not_a_number", headers={"Accept-Language": "zh"})
        .send()
        .json()
    )

    assert [(each["row"], each["code"]) for each in first["items"] + rest["items"]] == [
        (1, "evidence.negative"),
        (2, "evidence.not_a_number"),
        (3, "evidence.negative"),
        (4, "evidence.not_a_number"),
        (5, "evidence.negative"),
    ]
    assert rest["next"] is None
    assert [each["row"] for each in only["items"]] == [2, 4]
    assert only["items"][0]["content"]["distance_m"] == "far"
    assert only["items"][0]["detail"].startswith("该值不是普通的整数或小数")
    assert "(file)" not in only["items"][0]["content"]


def test_what_is_left_behind_is_swept_and_what_waits_stays(key: SigningKey) -> None:
    Call(key, body=rides("a,p")).send()
    taken = Call(key, body=rides("b,p")).send().json()["batch"]
    (name,) = InboxBatch.objects.filter(pk=taken).values_list("path", flat=True)
    InboxWaiting.objects.filter(pk=taken).delete()
    under_way = inbox() / "new.csv"
    under_way.write_bytes(b"half")

    with transaction.atomic():
        removed = sweep_inbox(inbox())

    assert [path.name for path in removed] == [name]
    assert len(waiting_files()) == 2


def test_a_batch_that_is_taken_while_the_inbox_is_checked_is_not_missing(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read what waits takes long on a slow disk, and a worker removes what it took."""
    Call(key, body=rides("a,p")).send()
    is_file, taken = Path.is_file, []

    def slow(path: Path) -> bool:
        if path.parent == inbox() and not taken:
            taken.append(path)
            work()
        return bool(is_file(path))

    monkeypatch.setattr(Path, "is_file", slow)

    assert (missing_or_changed_in(inbox()), len(taken)) == ([], 1)


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_a_batch_that_is_waited_for_longer_than_a_limit_of_time_waits_and_is_taken_once(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(batches, "WAIT_FOR_TURN", "300ms" if limit == "lock_timeout" else "1min")
    with others_turn("generic"), connection.cursor() as cursor:
        if limit == "statement_timeout":
            cursor.execute("SET LOCAL statement_timeout = '300ms'")
        answer = Call(key, body=rides("a,p"), headers={"Prefer": "wait"}).send()
        cursor.execute("SET LOCAL statement_timeout = 0")

    waiting = InboxWaiting.objects.count()
    taken = work()
    again = Call(key, body=rides("a,p"), headers={"Prefer": "wait"}).send()
    assert (answer.status_code, answer.json()["state"], waiting) == (202, "waiting", 1)
    assert [each.accepted for each in taken.receipts] == [1]
    assert (again.status_code, again.json()["batch"]) == (201, answer.json()["batch"])


@contextmanager
def others_turn(provider: str) -> Iterator[None]:
    """Another session takes this provider's batches."""
    given = connection.get_connection_params()
    named = {name: given[name] for name in ("dbname", "user", "password", "host", "port") if given.get(name)}
    with psycopg.connect(**named) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 1))", [f"evidence|{provider}"])
        yield


def test_a_batch_that_is_admitted_while_the_inbox_is_swept_stays(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow disk to list a folder takes long enough for others to be answered meanwhile."""
    iterdir, arrived = Path.iterdir, []

    def slow(folder: Path) -> list[Path]:
        if folder == inbox() and not arrived:
            arrived.append(Call(key, body=rides("a,p")).send().json()["batch"])
        return list(iterdir(folder))

    monkeypatch.setattr(Path, "iterdir", slow)
    with transaction.atomic():
        removed = sweep_inbox(inbox())
    work()

    assert (removed, len(arrived)) == ([], 1)
    assert [batch.accepted for batch in Batch.objects.filter(pk=arrived[0])] == [1]


def test_the_client_sends_follows_and_lists(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "montag 星期一.csv"
    path.write_bytes(rides("a,p", "b,q,far"))
    with client(key) as platform:
        sent = platform.send(path)
        work()
        found = platform.follow(sent["batch"])
        again = platform.send(path, wait=True)

        assert (found["state"], found["accepted"], found["key"]) == ("taken", 1, found["digest"])
        assert again["batch"] == sent["batch"]
        assert [each["batch"] for each in platform.batches()] == [sent["batch"]]
        assert [each["row"] for each in platform.quarantine(sent["batch"])] == [2]
        assert platform.quality()["rows"] == 2
        assert isinstance(platform, Client)
    assert InboxBatch.objects.get().stem == "montag 星期一"
