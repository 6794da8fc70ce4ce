"""Bad files: what is no file of the format is refused as a whole, by a stable code, and nothing is changed."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evidence.conftest import GENERIC, NOW, RIDE, Take, Write
from tanpuhui.evidence import contract
from tanpuhui.evidence.envelope import LONGEST_LINE_BYTES, examine
from tanpuhui.evidence.models import Batch
from tanpuhui.kit.refusal import Refusal

pytestmark = pytest.mark.django_db

ROW = f"b-1,p-1,bike_trip,{RIDE},4200"


def refuses(take_it: Take, provider: str, path: Path, code: str) -> Refusal:
    """Take a file, see it refused with a code, and see that nothing is there."""
    with pytest.raises(Refusal) as refused:
        take_it(provider, path)
    assert refused.value.code == code
    assert Batch.objects.count() == 0
    return refused.value


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xef\xbb\xbf", b"   \r\n"])
def test_an_empty_file_is_refused(take_it: Take, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)

    refuses(take_it, "generic", path, "evidence.empty_file")


def test_a_missing_file_and_a_folder_are_refused(take_it: Take, tmp_path: Path) -> None:
    refuses(take_it, "generic", tmp_path / "none.csv", "evidence.file_missing")
    refuses(take_it, "generic", tmp_path, "evidence.file_missing")


@pytest.mark.parametrize("encoding", ["gb18030", "utf-16"])
def test_another_encoding_is_refused(take_it: Take, write: Write, encoding: str) -> None:
    path = write(GENERIC, ROW.replace("b-1", "地铁"), encoding=encoding)

    refuses(take_it, "generic", path, "evidence.wrong_encoding")


def test_a_character_cut_off_at_the_end_is_refused(take_it: Take, tmp_path: Path) -> None:
    path = tmp_path / "cut.csv"
    path.write_bytes(f"{GENERIC}\n{ROW}\n地".encode()[:-1])

    refuses(take_it, "generic", path, "evidence.wrong_encoding")


def test_wrong_columns_are_refused_and_named(take_it: Take, write: Write) -> None:
    path = write("source_id,person,kind,started_at,distance_km", "1,2,3,4,5")

    refusal = refuses(take_it, "generic", path, "evidence.wrong_columns")

    assert refusal.facts["missing"] == "ended_at"
    assert refusal.facts["unexpected"] == "distance_km"


def test_a_column_named_twice_is_refused(take_it: Take, write: Write) -> None:
    refusal = refuses(take_it, "generic", write(f"{GENERIC},person", ROW), "evidence.duplicate_header")

    assert refusal.facts["columns"] == "person"


def test_a_line_longer_than_1_mib_is_refused_and_one_of_1_mib_is_not(take_it: Take, write: Write) -> None:
    line = "x" * LONGEST_LINE_BYTES

    assert take_it("generic", write(GENERIC, line)).reasons == {"evidence.row_unreadable": 1}
    with pytest.raises(Refusal) as refused:
        take_it("generic", write(GENERIC, line + "x", name="longer.csv"))
    assert refused.value.code == "evidence.line_too_long"


def test_a_huge_line_is_refused_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.csv"
    with path.open("wb") as stream:
        stream.write(b"x")
        stream.truncate(1)
        for _ in range(64):
            stream.write(b"y" * (1 << 20))

    import tracemalloc

    tracemalloc.start()
    with pytest.raises(Refusal, match="longer than"):
        examine(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 16 * (1 << 20)


def test_parquet_with_other_types_is_refused_and_named(take_it: Take, tmp_path: Path) -> None:
    path = tmp_path / "floats.parquet"
    table = {name: ["1"] for name in ("source_id", "person", "kind", "started_at", "ended_at")}
    pq.write_table(pa.table(table | {"distance_m": [4200.0]}), path)

    refusal = refuses(take_it, "generic", path, "evidence.wrong_schema")

    assert refusal.facts["columns"] == "distance_m is double"


def test_parquet_with_other_columns_is_refused(take_it: Take, tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"name": ["x"]}), path)

    refuses(take_it, "generic", path, "evidence.wrong_columns")


def test_broken_parquet_is_refused(take_it: Take, tmp_path: Path) -> None:
    path = tmp_path / "broken.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 100)

    refuses(take_it, "generic", path, "evidence.unreadable_file")


def test_another_medium_is_refused(take_it: Take, write: Write) -> None:
    refuses(take_it, "payments", write(GENERIC, ROW), "evidence.wrong_media")
    refuses(take_it, "szt", write("{}", name="taps.ndjson"), "evidence.wrong_media")


def test_an_unknown_provider_is_refused_with_the_known_ones(take_it: Take, write: Write) -> None:
    refusal = refuses(take_it, "nobody", write(GENERIC, ROW), "evidence.unknown_provider")

    assert "szt" in str(refusal)


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "code"),
    [
        (date(2026, 1, 1), date(2026, 3, 9), "evidence.contract_expired"),
        (date(2026, 3, 11), None, "evidence.contract_not_yet_valid"),
    ],
)
def test_a_contract_not_in_force_is_refused(
    take_it: Take, write: Write, valid_from: date, valid_to: date | None, code: str
) -> None:
    contract.add(
        "bikes",
        format="generic",
        kinds=["bike_trip"],
        pia_reference="PIA-1",
        valid_from=valid_from,
        valid_to=valid_to,
        made_at=NOW,
    )

    refuses(take_it, "bikes", write(GENERIC, ROW), code)


def test_a_contract_is_in_force_on_its_first_and_last_local_day(take_it: Take, write: Write) -> None:
    day = date(2026, 3, 10)
    contract.add(
        "bikes",
        format="generic",
        kinds=["bike_trip"],
        pia_reference="P",
        valid_from=day,
        valid_to=day,
        made_at=NOW,
    )
    last_moment = datetime(2026, 3, 10, 15, 59, 59, tzinfo=UTC)

    assert take_it("bikes", write(GENERIC, ROW), at=last_moment).accepted == 1


def test_a_disabled_contract_is_refused(take_it: Take, write: Write) -> None:
    contract.disable("generic", at=NOW)

    refuses(take_it, "generic", write(GENERIC, ROW), "evidence.contract_disabled")


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_refused_and_nothing_is_changed(take_it: Take, write: Write, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine may not mount a small disk")
    try:
        rows = [f"b-{n},p-{n * 7919},bike_trip,{RIDE},{1000 + n * 31 % 5000}" for n in range(20_000)]
        with pytest.raises(Refusal) as refused:
            take_it("generic", write(GENERIC, *rows), lake=small)

        assert refused.value.code == "kit.disk_full"
        assert Batch.objects.count() == 0
    finally:
        subprocess.run(["umount", "-l", small], check=False)
