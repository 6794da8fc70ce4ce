"""A close as a trace: the gate, each bucket, the posting; and nobody's name, number or act in any of it."""

from __future__ import annotations

import pytest

from close.town import Town, metro
from tracing import collected


def test_a_close_is_one_trace_of_its_parts_and_names_nobody(town: Town) -> None:
    town.settle("ab")

    with collected() as exporter:
        town.take(metro("act-1", "a", 10_000), metro("act-2", "b", 3_000))
        town.close()
        spans = exporter.get_finished_spans()

    by_name = {name: [one for one in spans if one.name == name] for name in {one.name for one in spans}}
    [close] = by_name["close"]
    parts = {one.name for one in spans if one.parent and one.parent.span_id == close.context.span_id}
    buckets = [one.attributes["tanpuhui.bucket"] for one in by_name["close.quantify"]]
    assert parts == {"close.gate", "close.quantify", "close.post"}
    assert sorted(buckets) == [-1, *range(len(buckets) - 1)]
    assert sum(one.attributes["tanpuhui.records"] for one in by_name["close.quantify"]) == 2
    assert close.attributes["tanpuhui.records"] == 2
    [post], [posting] = by_name["close.post"], by_name["ledger.post"]
    assert posting.parent.span_id == post.context.span_id
    [taken] = by_name["evidence.take"]
    assert dict(taken.attributes) == {"tanpuhui.batches": 1, "tanpuhui.rows": 2}
    # Names of what is said are few, and none of a person or an act is among them; words are of the platform's own.
    assert {name for one in spans for name in one.attributes} == {
        f"tanpuhui.{name}"
        for name in ("batches", "bucket", "day", "engine", "legs", "reason", "records", "rows")
    }
    words = {value for one in spans for value in one.attributes.values() if isinstance(value, str)}
    assert words == {"2026-03-02", "duckdb", "close"}


def test_a_close_that_fails_says_where(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    town.settle("a")
    town.take(metro("1", "a", 10_000))
    monkeypatch.setattr("tanpuhui.close.run.post", _broken)

    with collected() as exporter:
        with pytest.raises(ZeroDivisionError):
            town.close()
        failed = [one.name for one in exporter.get_finished_spans() if one.attributes.get("error.type")]

    assert failed == ["close.post", "close"]


def _broken(*_given: object, **_named: object) -> None:
    raise ZeroDivisionError
