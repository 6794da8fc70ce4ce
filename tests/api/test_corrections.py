"""Corrections and retractions: refused rows sent again, acts taken back, each answered once."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest

from api.caller import BATCHES, GENERIC, RIDE, Call, client, code_of, registered, rides
from tanpuhui.client import Problem, SigningKey
from tanpuhui.evidence.models import LakeFile
from tanpuhui.kit.home import lake

pytestmark = pytest.mark.django_db

ACT = dict(zip(GENERIC.split(","), f"a,p,bike_trip,{RIDE}".split(","), strict=False))


def send(key: SigningKey, body: bytes) -> int:
    return int(Call(key, body=body, headers={"Prefer": "wait"}).send().json()["batch"])


def correct(key: SigningKey, batch: int, rows: list[dict[str, Any]]) -> httpx.Response:
    body = json.dumps({"rows": rows}).encode()
    headers = {"Content-Type": "application/json"}
    return Call(key, path=f"{BATCHES}/{batch}/corrections", body=body, headers=headers).send()


def test_refused_rows_are_sent_again_corrected_and_leave_quarantine(key: SigningKey) -> None:
    batch = send(key, rides("a,p,far", "b,q", "c,r,-1"))

    answer = correct(key, batch, [{"row": 1, "columns": {"distance_m": "900"}}, {"row": 3, "columns": {}}])

    said = answer.json()
    assert (answer.status_code, said["rows"], said["accepted"]) == (201, 2, 1)
    assert said["reasons"] == {"evidence.negative": 1}
    with client(key) as platform:
        assert list(platform.quarantine(batch)) == []
        every = {row["row"]: row["corrected_in"] for row in platform.quarantine(batch, every="true")}
        assert every == {1: said["batch"], 3: said["batch"]}
        assert [row["row"] for row in platform.quarantine(said["batch"])] == [2]


def test_a_line_that_was_no_row_is_corrected_as_a_row(key: SigningKey) -> None:
    batch = send(key, rides("a,p") + b"nonsense\n")

    answer = correct(
        key, batch, [{"row": 2, "columns": {**ACT, "source_id": "b", "distance_m": "5", "(line)": None}}]
    )

    assert answer.json()["accepted"] == 1


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([{"row": 2}], (404, "api.row_unknown")),
        ([{"row": 1}, {"row": 1}], (422, "api.request_invalid")),
        ([{"row": 1, "columns": {"(file)": "x"}}], (422, "api.request_invalid")),
        ([{"row": 1, "columns": {"speed": "1"}}], (422, "evidence.wrong_columns")),
    ],
)
def test_corrections_that_make_no_sense_change_nothing(
    key: SigningKey, rows: list[dict[str, Any]], code: tuple[int, str]
) -> None:
    batch = send(key, rides("a,p,far"))

    assert code_of(correct(key, batch, rows)) == code

    assert correct(key, batch, [{"row": 1, "columns": {"distance_m": "5"}}]).json()["accepted"] == 1


def test_a_row_is_answered_once(key: SigningKey) -> None:
    batch = send(key, rides("a,p,far"))
    first = correct(key, batch, [{"row": 1, "columns": {"distance_m": "5"}}]).json()

    again = correct(key, batch, [{"row": 1, "columns": {"distance_m": "6"}}])

    assert code_of(again) == (409, "api.row_resolved")
    assert again.json()["facts"] == {"row": 1, "batch": first["batch"]}


def test_an_act_is_taken_back_as_its_next_revision(key: SigningKey) -> None:
    send(key, rides("a,p"))

    with client(key) as platform:
        answer = platform.retract([ACT])

    assert (answer["accepted"], answer["refused"]) == (1, 0)
    (file,) = LakeFile.objects.filter(part=LakeFile.REVISIONS)
    (row,) = pq.read_table(lake() / file.path).to_pylist()
    assert (row["source_id"], row["revision"], row["action"]) == ("a", 1, "retract")


def test_a_retraction_of_another_persons_act_is_refused_row_by_row(key: SigningKey) -> None:
    send(key, rides("a,p"))

    with client(key) as platform:
        answer = platform.retract([{**ACT, "person": "somebody else"}])
        (row,) = platform.quarantine(answer["batch"])

    assert answer["reasons"] == {"evidence.id_reused": 1}
    assert (row["row"], row["field"]) == (1, "person")


def test_formats_without_retractions_say_so(contracts: None) -> None:
    with client(registered("szt")) as platform, pytest.raises(Problem) as refused:
        platform.retract([ACT])

    assert refused.value.as_json()["code"] == "api.no_retractions"


def test_weighings_are_taken_back_in_their_own_columns(contracts: None) -> None:
    weighing = {"id": "w-1"}

    with client(registered("waste_weighings")) as platform, pytest.raises(Problem) as refused:
        platform.retract([weighing])

    assert refused.value.as_json()["code"] == "evidence.wrong_columns"
