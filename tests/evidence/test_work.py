"""Work: batches that are taken together end as they would one after the other; the inbox equals files."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.conftest import GENERIC, NOW, RIDE
from tanpuhui.client.key import generate_key
from tanpuhui.evidence import quarantine, work
from tanpuhui.evidence.contract import add
from tanpuhui.evidence.inbox import Arrival, admit, backlog, missing_or_changed_in, providers_waiting
from tanpuhui.evidence.models import Batch, InboxRefusal, InboxWaiting, LakeFile
from tanpuhui.evidence.provider_key import Key, add_key
from tanpuhui.evidence.receipt import stored as stored_receipt
from tanpuhui.evidence.take import take
from tanpuhui.evidence.upload import store_upload
from tanpuhui.evidence.work import Place, take_waiting
from tanpuhui.kit.home import inbox

pytestmark = pytest.mark.django_db


@pytest.fixture()
def key(defaults: None) -> Key:
    with transaction.atomic():
        return registered("generic")


def registered(provider: str) -> Key:
    return add_key(provider, generate_key(provider).public_bytes, valid_from=NOW, at=NOW)


def arrive(key: Key, content: bytes, name: str, *, at: datetime = NOW, media: Any = "csv") -> int:
    """A batch into the inbox, as the API puts it there."""
    upload = store_upload(
        [content], folder=inbox(), said=media, compressed=False, announced_bytes=len(content)
    )
    arrival = Arrival(key.provider, name, name, key, f"nonce-{name}", at)
    with transaction.atomic():
        return admit(upload, arrival).batch


def place(lake: Path) -> Place:
    return Place(inbox(), lake, 4, "Asia/Shanghai")


def work_off(lake: Path, provider: str = "generic", **options: Any) -> list[work.Taken]:
    """Take until nothing waits."""
    done = []
    while True:
        with transaction.atomic():
            taken = take_waiting(provider, place(lake), at=NOW + timedelta(days=1), **options)
        taken.remove_files(inbox())
        if not taken.done:
            return done
        done.append(taken)


def csv(*rows: str) -> bytes:
    return "".join(f"{line}\n" for line in (GENERIC, *rows)).encode()


#: Few ids and persons, so that batches repeat and contradict each other; some rows that are refused.
ROWS = st.builds(
    lambda source, person, distance: f"{source},{person},bike_trip,{RIDE},{distance}",
    st.sampled_from(["a", "b", "c", "d"]),
    st.sampled_from(["p", "q"]),
    st.sampled_from(["1", "2", "far", "-1"]),
)
FUTURE = "z,p,bike_trip,2026-03-10T20:20:00+08:00,2026-03-10T20:30:00+08:00,1"
BATCHES = st.lists(
    st.one_of(
        st.lists(st.one_of(ROWS, st.sampled_from([FUTURE, "", "nonsense", "x,y"])), max_size=6).map(
            lambda rows: csv(*rows)
        ),
        st.just(b"source_id,person\na,p\n"),
    ),
    min_size=1,
    max_size=6,
)


def ends(lake: Path, first: int) -> tuple[Any, ...]:
    """Everything that is known of the batches afterwards, numbered from the first."""
    batches = [
        (
            batch.pk - first,
            {
                name: value
                for name, value in stored_receipt(batch.pk).as_json().items()
                if name not in ("batch", "receipt")
            },
            batch.late_1_day,
            batch.late_7_days,
        )
        for batch in Batch.objects.order_by("pk")
    ]
    rows = [
        (row.batch_id - first, row.row_number, row.code, row.field, dict(quarantine.content(row)))
        for row in quarantine.quarantined()
    ]
    return batches, rows, records(lake, first, "records"), records(lake, first, "ids")


def records(lake: Path, first: int, part: str) -> list[tuple[Any, ...]]:
    tables = [pq.read_table(lake / file.path) for file in LakeFile.objects.filter(part=part)]
    if not tables:
        return []
    rows = pa.concat_tables(tables, promote_options="permissive").to_pylist()
    if part == "ids":
        return sorted((row["id"], row["revision"], row["content"]) for row in rows)
    return sorted(
        (
            row["record_id"] - first * 2**32,
            *(row[name] for name in ("source_id", "revision", "kind", "distance_m", "started_us")),
        )
        for row in rows
    )


@pytest.mark.slow
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(contents=BATCHES)
def test_batches_taken_together_end_as_one_after_the_other_and_as_files(
    key: Key, tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    found = []
    for way in ("together", "one by one", "files"):
        lake = tmp_path_factory.mktemp("lake")
        with transaction.atomic():
            mark = transaction.savepoint()
            first = next_number()
            if way == "files":
                refused = as_files(contents, lake)
            else:
                for number, content in enumerate(contents):
                    arrive(key, content, f"b-{number}", at=NOW - timedelta(minutes=number))
                work_off(lake, most=500 if way == "together" else 1)
                refused = list(InboxRefusal.objects.order_by("pk").values_list("batch__key", "code"))
                assert list(inbox().iterdir()) == []
            found.append((ends(lake, first), refused))
            transaction.savepoint_rollback(mark)

    assert found[0] == found[1]
    assert comparable(found[0]) == comparable(found[2])


def comparable(found: tuple[Any, Any]) -> Any:
    """Numbers differ where a file that is refused as a whole has none; all else is the same."""
    (batches, rows, records_, ids), refused = found
    order = {number: index for index, (number, *_) in enumerate(batches)}
    return (
        [each[1:] for each in batches],
        [(order[number], *rest) for number, *rest in rows],
        [(order[record >> 32], record % 2**32, *rest) for record, *rest in records_],
        ids,
        refused,
    )


def next_number() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('evidence_batch', 'id'))")
        return int(cursor.fetchone()[0])


def as_files(contents: list[bytes], lake: Path) -> list[tuple[str, str]]:
    refused = []
    for number, content in enumerate(contents):
        path = lake / f"b-{number}.csv"
        path.write_bytes(content)
        try:
            take("generic", path, key=f"b-{number}", at=NOW - timedelta(minutes=number), lake=lake, buckets=4)
        except work.Refusal as refusal:
            refused.append((f"b-{number}", refusal.code))
        path.unlink()
    return refused


def test_many_small_batches_share_the_files_of_the_lake(key: Key, lake: Path) -> None:
    batches = [arrive(key, csv(f"{number},p,bike_trip,{RIDE},1"), f"b-{number}") for number in range(20)]

    (taken,) = work_off(lake)

    assert [receipt.batch for receipt in taken.receipts] == batches
    assert LakeFile.objects.count() == 2
    assert set(Batch.objects.values_list("taken_with", flat=True)) == {batches[0]}


def test_how_many_are_taken_together_has_its_limits(key: Key, lake: Path) -> None:
    for number in range(5):
        arrive(key, csv(f"{number},p,bike_trip,{RIDE},1"), f"b-{number}")

    by_count = work_off(lake, most=2)
    for number in range(5, 8):
        arrive(key, csv(f"{number},p,bike_trip,{RIDE},1"), f"b-{number}")
    by_size = work_off(lake, most_bytes=1)

    assert [len(taken.done) for taken in by_count] == [2, 2, 1]
    assert [len(taken.done) for taken in by_size] == [1, 1, 1]


def test_other_columns_are_taken_in_their_turn(key: Key, lake: Path) -> None:
    header = "source_id,person,kind,started_at,ended_at,pieces"
    arrive(key, csv(f"a,p,bike_trip,{RIDE},1"), "b-1")
    arrive(key, f"{header}\nb,p,led_lamp,{RIDE},2\n".encode(), "b-2")
    arrive(key, csv(f"c,p,bike_trip,{RIDE},1"), "b-3")

    done = work_off(lake)

    assert [len(taken.receipts) for taken in done] == [1, 1, 1]
    assert [receipt.accepted for taken in done for receipt in taken.receipts] == [1, 1, 1]


def test_objects_and_tables_are_taken_together_with_their_like(key: Key, lake: Path, tmp_path: Path) -> None:
    moments = RIDE.split(",")
    for number in range(2):
        row = {
            "source_id": f"n{number}",
            "person": "p",
            "kind": "bike_trip",
            "started_at": moments[0],
            "ended_at": moments[1],
            "distance_m": 5,
        }
        arrive(key, json.dumps(row).encode() + b"\n", f"n-{number}", media="ndjson")
    for number in range(2):
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table({
            "source_id": [f"t{number}"], "person": ["p"], "kind": ["bike_trip"], "started_at": [moments[0]],
            "ended_at": [moments[1]], "distance_m": pa.array([5], pa.int64()),
        }), path)  # fmt: skip
        arrive(key, path.read_bytes(), f"t-{number}", media="parquet")

    receipts = [receipt for taken in work_off(lake) for receipt in taken.receipts]

    assert [receipt.accepted for receipt in receipts] == [1, 1, 1, 1]


def test_files_that_are_read_with_regard_to_themselves_are_taken_alone(defaults: None, lake: Path) -> None:
    with transaction.atomic():
        key = registered("ev_sessions")
    header = "sessionId,kwhTotal,created,ended,userId,stationId"
    for number, hour in enumerate((8, 9)):
        row = f"{number},5,2026-03-02 0{hour}:00:00,2026-03-02 {hour + 2:02d}:00:00,u,s"
        arrive(key, f"{header}\n{row}\n".encode(), f"b-{number}")

    done = work_off(lake, "ev_sessions")

    assert [[receipt.accepted for receipt in taken.receipts] for taken in done] == [[1], [1]]
    assert all("evidence.person_overlap" not in receipt.notes for taken in done for receipt in taken.receipts)


def test_an_act_is_in_the_future_of_the_moment_its_batch_arrived_not_of_its_taking(
    key: Key, lake: Path
) -> None:
    arrive(key, csv(FUTURE), "early", at=NOW)
    arrive(key, csv(FUTURE), "later", at=NOW + timedelta(minutes=30))

    (taken,) = work_off(lake)

    assert [receipt.reasons for receipt in taken.receipts] == [{"evidence.in_the_future": 1}, {}]


def test_a_batch_whose_file_is_damaged_is_refused_and_found(key: Key, lake: Path) -> None:
    arrive(key, csv(f"a,p,bike_trip,{RIDE},1"), "b-1")
    (file,) = inbox().iterdir()
    assert missing_or_changed_in(inbox()) == []
    file.write_bytes(file.read_bytes() + b"!")

    wrong = missing_or_changed_in(inbox())
    (taken,) = work_off(lake)

    assert wrong == [file.name]
    assert [refusal.code for _, refusal in taken.refused] == ["evidence.damaged"]


def test_a_batch_that_fails_through_our_fault_rests_and_those_behind_it_are_taken(
    key: Key, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = arrive(key, csv(f"a,p,bike_trip,{RIDE},1"), "b-1")
    second = arrive(key, csv(f"b,p,bike_trip,{RIDE},1"), "b-2")
    with transaction.atomic():
        work.rest("generic", at=NOW, only=first)
        work.rest("generic", at=NOW, only=first)

    waits = InboxWaiting.objects.get(pk=first)
    with transaction.atomic():
        taken = take_waiting("generic", place(lake), at=NOW + timedelta(seconds=1))

    assert (waits.attempts, waits.not_before) == (2, NOW + 2 * work.REST)
    assert [receipt.batch for receipt in taken.receipts] == [second]
    assert providers_waiting(at=NOW) == []
    assert providers_waiting(at=NOW + 2 * work.REST) == ["generic"]
    assert backlog("generic")[0] == backlog()[0] == 1


def test_a_contract_that_changed_meanwhile_is_the_one_that_counts(key: Key, lake: Path) -> None:
    arrive(key, csv(f"a,p,bike_trip,{RIDE},1", f"b,p,car_pool_trip,{RIDE},1"), "b-1")
    with transaction.atomic():
        add(
            "generic",
            format="generic",
            kinds=["bike_trip"],
            pia_reference="PIA",
            valid_from=datetime(2026, 1, 1, tzinfo=UTC).date(),
            made_at=NOW,
        )

    (taken,) = work_off(lake)

    assert taken.receipts[0].reasons == {"evidence.kind_not_in_contract": 1}
