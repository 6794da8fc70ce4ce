"""Resubmit: refused rows are corrected and sent again, once, and nothing about them gets lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence.conftest import GENERIC, NOW, RIDE, Take, Write
from tanpuhui.evidence import contract, quarantine
from tanpuhui.evidence.receipt import Receipt
from tanpuhui.evidence.resubmit import NoRows, RowResolved, RowsDiffer, resubmit
from tanpuhui.kit.refusal import Refusal

pytestmark = pytest.mark.django_db
Stored = Callable[[], list[dict[str, Any]]]
Again = Callable[..., Receipt]


@pytest.fixture()
def send_again(lake: Path) -> Again:
    return lambda corrections: resubmit(corrections, at=NOW, lake=lake, buckets=4)


def open_rows() -> list[int]:
    return list(quarantine.quarantined().values_list("id", flat=True))


def test_a_corrected_row_is_accepted_and_no_longer_open(
    take_it: Take, write: Write, send_again: Again, stored: Stored
) -> None:
    take_it("generic", write(GENERIC, f"a,p,bike_trip,{RIDE},far"))
    (row,) = open_rows()

    receipt = send_again({row: {"distance_m": "4200"}})

    assert (receipt.rows, receipt.accepted) == (1, 1)
    assert [(record["source_id"], record["distance_m"]) for record in stored()] == [("a", 4200)]
    assert open_rows() == []
    assert quarantine.row(row).resolution.batch_id == receipt.batch


def test_the_same_correction_again_is_the_same_receipt_and_another_is_refused(
    take_it: Take, write: Write, send_again: Again
) -> None:
    take_it("generic", write(GENERIC, f"a,p,bike_trip,{RIDE},far"))
    (row,) = open_rows()
    first = send_again({row: {"distance_m": "4200"}})

    assert send_again({row: {"distance_m": "4200"}}) == first
    with pytest.raises(RowResolved):
        send_again({row: {"distance_m": "4300"}})


def test_a_row_that_is_refused_once_more_is_open_under_a_new_number(
    take_it: Take, write: Write, send_again: Again
) -> None:
    take_it("generic", write(GENERIC, f"a,p,bike_trip,{RIDE},far"))
    (row,) = open_rows()

    receipt = send_again({row: {"distance_m": "-1"}})

    assert receipt.reasons == {"evidence.negative": 1}
    (again,) = open_rows()
    assert again != row


def test_rows_are_sent_again_as_they_are_when_the_contract_was_extended(
    take_it: Take, write: Write, send_again: Again
) -> None:
    terms: dict[str, Any] = {
        "format": "generic",
        "pia_reference": "P",
        "valid_from": NOW.date(),
        "made_at": NOW,
    }
    contract.add("bikes", kinds=["bike_trip"], **terms)
    take_it("bikes", write(GENERIC, f"a,p,e_bike_trip,{RIDE},1", f"b,p,e_bike_trip,{RIDE},1"))
    contract.add("bikes", kinds=["bike_trip", "e_bike_trip"], **terms)

    receipt = send_again({row: {} for row in open_rows()})

    assert (receipt.rows, receipt.accepted) == (2, 2)


def test_a_line_that_was_no_row_is_corrected_by_giving_its_columns(
    take_it: Take, write: Write, send_again: Again
) -> None:
    take_it("generic", write(GENERIC, "a;p;bike_trip"))
    (row,) = open_rows()
    started, ended = RIDE.split(",")
    columns = {"source_id": "a", "person": "p", "kind": "bike_trip", "started_at": started, "ended_at": ended}

    assert send_again({row: {**columns, "distance_m": "1"}}).accepted == 1


def test_a_meter_without_a_name_keeps_the_name_of_its_file(
    take_it: Take, write: Write, send_again: Again, stored: Stored
) -> None:
    path = write(",GC,GG", "2026-03-02 00:00:00,0.5,0", "2026-03-02 00:30:00,x,0", name="home-12.csv")
    take_it("meter_halfhourly", path)
    (row,) = open_rows()

    assert send_again({row: {"consumption_kwh": "0.4"}}).accepted == 1

    first, second = stored()
    assert first["subject_id"] == second["subject_id"]


def test_an_unknown_column_is_refused(take_it: Take, write: Write, send_again: Again) -> None:
    take_it("generic", write(GENERIC, f"a,p,bike_trip,{RIDE},far"))

    with pytest.raises(Refusal) as refused:
        send_again({open_rows()[0]: {"distance_km": "4"}})

    assert refused.value.code == "evidence.wrong_columns"


def test_no_rows_unknown_rows_and_rows_of_two_origins_are_refused(
    take_it: Take, write: Write, send_again: Again
) -> None:
    take_it("generic", write(GENERIC, f"a,p,bike_trip,{RIDE},far"))
    take_it("payments", write("{}", name="p.ndjson"))

    with pytest.raises(NoRows):
        send_again({})
    with pytest.raises(quarantine.RowUnknown):
        send_again({10**9: {}})
    with pytest.raises(RowsDiffer):
        send_again({row: {} for row in open_rows()})
