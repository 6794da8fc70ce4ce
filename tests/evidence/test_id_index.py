"""Id index: by runs a batch finds what it would find in all id files, whatever happened to the runs."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence.conftest import RIDE, Take, Write
from tanpuhui.evidence import id_index, settle
from tanpuhui.evidence.models import IdRun, LakeFile, RevisionDay

pytestmark = pytest.mark.django_db
HEAD = "source_id,person,kind,started_at,ended_at,distance_m,revision,action"


def ride(source_id: str, person: str = "p", metres: int = 4200, revision: str = "", action: str = "") -> str:
    return f"{source_id},{person},bike_trip,{RIDE},{metres},{revision},{action}"


ROWS = st.builds(
    ride,
    st.sampled_from("abcdefgh"),
    person=st.sampled_from("pq"),
    metres=st.sampled_from((5, 6)),
    revision=st.sampled_from(("", "1", "2")),
)


@pytest.fixture()
def read(monkeypatch: pytest.MonkeyPatch) -> list[list[Path]]:
    """The id files that each taking has read, one list after the other."""
    seen: list[list[Path]] = []
    real = settle.duplicates.make_verdicts

    def watched(connection: duckdb.DuckDBPyConnection, earlier: Any) -> bool:
        seen.append(list(earlier))
        return real(connection, earlier)

    monkeypatch.setattr(settle.duplicates, "make_verdicts", watched)
    return seen


@pytest.fixture()
def batches(take_it: Take, write: Write) -> Callable[..., Any]:
    """Take a file of these rides."""

    def take_rides(*rides: str) -> Any:
        number = next(numbers)
        return take_it("generic", write(HEAD, *rides, name=f"{number}.csv"), key=f"file {number}")

    numbers = count()
    return take_rides


@settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(files=st.lists(st.lists(ROWS, min_size=1, max_size=4), min_size=3, max_size=7))
def test_what_becomes_of_rows_is_the_same_without_runs(
    batches: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, files: list[list[str]]
) -> None:
    def all_taken() -> tuple[list[Any], list[Any], int]:
        point = transaction.savepoint()
        answers = [batches(*rows) for rows in files]
        ends = [(each.accepted, each.duplicate, each.reasons) for each in answers]
        days = list(RevisionDay.objects.order_by("file", "day").values_list("day", flat=True))
        runs = IdRun.objects.count()
        transaction.savepoint_rollback(point)
        return ends, days, runs

    by_runs = all_taken()
    with monkeypatch.context() as patch:
        patch.setattr(id_index, "LOOSE_FILES", 1_000)
        by_files = all_taken()

    assert by_runs[:2] == by_files[:2]
    assert (by_files[2], by_runs[2] > 0) == (0, True)


def test_only_files_that_know_an_id_are_read(batches: Callable[..., Any], read: list[list[Path]]) -> None:
    for name in "abcde":
        batches(ride(name))
    paths = dict(zip("abcde", LakeFile.objects.filter(part=LakeFile.IDS).order_by("id"), strict=True))

    answers = batches(ride("new")), batches(ride("d"), ride("b"), ride("newer"))

    assert [answer.duplicate for answer in answers] == [0, 2]
    assert [[path.stem for path in paths_read] for paths_read in read[-2:]] == [
        [],
        [Path(paths[name].path).stem for name in "bd"],
    ]


def test_files_are_read_themselves_until_there_are_enough(
    batches: Callable[..., Any], read: list[list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_index, "LOOSE_FILES", 3)
    for name in "abc":
        batches(ride(name))
    assert [len(paths) for paths in read] == [0, 1, 2]
    assert not IdRun.objects.exists()

    batches(ride("d"))
    assert [len(paths) for paths in read[3:]] == [0]
    assert IdRun.objects.get().files == 3

    monkeypatch.setattr(id_index, "LOOSE_ROWS", 1)
    batches(ride("e"))
    assert [len(paths) for paths in read[4:]] == [0]


@pytest.mark.parametrize("harm", ["gone", "short"])
def test_a_run_whose_file_is_lost_is_written_anew(batches: Callable[..., Any], lake: Path, harm: str) -> None:
    for name in "abcdefg":
        batches(ride(name))
    runs = list(IdRun.objects.order_by("first"))
    assert len(runs) >= 2
    for run in (runs[0], runs[-1]):
        path = lake / run.path
        path.unlink() if harm == "gone" else path.write_bytes(path.read_bytes()[:-8])

    answer = batches(*(ride(name) for name in "abcdefg"), ride("new"))

    assert (answer.duplicate, answer.accepted) == (7, 1)
    assert all((lake / run.path).is_file() for run in IdRun.objects.all())
    ranges = list(IdRun.objects.order_by("first").values_list("first", "last"))
    assert all(before < first for (_, before), (first, _) in pairwise(ranges))


def test_what_is_undone_leaves_no_run_and_the_next_finds_all(batches: Callable[..., Any], lake: Path) -> None:
    batches(ride("a"))
    batches(ride("b"))
    before = list(IdRun.objects.values_list("path", flat=True))
    with pytest.raises(RuntimeError), transaction.atomic():
        batches(ride("c"))
        batches(ride("d"))
        raise RuntimeError

    assert list(IdRun.objects.values_list("path", flat=True)) == before
    assert all((lake / path).is_file() for path in before), (
        "a run that stands is not removed by what is undone"
    )
    answer = batches(*(ride(name) for name in "abcd"))
    assert (answer.duplicate, answer.accepted) == (2, 2)


def test_a_merged_run_goes_when_that_is_for_good_and_a_sweep_takes_what_a_crash_left(
    batches: Callable[..., Any], lake: Path, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        for name in "abcdef":
            batches(ride(name))
    stand = {lake / path for path in IdRun.objects.values_list("path", flat=True)}
    assert set((lake / id_index.FOLDER).iterdir()) == stand

    left = [lake / id_index.FOLDER / name for name in ("0123.run", ".0123.run.4567")]
    for path in left:
        path.write_bytes(b"of a crash")
    assert {*left} <= {*settle.lake.sweep(lake)}
    assert set((lake / id_index.FOLDER).iterdir()) == stand


def test_a_run_with_another_id_than_its_files_have_is_named(batches: Callable[..., Any], lake: Path) -> None:
    for name in "abcde":
        batches(ride(name))
    assert id_index.lacking(lake) == []

    run = IdRun.objects.order_by("first")[0]
    path = lake / run.path
    content = path.read_bytes()
    for place in (0, run.rows * 8):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert id_index.lacking(lake) == [run.path]
    path.unlink()

    assert id_index.lacking(lake) == []
    assert batches(*(ride(name) for name in "abcde")).duplicate == 5


def test_a_run_that_goes_while_it_is_compared_is_no_finding(
    batches: Callable[..., Any], lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcde":
        batches(ride(name))
    real = id_index.prefixes_in

    def merged_meanwhile(path: Path) -> Any:
        for run in IdRun.objects.all():
            (lake / run.path).unlink(missing_ok=True)
        return real(path)

    monkeypatch.setattr(id_index, "prefixes_in", merged_meanwhile)

    assert id_index.lacking(lake) == []


def test_a_sweep_beside_a_taking_that_removes_its_merged_runs_goes_on(
    defaults: None, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lake / id_index.FOLDER
    folder.mkdir(parents=True)
    merged, left = folder / "merged.run", folder / "left.run"
    for path in (merged, left):
        path.write_bytes(b"nobody refers to it")

    real = Path.rglob

    def found(self: Path, pattern: str) -> Any:
        paths = list(real(self, pattern))
        if merged in paths:
            merged.unlink()
        return iter(paths)

    monkeypatch.setattr(Path, "rglob", found)

    settle.lake.sweep(lake)

    assert not left.exists()
