"""Bad rows: each is refused by its own code and field, and the rows around it are taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence.conftest import GENERIC, RIDE, Take, Write
from tanpuhui.evidence import quarantine
from tanpuhui.evidence.reasons import REFUSALS

Stored = Callable[[], list[dict[str, Any]]]

pytestmark = pytest.mark.django_db

GOOD = f"good,p-0,bike_trip,{RIDE},4200"
SPAN = "2026-03-02T08:00:00+08:00,2026-03-02T09:00:00+08:00"


BAD_ROWS = [
    ("", "evidence.row_unreadable", ""),
    ("one,two", "evidence.row_unreadable", ""),
    (f"a,b,bike_trip,{RIDE},1,2", "evidence.row_unreadable", ""),
    (f'"a,b,bike_trip,{RIDE},1', "evidence.row_unreadable", ""),
    (f",p,bike_trip,{RIDE},1", "evidence.missing", "source_id"),
    (f"a,,bike_trip,{RIDE},1", "evidence.missing", "person"),
    (f"a,p,,{RIDE},1", "evidence.missing", "kind"),
    (f"a,p,bike_trip,{RIDE},", "evidence.missing", "distance_m"),
    (f"{'a' * 201},p,bike_trip,{RIDE},1", "evidence.too_long", "source_id"),
    (f"a\tb,p,bike_trip,{RIDE},1", "evidence.control_character", "source_id"),
    (f"a,p\x7f,bike_trip,{RIDE},1", "evidence.control_character", "person"),
    ("a,p,bike_trip,,2026-03-02T09:00:00+08:00,1", "evidence.missing", "started_at"),
    ("a,p,bike_trip,yesterday,2026-03-02T09:00:00+08:00,1", "evidence.not_a_moment", "started_at"),
    (
        "a,p,bike_trip,2026-02-30T08:00:00+08:00,2026-03-02T09:00:00+08:00,1",
        "evidence.not_a_moment",
        "started_at",
    ),
    ("a,p,bike_trip,2026-03-02,2026-03-02T09:00:00+08:00,1", "evidence.not_a_moment", "started_at"),
    ("a,p,bike_trip,0014-03-02T08:00:00,0014-03-02T09:00:00,1", "evidence.year_out_of_range", "started_at"),
    ("a,p,bike_trip,2026-03-02T08:00:00,9999-03-02T09:00:00,1", "evidence.year_out_of_range", "ended_at"),
    ("a,p,bike_trip,2026-03-02T09:00:00,2026-03-02T08:59:59,1", "evidence.ends_before_start", "ended_at"),
    ("a,p,bike_trip,2026-03-10T19:00:00,2026-03-10T20:15:01,1", "evidence.in_the_future", "ended_at"),
    (f"a,p,bike_trip,{RIDE},-1", "evidence.negative", "distance_m"),
    (f"a,p,bike_trip,{RIDE},4.2", "evidence.not_a_number", "distance_m"),
    (f"a,p,bike_trip,{RIDE},4e3", "evidence.not_a_number", "distance_m"),
    (f"a,p,bike_trip,{RIDE}, 42", "evidence.not_a_number", "distance_m"),
    (f"a,p,bike_trip,{RIDE},四", "evidence.not_a_number", "distance_m"),
    (f"a,p,bike_trip,{RIDE},٤٢", "evidence.not_a_number", "distance_m"),
    (f"a,p,bike_trip,{RIDE},99999999999999999999", "evidence.not_a_number", "distance_m"),
    (f"a,p,bike_trip,{RIDE},1000000000000001", "evidence.out_of_range", "distance_m"),
    (f"a,p,flight,{RIDE},1", "evidence.kind_not_in_contract", "kind"),
    (f"a,p,car_pool_trip,{SPAN},300000", "evidence.impossible_speed", "distance_m"),
    (f"a,p,bike_trip,{SPAN},45001", "evidence.impossible_speed", "distance_m"),
    ("a,p,bike_trip,2026-03-02T08:00:00,2026-03-02T08:00:00,1", "evidence.impossible_speed", "distance_m"),
    ("a,p,bike_trip,2026-03-02T08:00:00,2026-03-03T08:00:01,1", "evidence.session_too_long", "ended_at"),
]

ROWS_AT_THE_LIMIT = [
    f"a,p,bike_trip,{SPAN},45000",
    f"a,p,bike_trip,{SPAN},0",
    "a,p,bike_trip,2026-03-10T19:00:00,2026-03-10T20:15:00,1",
    "a,p,bike_trip,2026-03-02T00:00:00Z,2026-03-02T08:30:00.5,1",
    "a,p,bike_trip,2026-03-02T08:00+0800,2026-03-02 09:00:00+08,1",
    '"a ""quoted"", id","p, q",bike_trip,2026-03-02T08:00:00,2026-03-02T09:00:00,1',
    "a,p,bike_trip,2026-03-02T08:00:00,2026-03-03T08:00:00,1",
]


def test_each_bad_row_is_refused_by_its_code_and_field_and_the_good_one_is_taken(
    take_it: Take, write: Write
) -> None:
    receipt = take_it("generic", write(GENERIC, *(row for row, _, _ in BAD_ROWS), GOOD))

    refused = {row.row_number: (row.code, row.field) for row in quarantine.quarantined(batch=receipt.batch)}
    expected = {number: (code, field) for number, (_, code, field) in enumerate(BAD_ROWS, start=1)}
    assert refused == expected
    assert receipt.accepted == 1
    assert {code for _, code, _ in BAD_ROWS} <= set(REFUSALS)


def test_rows_at_the_limit_are_accepted(take_it: Take, write: Write) -> None:
    rows = [f"{number}{row}" if row[0] != '"' else row for number, row in enumerate(ROWS_AT_THE_LIMIT)]

    receipt = take_it("generic", write(GENERIC, *rows))

    assert (receipt.accepted, receipt.reasons) == (len(rows), {})


def test_values_with_quotes_and_commas_are_read_whole(take_it: Take, write: Write, stored: Stored) -> None:
    take_it("generic", write(GENERIC, f'"a ""quoted"", id",p,bike_trip,{RIDE},1'))

    assert stored()[0]["source_id"] == 'a "quoted", id'


def test_crlf_and_a_byte_order_mark_change_nothing(take_it: Take, tmp_path: Path) -> None:
    path = tmp_path / "windows.csv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{GENERIC}\r\n{GOOD}\r\n".encode())

    assert take_it("generic", path).accepted == 1


BAD_OBJECTS = [
    ("not json", "evidence.row_unreadable"),
    ("[1, 2]", "evidence.row_unreadable"),
    ('{"source_id": "a"', "evidence.row_unreadable"),
    ("", "evidence.row_unreadable"),
    ('{"source_id": "a", "distance_km": 4}', "evidence.unknown_field"),
]


def test_each_bad_object_is_refused_and_keeps_its_line(take_it: Take, write: Write) -> None:
    moment = "2026-03-02T08:00:00Z"
    good = {"source_id": "g", "person": "p", "kind": "led_lamp", "started_at": moment, "ended_at": moment}

    receipt = take_it(
        "generic", write(json.dumps(good), *(line for line, _ in BAD_OBJECTS), name="acts.ndjson")
    )

    rows = list(quarantine.quarantined(batch=receipt.batch))
    assert [(quarantine.content(row)["(line)"], row.code) for row in rows] == BAD_OBJECTS
    assert receipt.accepted == 1


BAD_IDENTIFIERS = [
    ("person", True, "evidence.identifier_not_text"),
    ("person", ["p"], "evidence.identifier_not_text"),
    ("person", {"id": "p"}, "evidence.identifier_not_text"),
    ("person", 1.5, "evidence.identifier_not_text"),
    ("source_id", False, "evidence.identifier_not_text"),
    ("source_id", [], "evidence.identifier_not_text"),
    ("source_id", {}, "evidence.identifier_not_text"),
    ("person", "p\x00q", "evidence.control_character"),
    ("person", "p\nq", "evidence.control_character"),
    ("source_id", "\x00", "evidence.control_character"),
    ("source_id", "a\x1fb", "evidence.control_character"),
    ("person", None, "evidence.missing"),
]


def test_an_identifier_in_an_object_is_text_or_a_whole_number(
    take_it: Take, write: Write, stored: Stored
) -> None:
    moment = "2026-03-02T08:00:00Z"
    good = {"source_id": "g", "person": "p", "kind": "led_lamp", "started_at": moment, "ended_at": moment}
    rows = [good, good | {"source_id": 7, "person": 8}]
    rows += [
        good | {"source_id": f"b{n}"} | {key: value} for n, (key, value, _) in enumerate(BAD_IDENTIFIERS)
    ]

    receipt = take_it("generic", write(*map(json.dumps, rows), name="acts.ndjson"))

    refused = list(quarantine.quarantined(batch=receipt.batch))
    assert [(row.field, row.code) for row in refused] == [(key, code) for key, _, code in BAD_IDENTIFIERS]
    assert (receipt.rows, receipt.accepted, receipt.duplicate, receipt.refused) == (14, 2, 0, 12)
    assert sorted(row["source_id"] for row in stored()) == ["7", "g"]
    assert quarantine.content(refused[0])["(line)"] == json.dumps(rows[2])


def test_an_object_without_a_needed_key_is_refused(take_it: Take, write: Write) -> None:
    assert take_it("generic", write('{"source_id": "a"}', name="a.ndjson")).reasons == {"evidence.missing": 1}


def test_what_was_refused_does_not_spend_its_id(take_it: Take, write: Write) -> None:
    take_it("generic", write(GENERIC, f"b-1,p,bike_trip,{RIDE},far"))

    assert take_it("generic", write(GENERIC, f"b-1,p,bike_trip,{RIDE},4200", name="again.csv")).accepted == 1


def test_every_code_ends_with_a_next_step() -> None:
    assert all(text.endswith(".") and text.count(".") >= 1 for text in REFUSALS.values())
