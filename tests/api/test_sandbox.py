"""Sandbox: what a batch would be answered, and nothing kept; quality: what was sent, in shares and a score."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from api.caller import Call, client, code_of, rides
from tanpuhui.api.provider import sandbox
from tanpuhui.client import SigningKey
from tanpuhui.evidence.models import Batch, InboxBatch, QuarantinedRow, Subject
from tanpuhui.evidence.quality import Quality, quality_of
from tanpuhui.kit.home import inbox, lake
from tanpuhui.kit.moment import utc_now

pytestmark = pytest.mark.django_db
SANDBOX = "/api/v1/sandbox/batches"


def test_the_sandbox_answers_row_by_row_as_a_batch_is_answered(key: SigningKey, tmp_path: Path) -> None:
    path = tmp_path / "monday.csv"
    path.write_bytes(rides("a,p", "b,q,far", "a,p", "a,other", "c,r,-1"))

    with client(key) as platform:
        tried = platform.send(path, sandbox=True)
        sent = platform.send(path, wait=True)
        rows = [(row["row"], row["code"], row["field"]) for row in platform.quarantine(sent["batch"])]

    counts = ("rows", "accepted", "duplicate", "refused", "reasons", "notes", "digest")
    assert {name: tried[name] for name in counts} == {name: sent[name] for name in counts}
    assert [(row["row"], row["code"], row["field"]) for row in tried["refusals"]] == rows
    assert (tried["state"], tried["accepted"], tried["duplicate"]) == ("rehearsed", 1, 1)


def test_nothing_of_the_sandbox_is_kept(key: SigningKey) -> None:
    assert Call(key, path=SANDBOX, body=rides("a,SECRETPERSON", "b,q,far")).send().status_code == 200

    for table in (Batch, InboxBatch, QuarantinedRow, Subject):
        assert table.objects.count() == 0
    assert [path for path in (*inbox().rglob("*"), *lake().rglob("*")) if path.is_file()] == []


def test_the_sandbox_refuses_what_a_batch_would_be_refused_for(
    key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert code_of(Call(key, path=SANDBOX, body=b"a,b\n1,2\n").send()) == (422, "evidence.wrong_columns")
    assert code_of(Call(key, path=SANDBOX, body=b"\xff").send()) == (422, "evidence.wrong_encoding")
    monkeypatch.setattr(sandbox, "MOST_BYTES", 10)
    assert code_of(Call(key, path=SANDBOX, body=rides("a,p")).send()) == (413, "api.body_too_large")


def test_the_score_is_worked_by_hand() -> None:
    # 10 rows: 4 on time, 2 later than a day, 1 later than seven, 2 duplicates, 1 refused:
    # (4 x 4 + 2 x 3 + 1 x 2 + 2 x 2 + 0) / (4 x 10) = 28 / 40
    found = Quality(3, 10, accepted=7, duplicate=2, refused=1, late_1_day=3, late_7_days=1, reasons={})

    assert found.score == 700
    assert Quality(0, 0, 0, 0, 0, 0, 0, {}).score is None
    assert Quality(1, 5, 5, 0, 0, 0, 0, {}).score == 1000


def test_quality_counts_batches_of_its_span_and_lateness_of_their_acts(key: SigningKey) -> None:
    now = utc_now()
    Call(key, body=rides("a,p", "b,q,far"), headers={"Prefer": "wait"}).send()
    moment = (now - timedelta(hours=2)).isoformat(timespec="seconds")
    later = (now - timedelta(hours=30)).isoformat(timespec="seconds")
    fresh = f"c,r,bike_trip,{moment},{moment},0\nd,r,bike_trip,{later},{later},0\n".encode()
    Call(key, body=rides() + fresh, headers={"Prefer": "wait"}).send()

    with client(key) as platform:
        found = platform.quality(days=1)

    # a is of March: later than seven days; b refused; c on time; d later than a day: (2 + 0 + 4 + 3) / 16
    names = ("batches", "rows", "accepted", "refused", "late_1_day", "late_7_days", "accepted_ppm", "score")
    assert [found[name] for name in names] == [2, 4, 3, 1, 2, 1, 750_000, 562]
    assert found["reasons"] == {"evidence.not_a_number": 1}
    assert quality_of("generic", since=now - timedelta(days=9), until=now - timedelta(days=1)).rows == 0
    assert quality_of("szt", since=now - timedelta(days=9), until=utc_now()).rows == 0
